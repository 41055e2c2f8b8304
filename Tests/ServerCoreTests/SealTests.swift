import ExamModel
import ServerStoreSQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// Seals, receipts, reopens (I12, I13).
@Suite struct SealTests {
  let server: TestServer
  let phone: TestPhone

  init() throws {
    server = try TestServer()
    phone = try server.makePhone()
    phone.begin()
    phone.answer("q1", "a")
    phone.append(.answer(item: "q3", value: .number("12")))
  }

  @Test func aSealGivesAReceiptThatVerifiesWithoutANetwork() throws {
    let seal = phone.seal()
    #expect(try phone.send().kept.isEmpty)
    let receipt = try #require(try phone.receipts().first)
    let (statement, root) = try receipt.verified(publicKey: TestServer.identity.publicKey)
    #expect(statement.attempt == phone.attempt)
    #expect(statement.ordinal == 1)
    #expect(statement.head == phone.journal.head)
    #expect(statement.sequence == phone.journal.sequence)
    #expect(statement.answers == seal.answers)
    #expect(statement.applied == seal.answers)
    #expect(statement.appliedCount == 2)
    #expect(statement.number.count == 9)
    #expect(root.node == TestServer.node)
    #expect(root.epoch == server.core.epoch)
    #expect(try phone.board().hasReceipt)
  }

  @Test func theAnswerToTheSealCanHoldItsReceipt() throws {
    phone.seal()
    let request = SyncRequest(
      pushes: [phone.push()], scopes: [ScopeCursor(scope: phone.candidate, cursor: .start)])
    let delta = try #require(try phone.sync(request).deltas.first)
    #expect(delta.records.contains { $0.collection == ScopeCollection.receipt })
  }

  @Test func aSecondRequestReadsTheReceiptBackByteForByte() throws {
    phone.seal()
    try phone.send()
    let first = try phone.receipts()
    #expect(try phone.send().verdict == .duplicate)
    #expect(try phone.receipts() == first)
    try server.restart()
    #expect(try phone.send().verdict == .duplicate)
    #expect(try phone.receipts() == first)
  }

  @Test func sealsOfOneBatchShareATreeAndASignature() throws {
    let rows = try server.addCandidates(6, to: phone.exam, from: 2)
    var phones = [phone]
    for (index, row) in rows.enumerated() {
      let other = try TestPhone(
        server: server, candidate: row.candidate, attempt: row.attempt, exam: phone.exam, seed: UInt64(index) + 10)
      other.begin()
      other.answer("q1", "b")
      phones.append(other)
    }
    for other in phones { other.seal() }
    _ = server.perform(phones.map { $0.call(SyncRequest(pushes: [$0.push()])) })
    var roots: Set<[UInt8]> = []
    var numbers: Set<String> = []
    for other in phones {
      let receipt = try #require(try other.receipts().first)
      let (statement, _) = try receipt.verified(publicKey: TestServer.identity.publicKey)
      #expect(receipt.leafCount == 7)
      roots.insert(receipt.root)
      numbers.insert(statement.number)
    }
    #expect(roots.count == 1)
    #expect(numbers.count == 7)
  }

  @Test func rootsAreALogThatNamesTheOneBefore() throws {
    phone.seal()
    try phone.send()
    try server.restart()
    let row = try server.addCandidates(1, to: phone.exam, from: 2)[0]
    let other = try TestPhone(
      server: server, candidate: row.candidate, attempt: row.attempt, exam: phone.exam, seed: 4)
    other.begin()
    other.seal()
    try other.send()
    guard case .roots(let page) = try server.command(.exportRoots(PageRequest())) else {
      throw Problem(.internal, "no roots")
    }
    #expect(page.rows.count == 2)
    let statements = try page.rows.map { try RootStatement(wire: try #require(Hex.decode($0.statement))) }
    #expect(statements[0].previous == .zero)
    #expect(statements[1].previous == Hash.sha256(try #require(Hex.decode(page.rows[0].statement))))
    #expect(statements[1].epoch != statements[0].epoch)
    #expect(statements.map(\.index) == [0, 0])
  }

  @Test func nothingIsAppliedAfterTheSeal() throws {
    phone.seal()
    phone.answer("q1", "c")
    let answer = try phone.send()
    #expect(answer.kept == [KeptRange(from: 7, to: 7, reason: .afterSeal)])
    #expect(try phone.exported().answers.first?.values == ["a"])
    phone.seal()
    #expect(try phone.send(from: 8).kept.map(\.reason) == [.afterSeal])
    #expect(try phone.receipts().count == 1)
  }

  @Test func aSealWaitsForTheJournalsThatItLists() throws {
    let first = phone.journal
    try phone.send(phone.push(from: 1, to: 4))
    phone.others.append(first)
    phone.journal = TestJournal(
      id: ID128.random(using: &phone.generator), subject: phone.attempt, device: phone.key.id)
    phone.open()
    phone.context()
    phone.answer("q2", "b")
    phone.seal()
    try phone.send()
    #expect(try phone.receipts().isEmpty)
    #expect(try phone.board().isSealWaiting)
    try server.restart()
    #expect(try phone.board().isSealWaiting)
    let answer = try phone.send(phone.push(from: 5, of: first))
    #expect(answer.kept.isEmpty)
    let receipt = try #require(try phone.receipts().first)
    let (statement, _) = try receipt.verified(publicKey: TestServer.identity.publicKey)
    #expect(statement.applied == statement.answers)
    #expect(statement.appliedCount == 3)
    #expect(!(try phone.board().isSealWaiting))
    try server.restart()
    #expect(try phone.exported().answers.count == 3)
  }

  @Test func entriesThatTheSealDoesNotCoverAreNotApplied() throws {
    var first = phone.journal
    try phone.send(phone.push(from: 1, to: 4))
    phone.others.append(first)
    phone.journal = TestJournal(
      id: ID128.random(using: &phone.generator), subject: phone.attempt, device: phone.key.id)
    phone.open()
    phone.seal()
    try phone.send()
    first.append(Entry(kind: .answer(item: "q2", value: .options(["a"]))).wire)
    let answer = try phone.send(phone.push(from: 5, of: first))
    #expect(answer.kept == [KeptRange(from: 6, to: 6, reason: .afterSeal)])
  }

  @Test func aSealWithAWrongHeadOfAnotherJournalGetsNoReceipt() throws {
    try phone.send()
    let position = JournalPosition(journal: phone.journal.id, sequence: 5, head: Hash.sha256([9]))
    phone.seal(journals: [position])
    try phone.send(from: 6)
    #expect(try phone.receipts().isEmpty)
    #expect(try phone.board().isSealWaiting)
  }

  @Test func aSealOfACauseThatIsNotKnownCounts() throws {
    let own = JournalPosition(journal: phone.journal.id, sequence: phone.journal.sequence, head: phone.journal.head)
    let statement = SealStatement(
      attempt: phone.attempt, ordinal: 1, journals: [own], answers: Hash.sha256(phone.sheet.canonicalBytes),
      answerCount: UInt32(phone.sheet.count), cause: .bell)
    var bytes = statement.wire
    bytes.replaceSubrange(try #require(bytes.firstRange(of: Array("bell".utf8))), with: Array("moon".utf8))
    let signature = phone.key.sign(bytes + phone.journal.head.bytes, context: .seal)
    phone.append(.seal(SignedStatement(statement: bytes, signature: signature)))
    #expect(try phone.send().kept.isEmpty)
    #expect(try phone.receipts().count == 1)
    #expect(try server.store.seal(attempt: phone.attempt, ordinal: 1)?.statement == bytes)
  }

  /// The seal before it was another device's, which is gone, and a restore took it: found by the simulator.
  @Test func aSealAfterOneThatIsLostCounts() throws {
    phone.seal(ordinal: 2)
    #expect(try phone.send().kept.isEmpty)
    #expect(try phone.board().trouble == ServerCore.sealAhead)
    let receipt = try #require(try phone.receipts().first).verified(publicKey: TestServer.identity.publicKey).receipt
    #expect(receipt.ordinal == 2)
    try server.restart()
    #expect(try phone.board().phase == "sealed")
    try server.command(.reopen(attempt: phone.attempt, reason: "by mistake"))
    phone.append(.reopened(sealOrdinal: 2))
    phone.seal(ordinal: 3)
    #expect(try phone.send(from: 7).kept.isEmpty)
    #expect(try phone.receipts().count == 2)
  }

  @Test func sealsOfAnotherAttemptOrOrdinalAreInvalid() throws {
    phone.seal(ordinal: 1 + Limits.sealsAhead)
    #expect(try phone.send().kept.map(\.reason) == [.sealInvalid])
    phone.append(.seal(SignedStatement(statement: [1, 2, 3], signature: [UInt8](repeating: 0, count: 64))))
    #expect(try phone.send(from: 7).kept.map(\.reason) == [.sealInvalid])
    phone.seal()
    #expect(try phone.send(from: 8).kept.isEmpty)
    #expect(try phone.receipts().count == 1)
  }

  @Test func theReceiptTellsWhenTheServerAppliedOtherAnswers() throws {
    phone.append(.answer(item: "q1", value: .options(["zzz"])))
    let seal = phone.seal()
    try phone.send()
    let (statement, _) = try #require(try phone.receipts().first).verified(publicKey: TestServer.identity.publicKey)
    #expect(statement.answers == seal.answers)
    #expect(statement.applied != statement.answers)
  }

  @Test func aReopenLetsTheJournalGoOnToOrdinalTwo() throws {
    phone.append(.reopened(sealOrdinal: 1))
    #expect(try phone.send().kept.map(\.reason) == [.reopenInvalid])
    phone.seal()
    try phone.send(from: 7)
    try server.command(.reopen(attempt: phone.attempt, reason: "handed in by mistake"))
    #expect(try phone.read().contains { $0.collection == ScopeCollection.reopen })
    phone.append(.reopened(sealOrdinal: 1))
    phone.answer("q1", "c")
    phone.seal(ordinal: 2)
    #expect(try phone.send(from: 8).kept.isEmpty)
    let receipts = try phone.receipts()
    #expect(receipts.count == 2)
    let statements = try receipts.map { try $0.verified(publicKey: TestServer.identity.publicKey).receipt }
    #expect(Set(statements.map(\.ordinal)) == [1, 2])
    #expect(try phone.exported().sealOrdinal == 2)
    #expect(try phone.exported().answers.first?.values == ["c"])
    try server.restart()
    #expect(try phone.exported().answers.first?.values == ["c"])
  }

  @Test func aReopenEndsTheWaitForAReceiptThatNeverCame() throws {
    let first = phone.journal
    try phone.send(phone.push(from: 1, to: 4))
    phone.others.append(first)
    phone.journal = TestJournal(
      id: ID128.random(using: &phone.generator), subject: phone.attempt, device: phone.key.id)
    phone.open()
    phone.seal()
    try phone.send()
    #expect(try phone.board().isSealWaiting)
    try server.command(.reopen(attempt: phone.attempt, reason: "the first phone is lost"))
    phone.append(.reopened(sealOrdinal: 1))
    try phone.send(from: 3)
    #expect(!(try phone.board().isSealWaiting))
    try phone.send(phone.push(from: 5, of: first))
    #expect(try phone.receipts().isEmpty)
    phone.seal(ordinal: 2)
    try phone.send(from: 4)
    let (statement, _) = try #require(try phone.receipts().first).verified(publicKey: TestServer.identity.publicKey)
    #expect(statement.ordinal == 2)
    #expect(statement.applied == statement.answers)
  }

  @Test func aReopenWithoutASealIsRefused() throws {
    #expect(throws: Problem.self) { try server.command(.reopen(attempt: phone.attempt, reason: "none")) }
  }

  @Test func exportsShowWhetherTheSealsSignatureHolds() throws {
    phone.seal()
    try phone.send()
    guard case .receipts(let page) = try server.command(.exportReceipts(exam: phone.exam, page: PageRequest())) else {
      throw Problem(.internal, "no receipts")
    }
    #expect(page.rows.map(\.isSealSignatureValid) == [true])
  }

  @Test func aPresentedReceiptIsHonouredAfterARestore() throws {
    try phone.send()
    try server.backUp(to: "old.sqlite")
    phone.seal()
    try phone.send(from: 6)
    let receipt = try #require(try phone.receipts().first)
    try server.restore(from: "old.sqlite")
    server.now += 60_000
    #expect(try phone.receipts().isEmpty)
    #expect(try phone.send(from: 6).verdict == .stored)
    #expect(try phone.receipts() != [receipt])
    _ = try phone.sync(SyncRequest(presentedReceipts: [receipt.wire]))
    #expect(try phone.receipts() == [receipt])
    _ = try phone.sync(SyncRequest(presentedReceipts: [receipt.wire]))
    #expect(try phone.receipts() == [receipt])
  }

  /// What it was over is lost with the backup: a person has to see that.
  @Test func theBoardShowsAReceiptThatSaysOtherAnswers() throws {
    let old = try TestServer()
    let phone = try old.makePhone()
    phone.begin()
    try phone.send()
    try old.backUp(to: "old.sqlite")
    phone.answer("q1", "a")
    phone.seal()
    try phone.send(from: 4)
    #expect(try !phone.board().differsFromReceipt)
    let receipt = try #require(try phone.receipts().first)
    try old.restore(from: "old.sqlite")
    _ = try phone.sync(SyncRequest(presentedReceipts: [receipt.wire]))
    #expect(try !phone.board().differsFromReceipt)
    try old.command(.releaseLease(attempt: phone.attempt, reason: "a new phone"))
    #expect(try phone.send(from: 4).kept.map(\.reason) == [.staleLease])
    let other = try TestPhone(
      server: old, candidate: phone.candidate, attempt: phone.attempt, exam: phone.exam, seed: 8)
    other.lease = 2
    other.open()
    other.seal()
    try other.send()
    #expect(try phone.board().hasReceipt)
    #expect(try phone.board().differsFromReceipt)
  }

  @Test func aReceiptPresentedBeforeTheSealComesAgainIsKept() throws {
    try phone.send()
    try server.backUp(to: "old.sqlite")
    phone.seal()
    try phone.send(from: 6)
    let receipt = try #require(try phone.receipts().first)
    try server.restore(from: "old.sqlite")
    _ = try phone.sync(SyncRequest(presentedReceipts: [receipt.wire, [1, 2, 3]]))
    try phone.send(from: 6)
    #expect(try phone.receipts() == [receipt])
  }

  @Test func nobodyPresentsAReceiptForAnother() throws {
    phone.seal()
    try phone.send()
    let receipt = try #require(try phone.receipts().first)
    let row = try server.addCandidates(1, to: phone.exam, from: 2)[0]
    let other = try TestPhone(
      server: server, candidate: row.candidate, attempt: row.attempt, exam: phone.exam, seed: 4)
    var forged = receipt
    forged.signature[0] ^= 1
    _ = try other.sync(SyncRequest(presentedReceipts: [receipt.wire, forged.wire]))
    #expect(try other.receipts().isEmpty)
  }

  @Test func aForcedHandInRecordsTheStateWithoutASeal() throws {
    try phone.send()
    try server.command(.forceHandIn(attempt: phone.attempt, reason: "phone is lost"))
    #expect(!(try phone.exported().isSealed))
    #expect(try phone.exported().answers.count == 2)
    phone.seal()
    try phone.send(from: 6)
    #expect(try phone.receipts().count == 1)
    #expect(throws: Problem.self) {
      try server.command(.forceHandIn(attempt: phone.attempt, reason: "again"))
    }
  }
}

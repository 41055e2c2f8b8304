import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

@Suite struct SealTests {
  @Test func sealSaysWhatIsThereAndIsSigned() throws {
    let phone = try Phone.answering()
    try phone.answer("q2", "C")
    try phone.answer("q1", "B")
    let before = try phone.journal
    let digest = try phone.store.answerDigest(of: phone.attempt)
    let outcome = try phone.store.seal(phone.attempt, cause: .candidate, expecting: digest, at: phone.moment())
    let sheet = AnswerSheet(["q1": .options(["B"]), "q2": .options(["C"])])
    #expect(outcome.statement.answers == Hash.sha256(sheet.canonicalBytes))
    #expect(outcome.statement.answerCount == 2 && outcome.statement.ordinal == 1)
    #expect(
      outcome.statement.journals
        == [JournalPosition(journal: before.id, sequence: before.last, head: before.head)])
    guard case .seal(let signed) = try #require(try phone.entries().last).kind else {
      Issue.record("the last entry is no seal")
      return
    }
    #expect(try SealStatement(wire: signed.statement) == outcome.statement)
    let key = try #require(phone.store.identity).signingKey.publicKey
    #expect(
      Signatures.verify(
        signed.signature, of: signed.statement + before.head.bytes, context: .seal, publicKey: key))
  }

  @Test func nothingChangesAfterTheSeal() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    _ = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    try phone.restart()
    try refused(.sealed) { try phone.answer("q1", "B") }
    try refused(.sealed) { _ = try phone.store.clear("q1", in: phone.attempt, at: phone.moment()) }
    try refused(.sealed) { _ = try phone.store.flag("q1", isSet: true, in: phone.attempt, at: phone.moment()) }
    try refused(.sealed) { _ = try phone.store.visit("q1", in: phone.attempt, at: phone.moment()) }
    try refused(.sealed) { _ = try phone.store.leave(section: "s", in: phone.attempt, at: phone.moment()) }
    try refused(.sealed) { _ = try phone.store.seal(phone.attempt, cause: .bell, at: phone.moment()) }
    try refused(.sealed) { _ = try phone.store.storeInformation([], in: phone.attempt, at: phone.moment()) }
    #expect(try phone.answers == ["q1": "A"])
  }

  @Test func confirmationIsBoundToTheAnswers() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    let asked = try phone.store.answerDigest(of: phone.attempt)
    try phone.answer("q1", "B")
    try refused(.sheetChanged) {
      _ = try phone.store.seal(phone.attempt, cause: .candidate, expecting: asked, at: phone.moment())
    }
    #expect(try phone.status.phase == .answering)
    try phone.answer("q1", "A")
    _ = try phone.store.seal(phone.attempt, cause: .candidate, expecting: asked, at: phone.moment())
  }

  @Test func bellSealsALockedAttemptAndALateOne() throws {
    let phone = try Phone.answering()
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    let outcome = try phone.store.seal(phone.attempt, cause: .bell, at: phone.moment(.late))
    #expect(outcome.statement.cause == .bell)
  }

  @Test func sealAfterARebootSignsTheHeadAfterTheNewContext() throws {
    let phone = try Phone.answering()
    phone.reboot()
    let outcome = try phone.store.seal(phone.attempt, cause: .bell, at: phone.moment())
    let position = try #require(outcome.statement.journals.first)
    #expect(position.sequence == outcome.saved.sequence - 1)
    #expect(try phone.store.heads(of: position.journal, at: [position.sequence])[position.sequence] == position.head)
  }

  @Test func reopenedAttemptGoesOnAndIsSealedAgain() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    _ = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    try refused(.reopenInvalid) { _ = try phone.store.reopen(sealOrdinal: 2, of: phone.attempt, at: phone.moment()) }
    _ = try phone.store.reopen(sealOrdinal: 1, of: phone.attempt, at: phone.moment())
    try refused(.reopenInvalid) { _ = try phone.store.reopen(sealOrdinal: 1, of: phone.attempt, at: phone.moment()) }
    try phone.answer("q1", "B")
    try phone.restart()
    let second = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    #expect(second.statement.ordinal == 2)
    #expect(try phone.answers == ["q1": "B"])
  }

  @Test func receiptIsVerifiedAndKeptByteForByte() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    _ = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    let wire = try phone.receipt()
    try phone.store.storeReceipt(wire)
    try phone.restart()
    let kept = try phone.store.receipts(of: phone.attempt)
    #expect(kept.map(\.wire) == [wire])
    #expect(phone.store.allReceipts == [wire])
    #expect(try phone.status.receipt?.number == "R-1")
  }

  @Test func falseReceiptsAreRefused() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    _ = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    let stranger = try #require(SigningKey(seed: [UInt8](repeating: 8, count: 32)))
    let forged = try phone.receipt(key: stranger)
    var broken = try phone.receipt()
    broken[broken.count / 2] ^= 1
    let otherHead = try phone.receipt { $0.head = .zero }
    let otherAnswers = try phone.receipt { $0.answers = .zero }
    for wire in [forged, broken, otherHead, otherAnswers, []] {
      try refused(.receiptInvalid) { try phone.store.storeReceipt(wire) }
    }
    #expect(try phone.status.receipt == nil)
  }

  /// Found by the simulator: a phone that went back to a copy from before it handed the same paper in again showed no
  /// receipt any more.
  @Test func receiptOfTheSamePaperHandedInByAnotherCopyIsKept() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    _ = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    func receipt(answers: Digest256? = nil) throws -> [UInt8] {
      try phone.receipt {
        $0.sequence += 2
        $0.head = .zero
        if let answers { $0.answers = answers }
      }
    }
    try refused(.receiptInvalid) { try phone.store.storeReceipt(try receipt(answers: .zero)) }
    try phone.store.storeReceipt(try receipt())
    try phone.restart()
    #expect(try phone.status.receipt != nil)
  }

  @Test func earlierOfTwoReceiptsCounts() throws {
    let phone = try Phone.answering()
    _ = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    try phone.store.storeReceipt(try phone.receipt(number: "late", time: 2_000))
    try phone.store.storeReceipt(try phone.receipt(number: "early", time: 1_000))
    try phone.store.storeReceipt(try phone.receipt(number: "latest", time: 3_000))
    #expect(try phone.status.receipt?.number == "early")
  }

  @Test func entriesAreDiscardedOnlyWhenEverythingIsProved() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    let day: Int64 = 86_400_000
    func discard(at time: Int64) throws {
      try phone.store.discardEntries(of: phone.attempt, serverTime: time, retentionMilliseconds: day)
    }
    try refused(.notDiscardable) { try discard(at: .max) }
    let sealed = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    try phone.store.storeReceipt(try phone.receipt(time: 1_000))
    try refused(.notDiscardable) { try discard(at: .max) }
    try phone.acknowledge(sealed.saved.sequence - 1)
    try refused(.notDiscardable) { try discard(at: .max) }
    try phone.acknowledge(sealed.saved.sequence, head: .zero)
    try refused(.notDiscardable) { try discard(at: .max) }
    try phone.acknowledge(sealed.saved.sequence)
    try refused(.notDiscardable) { try discard(at: 1_000 + day - 1) }
    #expect(try phone.answers == ["q1": "A"])
    try discard(at: 1_000 + day)
    try phone.restart()
    #expect(phone.store.journalStatuses.isEmpty)
    #expect(try phone.store.receipts(of: phone.attempt).count == 1)
    // It does not become a new attempt that could be sat again.
    try refused(.alreadySubmitted) { _ = try phone.store.join(phone.attempt, at: phone.moment()) }
  }

  @Test func paperHandedInOnAnotherDeviceIsNotBegunAnew() throws {
    let other = try Phone.answering(seed: 3)
    _ = try other.store.seal(other.attempt, cause: .candidate, at: other.moment())
    let phone = try Phone()
    try phone.logIn()
    try phone.assign()
    let key = NumberedRecord.key(attempt: phone.attempt, number: 1)
    phone.set(ScopeCollection.receipt, key, try other.receipt(), in: Phone.candidate)
    try phone.deliver(Phone.candidate)
    try refused(.alreadySubmitted) { _ = try phone.store.join(phone.attempt, at: phone.moment()) }
    phone.set(
      ScopeCollection.reopen, key, NumberedRecord(attempt: phone.attempt, number: 1).wire, in: Phone.candidate)
    try phone.deliver(Phone.candidate)
    _ = try phone.store.join(phone.attempt, at: phone.moment())
  }

  @Test func noOpeningIsAppendedAfterTheReceipt() throws {
    let phone = try Phone.answering()
    _ = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    let last = try phone.journal.last
    try phone.restart()
    #expect(try phone.journal.last == last + 1)
    try phone.store.storeReceipt(try phone.receipt())
    try phone.restart()
    #expect(try phone.journal.last == last + 1)
  }
}

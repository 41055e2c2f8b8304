import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// A device went on from another one's answers, that other one is gone, and the server is restored from a backup from
/// before them: found by the simulator. Only this device can say them again.
@Suite struct LostWithARestoreTests: TwoDevices {
  /// The second device went on from q1 and q2, of which the restored server has q1.
  private func wentBack() throws -> (first: TestPhone, second: StorePhone) {
    let (first, second) = try begun()
    try first.server.backUp(to: "old.sqlite")
    first.answer("q2", "b")
    try first.send(from: 5)
    try second.push()
    try release(first)
    _ = try takeOver(second)
    try second.push()
    #expect(try second.store.answerSheet(of: second.attempt).count == 2)
    try first.server.restore(from: "old.sqlite")
    return (first, second)
  }

  private func receipt(_ first: TestPhone) throws -> ReceiptStatement {
    try #require(try first.receipts().last).verified(publicKey: TestServer.identity.publicKey).receipt
  }

  @Test func answersAreSaidAgainAndTheSealGetsItsReceipt() throws {
    let (first, second) = try wentBack()
    try release(first)
    #expect(try takeOver(second)?.answers.map(\.item) == ["q2"])
    #expect(try takeOver(second) == nil)
    try second.pushAfterARestore()
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
    let seal = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    #expect(try second.push().isEmpty)
    let receipt = try receipt(first)
    #expect(receipt.answers == seal.statement.answers)
    #expect(receipt.applied == receipt.answers)
    #expect(try takeOver(second) == nil)
  }

  @Test func answerThatWasTakenBackStaysSo() throws {
    let (first, second) = try begun()
    try first.server.backUp(to: "old.sqlite")
    first.append(.clear(item: "q1"))
    try first.send(from: 5)
    try second.push()
    try release(first)
    _ = try takeOver(second)
    try first.server.restore(from: "old.sqlite")
    try release(first)
    #expect(try takeOver(second)?.answers.map(\.value) == [nil])
    try second.pushAfterARestore()
    #expect(try first.exported().answers.isEmpty)
    #expect(try takeOver(second) == nil)
  }

  /// Nothing at all is left of the first device, nor of a record of the answers.
  @Test func startAndLockAreSaidAgainToo() throws {
    let server = try TestServer()
    let first = try server.makePhone()
    let second = try StorePhone(afterwards: first, seed: 9)
    try server.backUp(to: "old.sqlite")
    first.begin()
    first.answer("q1", "a")
    first.append(.lock(LockFact(number: 1, cause: .call)))
    try first.send()
    try release(first)
    try second.join()
    #expect(try second.store.phase(of: second.attempt) == .locked(1))
    try second.push()
    try server.restore(from: "old.sqlite")
    #expect(try takeOver(second)?.answers.isEmpty == true)
    #expect(try takeOver(second) == nil)
    try second.pushAfterARestore()
    #expect(try first.board().lockedBy == 1)
    try server.command(.unlock(attempt: first.attempt, number: 1))
    try second.read()
    for record in try second.store.waitingUnlocks(of: second.attempt) {
      _ = try second.store.unlock(record, at: second.moment())
    }
    #expect(try takeOver(second)?.answers.map(\.item) == ["q1"])
    #expect(try takeOver(second) == nil)
    let seal = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    #expect(try second.push().isEmpty)
    #expect(try receipt(first).applied == seal.statement.answers)
  }

  /// The first device is not gone: it offers q2 again, after its lease was given away, and answers on. The server holds
  /// all of it and counts none.
  @Test func answerThatCountsNoMoreIsSaidAgain() throws {
    let (first, second) = try wentBack()
    try release(first)
    first.answer("q3", "c")
    try first.send(from: 5)
    #expect(try first.exported().answers.map(\.item) == ["q1"])
    #expect(try takeOver(second)?.answers.map(\.item) == ["q2"])
    #expect(try takeOver(second) == nil)
    try second.pushAfterARestore()
    #expect(try second.store.answerSheet(of: second.attempt).sorted.map(\.item) == ["q1", "q2"])
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
    let seal = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    #expect(try second.push().isEmpty)
    #expect(try receipt(first).applied == seal.statement.answers)
  }

  /// An answer that another device took back since, under a lease that counted, is not lost.
  @Test func answerThatWasTakenBackSinceIsNotSaidAgain() throws {
    let (first, second) = try begun()
    first.answer("q2", "b")
    try first.send(from: 5)
    try release(first)
    _ = try takeOver(second)
    try release(first)
    first.lease = 3
    first.append(.clear(item: "q2"))
    try first.send(from: 6)
    try release(first)
    #expect(try takeOver(second) == nil)
    #expect(try second.store.answerSheet(of: second.attempt).sorted.map(\.item) == ["q1"])
  }

  /// When time is up the answers do not count any more, but the server has them, and the seal gets its receipt.
  @Test func afterTheBellTheyAreEvidence() throws {
    let (first, second) = try wentBack()
    try release(first)
    try second.read()
    _ = try second.store.renewLease(of: second.attempt, at: second.moment())
    first.server.now += 3 * 3_600_000
    var moment = second.moment()
    moment.time = .late
    #expect(try second.store.takeOver(second.attempt, at: moment)?.answers.map(\.item) == ["q2"])
    #expect(try second.store.takeOver(second.attempt, at: moment) == nil)
    _ = try second.store.seal(second.attempt, cause: .bell, at: moment)
    try second.pushAfterARestore()
    #expect(try receipt(first).answerCount == 2)
  }

  /// The seal was kept under the other lease, and is made anew without what nobody holds.
  @Test func sealUnderAnotherLeaseIsMadeAnewWithWhatTheServerHolds() throws {
    let (first, second) = try wentBack()
    let seal = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    try second.pushAfterARestore()
    #expect(try first.receipts().isEmpty)
    try release(first)
    #expect(try takeOver(second)?.answers.map(\.item) == ["q2"])
    #expect(try takeOver(second) == nil)
    #expect(try second.push().isEmpty)
    let receipt = try receipt(first)
    #expect(receipt.answers == seal.statement.answers)
    #expect(receipt.applied == receipt.answers)
  }

  /// What this device has itself it offers again, and says nothing once more.
  @Test func ownEntriesAreOfferedAndNotSaidAgain() throws {
    let (first, second) = try begun()
    try second.push()
    try release(first)
    _ = try takeOver(second)
    try second.push()
    try first.server.backUp(to: "old.sqlite")
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    try second.push()
    try first.server.restore(from: "old.sqlite")
    #expect(try takeOver(second) == nil)
    try second.pushAfterARestore()
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
  }

  /// A phone that went on in a successor, and a server that was restored to before the start, which stands in the
  /// journal that was left. The successor came first, in which no answer counts without a start.
  ///
  /// - Parameter change: made to the backup's file.
  private func successorFirst(seed: UInt64, _ change: String? = nil) throws -> (
    first: TestPhone, phone: StorePhone, left: ID128
  ) {
    let server = try TestServer()
    let first = try server.makePhone()
    let phone = try StorePhone(afterwards: first, seed: seed)
    try phone.join()
    try phone.push()
    try server.backUp(to: "old.sqlite", change)
    _ = try phone.store.start(code: "012345", paperVersion: 1, in: phone.attempt, at: phone.moment())
    _ = try phone.store.save(.options(["a"]), for: "q1", in: phone.attempt, at: phone.moment())
    _ = try phone.store.save(.options(["a"]), for: "q2", in: phone.attempt, at: phone.moment())
    try phone.push()
    let left = try #require(try phone.store.journalStatuses(of: phone.attempt).last)
    try phone.store.openSuccessor(of: left.id, at: left.last, moment: phone.moment())
    _ = try phone.store.save(.options(["b"]), for: "q2", in: phone.attempt, at: phone.moment())
    try server.restore(from: "old.sqlite")
    #expect(try phone.push().map(\.reason) == [.notStarted])
    try phone.offerAgain(left.id)
    return (first, phone, left.id)
  }

  private func sealCounts(_ first: TestPhone, _ phone: StorePhone) throws {
    #expect(try takeOver(phone) == nil)
    #expect(try phone.push().isEmpty)
    #expect(try first.exported().answers.map(\.values) == [["a"], ["b"]])
    let seal = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    #expect(try phone.push().isEmpty)
    #expect(try receipt(first).applied == seal.statement.answers)
  }

  /// What a successor goes on from counts, also where it comes after it; and no older answer takes a newer one's place.
  @Test func whatASuccessorGoesOnFromCountsThoughItComesLater() throws {
    let (first, phone, left) = try successorFirst(seed: 11)
    #expect(try phone.push(left, afterARestore: true).isEmpty)
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
    #expect(try takeOver(phone)?.answers.map(\.item) == ["q2"])
    try sealCounts(first, phone)
  }

  /// A store of an earlier version says of a journal that it was left, and not where.
  @Test func whatIsSupersededThereIsSaidAgain() throws {
    let (first, phone, left) = try successorFirst(seed: 12, "UPDATE journals SET superseded = 1")
    #expect(try phone.push(left, afterARestore: true).map(\.reason) == [.superseded])
    #expect(try first.exported().answers.isEmpty)
    #expect(try takeOver(phone)?.answers.map(\.item) == ["q1", "q2"])
    try sealCounts(first, phone)
  }

  /// Handed in before the server has what the seal lists of it: that counts all the same.
  @Test func whatASealListsOfAJournalThatWasLeftCounts() throws {
    let (first, phone, left) = try successorFirst(seed: 13)
    let seal = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    #expect(try phone.push().isEmpty)
    #expect(try first.receipts().isEmpty)
    #expect(try phone.push(left, afterARestore: true).isEmpty)
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
    #expect(try receipt(first).answers == seal.statement.answers)
  }
}

extension StorePhone {
  /// Offers everything again, as the sync core does once the server has said what it holds.
  fileprivate func pushAfterARestore() throws {
    try offerAgain(try #require(try store.status(of: attempt).journal))
    try push()
  }

  fileprivate func offerAgain(_ journal: ID128) throws {
    let genesis = try #require(try store.heads(of: journal, at: [0])[0])
    _ = try store.storeAcknowledgement(Acknowledgement(sequence: 0, head: genesis, verdict: .gap), of: journal)
  }
}

import ExamModel
import ExamStore
import SyncProtocol
import Testing

/// The server has other entries in place of those of a journal that was left.
@Suite struct ReplacedJournalTests {
  private static let foreign = Digest256(words: [1, 2, 3, 4])

  /// q1 and a flag stand in the journal that was left, q2 in both, q3 only in the successor.
  private func forked() throws -> (phone: Phone, left: JournalStatus) {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    try phone.answer("q2", "A")
    _ = try phone.store.flag("q1", isSet: true, in: phone.attempt, at: phone.moment())
    let left = try phone.journal
    try phone.acknowledge(left.last)
    try phone.store.openSuccessor(of: left.id, at: left.last, moment: phone.moment())
    try phone.answer("q2", "B")
    try phone.answer("q3", "C")
    return (phone, left)
  }

  private func replace(_ left: JournalStatus, on phone: Phone, at sequence: UInt64, _ verdict: PushVerdict) throws {
    let result = try phone.store.storeAcknowledgement(
      Acknowledgement(sequence: sequence, head: Self.foreign, verdict: verdict), of: left.id)
    #expect(result.comparison != .matched)
  }

  @Test(arguments: [(4, .diverged), (4, .gap), (5, .diverged), (90, .diverged)] as [(UInt64, PushVerdict)])
  func nothingOfItIsPendingAndNothingOfItCountsAsOnTheServer(sequence: UInt64, verdict: PushVerdict) throws {
    let (phone, left) = try forked()
    try replace(left, on: phone, at: sequence, verdict)
    for _ in 0..<2 {
      let status = try phone.store.journalStatus(left.id)
      #expect(status.isReplaced && status.pending == 0)
      #expect(try phone.status.evidenceEntries == left.last)
      #expect(try phone.status.counts == DurabilityCounts(saved: 3))
      try phone.restart()
    }
  }

  @Test func theServersWayAboveTheForkReplacesNothing() throws {
    let (phone, left) = try forked()
    try replace(left, on: phone, at: 90, .duplicate)
    #expect(try !phone.store.journalStatus(left.id).isReplaced)
    #expect(try phone.status.counts.onServer == 1)
    try refused(.badArgument) { _ = try phone.store.sayAgain(from: left.id, at: phone.moment()) }
  }

  @Test func whatOnlyItSaysIsSaidAgainOnce() throws {
    let (phone, left) = try forked()
    try replace(left, on: phone, at: 4, .diverged)
    _ = try #require(try phone.store.sayAgain(from: left.id, at: phone.moment()))
    #expect(
      try phone.entries().suffix(2).map(\.kind)
        == [.answer(item: "q1", value: .options(["A"])), .flag(item: "q1", isSet: true)])
    #expect(try phone.store.sayAgain(from: left.id, at: phone.moment()) == nil)
    try phone.acknowledge(try phone.journal.last)
    try phone.restart()
    #expect(try phone.answers == ["q1": "A", "q2": "B", "q3": "C"])
    #expect(try phone.status.answers.first?.isFlagged == true)
    #expect(try phone.status.counts.onServer == 3)
    #expect(try phone.store.sayAgain(from: left.id, at: phone.moment()) == nil)
  }

  @Test func nothingIsSaidWhileLockedOrAfterTheSeal() throws {
    let (phone, left) = try forked()
    try replace(left, on: phone, at: 4, .diverged)
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    #expect(try phone.store.sayAgain(from: left.id, at: phone.moment()) == nil)
    _ = try phone.store.seal(phone.attempt, cause: .bell, at: phone.moment())
    #expect(try phone.store.sayAgain(from: left.id, at: phone.moment()) == nil)
  }

  @Test func evidenceIsNeverDiscarded() throws {
    let (phone, left) = try forked()
    try replace(left, on: phone, at: 4, .diverged)
    _ = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    try phone.store.storeReceipt(try phone.receipt(time: 1_000))
    try phone.acknowledge(try phone.journal.last)
    #expect(try phone.status.pendingEntries == 0)
    try refused(.notDiscardable) {
      try phone.store.discardEntries(of: phone.attempt, serverTime: .max, retentionMilliseconds: 0)
    }
  }

  @Test func aServerThatFollowsAgainIsRefilled() throws {
    let (phone, left) = try forked()
    try replace(left, on: phone, at: 4, .diverged)
    try phone.acknowledge(2, of: left.id)
    let status = try phone.store.journalStatus(left.id)
    #expect(!status.isReplaced && status.pending == left.last - 2)
    #expect(try phone.store.pushLoad(left.id)?.first == 3)
  }
}

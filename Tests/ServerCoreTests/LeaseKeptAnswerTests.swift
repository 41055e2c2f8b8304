import ExamModel
import ExamStore
import SyncProtocol
import Testing

@testable import ServerCore

/// What a device keeps of its own while the lease, and then the seal, is another device's: found by the simulator.
@Suite struct LeaseKeptAnswerTests: TwoDevices {
  /// A flag is an entry of its own, and nothing was said of it yet: the answer below it vanished from the screen.
  @Test func flagHidesNoAnswerThatWasKept() throws {
    let (first, second) = try begun()
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    try second.push()
    _ = try second.store.flag("q2", isSet: true, in: second.attempt, at: second.moment())
    try release(first)
    #expect(try takeOver(second)?.answers.map(\.item) == ["q2"])
    try second.push()
    #expect(try second.store.answerSheet(of: second.attempt)["q2"] == .options(["b"]))
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
  }

  /// The other device had handed in before the lease came: the answer counts after the reopening.
  @Test func answerAfterTheOtherDevicesSealIsSaidAgainWithTheReopening() throws {
    let (first, second) = try begun()
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    try second.push()
    try handInAndRelease(first)
    _ = try takeOver(second)
    #expect(try second.push().contains { $0.reason == .afterSeal })
    _ = try takeOver(second)
    #expect(try second.store.phase(of: second.attempt) == .sealed(ordinal: 1))
    #expect(try second.store.answerSheet(of: second.attempt)["q2"] == nil)
    try reopen(first)
    try second.read()
    let reopened = try second.store.reopen(sealOrdinal: 1, of: second.attempt, at: second.moment())
    #expect(reopened.answers.map(\.item) == ["q2"])
    #expect(try second.push().isEmpty)
    #expect(try second.store.answerSheet(of: second.attempt)["q2"] == .options(["b"]))
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
    // What was said again is not said at the next reopening once more.
    _ = try second.store.save(.options(["a"]), for: "q2", in: second.attempt, at: second.moment())
    _ = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    try second.push()
    try first.server.command(.reopen(attempt: first.attempt, reason: "once more"))
    try second.read()
    let again = try second.store.reopen(sealOrdinal: 2, of: second.attempt, at: second.moment())
    #expect(again.answers.isEmpty)
  }

  /// The other device's start did not count, and it handed in: the record of its seal takes this device's start too,
  /// and nothing counts before one.
  @Test func startAfterTheOtherDevicesSealIsSaidAgainWithTheReopening() throws {
    let (first, second) = try startedByTheSecondAlone()
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    try second.push()
    try handInAndRelease(first, from: 2)
    #expect(try takeOver(second)?.answers.map(\.item) == ["q2"])
    #expect(try second.push().contains { $0.reason == .afterSeal })
    #expect(try second.store.phase(of: second.attempt) == .sealed(ordinal: 1))
    try reopen(first)
    try second.read()
    let reopened = try second.store.reopen(sealOrdinal: 1, of: second.attempt, at: second.moment())
    #expect(reopened.answers.map(\.item) == ["q2"])
    #expect(try second.store.phase(of: second.attempt) == .answering)
    #expect(try second.push().isEmpty)
    let seal = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    #expect(seal.statement.answerCount == 1)
    #expect(try second.push().isEmpty)
    #expect(try first.exported().answers.map(\.item) == ["q2"])
    #expect(try first.receipts().count == 2)
  }

  /// The answer was on its way when the reopening came, so nobody had judged it yet: it stands before the reopening and
  /// is kept, and was handed in by nobody.
  @Test func answerThatNobodyHasJudgedYetIsSaidAgainWithTheReopening() throws {
    let (first, second) = try begun()
    try second.push()
    try handInAndRelease(first)
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    _ = try takeOver(second)
    #expect(try second.store.phase(of: second.attempt) == .sealed(ordinal: 1))
    try reopen(first)
    try second.read()
    let reopened = try second.store.reopen(sealOrdinal: 1, of: second.attempt, at: second.moment())
    #expect(reopened.answers.map(\.item) == ["q2"])
    #expect(try second.push().contains { $0.reason == .afterSeal || $0.reason == .staleLease })
    #expect(try second.store.answerSheet(of: second.attempt)["q2"] == .options(["b"]))
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
    try second.store.reopen(at: second.moment().instant)
    #expect(try second.store.answerSheet(of: second.attempt)["q2"] == .options(["b"]))
  }

  /// A restore undid the reopening, and the operator reopens again while an answer is on its way.
  @Test func answerThatNobodyHasJudgedYetIsSaidAgainWithTheSecondReopening() throws {
    let (first, second) = try begun()
    try release(first)
    _ = try takeOver(second)
    _ = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    try second.push()
    try first.server.backUp(to: "old.sqlite")
    let reopening = OperatorCommand.reopen(attempt: first.attempt, reason: "handed in by mistake")
    try first.server.command(reopening)
    try second.read()
    _ = try second.store.reopen(sealOrdinal: 1, of: second.attempt, at: second.moment())
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    try second.push()
    try first.server.restore(from: "old.sqlite")
    _ = try second.store.visit("q2", in: second.attempt, at: second.moment())
    #expect(try second.push(afterARestore: true).contains { $0.reason == .reopenInvalid })
    try second.read()
    _ = try second.store.save(.text("so"), for: "q5", in: second.attempt, at: second.moment())
    try first.server.command(reopening)
    try second.read()
    let again = try second.store.reopenAgain(second.attempt, at: second.moment())
    #expect(again?.answers.map(\.item) == ["q2", "q5"])
    try second.push()
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2", "q5"])
    #expect(try second.store.reopenAgain(second.attempt, at: second.moment()) == nil)
  }

  /// The lease went back before the answer came, and the record of the seal covers it: it counts after the reopening.
  @Test func answerUnderAnotherLeaseIsSaidAgainWithTheReopening() throws {
    let (first, second) = try begun()
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    try second.push()
    try handInAndRelease(first)
    #expect(try takeOver(second)?.answers.map(\.item) == ["q2"])
    first.lease = 2
    first.append(.visit(item: "q1"))
    try first.send(from: 6)
    #expect(try second.push().contains { $0.reason == .staleLease })
    _ = try takeOver(second)
    #expect(try second.store.phase(of: second.attempt) == .sealed(ordinal: 1))
    #expect(try second.store.answerSheet(of: second.attempt)["q2"] == nil)
    try reopen(first)
    try second.read()
    let reopened = try second.store.reopen(sealOrdinal: 1, of: second.attempt, at: second.moment())
    #expect(reopened.answers.map(\.item) == ["q2"])
    #expect(try second.store.answerSheet(of: second.attempt)["q2"] == .options(["b"]))
  }

  /// What was said after a reopening counts only after it: with the lease both are said again, the reopening first.
  @Test func reopeningUnderAnotherLeaseIsSaidAgainOnceTheLeaseIsTheDevices() throws {
    let (first, second) = try begun()
    _ = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    #expect(try second.push().contains { $0.reason == .staleLease })
    first.seal()
    try first.send(from: 5)
    try reopen(first)
    try second.read()
    _ = try second.store.reopen(sealOrdinal: 1, of: second.attempt, at: second.moment())
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    let seal = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    #expect(seal.statement.ordinal == 2)
    #expect(try second.push().contains { $0.reason == .staleLease })
    try release(first)
    #expect(try takeOver(second)?.answers.map(\.item) == ["q2"])
    #expect(try second.push().isEmpty)
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
    #expect(try first.receipts().count == 2)
    _ = try takeOver(second)
    #expect(try second.store.reopenAgain(second.attempt, at: second.moment()) == nil)
    #expect(try second.push().isEmpty)
  }

  /// A lock that was shown stays, though the other device had handed in before it.
  @Test func lockAfterTheOtherDevicesSealStays() throws {
    let (first, second) = try begun()
    try second.push()
    try handInAndRelease(first)
    _ = try second.store.lock(.call, in: second.attempt, at: second.moment())
    _ = try takeOver(second)
    #expect(try second.store.phase(of: second.attempt) == .sealed(ordinal: 1))
    #expect(try second.store.status(of: second.attempt).locks.locks == [1])
    try second.store.reopen(at: second.moment().instant)
    #expect(try second.store.status(of: second.attempt).locks.locks == [1])
  }
}

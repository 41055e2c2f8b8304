import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// A device knows of a paper that was handed in, and another one has gone on after the reopening: found by the
/// simulator.
@Suite struct ReopenedElsewhereTests: TwoDevices {
  /// The second device has read of the seal; the first went on after the reopening, answered q2, and is gone.
  private func wentOn() throws -> (first: TestPhone, second: StorePhone) {
    let (first, second) = try reopenedBeforeTheSecondJoins(seed: 5)
    try second.push()
    first.append(.reopened(sealOrdinal: 1))
    first.answer("q2", "b")
    try first.send(from: 6)
    try release(first)
    return (first, second)
  }

  /// Time is up: the device says no reopening any more, and the answer was handed in by nobody.
  @Test func answerThereIsHandedInHereWhenTimeIsUp() throws {
    let (first, second) = try wentOn()
    try second.read()
    var late = second.moment()
    late.time = .late
    _ = try second.store.renewLease(of: second.attempt, at: late)
    #expect(try second.store.takeOver(second.attempt, at: late) == nil)
    #expect(try second.store.phase(of: second.attempt) == .answering)
    #expect(try second.store.answerSheet(of: second.attempt)["q2"] == .options(["b"]))
    let seal = try second.store.seal(second.attempt, cause: .bell, at: late)
    #expect(seal.statement.ordinal == 2)
    #expect(try second.push().isEmpty)
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
    let receipt = try #require(try first.receipts().last).verified(publicKey: TestServer.identity.publicKey).receipt
    #expect(receipt.ordinal == 2)
    #expect(receipt.applied == seal.statement.answers)
    #expect(try second.store.takeOver(second.attempt, at: late) == nil)
    #expect(try second.store.reopenAgain(second.attempt, at: late) == nil)
  }

  /// A reopening of its own would open nothing, and was said again with each answer of the server.
  @Test func answerThereStandsHereWhileThereIsTime() throws {
    let (first, second) = try wentOn()
    #expect(try takeOver(second) == nil)
    #expect(try second.store.phase(of: second.attempt) == .answering)
    #expect(try second.push().isEmpty)
    #expect(try takeOver(second) == nil)
    #expect(try second.store.reopenAgain(second.attempt, at: second.moment()) == nil)
    #expect(try second.store.answerSheet(of: second.attempt)["q2"] == .options(["b"]))
    let seal = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    #expect(seal.statement.ordinal == 2)
    #expect(try second.push().isEmpty)
    #expect(try first.receipts().count == 2)
  }

  /// What this device had said before it knew of the seal counts from now on too.
  @Test func answerAfterTheSealIsSaidAgain() throws {
    let (first, second) = try begun()
    first.seal()
    try first.send(from: 5)
    _ = try second.store.save(.options(["a"]), for: "q2", in: second.attempt, at: second.moment())
    _ = try second.store.save(.text("so"), for: "q5", in: second.attempt, at: second.moment())
    try release(first)
    _ = try takeOver(second)
    #expect(try second.push().contains { $0.reason == .afterSeal })
    _ = try takeOver(second)
    #expect(try second.store.phase(of: second.attempt) == .sealed(ordinal: 1))
    try release(first)
    try reopen(first)
    first.lease = 3
    first.append(.reopened(sealOrdinal: 1))
    first.append(.answer(item: "q3", value: .number("12.5")))
    try first.send(from: 6)
    try release(first)
    #expect(try takeOver(second)?.answers.map(\.item) == ["q2", "q5"])
    #expect(try second.store.phase(of: second.attempt) == .answering)
    #expect(try second.push().isEmpty)
    #expect(try takeOver(second) == nil)
    #expect(try second.store.answerSheet(of: second.attempt).sorted.map(\.item) == ["q1", "q2", "q3", "q5"])
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2", "q3", "q5"])
  }

  /// The same where this device knows neither of the seal nor of the reopening before it has the lease. When time is up
  /// it has to know all the same: else its seal would be one that the server does not expect.
  @Test(arguments: [TimeClass.inTime, .late])
  func answerAfterASealThatNobodyToldOfIsSaidAgain(time: TimeClass) throws {
    let (first, second) = try begun()
    first.answer("q2", "c")
    try first.send(from: 5)
    try release(first)
    try second.read()
    _ = try second.store.renewLease(of: second.attempt, at: second.moment())
    // The lease comes back to the first device, which hands in; what the second says meanwhile is on its way.
    _ = try second.store.save(.options(["a"]), for: "q2", in: second.attempt, at: second.moment())
    try release(first)
    first.lease = 3
    first.seal()
    try first.send(from: 6)
    try release(first)
    try second.read()
    _ = try second.store.renewLease(of: second.attempt, at: second.moment())
    #expect(try second.push().contains { $0.reason == .afterSeal })
    try release(first)
    try reopen(first)
    first.lease = 5
    first.append(.reopened(sealOrdinal: 1))
    first.append(.answer(item: "q3", value: .number("12.5")))
    try first.send(from: 7)
    try release(first)
    try second.read()
    _ = try second.store.renewLease(of: second.attempt, at: second.moment())
    var moment = second.moment()
    moment.time = time
    #expect(try second.store.takeOver(second.attempt, at: moment)?.answers.map(\.item) == ["q2"])
    #expect(try second.store.takeOver(second.attempt, at: moment) == nil)
    #expect(try second.store.phase(of: second.attempt) == .answering)
    #expect(try second.store.answerSheet(of: second.attempt)["q2"] == .options(["a"]))
    #expect(try second.push().isEmpty)
    #expect(try takeOver(second) == nil)
    let seal = try second.store.seal(second.attempt, cause: .bell, at: second.moment())
    #expect(seal.statement.ordinal == 2)
    #expect(try second.push().isEmpty)
    #expect(try first.exported().answers.map(\.values).prefix(2) == [["a"], ["a"]])
    #expect(try first.receipts().count == 2)
  }

  /// What a device knows of its first reopening at the second one. Verdicts come with the scope: an acknowledgement
  /// alone does not tell what became of an entry.
  enum FirstReopening: CaseIterable {
    case known, acknowledged, onItsWay
  }

  /// The second device saved q2 without the lease, and follows both reopenings of the first one's paper with its own.
  /// At the second it goes on from what the server says, which covers q2 and does not hold it. The candidate was told
  /// that it is saved, so it stays on the screen and in what is handed in there. Also where the device does not know
  /// yet that its first reopening does not count.
  @Test(arguments: FirstReopening.allCases)
  func answerBelowTwoStaleReopeningsStays(firstReopening: FirstReopening) throws {
    let (first, second) = try begun()
    _ = try second.store.save(.options(["a"]), for: "q2", in: second.attempt, at: second.moment())
    first.seal()
    try first.send(from: 5)
    _ = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    #expect(try second.push().contains { $0.reason == .staleLease })
    try reopen(first)
    first.append(.reopened(sealOrdinal: 1))
    first.append(.answer(item: "q3", value: .number("12.5")))
    try first.send(from: 6)
    try second.read()
    #expect(try second.store.reopen(sealOrdinal: 1, of: second.attempt, at: second.moment()).answers.isEmpty)
    if firstReopening == .known { try second.push() }
    let seal = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    #expect(seal.statement.ordinal == 2)
    first.seal(ordinal: 2)
    try first.send(from: 8)
    try reopen(first)
    try second.read()
    if firstReopening == .acknowledged { try second.push() }
    let reopened = try second.store.reopen(sealOrdinal: 2, of: second.attempt, at: second.moment())
    #expect(reopened.answers.map(\.item) == ["q2"])
    let sheet = try second.store.answerSheet(of: second.attempt)
    #expect(sheet.sorted.map(\.item) == ["q1", "q2", "q3"])
    #expect(sheet["q2"] == .options(["a"]))
  }
}

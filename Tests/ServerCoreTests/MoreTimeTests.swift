import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// An answer was shown as saved and came too late for the server, and an operator gives more time: found by the
/// simulator, where a restore had undone the time in which it was said.
@Suite struct MoreTimeTests: TwoDevices {
  /// A device that goes by a bell of its own: q1 was in time, and time was up for the server when it said q2.
  private func late(
    afterwards act: (TestPhone) throws -> Void = { _ in }
  ) throws -> (operators: TestPhone, phone: StorePhone) {
    let server = try TestServer()
    let operators = try server.makePhone(duration: 600_000)
    try act(operators)
    let phone = try StorePhone(afterwards: operators, seed: 3)
    try phone.join()
    _ = try phone.store.start(code: "012345", paperVersion: 1, in: phone.attempt, at: phone.moment())
    _ = try phone.store.save(.options(["a"]), for: "q1", in: phone.attempt, at: phone.moment())
    #expect(try phone.push().isEmpty)
    server.now += 700_000
    try phone.tellTime()
    _ = try phone.store.save(.options(["b"]), for: "q2", in: phone.attempt, at: phone.moment())
    #expect(try phone.push().map(\.reason) == [.afterDeadline])
    return (operators, phone)
  }

  private func extend(_ operators: TestPhone, _ phone: StorePhone) throws {
    try operators.server.command(
      .extendAttempt(attempt: operators.attempt, milliseconds: 600_000, reason: "a fire alarm"))
    try phone.read()
  }

  private func sealAndReopen(_ operators: TestPhone, _ phone: StorePhone) throws {
    _ = try phone.store.seal(phone.attempt, cause: .bell, at: phone.moment())
    try phone.push()
    try reopen(operators)
  }

  @Test func aGrantMakesItCount() throws {
    let (operators, phone) = try late()
    #expect(try takeOver(phone) == nil)
    try extend(operators, phone)
    _ = try phone.store.storeGrantSeen(1, in: phone.attempt, at: phone.moment())
    #expect(try takeOver(phone)?.answers.map(\.item) == ["q2"])
    #expect(try phone.push().isEmpty)
    #expect(try takeOver(phone) == nil)
    #expect(try operators.exported().answers.map(\.item) == ["q1", "q2"])
  }

  /// What the server calls late once more is not said for ever.
  @Test func aGrantThatIsTooShortEndsIt() throws {
    let (operators, phone) = try late()
    try operators.server.command(.extendAttempt(attempt: phone.attempt, milliseconds: 1_000, reason: "a bell"))
    try phone.read()
    _ = try phone.store.storeGrantSeen(1, in: phone.attempt, at: phone.moment())
    #expect(try takeOver(phone)?.answers.map(\.item) == ["q2"])
    #expect(try phone.push().map(\.reason) == [.afterDeadline])
    #expect(try takeOver(phone) == nil)
  }

  @Test func theReopeningMakesItCount() throws {
    let (operators, phone) = try late()
    try sealAndReopen(operators, phone)
    try extend(operators, phone)
    let again = try phone.store.reopen(sealOrdinal: 1, of: phone.attempt, at: phone.moment())
    #expect(again.answers.map(\.item) == ["q2"])
    #expect(try phone.push().isEmpty)
    #expect(try operators.exported().answers.map(\.item) == ["q1", "q2"])
    #expect(try takeOver(phone) == nil)
  }

  @Test func aReopeningWithoutMoreTimeSaysNothingAgain() throws {
    let (operators, phone) = try late()
    try sealAndReopen(operators, phone)
    try phone.read()
    var moment = phone.moment()
    moment.time = .late
    #expect(try phone.store.reopen(sealOrdinal: 1, of: phone.attempt, at: moment).answers.isEmpty)
  }

  /// What it replaced is another device's, from which this one went on: nobody answered since.
  @Test func theReopeningMakesItCountOverAnAnswerFromBefore() throws {
    let (operators, phone) = try late { first in
      first.begin()
      first.answer("q2", "c")
      try first.send()
      try release(first)
    }
    #expect(try operators.exported().answers.map(\.values) == [["a"], ["c"]])
    try sealAndReopen(operators, phone)
    try extend(operators, phone)
    let again = try phone.store.reopen(sealOrdinal: 1, of: phone.attempt, at: phone.moment())
    #expect(again.answers.map(\.item) == ["q2"])
    #expect(try phone.push().isEmpty)
    #expect(try operators.exported().answers.map(\.values) == [["a"], ["b"]])
  }

  /// Somebody went on since: the newer answer stays.
  @Test func anAnswerOfAnotherDeviceStays() throws {
    let (operators, phone) = try late()
    try extend(operators, phone)
    try release(operators)
    operators.begin()
    operators.lease = 2
    try operators.send()
    operators.answer("q2", "c")
    try operators.send(from: 4)
    try release(operators)
    try phone.read()
    _ = try phone.store.renewLease(of: phone.attempt, at: phone.moment())
    try sealAndReopen(operators, phone)
    try phone.read()
    let again = try phone.store.reopen(sealOrdinal: 1, of: phone.attempt, at: phone.moment())
    #expect(again.answers.isEmpty)
    try phone.push()
    #expect(try operators.exported().answers.map(\.values) == [["a"], ["c"]])
  }
}

import ExamModel
import ExamStore
import Testing

@testable import ServerCore

/// Two devices of one candidate, of which the second gets the lease after its first entries.
protocol TwoDevices {}

extension TwoDevices {
  /// The first device has begun; the second joined and started while the lease was the first one's.
  func begun() throws -> (first: TestPhone, second: StorePhone) {
    let (first, second) = try joined(seed: 5) { first in
      first.begin()
      first.answer("q1", "a")
    }
    try start(second)
    return (first, second)
  }

  /// The first device has opened its journal and no more; the second joined and started.
  func startedByTheSecondAlone() throws -> (first: TestPhone, second: StorePhone) {
    let (first, second) = try joined(seed: 6) { $0.open() }
    try start(second)
    return (first, second)
  }

  /// The first device handed in q1, and an operator reopened that; the second joined afterwards.
  func reopenedBeforeTheSecondJoins(seed: UInt64) throws -> (first: TestPhone, second: StorePhone) {
    let (first, second) = try joined(seed: seed, isReopened: true) { first in
      first.begin()
      first.answer("q1", "a")
      first.seal()
    }
    #expect(try second.store.phase(of: second.attempt) == .sealed(ordinal: 1))
    return (first, second)
  }

  /// The second device joined after what the first did; nothing was started on it.
  func joined(
    seed: UInt64, isReopened: Bool = false, after act: (TestPhone) throws -> Void
  ) throws -> (first: TestPhone, second: StorePhone) {
    let server = try TestServer()
    let first = try server.makePhone()
    try act(first)
    try first.send()
    if isReopened { try reopen(first) }
    let second = try StorePhone(afterwards: first, seed: seed)
    try second.join()
    return (first, second)
  }

  private func start(_ phone: StorePhone) throws {
    _ = try phone.store.start(code: "012345", paperVersion: 1, in: phone.attempt, at: phone.moment())
  }

  /// The first device hands in, and an operator gives the lease away.
  func handInAndRelease(_ first: TestPhone, from sequence: UInt64 = 5) throws {
    first.seal()
    try first.send(from: sequence)
    try release(first)
  }

  func reopen(_ first: TestPhone) throws {
    try first.server.command(.reopen(attempt: first.attempt, reason: "handed in by mistake"))
  }

  func release(_ first: TestPhone) throws {
    try first.server.command(.releaseLease(attempt: first.attempt, reason: "a new phone"))
  }

  func takeOver(_ phone: StorePhone) throws -> TakeOver? {
    try phone.read()
    _ = try phone.store.renewLease(of: phone.attempt, at: phone.moment())
    return try phone.store.takeOver(phone.attempt, at: phone.moment())
  }
}

import ExamStore

@testable import ServerCore

/// Two devices of one candidate, of which the second gets the lease after its first entries.
protocol TwoDevices {}

extension TwoDevices {
  /// The first device has begun; the second joined and started while the lease was the first one's.
  func begun() throws -> (first: TestPhone, second: StorePhone) {
    let server = try TestServer()
    let first = try server.makePhone()
    first.begin()
    first.answer("q1", "a")
    try first.send()
    let second = try StorePhone(afterwards: first, seed: 5)
    try second.join()
    _ = try second.store.start(code: "012345", paperVersion: 1, in: second.attempt, at: second.moment())
    return (first, second)
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

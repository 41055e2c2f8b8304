import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// A seal was reopened, and a restore undid both and the lease that they were pushed under: found by the simulator.
/// Nobody has to say it again, the next one counts.
@Suite struct LostSealTests: TwoDevices {
  /// The second device answered q2, handed in, and answered q2 and q5 after the reopening. The server was restored from
  /// before all of it, and got it all under a lease that is not known there.
  private func wentBack(handsInAgain: Bool) throws -> (first: TestPhone, second: StorePhone) {
    let (first, second) = try begun()
    try release(first)
    _ = try takeOver(second)
    try second.push()
    try first.server.backUp(to: "old.sqlite")
    try release(first)
    _ = try takeOver(second)
    try second.push()
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    _ = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    try second.push()
    try reopen(first)
    try second.read()
    _ = try second.store.reopen(sealOrdinal: 1, of: second.attempt, at: second.moment())
    _ = try second.store.save(.options(["a"]), for: "q2", in: second.attempt, at: second.moment())
    _ = try second.store.save(.text("so"), for: "q5", in: second.attempt, at: second.moment())
    try second.push()
    try first.server.restore(from: "old.sqlite")
    if handsInAgain {
      _ = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    } else {
      _ = try second.store.visit("q2", in: second.attempt, at: second.moment())
    }
    #expect(try second.push(afterARestore: true).contains { $0.reason == .staleLease })
    return (first, second)
  }

  private func lastReceipt(_ first: TestPhone) throws -> ReceiptStatement {
    try #require(try first.receipts().last).verified(publicKey: TestServer.identity.publicKey).receipt
  }

  @Test func answersSinceTheReopeningCountAndTheNextSealToo() throws {
    let (first, second) = try wentBack(handsInAgain: false)
    #expect(try takeOver(second)?.answers.map(\.item) == ["q2", "q5"])
    #expect(try second.store.phase(of: second.attempt) == .answering)
    #expect(try takeOver(second) == nil)
    #expect(try second.push().isEmpty)
    let seal = try second.store.seal(second.attempt, cause: .candidate, at: second.moment()).statement
    #expect(seal.ordinal == 2)
    #expect(try second.push().isEmpty)
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2", "q5"])
    #expect(try lastReceipt(first).applied == seal.answers)
    #expect(try first.board().trouble == ServerCore.sealAhead)
    #expect(try takeOver(second) == nil)
  }

  @Test func paperThatWasHandedInAgainGetsItsReceipt() throws {
    let (first, second) = try wentBack(handsInAgain: true)
    let standing = try #require(try second.store.status(of: second.attempt).seal)
    #expect(try takeOver(second) != nil)
    #expect(try second.store.phase(of: second.attempt) == .sealed(ordinal: 2))
    #expect(try second.push().isEmpty)
    #expect(try takeOver(second) == nil)
    #expect(try lastReceipt(first).ordinal == 2)
    #expect(try lastReceipt(first).applied == standing.answers)
    try second.store.reopen(at: second.moment().instant)
    #expect(try second.store.phase(of: second.attempt) == .sealed(ordinal: 2))
  }

  /// The seal is there, its reopening is not, and the device that said the reopening is gone.
  @Test func reopeningOfAnotherDeviceIsSaidHereOnceItIsMadeAgain() throws {
    let server = try TestServer()
    let first = try server.makePhone()
    first.begin()
    first.answer("q1", "a")
    first.seal()
    try first.send()
    let second = try StorePhone(afterwards: first, seed: 11)
    try server.backUp(to: "old.sqlite")
    try reopen(first)
    first.append(.reopened(sealOrdinal: 1))
    first.answer("q2", "b")
    try first.send(from: 6)
    try release(first)
    try second.join()
    _ = try takeOver(second)
    _ = try second.store.save(.text("so"), for: "q5", in: second.attempt, at: second.moment())
    try second.push()
    #expect(try second.store.phase(of: second.attempt) == .answering)
    try server.restore(from: "old.sqlite")
    try release(first)
    _ = try takeOver(second)
    #expect(try second.store.reopenAgain(second.attempt, at: second.moment()) == nil)
    try second.push(afterARestore: true)
    try reopen(first)
    try second.read()
    let again = try #require(try second.store.reopenAgain(second.attempt, at: second.moment()))
    #expect(Set(again.answers.map(\.item)) == ["q2", "q5"])
    #expect(try second.store.reopenAgain(second.attempt, at: second.moment()) == nil)
    #expect(try second.push().isEmpty)
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2", "q5"])
  }
}

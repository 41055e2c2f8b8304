import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// A seal was reopened, and a restore undid both and the lease that they were pushed under: found by the simulator.
@Suite struct SealsAgainTests: TwoDevices {
  /// The second device answered q2, handed in, and answered q2 and q5 after the reopening. The server was restored from
  /// before all of it, and got it all under a lease that is not known there.
  private func wentBack(handsInAgain: Bool) throws -> (first: TestPhone, second: StorePhone, seal: SealStatement) {
    let (first, second) = try begun()
    try release(first)
    _ = try takeOver(second)
    try second.push()
    try first.server.backUp(to: "old.sqlite")
    try release(first)
    _ = try takeOver(second)
    try second.push()
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    let seal = try second.store.seal(second.attempt, cause: .candidate, at: second.moment()).statement
    try second.push()
    try first.server.command(reopening(first))
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
    return (first, second, seal)
  }

  private func reopening(_ first: TestPhone) -> OperatorCommand {
    .reopen(attempt: first.attempt, reason: "handed in by mistake")
  }

  private func receipt(_ first: TestPhone, _ ordinal: UInt32) throws -> ReceiptStatement {
    let all = try first.receipts().map { try $0.verified(publicKey: TestServer.identity.publicKey).receipt }
    return try #require(all.first { $0.ordinal == ordinal })
  }

  @Test func sealThatWasReopenedIsSaidAgainBeforeItsReopening() throws {
    let (first, second, seal) = try wentBack(handsInAgain: false)
    #expect(try takeOver(second)?.answers.map(\.item) == ["q2", "q2", "q5"])
    #expect(try second.store.phase(of: second.attempt) == .answering)
    #expect(try takeOver(second) == nil)
    #expect(try second.push().map(\.reason) == [.reopenInvalid, .afterSeal])
    let again = try receipt(first, 1)
    #expect(again.answers == seal.answers)
    #expect(again.applied == seal.answers)
    // Only now there is something to reopen.
    try first.server.command(reopening(first))
    try second.read()
    #expect(try second.store.reopenAgain(second.attempt, at: second.moment())?.answers.map(\.item) == ["q2", "q5"])
    #expect(try second.push().isEmpty)
    let next = try second.store.seal(second.attempt, cause: .candidate, at: second.moment()).statement
    #expect(next.ordinal == 2)
    #expect(try second.push().isEmpty)
    #expect(try receipt(first, 2).applied == next.answers)
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2", "q5"])
    #expect(try takeOver(second) == nil)
  }

  @Test func paperThatWasHandedInAgainGetsItsReceipt() throws {
    let (first, second, seal) = try wentBack(handsInAgain: true)
    let standing = try #require(try second.store.status(of: second.attempt).seal)
    #expect(try takeOver(second) != nil)
    #expect(try second.store.phase(of: second.attempt) == .sealed(ordinal: 2))
    #expect(try takeOver(second) == nil)
    #expect(try second.push().contains { $0.reason == .sealInvalid })
    #expect(try receipt(first, 1).answers == seal.answers)
    try first.server.command(reopening(first))
    try second.read()
    #expect(try second.store.reopenAgain(second.attempt, at: second.moment()) != nil)
    #expect(try second.push().isEmpty)
    #expect(try receipt(first, 2).applied == standing.answers)
    #expect(try second.store.reopenAgain(second.attempt, at: second.moment()) == nil)
  }

  /// What is told for the server alone changes nothing here, also when the store is opened again.
  @Test func sealThatIsSaidAgainHandsNothingIn() throws {
    let (_, second, _) = try wentBack(handsInAgain: false)
    _ = try takeOver(second)
    let before = try second.store.answerSheet(of: second.attempt)
    try second.store.reopen(at: second.moment().instant)
    #expect(try second.store.phase(of: second.attempt) == .answering)
    #expect(try second.store.answerSheet(of: second.attempt) == before)
    #expect(before["q2"] == .options(["a"]))
  }
}

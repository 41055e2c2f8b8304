import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// A restored server hears the devices in another order than the one it was restored from: found by the simulator.
@Suite struct TakenBackByARestoreTests: TwoDevices {
  private func receipt(_ first: TestPhone) throws -> ReceiptStatement {
    try #require(try first.receipts().last).verified(publicKey: TestServer.identity.publicKey).receipt
  }

  /// The server kept the second device's answer, told the first one of its journal, and lost it. It hears of it again
  /// after the seal that lists it, under a lease that it counts under.
  @Test func answerThatWasSealedWithoutEffectStaysSo() throws {
    let (first, second) = try begun()
    try first.server.backUp(to: "old.sqlite")
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    #expect(try second.push().contains { $0.reason == .staleLease })
    let theirs = try #require(try second.store.journalStatuses(of: second.attempt).first)
    let seal = first.seal(journals: [
      JournalPosition(journal: first.journal.id, sequence: first.journal.sequence, head: first.journal.head),
      JournalPosition(journal: theirs.id, sequence: theirs.last, head: theirs.head),
    ])
    try first.server.restore(from: "old.sqlite")
    try first.send(from: 5)
    #expect(try first.receipts().isEmpty)
    try release(first)
    _ = try takeOver(second)
    #expect(try second.push(afterARestore: true).contains { $0.reason == .afterSeal })
    #expect(try first.exported().answers.map(\.item) == ["q1"])
    #expect(try receipt(first).applied == seal.answers)
    try reopen(first)
    try second.read()
    let again = try second.store.reopen(sealOrdinal: 1, of: second.attempt, at: second.moment())
    #expect(again.answers.map(\.item) == ["q2"])
  }

  /// Two seals were reopened; of both reopenings and the second seal the restored server knows nothing. An operator can
  /// reopen the first alone, and everything since is said with it.
  @Test func everythingSinceTheFirstLostReopeningIsSaidWithIt() throws {
    let (first, second) = try begun()
    try release(first)
    _ = try takeOver(second)
    try second.push()
    try first.server.backUp(to: "old.sqlite")
    for ordinal: UInt32 in 1...2 {
      _ = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
      try second.push()
      try reopen(first)
      try second.read()
      _ = try second.store.reopen(sealOrdinal: ordinal, of: second.attempt, at: second.moment())
      let (item, option) = ordinal == 1 ? ("q2", "b") : ("q1", "c")
      _ = try second.store.save(.options([option]), for: item, in: second.attempt, at: second.moment())
    }
    let seal = try second.store.seal(second.attempt, cause: .candidate, at: second.moment()).statement
    try first.server.restore(from: "old.sqlite")
    #expect(try second.push(afterARestore: true).contains { $0.reason == .reopenInvalid })
    try reopen(first)
    try second.read()
    let again = try #require(try second.store.reopenAgain(second.attempt, at: second.moment()))
    #expect(Set(again.answers.map(\.item)) == ["q1", "q2"])
    #expect(try second.store.reopenAgain(second.attempt, at: second.moment()) == nil)
    #expect(try second.push().isEmpty)
    #expect(try receipt(first).ordinal == 3)
    #expect(try receipt(first).applied == seal.answers)
    try second.read()
    #expect(try second.store.reopenAgain(second.attempt, at: second.moment()) == nil)
  }
}

package import ExamModel

/// What the server holds an attempt to be, for those who check it from outside.
package struct AppliedState: Hashable, Sendable {
  package var answers: AnswerSheet
  package var locks: [UInt32]
  package var voids: [UInt32]
  package var unlocked: [UInt32]
  package var isStarted: Bool
  package var isSealed: Bool
  package var sealOrdinal: UInt32
  package var grantedMilliseconds: Int64
}

extension ServerCore {
  /// The attempt as it is in memory, or as its rows add up to; `nil` if there is no such attempt.
  package func appliedState(of attempt: ID128) throws -> AppliedState? {
    guard let memory = try attemptMemory(attempt) else { return nil }
    let ledger = memory.state.ledger
    return AppliedState(
      answers: memory.sheet, locks: ledger.locks.sorted(), voids: ledger.voids.sorted(),
      unlocked: ledger.unlocked.sorted(), isStarted: memory.state.started, isSealed: memory.state.isSealed,
      sealOrdinal: memory.state.sealOrdinal, grantedMilliseconds: memory.grantedMilliseconds)
  }
}

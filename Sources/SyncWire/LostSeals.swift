public import ExamModel
import SyncProtocol

extension AttemptState {
  /// Makes room for a seal whose ordinal is above the next one. A restored server may have lost seals that were
  /// reopened since, and the devices that made them may be gone. Called before
  /// ``admit(_:time:policy:section:unlockIsValid:)``.
  package mutating func skipLostSeals(before kind: EntryKind) {
    guard case .seal(let signed) = kind, !isSealed, let ordinal = (try? SealStatement(wire: signed.statement))?.ordinal,
      ordinal > sealOrdinal
    else { return }
    resume(sealOrdinal: ordinal - 1, isSealed: false)
  }

  /// Whether a seal is one that was reopened since: it seals nothing any more, wherever it stands.
  package func wasReopened(_ signed: SignedStatement) -> Bool {
    guard !isSealed, let ordinal = (try? SealStatement(wire: signed.statement))?.ordinal else { return false }
    return ordinal <= sealOrdinal
  }
}

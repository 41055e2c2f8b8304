/// Rare branches of ``SyncCore``. A simulator reads which it reached; a campaign that never reaches one proves less
/// than it seems to.
public enum SyncProbe: Int, CaseIterable, Sendable, Hashable {
  case unknownRequest
  case flightGivenUp
  case executorOwed
  case joinedRequest
  case pushHalved
  case pushAtFloor
  case isolatedPush
  case serverWentBack
  case serverDoubted
  case gapAnswered
  case contradictoryDivergence
  case unknownJournalReoffered
  case unknownJournalHeld
  case forkFound
  case forkWithdrawn
  case forkNarrowed
  case searchBegunAnew
  case successorOpened
  case successorLimitReached
  case leftJournalReplaced
  case unsolicitedResult
  case deltaFromOtherCursor
  case deltaOfUnknownScope
  case scopeReset
  case digestMismatch
  case digestRepairForced
  case digestRepairHeldBack
  case morePages
  case staleRequestTime
  case sessionMade
  case sessionHint
  case oldSessionRefused
  case loginNeeded
  case refusedSessionTriedAgain
  case retryAfterCapped
  case networkChangeResent
  case unreachableTried
  case sealHurried
  case clockWentBack
}

/// Rare branches of ``BlobCore``.
public enum BlobProbe: Int, CaseIterable, Sendable, Hashable {
  case unknownTransfer
  case resumed
  case rangeMismatch
  case longerThanPromised
  case corrupt
  case missing
  case transferGivenUp
  case executorOwed
}

/// How often each probe was reached: a plain array in the state, indexed by the enumeration, so that a mark costs one
/// addition and runs stay repeatable.
public struct ProbeCounts<Probe>: Hashable, Sendable
where Probe: CaseIterable & RawRepresentable & Sendable, Probe.RawValue == Int {
  private var counts: [Int]

  init() {
    counts = Array(repeating: 0, count: Probe.allCases.count)
  }

  public subscript(probe: Probe) -> Int { counts[probe.rawValue] }

  /// The probes that were never reached, in the order of their declaration.
  public var unreached: [Probe] { Probe.allCases.filter { self[$0] == 0 } }

  mutating func mark(_ probe: Probe) {
    counts[probe.rawValue] &+= 1
  }
}

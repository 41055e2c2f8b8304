// Nothing of this module exists in an ordinary build: only the package trait `PlantedBugs` compiles it.
#if PlantedBugs

  /// A deliberate fault in the product, switched on one at a time, that the lab's checkers have to catch.
  ///
  /// A checker that never saw a failure proves nothing. Each case is consulted at one named point of the product, and
  /// says which loss it stands for. ``origin`` names the published failure that it re-creates, where there is one.
  public enum PlantedBug: String, CaseIterable, Sendable {
    // The device's store
    case deviceSynchronousNormal
    case deviceCommitErrorIgnored
    case deviceFsyncRetried
    case memoryFollowsFailedCommit
    case answerRowOutsideTransaction
    case headInSecondTransaction
    case clearNotJournalled
    case walDeletedAtOpening
    case damagedStoreThrownAway
    case acknowledgedEntriesDeleted
    case cursorSavedBeforeRecords
    case resetKeepsOldRecords
    case updateNamedBeforeMade

    // The attempt on the device
    case lockCountResetByRestart
    case lastLockSealedSeparately
    case unlockTriesInMemory
    case unlockOpensAnyLock
    case sealWithoutNewestAnswer
    case sealOverWrongHead
    case sealForgetsLeftJournals
    case bellIgnoredWhileLocked
    case successorCarriesNothing
    case wallClockDeadline
    case grantCountedAgain

    // Sync on the device
    case pendingKeptAsFlag
    case acknowledgementNeverLowers
    case otherHeadTakenAsOwn
    case pushLeavesOutLastEntry
    case retryNeverRearms
    case backoffWithoutCap
    case retryAfterWithoutCap
    case retriesWithoutBackoff

    // The server
    case serverSynchronousNormal
    case acknowledgedBeforeCommit
    case rollbackKeepsMemory
    case gapAccepted
    case appliedTwice
    case forkedEntriesApplied
    case supersededEntriesApplied
    case staleLeaseApplied
    case leaseHeldUntilTaken
    case leaseTakenByAnybody
    case dispositionNotStored
    case duplicateJudgedAgain
    case answerCalledInvalid
    case successorBeforePredecessor
    case sealRace
    case receiptOverWrongHead
    case keyReleasedEarly
    case lateCountsAsInTime
    case judgedByArrival
    case serverClockGoesBack
    case versionOutsideLock
    case tombstoneNotCounted
    case epochNotRenewed
    case answersInSharedScope
    case auditNotChained
    case refusalNotAudited
  }

  extension PlantedBug {
    /// The bug that is on in this process; set before a run begins and never while one is under way.
    nonisolated(unsafe) public static var active: PlantedBug?
  }

  /// Whether a bug is on.
  @inline(__always)
  public func planted(_ bug: PlantedBug) -> Bool { PlantedBug.active == bug }

#endif

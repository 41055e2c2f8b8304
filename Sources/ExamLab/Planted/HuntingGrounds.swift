#if PlantedBugs

  import Planted

  /// Where a fault is looked for, in turn.
  enum HuntingGround {
    case powerCuts(PowerCutPlan.Lane)
    case exams([NemesisKind])
    case drill(SimDrill)
  }

  extension PlantedBug {
    /// First where it is most likely, then everywhere else.
    var grounds: [HuntingGround] { likely + Self.everywhere }

    private static let everywhere: [HuntingGround] = [
      .exams([]), .exams([.oldBackup]), .exams([.twoDevices, .releaseRace]), .exams([.sealRace, .bellHerd]),
      .exams([.killLoop, .clockJumps]), .exams([.diskFull, .halfOpen]), .exams([.wifiFlap, .swizzleClog]),
      .powerCuts(.phone), .powerCuts(.server),
    ]

    private var likely: [HuntingGround] {
      if let drill { return [.drill(drill)] }
      return switch self {
      case .deviceSynchronousNormal, .deviceCommitErrorIgnored, .answerRowOutsideTransaction,
        .headInSecondTransaction, .clearNotJournalled, .walDeletedAtOpening,
        .acknowledgedEntriesDeleted, .cursorSavedBeforeRecords, .lockCountResetByRestart, .lastLockSealedSeparately,
        .unlockTriesInMemory, .updateNamedBeforeMade:
        [.powerCuts(.phone)]
      case .damagedStoreThrownAway: [.powerCuts(.phoneDamage)]
      case .serverSynchronousNormal, .acknowledgedBeforeCommit: [.powerCuts(.server)]
      case .staleLeaseApplied, .leaseHeldUntilTaken, .leaseTakenByAnybody, .answersInSharedScope:
        [.exams([.twoDevices, .releaseRace])]
      default: []
      }
    }

    /// The situation in which this fault, and hardly anything else, does harm.
    private var drill: SimDrill? {
      switch self {
      case .memoryFollowsFailedCommit: .fullPhone
      case .deviceFsyncRetried: .failedSync
      case .unlockOpensAnyLock: .secondLock
      case .sealForgetsLeftJournals: .bellAtFork
      case .bellIgnoredWhileLocked: .bellInLock
      case .successorCarriesNothing, .otherHeadTakenAsOwn, .forkedEntriesApplied: .partedHistories
      case .grantCountedAgain: .grantThenReboot
      case .acknowledgementNeverLowers, .epochNotRenewed, .resetKeepsOldRecords: .backupBehindSeals
      case .retryAfterWithoutCap: .strangerSaysLater
      case .rollbackKeepsMemory, .refusalNotAudited: .refusals
      case .supersededEntriesApplied: .copiedPhone
      case .successorBeforePredecessor: .restoredAtFork
      case .sealRace: .lateTap
      case .lateCountsAsInTime: .bootBeforeBell
      case .judgedByArrival: .offlineAtBell
      case .serverClockGoesBack: .clockBehind
      case .tombstoneNotCounted: .longAnswers
      default: nil
      }
    }
  }

#endif

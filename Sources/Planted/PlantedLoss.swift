#if PlantedBugs

  extension PlantedBug {
    /// What somebody loses to this bug.
    public var loss: String {
      switch self {
      case .deviceSynchronousNormal: "a power cut takes answers that were saved a moment before"
      case .deviceCommitErrorIgnored: "the disk refuses an answer, and the candidate is told that it is saved"
      case .deviceFsyncRetried: "after a failed sync the store goes on over pages that never reached the disk"
      case .memoryFollowsFailedCommit:
        "an answer that was refused is shown as if it were kept, and is gone after a restart"
      case .answerRowOutsideTransaction: "a kill between two commits parts the answer from its journal entry"
      case .headInSecondTransaction: "a kill between two commits leaves an entry that the chain does not know"
      case .clearNotJournalled: "an answer that was taken back comes back after a restart, and counts on the server"
      case .walDeletedAtOpening: "everything since the last checkpoint is gone after a kill"
      case .damagedStoreThrownAway: "one flipped bit costs every answer that the server does not have yet"
      case .acknowledgedEntriesDeleted: "a server restored from yesterday's backup cannot be refilled"
      case .cursorSavedBeforeRecords: "a kill between the two leaves a device that never asks for the records again"
      case .resetKeepsOldRecords: "a record that the server withdrew goes on being believed"
      case .updateNamedBeforeMade: "a kill in the first start after an update leaves a store that no version opens"
      case .lockCountResetByRestart: "restarting the app forgives every lock"
      case .lastLockSealedSeparately: "a kill after the last lock leaves a paper that is neither open nor handed in"
      case .unlockTriesInMemory: "killing the app gives five fresh tries at an unlock code"
      case .unlockOpensAnyLock: "an unlock of one lock opens another, and what is answered then does not count"
      case .sealWithoutNewestAnswer: "the candidate hands in a paper that lacks an answer"
      case .sealOverWrongHead: "the hand-in names a chain that nobody has, and no receipt can be made"
      case .sealForgetsLeftJournals: "answers of a journal that was left are not handed in"
      case .bellIgnoredWhileLocked: "a phone that is locked at the bell never hands in"
      case .successorCarriesNothing: "a fork drops every answer above it"
      case .wallClockDeadline: "setting the phone's clock back gives more time"
      case .grantCountedAgain: "one grant of time is given again with every contact"
      case .pendingKeptAsFlag: "an answer saved while a push is under way is never sent"
      case .acknowledgementNeverLowers: "a server that went back in time is believed to have what it lost"
      case .otherHeadTakenAsOwn: "two histories of one journal are taken for one, and one of them is lost"
      case .pushLeavesOutLastEntry: "the newest entry never reaches the server"
      case .retryNeverRearms: "after two failures nothing is sent until somebody touches the phone"
      case .backoffWithoutCap: "after a long outage a phone comes back hours later"
      case .retryAfterWithoutCap: "a stranger's reply silences a phone for a day"
      case .retriesWithoutBackoff: "a thousand phones keep a weak server down"
      case .serverSynchronousNormal: "a power cut takes answers that the server had acknowledged"
      case .acknowledgedBeforeCommit:
        "the server's disk refuses a batch, and every phone in it is told that it is stored"
      case .rollbackKeepsMemory: "the server acknowledges from memory what its failed commit did not store"
      case .gapAccepted: "entries that were never sent are counted as received"
      case .appliedTwice: "a reply that was lost makes the server store a push a second time"
      case .forkedEntriesApplied: "entries that contradict the journal change the answers"
      case .supersededEntriesApplied: "an old copy of the app goes on changing answers after it was left"
      case .staleLeaseApplied: "a device that lost its lease goes on changing answers"
      case .leaseHeldUntilTaken: "a device whose lease was given away writes on until the next one comes"
      case .leaseTakenByAnybody: "a second device takes an attempt over without anybody's leave"
      case .dispositionNotStored: "a repeated push is told that entries counted which did not"
      case .duplicateJudgedAgain: "a push that counted is told that it does not when its reply was lost"
      case .answerCalledInvalid: "an answer that the paper takes is kept without effect"
      case .successorBeforePredecessor: "after a restore the answers of a journal that was left replace newer ones"
      case .sealRace: "answers change after the hand-in"
      case .receiptOverWrongHead: "the receipt is for something that was not handed in"
      case .keyReleasedEarly: "the paper can be read before the exam opens"
      case .lateCountsAsInTime: "answers given after the bell count"
      case .judgedByArrival: "answers given in time do not count because the network was slow"
      case .serverClockGoesBack: "the order of what the server signed cannot be told any more"
      case .versionOutsideLock: "a record that commits late is passed over by every reader"
      case .tombstoneNotCounted: "both sides can never again agree that they hold the same"
      case .epochNotRenewed: "a server that went back in time is not found out"
      case .answersInSharedScope: "one candidate's answers are sent to all"
      case .auditNotChained: "a line can be taken out of the audit trail unnoticed"
      case .refusalNotAudited: "nobody can see what an operator tried"
      }
    }

    /// The published failure that this re-creates; `nil` where it is our own thought.
    public var origin: String? {
      switch self {
      case .deviceSynchronousNormal:
        "SQLite, PRAGMA synchronous: WAL with NORMAL is consistent but loses durability (sqlite.org/pragma.html)"
      case .deviceFsyncRetried:
        "PostgreSQL before 11.2: a failed fsync was tried again and then succeeded over lost pages (data_sync_retry)"
      case .memoryFollowsFailedCommit:
        "Rebello et al., Can Applications Recover from fsync Failures?, USENIX ATC 2020"
      case .walDeletedAtOpening:
        "SQLite, How To Corrupt An SQLite Database File: a write-ahead log deleted or parted from its file"
      case .damagedStoreThrownAway:
        "Jepsen, NATS 2.12.1: damage to a minority's files made nodes throw intact data away"
      case .cursorSavedBeforeRecords:
        "PouchDB issue 1240: the replication checkpoint ran ahead of the documents that were written"
      case .pendingKeptAsFlag:
        "codepod pull request 344: a dirty flag cleared by the response lost the change made meanwhile"
      case .retryNeverRearms:
        "powersync-native issue 15, powersync-swift issue 179: a failed upload was never tried again"
      case .retriesWithoutBackoff: "powersync-js pull request 31: failed uploads were repeated at once"
      case .serverSynchronousNormal:
        "Jepsen, NATS 2.12.1 and nats-server issue 7564: acknowledged before it was synced"
      case .acknowledgedBeforeCommit: "Jepsen, Elasticsearch 1.5.0: acknowledged documents lost in a crash"
      case .staleLeaseApplied: "Jepsen, etcd 3.4.3: a lock whose lease was over went on being used"
      case .appliedTwice: "librdkafka issue 4953: retries of one producer appended twice"
      case .versionOutsideLock:
        "Marten issue 4964, AxonFramework issue 4829: readers pass over a number whose transaction commits late"
      default: nil
      }
    }
  }

#endif

/// A situation that is brought about step by step, in a run in which nothing else goes wrong: what chance meets too
/// seldom to be relied on. Each is asked for by name; no seed draws one.
package enum SimDrill: String, Hashable, Sendable, CaseIterable {
  /// A phone that was locked and unlocked is locked again, and its app is killed before anybody unlocks it.
  case secondLock = "second-lock"
  /// Every phone is locked when the bell rings, and nobody helps.
  case bellInLock = "bell-in-lock"
  /// Somebody taps an answer on a paper that was handed in.
  case lateTap = "late-tap"
  /// Time is granted; then the phone boots where there is no network.
  case grantThenReboot = "grant-then-reboot"
  /// Answers are given in time without a network, and arrive after the bell.
  case offlineAtBell = "offline-at-bell"
  /// A phone that booted without a network cannot tell that the bell rang, and takes answers after it.
  case bootBeforeBell = "boot-before-bell"
  /// A phone's files are put back, and it writes on without a network: two histories of one journal.
  case partedHistories = "parted-histories"
  /// The same, and the bell rings before the phone has read the server's answers.
  case bellAtFork = "bell-at-fork"
  /// The same twice, and the server is put back behind the first successor before the second one reaches it.
  case restoredAtFork = "restored-at-fork"
  /// A copy of a phone's files goes on beside it for a while.
  case copiedPhone = "copied-phone"
  /// Answers that need two records become short again.
  case longAnswers = "long-answers"
  /// The server's wall clock goes ahead, and then back behind the truth.
  case clockBehind = "clock-behind"
  /// Commands that are refused share their batches with answers.
  case refusals
  /// A phone's disk is full to the last byte, the reserve included.
  case fullPhone = "full-phone"
  /// One sync of a phone's disk fails, and the power goes a little later.
  case failedSync = "failed-sync"
  /// Somebody on the way answers every request with a `Retry-After` of a day.
  case strangerSaysLater = "stranger-says-later"
  /// The server goes back behind hand-ins that it gave receipts for.
  case backupBehindSeals = "backup-behind-seals"

  /// How many questions it needs.
  package var questions: Int { self == .longAnswers ? 60 : 20 }
}

extension SimOptions {
  /// A drill: three candidates, and nothing that the drill does not bring about.
  package init(seed: UInt64, drill: SimDrill) {
    self.init(seed: seed)
    self.drill = drill
    isCalm = true
    candidates = 3
    questions = drill.questions
  }
}

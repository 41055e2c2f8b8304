#if PlantedBugs
  import Planted
#endif

/// The life of one attempt as its journal tells it: a pure state machine that the device asks before it saves
/// and the server asks before it applies.
///
///     notStarted ──start──▶ answering ──lock k──▶ locked(k)
///         │                   ▲   │  ◀──unlock k──    │
///         │                   │   └──seal──▶ sealed ◀─┘ (last lock, bell)
///         │            reopened(n)──────────────┘
///
/// Nothing is decided here by a clock: each entry comes with its ``TimeClass``.
public struct AttemptState: Hashable, Sendable {
  /// Where the attempt stands.
  public enum Phase: Hashable, Sendable {
    case notStarted
    case answering
    case locked(UInt32)
    case sealed(ordinal: UInt32)
  }

  public private(set) var started = false
  public private(set) var informationGiven = false
  public private(set) var sealOrdinal: UInt32 = 0
  public private(set) var isSealed = false
  public private(set) var closedSections: Set<String> = []
  public var ledger = LockLedger()

  public init() {}

  public var phase: Phase {
    if isSealed { return .sealed(ordinal: sealOrdinal) }
    if !started { return .notStarted }
    if let holding = ledger.holding { return .locked(holding) }
    return .answering
  }

  /// Decides whether an entry takes effect, and changes the state if it does.
  ///
  /// - Parameters:
  ///   - section: the section of the item that an answer names, where the paper is known.
  ///   - policy: of the exam.
  ///   - unlockIsValid: whether the proof of an unlock was found good.
  public mutating func admit(
    _ kind: EntryKind, time: TimeClass, policy: AttemptPolicy, section: String? = nil, unlockIsValid: Bool = true
  ) -> EntryVerdict {
    switch kind {
    case .open, .context, .visit, .grantSeen, .unknown:
      return .applied
    case .information:
      if isSealed { return .kept(.afterSeal) }
      informationGiven = true
      return .applied
    case .start:
      return admitStart(time: time, policy: policy)
    case .answer, .clear, .flag:
      return admitAnswer(time: time, section: section)
    case .sectionLeft(let section):
      if let reason = refusal(time: time) { return .kept(reason) }
      closedSections.insert(section)
      return .applied
    case .lock(let fact):
      if isSealed { return .kept(.afterSeal) }
      ledger.lock(fact.number)
      return .applied
    case .unlock(let fact):
      if isSealed { return .kept(.afterSeal) }
      guard unlockIsValid, ledger.unlock(fact.number) else { return .kept(.unlockInvalid) }
      return .applied
    case .seal:
      if isSealed { return .kept(.afterSeal) }
      isSealed = true
      sealOrdinal += 1
      return .applied
    case .reopened(let ordinal):
      guard isSealed, ordinal == sealOrdinal else { return .kept(.reopenInvalid) }
      isSealed = false
      return .applied
    }
  }

  /// Goes on from what the server says of the attempt's seals: the last one's ordinal, and whether it stands.
  public mutating func resume(sealOrdinal: UInt32, isSealed: Bool) {
    self.sealOrdinal = sealOrdinal
    self.isSealed = isSealed
  }

  /// Whether the next lock hands the paper in (S3-16).
  public func handsIn(policy: AttemptPolicy) -> Bool {
    policy.maximumLocks > 0 && ledger.count >= Int(policy.maximumLocks)
  }

  private mutating func admitStart(time: TimeClass, policy: AttemptPolicy) -> EntryVerdict {
    if isSealed { return .kept(.afterSeal) }
    if let reason = lateness(time) { return .kept(reason) }
    if !policy.informationFields.isEmpty && !informationGiven { return .kept(.informationMissing) }
    started = true
    return .applied
  }

  private func admitAnswer(time: TimeClass, section: String?) -> EntryVerdict {
    if let reason = refusal(time: time) { return .kept(reason) }
    if let section, closedSections.contains(section) { return .kept(.sectionClosed) }
    return .applied
  }

  private func refusal(time: TimeClass) -> KeptReason? {
    #if PlantedBugs
      if planted(.sealRace), isSealed { return nil }
    #endif
    return switch phase {
    case .notStarted: .notStarted
    case .locked: .whileLocked
    case .sealed: .afterSeal
    case .answering: lateness(time)
    }
  }

  private func lateness(_ time: TimeClass) -> KeptReason? {
    switch time {
    case .inTime: nil
    case .late: .afterDeadline
    case .undecided: .timeUndecided
    }
  }
}

/// What became of a well-formed entry. It is never refused.
public enum EntryVerdict: Hashable, Sendable {
  case applied
  /// Kept and shown to candidate and proctor, but without effect.
  case kept(KeptReason)
}

/// Why an entry was kept but not applied. The numbers are those of the wire.
public enum KeptReason: Int, Hashable, Sendable, CaseIterable {
  case afterSeal = 1
  case afterDeadline = 2
  case timeUndecided = 3
  case staleLease = 4
  case whileLocked = 5
  case notStarted = 6
  case sectionClosed = 7
  case superseded = 8
  case unreadable = 9
  case unlockInvalid = 10
  case reopenInvalid = 11
  case informationMissing = 12
  case answerInvalid = 13
  case terminated = 14
  case sealInvalid = 15
  /// A reason of a later version, which this one does not know. Never written.
  case other = 255

  /// The name in documents, exports and problem details.
  public var name: String {
    switch self {
    case .afterSeal: "after-seal"
    case .afterDeadline: "after-deadline"
    case .timeUndecided: "time-undecided"
    case .staleLease: "stale-lease"
    case .whileLocked: "while-locked"
    case .notStarted: "not-started"
    case .sectionClosed: "section-closed"
    case .superseded: "superseded"
    case .unreadable: "unreadable"
    case .unlockInvalid: "unlock-invalid"
    case .reopenInvalid: "reopen-invalid"
    case .informationMissing: "information-missing"
    case .answerInvalid: "answer-invalid"
    case .terminated: "terminated"
    case .sealInvalid: "seal-invalid"
    case .other: "other"
    }
  }
}

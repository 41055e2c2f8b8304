public import ExamModel
public import SyncProtocol

/// How safe one answer is. Each level is what can be proved now, so that a lower acknowledgement takes it back.
public struct AnswerDurability: Hashable, Sendable {
  /// Committed on this device: always true of an answer that is listed.
  public var isSaved = true
  /// The server acknowledged the entry, with the chain head that this device has.
  public var isOnServer: Bool
  /// Part of the seal that stands.
  public var isSealed: Bool
  /// Part of a verified receipt for that seal, whose applied answers are the sealed ones.
  public var isReceipted: Bool
}

public struct AnswerStatus: Hashable, Sendable {
  public var item: String
  public var value: AnswerValue?
  public var isFlagged: Bool
  public var durability: AnswerDurability
}

/// How many answers have reached each level. An item that was only flagged, or cleared, is no answer.
public struct DurabilityCounts: Hashable, Sendable {
  public var saved = 0
  public var onServer = 0
  public var sealed = 0
  public var receipted = 0

  public init(saved: Int = 0, onServer: Int = 0, sealed: Int = 0, receipted: Int = 0) {
    self.saved = saved
    self.onServer = onServer
    self.sealed = sealed
    self.receipted = receipted
  }
}

/// Everything that a screen shows of an attempt.
public struct AttemptStatus: Hashable, Sendable {
  public var attempt: ID128
  public var phase: AttemptState.Phase
  /// By the bytes of the items' ids.
  public var answers: [AnswerStatus]
  public var counts: DurabilityCounts
  /// Entries that the server lacks.
  public var pendingEntries: UInt64
  /// Entries that only this device has, because the server has others in their place. Evidence; show it to a person.
  public var evidenceEntries: UInt64
  public var locks: LockLedger
  public var informationGiven: Bool
  public var closedSections: Set<String>
  public var seal: SealStatement?
  /// Of the seal that stands.
  public var receipt: ReceiptStatement?
  /// The journal that is written, its last entry, and how many journals of this device came before it.
  public var journal: ID128?
  public var sequence: UInt64
  public var forkCount: Int
  /// Bounds on server time at the start; `nil` before it, or without any contact.
  public var startedAt: TimeBounds?
  /// Boot and boot time of the start; `nil` where it happened on another device.
  public var startedBootID: ID128?
  public var startedBootMilliseconds: UInt64?
  /// Bounds on server time at the last entry, as this boot's samples allow.
  public var clock: JournalClock
  public var persistedClock: PersistedClock?
  /// When each item was visited, answered, cleared or flagged first, by this device's journals.
  public var firstMet: [String: DeviceInstant]
}

/// An attempt's status without its answers; each field means what it means in ``AttemptStatus``.
public struct AttemptOutline: Hashable, Sendable {
  public var phase: AttemptState.Phase
  public var informationGiven: Bool
  public var seal: SealStatement?
  public var receipt: ReceiptStatement?
  public var journal: ID128?
  public var sequence: UInt64
  public var startedAt: TimeBounds?
  public var startedBootID: ID128?
  public var startedBootMilliseconds: UInt64?
  public var clock: JournalClock
  public var persistedClock: PersistedClock?

  public init(
    phase: AttemptState.Phase, informationGiven: Bool, seal: SealStatement?, receipt: ReceiptStatement?,
    journal: ID128?, sequence: UInt64, startedAt: TimeBounds?, startedBootID: ID128?,
    startedBootMilliseconds: UInt64?, clock: JournalClock, persistedClock: PersistedClock?
  ) {
    self.phase = phase
    self.informationGiven = informationGiven
    self.seal = seal
    self.receipt = receipt
    self.journal = journal
    self.sequence = sequence
    self.startedAt = startedAt
    self.startedBootID = startedBootID
    self.startedBootMilliseconds = startedBootMilliseconds
    self.clock = clock
    self.persistedClock = persistedClock
  }
}

extension ExamStore {
  /// Where an attempt is in its life, without counting anything.
  public func phase(of attempt: ID128) throws(ExamStoreError) -> AttemptState.Phase {
    try memory(of: attempt).fold.state.phase
  }

  /// Where an attempt stands; nothing in it is guessed.
  public func status(of attempt: ID128) throws(ExamStoreError) -> AttemptStatus {
    let memory = try memory(of: attempt)
    let fold = memory.fold
    let receipt = memory.currentReceipt
    let held = HeldSequences(memory.journals)
    let isSealed = fold.state.isSealed
    let isReceipted = isSealed && Self.holdsAll(receipt, fold.seal)
    var counts = DurabilityCounts()
    var answers: [AnswerStatus] = []
    for (item, answer) in fold.answers where answer.value != nil || answer.isFlagged {
      let status = AnswerStatus(
        item: item, value: answer.value, isFlagged: answer.isFlagged,
        durability: AnswerDurability(
          isOnServer: held.covers(answer), isSealed: isSealed, isReceipted: isReceipted))
      answers.append(status)
      guard answer.value != nil else { continue }
      counts.saved += 1
      counts.onServer += status.durability.isOnServer ? 1 : 0
      counts.sealed += status.durability.isSealed ? 1 : 0
      counts.receipted += status.durability.isReceipted ? 1 : 0
    }
    answers = answers.map { (bytes: Array($0.item.utf8), status: $0) }
      .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }.map(\.status)
    let live = memory.liveIndex.map { memory.journals[$0] }
    return AttemptStatus(
      attempt: attempt, phase: fold.state.phase, answers: answers, counts: counts,
      pendingEntries: memory.journals.reduce(0) { $0 + $1.pendingCount },
      evidenceEntries: memory.journals.reduce(0) { $0 + ($1.isReplaced ? $1.end : 0) }, locks: fold.state.ledger,
      informationGiven: fold.state.informationGiven, closedSections: fold.state.closedSections,
      seal: fold.state.isSealed ? fold.seal?.statement : nil, receipt: receipt?.statement, journal: live?.id,
      sequence: live?.last ?? 0, forkCount: max(0, memory.journals.count - 1), startedAt: fold.startedAt,
      startedBootID: fold.startedAtInstant?.bootID, startedBootMilliseconds: fold.startedAtInstant?.bootMilliseconds,
      clock: live?.clock ?? JournalClock(),
      persistedClock: memory.journals.last { $0.persisted != nil }?.persisted, firstMet: fold.firstMet)
  }

  /// Where an attempt stands, without its answers: what the clocks and the bell ask with every response.
  public func outline(of attempt: ID128) throws(ExamStoreError) -> AttemptOutline {
    let memory = try memory(of: attempt)
    let live = memory.liveIndex.map { memory.journals[$0] }
    let state = memory.fold.state
    return AttemptOutline(
      phase: state.phase, informationGiven: state.informationGiven,
      seal: state.isSealed ? memory.fold.seal?.statement : nil, receipt: memory.currentReceipt?.statement,
      journal: live?.id, sequence: live?.last ?? 0, startedAt: memory.fold.startedAt,
      startedBootID: memory.fold.startedAtInstant?.bootID,
      startedBootMilliseconds: memory.fold.startedAtInstant?.bootMilliseconds, clock: live?.clock ?? JournalClock(),
      persistedClock: memory.journals.last { $0.persisted != nil }?.persisted)
  }

  private static func holdsAll(_ receipt: StoredReceipt?, _ seal: SealMark?) -> Bool {
    guard let statement = receipt?.statement else { return false }
    return statement.applied == statement.answers && statement.answers == seal?.statement.answers
  }
}

/// Up to where the server is known to hold each journal.
private struct HeldSequences {
  private var journals: [(number: Int64, sequence: UInt64)]

  init(_ journals: [JournalState]) {
    self.journals = journals.map { ($0.number, $0.heldSequence) }
  }

  func covers(_ answer: CurrentAnswer) -> Bool {
    answer.journal == 0 || journals.contains { $0.number == answer.journal && $0.sequence >= answer.sequence }
  }
}

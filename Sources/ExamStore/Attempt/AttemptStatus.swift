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
    var counts = DurabilityCounts()
    var answers: [AnswerStatus] = []
    for (item, answer) in fold.answers where answer.value != nil || answer.isFlagged {
      let status = AnswerStatus(
        item: item, value: answer.value, isFlagged: answer.isFlagged,
        durability: durability(of: answer, memory: memory, receipt: receipt))
      answers.append(status)
      guard answer.value != nil else { continue }
      counts.saved += 1
      counts.onServer += status.durability.isOnServer ? 1 : 0
      counts.sealed += status.durability.isSealed ? 1 : 0
      counts.receipted += status.durability.isReceipted ? 1 : 0
    }
    answers.sort { $0.item.utf8.lexicographicallyPrecedes($1.item.utf8) }
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

  private func durability(
    of answer: CurrentAnswer, memory: AttemptMemory, receipt: StoredReceipt?
  ) -> AnswerDurability {
    let isSealed = memory.fold.state.isSealed
    let holdsAll =
      receipt.map { stored in
        stored.statement.applied == stored.statement.answers
          && stored.statement.answers == memory.fold.seal?.statement.answers
      } ?? false
    let isOnServer =
      answer.journal == 0
      || memory.journals.contains {
        $0.number == answer.journal && $0.heldSequence >= answer.sequence
      }
    return AnswerDurability(isOnServer: isOnServer, isSealed: isSealed, isReceipted: isSealed && holdsAll)
  }
}

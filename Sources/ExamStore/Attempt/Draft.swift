import ExamModel
import SQLite
import SyncProtocol
import SyncWire

#if PlantedBugs
  import Planted
#endif

/// Entries that are about to be appended to one journal in one transaction. Nothing of it is true before the commit.
struct Draft {
  /// The journal after the entries so far.
  private(set) var journal: JournalState
  private(set) var entries: [Prepared] = []
  /// The attempt's state after the entries so far.
  private(set) var state: AttemptState
  let moment: SaveMoment

  struct Prepared {
    var entry: Entry
    var body: [UInt8]
    /// The journal after this entry.
    var after: JournalState
    /// It takes effect here. What is journalled once more for the server alone does not.
    let standsHere: Bool
  }

  init(journal: JournalState, state: AttemptState, moment: SaveMoment) {
    self.journal = journal
    self.state = state
    self.moment = moment
    if let remaining = moment.remainingMilliseconds {
      self.journal.persisted = PersistedClock(instant: moment.instant, remainingMilliseconds: remaining)
    }
  }

  /// Appends an entry; the caller asked ``AttemptState`` before, where that has a say.
  mutating func append(_ kind: EntryKind) throws(ExamStoreError) {
    let instant = moment.instant
    switch kind {
    case .open, .context: break
    default: try tellBoot()
    }
    let entry = journal.entry(kind, at: instant)
    try append(entry, body: entry.wire)
  }

  /// Boot times of two boots have no difference: a new boot is told first.
  mutating func tellBoot() throws(ExamStoreError) {
    let instant = moment.instant
    guard journal.clock.bootID != instant.bootID else { return }
    try append(
      .context(
        ClockContext(
          bootID: instant.bootID, bootMilliseconds: instant.bootMilliseconds,
          wallMilliseconds: instant.wallMilliseconds)))
  }

  /// Appends values that are said once more.
  mutating func append(_ values: SaidValues) throws(ExamStoreError) {
    for (item, value) in values { try append(value.map { .answer(item: item, value: $0) } ?? .clear(item: item)) }
  }

  /// Appends an *open* entry and writes under its lease from there on.
  mutating func renew(lease: UInt32, opening: Opening) throws(ExamStoreError) {
    journal.lease = lease
    try append(.open(opening))
  }

  /// Appends an entry as it is, such as one that is carried over.
  mutating func append(_ entry: Entry, body: [UInt8]) throws(ExamStoreError) {
    guard body.count <= Limits.entryBytes else { throw .entryTooLarge(body.count, limit: Limits.entryBytes) }
    state.skipLostSeals(before: entry.kind)
    let verdict = state.admit(entry.kind, time: .inTime, policy: AttemptPolicy())
    journal.advance(entry, body: body)
    entries.append(Prepared(entry: entry, body: body, after: journal, standsHere: verdict.standsHere))
  }
}

extension ExamStore {
  func liveDraft(_ memory: AttemptMemory, at moment: SaveMoment) throws(ExamStoreError) -> Draft {
    try requireWritable()
    guard let index = memory.liveIndex else { throw .notJoined(memory.attempt) }
    return Draft(journal: memory.journals[index], state: memory.fold.state, moment: moment)
  }

  /// Commits a draft of the attempt's live journal, and only then lets the memory follow.
  ///
  /// - Parameter also: what else belongs into the same transaction.
  func commit(
    _ draft: Draft, to memory: AttemptMemory,
    also: () throws(SQLiteError) -> Void = { () throws(SQLiteError) in }
  ) throws(ExamStoreError) -> Saved {
    let journals = try journals()
    let tables = tables
    #if PlantedBugs
      if let saved = try commitWithPlantedBug(draft, to: memory, journals: journals) { return saved }
    #endif
    try transact { () throws(SQLiteError) in
      for prepared in draft.entries {
        try journals.append(
          prepared.body, sequence: prepared.after.last, head: prepared.after.head, to: prepared.after.number)
        if prepared.standsHere,
          let row = memory.fold.row(
            after: prepared.entry.kind, journal: prepared.after.number, sequence: prepared.after.last)
        {
          try tables.upsert(row.answer, item: row.item, attempt: memory.attempt)
        }
      }
      try journals.updateHead(of: draft.journal)
      try also()
    }
    follow(draft, in: memory)
    return Saved(
      journal: draft.journal.id, sequence: draft.journal.last, answerCount: memory.fold.answerCount)
  }

  /// After a commit: the memory is what the file is.
  func follow(_ draft: Draft, in memory: AttemptMemory) {
    for prepared in draft.entries { memory.fold.apply(prepared.entry, in: prepared.after) }
    if let index = memory.journals.firstIndex(where: { $0.number == draft.journal.number }) {
      memory.journals[index] = draft.journal
    }
  }

  /// What a repetition that changes nothing is answered with.
  func unchanged(_ memory: AttemptMemory) throws(ExamStoreError) -> Saved {
    guard let index = memory.liveIndex else { throw .notJoined(memory.attempt) }
    let journal = memory.journals[index]
    return Saved(journal: journal.id, sequence: journal.last, answerCount: memory.fold.answerCount)
  }

  /// One entry that the state machine has a say in: refused here is what the server would keep without effect.
  func save(
    _ kind: EntryKind, section: String? = nil, to attempt: ID128, at moment: SaveMoment
  ) throws(ExamStoreError) -> Saved {
    try save([kind], section: section, to: attempt, at: moment)
  }

  /// Entries that stand or fall together, in one transaction.
  func save(
    _ kinds: [EntryKind], section: String?, to attempt: ID128, at moment: SaveMoment
  ) throws(ExamStoreError) -> Saved {
    let memory = try memory(of: attempt)
    var draft = try liveDraft(memory, at: moment)
    // Undecided refuses nothing: see SaveMoment.
    let time: TimeClass = moment.time == .late ? .late : .inTime
    for kind in kinds {
      var state = draft.state
      let verdict = state.admit(kind, time: time, policy: policy(of: attempt), section: section)
      if case .kept(let reason) = verdict { throw refusal(reason, of: memory) }
      try draft.append(kind)
    }
    return try commit(draft, to: memory)
  }

  func refusal(_ reason: KeptReason, of memory: AttemptMemory) -> ExamStoreError {
    switch reason {
    case .whileLocked: .locked(lock: memory.fold.state.ledger.holding ?? 0)
    case .notStarted: .notStarted
    case .afterDeadline, .timeUndecided: .timeUp
    case .sectionClosed: .sectionClosed
    case .informationMissing:
      ExamStoreError(.informationMissing, "The information form is not filled in yet. Fill it in, then press Start.")
    case .unlockInvalid:
      ExamStoreError(.notLocked, "The exam is not locked by this lock. Nothing has to be unlocked.")
    case .reopenInvalid:
      ExamStoreError(.reopenInvalid, "This reopening is for another hand-in than the last one. Ask the proctor.")
    default: .sealed
    }
  }

  /// The exam's policy as far as it is known; the defaults until its record has arrived.
  func policy(of attempt: ID128) -> AttemptPolicy {
    (try? terms(attempt))?.exam?.policy ?? AttemptPolicy()
  }
}

#if PlantedBugs
  extension ExamStore {
    /// Ways to save that lose something; `nil` where none of them is on.
    private func commitWithPlantedBug(
      _ draft: Draft, to memory: AttemptMemory, journals: JournalTable
    ) throws(ExamStoreError) -> Saved? {
      let tables = tables
      let saved = { [weak self] () -> Saved in
        self?.follow(draft, in: memory)
        return Saved(journal: draft.journal.id, sequence: draft.journal.last, answerCount: memory.fold.answerCount)
      }
      func entries() throws(SQLiteError) {
        for prepared in draft.entries {
          try journals.append(
            prepared.body, sequence: prepared.after.last, head: prepared.after.head, to: prepared.after.number)
        }
      }
      func rows() throws(SQLiteError) {
        for prepared in draft.entries {
          guard
            let row = memory.fold.row(
              after: prepared.entry.kind, journal: prepared.after.number, sequence: prepared.after.last)
          else { continue }
          try tables.upsert(row.answer, item: row.item, attempt: memory.attempt)
        }
      }
      switch PlantedBug.active {
      case .deviceCommitErrorIgnored, .memoryFollowsFailedCommit:
        do throws(ExamStoreError) {
          try transact { () throws(SQLiteError) in
            try entries()
            try rows()
            try journals.updateHead(of: draft.journal)
          }
        } catch {
          if planted(.deviceCommitErrorIgnored) { return saved() }
          follow(draft, in: memory)
          throw error
        }
        return saved()
      case .answerRowOutsideTransaction:
        try transact { () throws(SQLiteError) in
          try entries()
          try journals.updateHead(of: draft.journal)
        }
        try transact { () throws(SQLiteError) in try rows() }
        return saved()
      case .headInSecondTransaction:
        try transact { () throws(SQLiteError) in
          try entries()
          try rows()
        }
        try transact { () throws(SQLiteError) in try journals.updateHead(of: draft.journal) }
        return saved()
      case .clearNotJournalled:
        guard draft.entries.count == 1, case .clear = draft.entries[0].entry.kind else { return nil }
        try transact { () throws(SQLiteError) in try rows() }
        memory.fold.apply(draft.entries[0].entry, in: draft.entries[0].after)
        return try unchanged(memory)
      default:
        return nil
      }
    }
  }
#endif

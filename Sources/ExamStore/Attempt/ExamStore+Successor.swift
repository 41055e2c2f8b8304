public import ExamModel
import SQLite
import SyncProtocol
import SyncWire

#if PlantedBugs
  import Planted
#endif

extension ExamStore {
  /// Leaves a journal at the last entry that it has in common with the server, and goes on in a successor.
  ///
  /// The successor's opening entry names the predecessor and carries the clock of the fork; the entries above the fork
  /// follow with the bytes that they had, so that each keeps its time. A seal among them is made anew, because it was
  /// signed over a chain that nobody goes on with. All of it is one transaction. The predecessor stays, and takes
  /// nothing more.
  ///
  /// - Parameter sequence: the last common entry; 0 if there is none.
  /// - Throws: `.badArgument` for a sequence that the journal does not have, or if it was left already.
  @discardableResult
  public func openSuccessor(
    of journal: ID128, at sequence: UInt64, moment: SaveMoment
  ) throws(ExamStoreError) -> JournalStatus {
    let (memory, index) = try locate(journal)
    let old = memory.journals[index]
    guard sequence <= old.last else {
      throw .badArgument("Journal \(journal) has \(old.last) entries and cannot be left at \(sequence).")
    }
    var carried = try journals().entryList(of: old.number, from: sequence + 1)
    #if PlantedBugs
      if planted(.successorCarriesNothing) { carried = [] }
    #endif
    return try openSuccessor(of: journal, at: sequence, carrying: carried, moment: moment)
  }

  @discardableResult
  func openSuccessor(
    of journal: ID128, at sequence: UInt64, carrying carried: [StoredEntry], moment: SaveMoment
  ) throws(ExamStoreError) -> JournalStatus {
    try requireWritable()
    let (memory, index) = try locate(journal)
    var old = memory.journals[index]
    guard old.isLive else { throw .badArgument("Journal \(journal) was left already. Sync its successor.") }
    guard memory.journals.count + (memory.base?.journals.count ?? 0) < Limits.journalsPerAttempt else {
      throw .badArgument("This attempt has \(Limits.journalsPerAttempt) journals. Hand the device to support.")
    }
    old.fork = sequence
    var states = memory.journals
    states[index] = old
    let builder = try carry(carried, of: old, states: states, memory: memory, moment: moment)
    let table = try journals()
    try transact { () throws(SQLiteError) in
      try table.updateStanding(of: old)
      try table.insert(builder.draft.journal)
      for prepared in builder.draft.entries {
        try table.append(
          prepared.body, sequence: prepared.after.last, head: prepared.after.head, to: prepared.after.number)
      }
      try tables.replaceAnswers(of: memory.attempt, by: builder.fold.answers)
    }
    memory.journals[index] = old
    memory.journals.append(builder.draft.journal)
    memory.fold = builder.fold
    return JournalStatus(builder.draft.journal)
  }

  private struct CarryOver {
    var draft: Draft
    var fold: AttemptFold

    /// Lets the fold follow what was appended since `count`.
    mutating func fold(from count: Int) {
      for prepared in draft.entries[count...] { fold.apply(prepared.entry, in: prepared.after) }
    }
  }

  private func carry(
    _ carried: [StoredEntry], of old: JournalState, states: [JournalState], memory: AttemptMemory, moment: SaveMoment
  ) throws(ExamStoreError) -> CarryOver {
    let table = try journals()
    guard let forkHead = try table.head(of: old, at: old.end) else {
      throw .badArgument("Journal \(old.id) has no entry \(old.end).")
    }
    var states = states
    let fold = try AttemptFold.total(base: memory.base, voids: memory.voids, journals: &states) {
      (journal) throws(ExamStoreError) in try table.entryList(of: journal.number)
    }
    let clock = try forkClock(of: old, table: table)
    var journal = JournalState(
      number: try nextJournalNumber(), id: .random(using: &randomness), subject: memory.attempt,
      deviceKey: old.deviceKey, lease: old.lease, openedWallMilliseconds: moment.instant.wallMilliseconds)
    journal.predecessor = JournalPosition(journal: old.id, sequence: old.end, head: forkHead)
    journal.persisted = old.persisted
    let forkInstant = clock.instant ?? moment.instant
    var result = CarryOver(draft: Draft(journal: journal, state: fold.state, moment: moment), fold: fold)
    try result.draft.append(.open(opening(of: journal, at: forkInstant, predecessor: journal.predecessor)))
    if let bounds = clock.bounds {
      try result.draft.append(
        .context(
          ClockContext(
            bootID: forkInstant.bootID, bootMilliseconds: forkInstant.bootMilliseconds,
            wallMilliseconds: forkInstant.wallMilliseconds, server: bounds)))
    }
    result.fold(from: 0)
    for entry in carried { try carry(entry, into: &result, others: states, memory: memory) }
    return result
  }

  private func carry(
    _ stored: StoredEntry, into result: inout CarryOver, others: [JournalState], memory: AttemptMemory
  ) throws(ExamStoreError) {
    let count = result.draft.entries.count
    if case .seal(let signed) = stored.entry.kind {
      guard let statement = try? SealStatement(wire: signed.statement), !result.fold.state.wasReopened(signed) else {
        return
      }
      let own = result.draft.journal
      let anew = try sealStatement(
        of: memory, ordinal: statement.ordinal, cause: statement.cause, sheet: result.fold.sheet, others: others,
        in: own)
      var entry = stored.entry
      entry.kind = .seal(try self.signed(anew, in: own))
      try result.draft.append(entry, body: entry.wire)
    } else {
      try result.draft.append(stored.entry, body: stored.body)
    }
    result.fold(from: count)
  }

  /// The clocks as they stood at the fork.
  private func forkClock(
    of old: JournalState, table: JournalTable
  ) throws(ExamStoreError) -> (instant: DeviceInstant?, bounds: TimeBounds?) {
    var state = old
    state.clock = JournalClock()
    state.wallOffsetMilliseconds = nil
    try table.entries(of: old.number, through: old.end) { (stored) throws(ExamStoreError) in
      state.follow(stored.entry)
    }
    guard let bootID = state.clock.bootID, let offset = state.wallOffsetMilliseconds else { return (nil, nil) }
    let boot = state.clock.bootMilliseconds
    let instant = DeviceInstant(
      bootID: bootID, bootMilliseconds: boot, wallMilliseconds: Int64(clamping: boot) &+ offset)
    return (instant, state.clock.bounds)
  }
}

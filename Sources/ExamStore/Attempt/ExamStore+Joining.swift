public import ExamModel
import SQLite
public import SyncProtocol

extension ExamStore {
  /// The attempts that were joined on this device.
  public var joinedAttempts: [ID128] { memories.filter { !$0.value.journals.isEmpty }.keys.sorted() }

  /// Makes the attempt's journal on this device, once: a repetition gives the journal that is there (S3-27, S3-31).
  ///
  /// Where the server already knows answers of the attempt (a reinstalled app, another device) and they are in the
  /// candidate's scope, the attempt goes on from them, and the journal names the last one before it.
  ///
  /// - Throws: `.notAssigned` if the candidate's scope has no such attempt, or it was voided; `.alreadySubmitted` if it
  ///   has a receipt and was not reopened (S3-33); `.noIdentity`.
  public func join(_ attempt: ID128, at moment: SaveMoment) throws(ExamStoreError) -> Saved {
    guard let device else { throw .noIdentity }
    if let memory = memories[attempt], memory.liveIndex != nil { return try unchanged(memory) }
    let terms = try terms(attempt)
    try refuseIfSubmitted(attempt, terms)
    guard !terms.attempt.isVoided else { throw .notAssigned(attempt) }
    let base = try serverAnswers(of: attempt)
    var journal = JournalState(
      number: try nextJournalNumber(), id: .random(using: &randomness), subject: attempt,
      deviceKey: device.signingKey.id, lease: terms.attempt.lease,
      openedWallMilliseconds: moment.instant.wallMilliseconds)
    journal.predecessor = base?.journals.last
    var draft = Draft(journal: journal, state: AttemptState(), moment: moment)
    try draft.append(.open(opening(of: journal, at: moment.instant, predecessor: journal.predecessor)))
    let fold = AttemptFold(base: base, voids: terms.voids)
    let memory = AttemptMemory(attempt: attempt, base: base, journals: [], fold: fold, voids: terms.voids)
    try commitNew(draft, base: base, to: memory)
    memory.lockTries = memories[attempt]?.lockTries ?? [:]
    memories[attempt] = memory
    return try unchanged(memory)
  }

  /// A paper that was handed in, here before its entries were discarded or on another device, is not begun anew.
  private func refuseIfSubmitted(_ attempt: ID128, _ terms: AttemptTerms) throws(ExamStoreError) {
    var ordinals = Set(memories[attempt]?.receipts.map(\.statement.ordinal) ?? [])
    if let candidate = device?.grant?.candidate {
      for record in try records(ScopeCollection.receipt, in: candidate, keyPrefix: "\(attempt.hex)/") {
        if let ordinal = record.key.split(separator: "/").last.flatMap({ UInt32($0) }) { ordinals.insert(ordinal) }
      }
    }
    if let last = ordinals.max(), !terms.reopens.contains(last) { throw .alreadySubmitted }
  }

  /// Goes on from what the server says of the attempt, after a fork: its answers, under what this device journals above
  /// the places that the record names.
  ///
  /// - Throws: `.diverged` if the record names a head of a journal of this device that this device does not have;
  ///   `.sealed` after the seal.
  public func adopt(_ record: AnswersRecord, at moment: SaveMoment) throws(ExamStoreError) {
    let memory = try memory(of: record.attempt)
    if memory.fold.state.isSealed { throw .sealed }
    try goOn(from: record, memory)
  }

  /// The time runs from the first start that the server told of: a restore takes a start, and does not give its time
  /// again.
  func goOn(from record: AnswersRecord, _ memory: AttemptMemory) throws(ExamStoreError) {
    var record = record
    if let first = memory.base?.startedAt { record.startedAt = min(first, record.startedAt ?? first) }
    let journals = try journals()
    for position in record.journals {
      guard let own = memory.journals.first(where: { $0.id == position.journal }) else { continue }
      // Above the fork of a journal that was left, the server may have followed another copy of this store.
      if let fork = own.fork, position.sequence >= fork { continue }
      guard try journals.head(of: own, at: position.sequence) == position.head else {
        throw ExamStoreError(
          .diverged, "The server follows another copy of this device's journal. Open a successor first.")
      }
    }
    var states = memory.journals
    let fold = try AttemptFold.total(base: record, voids: memory.voids, journals: &states) {
      (journal) throws(ExamStoreError) in try journals.entryList(of: journal.number)
    }
    try transact { () throws(SQLiteError) in
      try tables.updateBase(record, of: record.attempt)
      try tables.replaceAnswers(of: record.attempt, by: fold.answers)
    }
    memory.base = record
    memory.fold = fold
  }

  /// Writes under the attempt's current lease, if that is this device's: an *open* entry that names it.
  ///
  /// - Returns: `nil` where the lease is another device's, or the one that is written under already.
  public func renewLease(of attempt: ID128, at moment: SaveMoment) throws(ExamStoreError) -> Saved? {
    let memory = try memory(of: attempt)
    let record = try terms(attempt).attempt
    var draft = try liveDraft(memory, at: moment)
    guard record.lease != draft.journal.lease, leaseIsOwn(record) else { return nil }
    try draft.renew(lease: record.lease, opening: opening(of: draft.journal, at: moment.instant, lease: record.lease))
    let journals = try journals()
    return try commit(draft, to: memory) { () throws(SQLiteError) in
      try journals.updateStanding(of: draft.journal)
    }
  }

  /// Sixteen fresh bytes in each live journal at each opening of the store, so that two copies fork at once.
  func appendOpenings(at instant: DeviceInstant) throws(ExamStoreError) {
    var drafts: [(AttemptMemory, Draft)] = []
    for attempt in memories.keys.sorted() {
      guard let memory = memories[attempt], let index = memory.liveIndex, memory.currentReceipt == nil else { continue }
      var draft = Draft(
        journal: memory.journals[index], state: memory.fold.state, moment: SaveMoment(instant))
      let record = (try? terms(attempt))?.attempt
      let lease = record.flatMap { leaseIsOwn($0) ? $0.lease : nil } ?? draft.journal.lease
      try draft.renew(lease: lease, opening: opening(of: draft.journal, at: instant, lease: lease))
      drafts.append((memory, draft))
    }
    guard !drafts.isEmpty else { return }
    let journals = try journals()
    try transact { () throws(SQLiteError) in
      for (_, draft) in drafts {
        for prepared in draft.entries {
          try journals.append(
            prepared.body, sequence: prepared.after.last, head: prepared.after.head, to: prepared.after.number)
        }
        try journals.updateHead(of: draft.journal)
        try journals.updateStanding(of: draft.journal)
      }
    }
    for (memory, draft) in drafts { follow(draft, in: memory) }
  }

  func opening(
    of journal: JournalState, at instant: DeviceInstant, predecessor: JournalPosition? = nil, lease: UInt32? = nil
  ) -> Opening {
    Opening(
      nonce: .random(using: &randomness), bootID: instant.bootID, bootMilliseconds: instant.bootMilliseconds,
      wallMilliseconds: instant.wallMilliseconds, leaseOrdinal: lease ?? journal.lease, predecessor: predecessor,
      appVersion: setup.appVersion)
  }

  func nextJournalNumber() throws(ExamStoreError) -> Int64 {
    1 + (memories.values.flatMap(\.journals).map(\.number).max() ?? 0)
  }

  func leaseIsOwn(_ record: AttemptRecord) -> Bool {
    record.leaseDevice == nil || record.leaseDevice == device?.signingKey.id
  }

  /// Commits the first entries of a new journal with everything that makes it one.
  func commitNew(_ draft: Draft, base: AnswersRecord?, to memory: AttemptMemory) throws(ExamStoreError) {
    let table = try journals()
    try transact { () throws(SQLiteError) in
      try tables.insertAttempt(memory.attempt)
      if let base { try tables.updateBase(base, of: memory.attempt) }
      for number in memory.voids { try tables.insertVoid(number, attempt: memory.attempt) }
      try table.insert(draft.journal)
      for prepared in draft.entries {
        try table.append(
          prepared.body, sequence: prepared.after.last, head: prepared.after.head, to: prepared.after.number)
      }
      try tables.replaceAnswers(of: memory.attempt, by: memory.fold.answers)
    }
    memory.journals.append(draft.journal)
    for prepared in draft.entries { memory.fold.apply(prepared.entry, in: prepared.after) }
  }
}

import ExamClient
import ExamModel
import ExamStore
import SyncCore
import SyncProtocol
import SyncWire

/// What the server's records bring about, as in `ExamClient+Records`.
extension SimPhone {
  func takeRecords(collections: Set<String>?) {
    guard let store else { return }
    let looked = recordRetry.begin(collections)
    func touches(_ names: String...) -> Bool { looked?.isDisjoint(with: names) != true }
    if touches(ScopeCollection.attempt) { step(.scopesChanged(wantedScopes())) }
    if let attempt {
      if touches(ScopeCollection.grant, ScopeCollection.exam) { taking { try takeGrants(store, attempt) } }
      if touches(ScopeCollection.unlock) { taking { try takeUnlocks(store, attempt) } }
      if touches(
        ScopeCollection.attempt, ScopeCollection.answers, ScopeCollection.disposition, ScopeCollection.unlock,
        ScopeCollection.reopen)
      {
        taking { try takeLease(store, attempt) }
      }
      if touches(ScopeCollection.reopen, ScopeCollection.grant) { taking { try takeReopens(store, attempt) } }
      if touches(ScopeCollection.receipt) { taking { try takeReceipts(store, attempt) } }
      if touches(ScopeCollection.disposition) { takeDispositions(store, attempt) }
    }
    if touches(ScopeCollection.attempt, ScopeCollection.exam, ScopeCollection.paper) { refreshDownloads() }
    updateBell()
    sealIfBellRang()
    armWake()
  }

  /// What finds no room on the disk is taken again.
  @discardableResult
  private func taking<Outcome>(_ body: () throws -> Outcome) -> Outcome? {
    do { return try body() } catch {
      recordRetry.note(error, atBoot: reading().bootMilliseconds)
      return nil
    }
  }

  private func takeGrants(_ store: ExamStore, _ attempt: ID128) throws {
    let terms = try store.terms(attempt)
    bell.grant(total: terms.grantedMilliseconds)
    updateBell()
    persistClock()
    for grant in terms.grants {
      let before = try store.outline(of: attempt).sequence
      let saved = try journalling { try store.storeGrantSeen(grant.number, in: attempt, at: moment()) }
      guard saved.sequence > before else { continue }
      noteSaved(saved, store)
      nudge()
    }
  }

  func takeLease(_ store: ExamStore, _ attempt: ID128) throws {
    let record = try store.terms(attempt).attempt
    if let holder = record.leaseDevice, holder != store.identity?.signingKey.id {
      isLeaseElsewhere = true
      return
    }
    isLeaseElsewhere = false
    if let renewed = try journalling({ try store.renewLease(of: attempt, at: moment()) }) {
      noteSaved(renewed, store)
      nudge()
    }
    try noteRepeated(store, attempt, taking { try store.takeOver(attempt, at: moment()) } ?? nil)
    guard !disk.isDead else { return }
    try noteRepeated(store, attempt, taking { try store.reopenAgain(attempt, at: moment()) } ?? nil)
  }

  private func noteRepeated(_ store: ExamStore, _ attempt: ID128, _ taken: TakeOver?) throws {
    // After a failed sync they may still be found when the store is opened again.
    if disk.isDead || store.storageFailure != nil { return noteInterruptedTakeOver(store, attempt) }
    guard let taken else { return }
    if taken.answers.isEmpty { noteSaved(taken.saved, store) }
    let heads = try store.heads(of: taken.saved.journal, at: taken.answers.map(\.sequence))
    for answer in taken.answers {
      guard let head = heads[answer.sequence] else { continue }
      note(
        .saved(
          journal: taken.saved.journal, sequence: answer.sequence, head: head, item: answer.item, value: answer.value))
    }
    nudge()
  }

  /// What this phone said last of each item, and what it shows, may stand in the journal once more now, and nobody was
  /// told. The two differ where it went on from a record that hid what it had said.
  private func noteInterruptedTakeOver(_ store: ExamStore, _ attempt: ID128) {
    world.note(node, .saveInterrupted(item: nil, value: nil))
    guard let sheet = try? store.answerSheet(of: attempt), let own = try? store.journalStatuses(of: attempt).map(\.id)
    else { return }
    var said: [String: [AnswerValue?]] = [:]
    for event in world.history.events where event.node == node {
      switch event.fact {
      case .saved(let journal, _, _, let item?, let value) where own.contains(journal): said[item] = [value]
      case .saveInterrupted(let item?, let value): said[item, default: []].append(value)
      default: break
      }
    }
    for (item, value) in sheet.sorted { said[item, default: []].append(value) }
    for (item, values) in said.sorted(by: { $0.key < $1.key }) {
      var noted: Set<AnswerValue?> = []
      for value in values where noted.insert(value).inserted {
        world.note(node, .saveInterrupted(item: item, value: value))
      }
    }
  }

  private func takeUnlocks(_ store: ExamStore, _ attempt: ID128) throws {
    for record in try store.waitingUnlocks(of: attempt) {
      let outcome = try journalling { try store.unlock(record, at: moment()) }
      noteSaved(outcome.saved, store)
      guard !disk.isDead else { return }
      if outcome.isEffective { note(.unlockedShown(number: outcome.number)) }
      nudge()
    }
  }

  private func takeReopens(_ store: ExamStore, _ attempt: ID128) throws {
    guard case .sealed(let ordinal) = try store.phase(of: attempt),
      try store.terms(attempt).reopens.contains(ordinal), !bell.hasRung(at: reading())
    else { return }
    let reopened = taking { try store.reopen(sealOrdinal: ordinal, of: attempt, at: moment()) }
    try noteRepeated(store, attempt, reopened)
    guard reopened != nil, !disk.isDead else { return }
    nudge()
    try takeLease(store, attempt)
  }

  func takeReceipts(_ store: ExamStore, _ attempt: ID128) throws {
    guard let candidate = store.identity?.grant?.candidate else { return }
    let known = Set(try store.receipts(of: attempt).map(\.wire))
    let records = try store.records(ScopeCollection.receipt, in: candidate, keyPrefix: "\(attempt.hex)/")
    for record in records where !known.contains(record.body) {
      let statement = try store.storeReceipt(record.body)
      note(.receiptRead(attempt: attempt, ordinal: statement.ordinal, wire: Hash.sha256(record.body)))
      let isReopened = try store.terms(attempt).reopens.contains(statement.ordinal)
      let own = Set(store.journalStatuses.map(\.id))
      if !isReopened, !isSealed(attempt), !own.contains(statement.journal) { isSuperseded = true }
    }
    if let status = try? store.outline(of: attempt), let receipt = status.receipt, receipt.ordinal != shownReceipt {
      shownReceipt = receipt.ordinal
      note(
        .receiptShown(
          attempt: attempt, ordinal: receipt.ordinal,
          isComplete: receipt.applied == receipt.answers && status.seal?.answers == receipt.answers))
    }
  }

  private func takeDispositions(_ store: ExamStore, _ attempt: ID128) {
    guard let candidate = store.identity?.grant?.candidate,
      let journal = try? store.outline(of: attempt).journal,
      let records = try? store.values(
        DispositionRecord.self, ScopeCollection.disposition, in: candidate, keyPrefix: "\(journal.hex)/")
    else { return }
    if records.values.contains(where: { $0.range.reason == .superseded }) { isSuperseded = true }
  }

  // MARK: - Facts

  /// Runs what journals something. Of what was under way when the process died, or when the disk failed to sync it,
  /// nobody knows whether the next opening finds it.
  func journalling<Outcome>(_ body: () throws -> Outcome) throws -> Outcome {
    let wasOver = disk.isDead || store?.storageFailure != nil
    do {
      return try body()
    } catch {
      if !wasOver, disk.isDead || store?.storageFailure != nil {
        world.note(node, .saveInterrupted(item: nil, value: nil))
      }
      throw error
    }
  }

  func noteSaved(_ saved: Saved, _ store: ExamStore, item: String? = nil, value: AnswerValue? = nil) {
    if disk.isDead { return world.note(node, .saveInterrupted(item: item, value: value)) }
    guard let status = try? store.journalStatus(saved.journal) else { return }
    note(.saved(journal: saved.journal, sequence: saved.sequence, head: status.head, item: item, value: value))
  }

  func noteSeal(_ outcome: SealOutcome, _ store: ExamStore) {
    noteSaved(outcome.saved, store)
    shownSeal = outcome.statement.ordinal
    note(
      .sealedShown(
        attempt: outcome.statement.attempt, ordinal: outcome.statement.ordinal, answers: outcome.statement.answers,
        answerCount: Int(outcome.statement.answerCount)))
  }
}

import ExamModel
import ExamStore
import SyncCore
import SyncProtocol
import SyncWire

/// What the server's records bring about on this device, as soon as they are here.
extension ExamClient {
  /// - Parameter collections: those that changed; `nil` to look at everything.
  func takeRecords(collections: Set<String>?) {
    guard let store else { return }
    let looked = recordRetry.begin(collections)
    func touches(_ names: String...) -> Bool { looked?.isDisjoint(with: names) != true }
    if touches(ScopeCollection.attempt) { step(.scopesChanged(wantedScopes())) }
    if let attempt {
      if touches(ScopeCollection.grant, ScopeCollection.exam) { takeGrants(store, attempt) }
      if touches(ScopeCollection.unlock) { takeUnlocks(store, attempt) }
      if touches(
        ScopeCollection.attempt, ScopeCollection.answers, ScopeCollection.disposition, ScopeCollection.unlock,
        ScopeCollection.reopen)
      {
        takeLease(store, attempt)
      }
      if touches(ScopeCollection.reopen, ScopeCollection.grant) { takeReopens(store, attempt) }
      if touches(ScopeCollection.receipt) { takeReceipts(store, attempt) }
      if touches(ScopeCollection.disposition) { takeDispositions(store, attempt) }
      if touches(ScopeCollection.announcement) { takeAnnouncements(store, attempt) }
      if collections?.contains(ScopeCollection.key) == true, let record = paperRecord(of: attempt),
        paperKey(of: attempt, record) != nil
      {
        emit(.keyReleased)
      }
    }
    if touches(ScopeCollection.attempt, ScopeCollection.exam, ScopeCollection.paper) { refreshDownloads() }
    updateBell()
    ringWhatIsDue()
    changed()
    armWake()
  }

  private func logFailure(_ what: String, _ error: any Error) {
    recordRetry.note(error, atBoot: reading().bootMilliseconds)
    logFault("\(what) was not stored; it is tried again", "\(error)")
  }

  /// More time: journalled once, so that the server knows that the candidate saw it.
  private func takeGrants(_ store: ExamStore, _ attempt: ID128) {
    do {
      let terms = try store.terms(attempt)
      bell.grant(total: terms.grantedMilliseconds)
      updateBell()
      persistClock()
      for grant in terms.grants {
        let before = try store.outline(of: attempt).sequence
        let saved = try store.storeGrantSeen(grant.number, in: attempt, at: moment())
        guard saved.sequence > before else { continue }
        emit(.timeGranted(milliseconds: grant.milliseconds))
        scheduleNudge(.journal(saved.journal))
      }
    } catch {
      logFailure("a grant of time", error)
    }
  }

  /// Goes on from all that was answered if the lease is this device's; with nothing to do it changes nothing.
  func takeLease(_ store: ExamStore, _ attempt: ID128) {
    do {
      let record = try store.terms(attempt).attempt
      if let holder = record.leaseDevice, holder != store.identity?.signingKey.id {
        isLeaseElsewhere = true
        return
      }
      isLeaseElsewhere = false
      if let saved = try store.renewLease(of: attempt, at: moment()) { scheduleNudge(.journal(saved.journal)) }
      let before = try store.phase(of: attempt)
      if let taken = try store.takeOver(attempt, at: moment()) { scheduleNudge(.journal(taken.saved.journal)) }
      // Another device went on after the reopening, and this one goes on from there.
      if case .sealed(let ordinal) = before, !store.isSealed(attempt) { emit(.reopened(ordinal: ordinal)) }
      if let again = try store.reopenAgain(attempt, at: moment()) { scheduleNudge(.journal(again.saved.journal)) }
    } catch {
      logFailure("the lease", error)
    }
  }

  private func takeUnlocks(_ store: ExamStore, _ attempt: ID128) {
    do {
      for record in try store.waitingUnlocks(of: attempt) {
        let outcome = try store.unlock(record, at: moment())
        if outcome.isEffective { emit(.unlocked(number: outcome.number)) }
        scheduleNudge(.journal(outcome.saved.journal))
      }
      sayReplacedAgain()
    } catch {
      logFailure("a server's unlock", error)
    }
  }

  /// Goes on after a reopening, but not before there is time to go on in: the bell would hand in again at once.
  private func takeReopens(_ store: ExamStore, _ attempt: ID128) {
    do {
      guard case .sealed(let ordinal) = try store.phase(of: attempt),
        try store.terms(attempt).reopens.contains(ordinal), !bell.hasRung(at: reading())
      else { return }
      let reopened = try store.reopen(sealOrdinal: ordinal, of: attempt, at: moment())
      emit(.reopened(ordinal: ordinal))
      scheduleNudge(.journal(reopened.saved.journal))
      // While it was handed in, nothing could be taken over.
      takeLease(store, attempt)
    } catch {
      logFailure("a reopening", error)
    }
  }

  func takeReceipts(_ store: ExamStore, _ attempt: ID128) {
    guard let candidate = store.identity?.grant?.candidate else { return }
    do {
      let known = Set(try store.receipts(of: attempt).map(\.wire))
      let records = try store.records(ScopeCollection.receipt, in: candidate, keyPrefix: "\(attempt.hex)/")
      for record in records where !known.contains(record.body) {
        let statement = try store.storeReceipt(record.body)
        emit(.receiptArrived(summary(of: statement)))
        // Handed in by another device while this one goes on: what is saved here does not count (S3-33), but after a
        // reopening of that seal it does.
        let isReopened = try store.terms(attempt).reopens.contains(statement.ordinal)
        if !isReopened, !store.isSealed(attempt), !ownJournals().contains(statement.journal) { isSuperseded = true }
      }
    } catch {
      logFailure("a receipt", error)
    }
  }

  /// What the server decided about entries of the journal that is written; it survives a restart in the scope.
  private func takeDispositions(_ store: ExamStore, _ attempt: ID128) {
    guard let candidate = store.identity?.grant?.candidate,
      let journal = try? store.outline(of: attempt).journal,
      let records = try? store.values(
        DispositionRecord.self, ScopeCollection.disposition, in: candidate, keyPrefix: "\(journal.hex)/")
    else { return }
    if records.values.contains(where: { $0.range.reason == .superseded }) { isSuperseded = true }
  }

  private func takeAnnouncements(_ store: ExamStore, _ attempt: ID128) {
    do {
      let exam = try store.terms(attempt).attempt.exam
      let seen =
        try store.setting(SettingName.announcements).flatMap { UInt64(String(decoding: $0, as: UTF8.self)) } ?? 0
      let texts = try store.values(AnnouncementRecord.self, ScopeCollection.announcement, in: exam)
        .compactMap { key, value in UInt64(key).map { (number: $0, text: value.text) } }
        .filter { $0.number > seen }.sorted { $0.number < $1.number }
      guard let last = texts.last else { return }
      for announcement in texts { emit(.announcement(text: announcement.text)) }
      try store.setSetting(SettingName.announcements, to: Array("\(last.number)".utf8))
    } catch {
      logFailure("announcements", error)
    }
  }

  func summary(of statement: ReceiptStatement) -> ReceiptSummary {
    ReceiptSummary(
      number: statement.number, attempt: statement.attempt, ordinal: statement.ordinal,
      serverTime: statement.serverTime, answerCount: Int(statement.answerCount),
      isFromThisDevice: ownJournals().contains(statement.journal),
      isComplete: statement.applied == statement.answers && !contradictsOwnSeal(statement))
  }

  /// Two devices handed in, and the other one's paper is the one that counts: the answers here are not in the receipt.
  private func contradictsOwnSeal(_ statement: ReceiptStatement) -> Bool {
    guard let seal = (try? store?.status(of: statement.attempt))?.seal, seal.ordinal == statement.ordinal else {
      return false
    }
    return seal.answers != statement.answers
  }
}

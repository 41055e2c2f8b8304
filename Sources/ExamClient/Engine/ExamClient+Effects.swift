import CurlTransport
import ExamModel
import ExamStore
import SyncCore
import SyncProtocol
import SyncWire

/// Executes what the sync core decides, and decides nothing.
extension ExamClient {
  /// Steps the core, and carries out the effects in order; what they bring about is stepped before anything else.
  func step(_ event: SyncEvent) {
    guard core != nil else { return }
    stepQueue.append(event)
    guard !isStepping else { return }
    isStepping = true
    defer { isStepping = false }
    while !stepQueue.isEmpty {
      let next = stepQueue.removeFirst()
      let effects = core?.step(next, at: Instant(bootMilliseconds: reading().bootMilliseconds)) ?? []
      for effect in effects { execute(effect) }
    }
  }

  private func execute(_ effect: SyncEffect) {
    switch effect {
    case .send(let plan): send(plan)
    case .cancel(let id): cancel(id)
    case .openSession(let id): openSession(id)
    case .wake(let instant):
      coreWakeAt = instant
      armWake()
    case .storeAcknowledgement(let journal, let acknowledgement): take(acknowledgement, of: journal)
    // What is saved meanwhile goes on in the same journal, and is carried over into the successor with the rest.
    case .suspendJournal, .resumeJournal: break
    case .compareHeads(let answer): compare(answer)
    case .openSuccessor(let journal, let sequence): openSuccessor(of: journal, at: sequence)
    case .serverAnswersFetched(let successor): adoptServerAnswers(successor)
    case .stage(let delta), .apply(let delta): take(delta)
    case .forgetCursor(let scope):
      stored(scope) { (store) throws(ExamStoreError) in _ = try store.requestReset(of: scope) }
    case .notice(let notice): take(notice)
    case .finished(let round, let succeeded): finish(round, succeeded: succeeded)
    }
  }

  /// Runs an effect on the store; a failure is told to the core, which tries again.
  private func stored(_ subject: ID128, _ body: (ExamStore) throws(ExamStoreError) -> Void) {
    guard let store else { return }
    do throws(ExamStoreError) { try body(store) } catch {
      logFault("the store refused a step of sync", "\(error)")
      stepQueue.append(.storeFailed(subject: subject))
    }
  }

  // MARK: - Journals

  private func take(_ acknowledgement: Acknowledgement, of journal: ID128) {
    stored(journal) { (store) throws(ExamStoreError) in
      let result = try store.storeAcknowledgement(acknowledgement, of: journal)
      let sequence = acknowledgement.sequence
      switch result.comparison {
      case .matched:
        let known = store.knownJournal(try store.journalStatus(journal))
        stepQueue.append(.acknowledged(journal: journal, .matched(sequence: sequence, priority: known.priority)))
      case .headDiffers: stepQueue.append(.acknowledged(journal: journal, .headDiffers(sequence: sequence)))
      case .beyondOwn: stepQueue.append(.acknowledged(journal: journal, .beyondOwn(sequence: sequence)))
      }
    }
    sayReplacedAgain()
    report(acknowledgement.kept, of: journal)
    changed()
  }

  /// Entries that the server keeps without effect reach the candidate with a person to turn to.
  private func report(_ kept: [KeptRange], of journal: ID128) {
    for range in kept {
      note(range.reason, of: journal)
      let count = Int(clamping: range.to - range.from + 1)
      emit(.notCounted(count: count, reason: range.reason.name, nextActor: .proctor))
    }
  }

  /// The server follows another device, or another copy of this one: in a journal that was left nobody goes on.
  private func note(_ reason: KeptReason, of journal: ID128) {
    if reason == .staleLease { isLeaseElsewhere = true }
    if reason == .superseded, (try? store?.journalStatus(journal))?.isLive == true { isSuperseded = true }
  }

  private func compare(_ answer: HeadAnswer) {
    stored(answer.journal) { (store) throws(ExamStoreError) in stepQueue.append(try store.headsCompared(answer)) }
  }

  private func openSuccessor(of journal: ID128, at sequence: UInt64) {
    stored(journal) { (store) throws(ExamStoreError) in
      let successor = try store.openSuccessor(of: journal, at: sequence, moment: moment())
      emit(.forked)
      stepQueue.append(
        .successorOpened(predecessor: journal, fork: sequence, successor: store.knownJournal(successor)))
      // A receipt for another entry in the place of the seal fits from here on.
      takeReceipts(store, successor.attempt)
    }
    changed()
  }

  private func adoptServerAnswers(_ successor: ID128) {
    stored(successor) { (store) throws(ExamStoreError) in try store.adoptServerAnswers(in: successor, at: moment()) }
    changed()
  }

  // MARK: - Scopes

  private func take(_ delta: Delta) {
    var collections: Set<String>?
    stored(delta.scope) { (store) throws(ExamStoreError) in
      let result: DeltaResult
      switch try store.store(delta) {
      case .staged(let cursor): result = .staged(upTo: cursor.staged)
      case .applied(let cursor, let changed):
        result = .applied(cursor.cursor)
        collections = changed
      case .dropped(let cursor): result = .dropped(stored: cursor)
      case .mismatched(let cursor): result = .digestMismatch(stored: cursor)
      }
      stepQueue.append(.deltaStored(scope: delta.scope, result))
    }
    if let collections { takeRecords(collections: collections) }
  }

  // MARK: - People

  private func take(_ notice: SyncNotice) {
    logNotice("sync", "\(notice)")
    switch notice {
    case .loginNeeded:
      if !isLoginNeeded { emit(.loginNeeded) }
      isLoginNeeded = true
    case .clientTooOld, .requestRefused, .journalUnknown, .successorLimitReached:
      if let trouble = core?.status().trouble { emit(.syncTroubled(SyncTrouble(trouble))) }
    case .serverWentBack, .forked, .digestMismatch: break
    }
    changed()
  }

  private func finish(_ round: ManualRound, succeeded: Bool) {
    for waiting in manualRounds where waiting.round == round { waiting.continuation.resume(returning: succeeded) }
    manualRounds.removeAll { $0.round == round }
  }

  // MARK: - What the core knows

  func wantedScopes() -> [ScopeCursor] { store?.wantedScopes(attempt: attempt) ?? [] }
}

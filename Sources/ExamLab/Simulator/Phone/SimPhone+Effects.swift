import ExamClient
import ExamModel
import ExamStore
import SyncCore
import SyncProtocol
import SyncWire

/// Executes what the sync core decides, as `ExamClient+Effects` does.
extension SimPhone {
  func step(_ event: SyncEvent) {
    guard core != nil else { return }
    stepQueue.append(event)
    guard !isStepping else { return }
    isStepping = true
    defer { isStepping = false }
    while !stepQueue.isEmpty {
      let next = stepQueue.removeFirst()
      let effects = core?.step(next, at: coreInstant) ?? []
      if let wrong = core?.invariantViolation() { world.wrong(.i24, node, "the core's own invariant: \(wrong)") }
      for effect in effects { execute(effect) }
    }
  }

  private func execute(_ effect: SyncEffect) {
    switch effect {
    case .send(let plan): send(plan)
    case .cancel(let id):
      if let flight = flights.removeValue(forKey: id) { world.network.cancel(flight.flight) }
    case .openSession(let id): openSession(id)
    case .wake(let instant):
      coreWakeAt = instant
      armWake()
    case .storeAcknowledgement(let journal, let acknowledgement): take(acknowledgement, of: journal)
    case .suspendJournal, .resumeJournal: break
    case .compareHeads(let answer): compare(answer)
    case .openSuccessor(let journal, let sequence): openSuccessor(of: journal, at: sequence)
    case .serverAnswersFetched(let successor): adoptServerAnswers(successor)
    case .stage(let delta), .apply(let delta): take(delta)
    case .forgetCursor(let scope):
      stored(scope) { _ = try $0.requestReset(of: scope) }
    case .notice(let notice): take(notice)
    case .finished(let round, _):
      guard round == .fetch else { break }
      let waiters = fetchWaiters
      fetchWaiters = []
      for waiter in waiters { after(0, waiter) }
    }
  }

  private func stored(_ subject: ID128, _ body: (ExamStore) throws -> Void) {
    guard let store else { return }
    do { try body(store) } catch { stepQueue.append(.storeFailed(subject: subject)) }
  }

  // MARK: - Journals

  private func take(_ acknowledgement: Acknowledgement, of journal: ID128) {
    stored(journal) { store in
      let result = try store.storeAcknowledgement(acknowledgement, of: journal)
      let sequence = acknowledgement.sequence
      note(.acknowledgementStored(journal: journal, sequence: sequence, head: acknowledgement.head))
      switch result.comparison {
      case .matched:
        isSyncStopped = false
        let known = store.knownJournal(try store.journalStatus(journal))
        stepQueue.append(.acknowledged(journal: journal, .matched(sequence: sequence, priority: known.priority)))
      case .headDiffers: stepQueue.append(.acknowledged(journal: journal, .headDiffers(sequence: sequence)))
      case .beyondOwn: stepQueue.append(.acknowledged(journal: journal, .beyondOwn(sequence: sequence)))
      }
    }
    for range in acknowledgement.kept {
      if range.reason == .staleLease { isLeaseElsewhere = true }
      if range.reason == .superseded, (try? store?.journalStatus(journal))?.isLive == true { isSuperseded = true }
    }
  }

  private func compare(_ answer: HeadAnswer) {
    stored(answer.journal) { store in stepQueue.append(try store.headsCompared(answer)) }
  }

  private func openSuccessor(of journal: ID128, at sequence: UInt64) {
    stored(journal) { store in
      let successor = try store.openSuccessor(of: journal, at: sequence, moment: moment())
      note(.successorOpened(predecessor: journal, fork: sequence, successor: successor.id))
      stepQueue.append(
        .successorOpened(predecessor: journal, fork: sequence, successor: store.knownJournal(successor)))
      try? takeReceipts(store, successor.attempt)
    }
  }

  private func adoptServerAnswers(_ successor: ID128) {
    stored(successor) { store in try store.adoptServerAnswers(in: successor, at: moment()) }
  }

  // MARK: - Scopes

  private func take(_ delta: Delta) {
    var collections: Set<String>?
    stored(delta.scope) { store in
      let result: DeltaResult
      switch try store.store(delta) {
      case .staged(let cursor): result = .staged(upTo: cursor.staged)
      case .applied(let cursor, let changed):
        result = .applied(cursor.cursor)
        collections = changed
        if delta.isReset { note(.scopeReset(scope: delta.scope)) }
        note(.scopeApplied(scope: delta.scope, epoch: cursor.cursor.epoch, version: cursor.cursor.version))
      case .dropped(let cursor): result = .dropped(stored: cursor)
      case .mismatched(let cursor): result = .digestMismatch(stored: cursor)
      }
      stepQueue.append(.deltaStored(scope: delta.scope, result))
    }
    if let collections { takeRecords(collections: collections) }
  }

  private func take(_ notice: SyncNotice) {
    switch notice {
    case .loginNeeded: isLoginNeeded = true
    case .successorLimitReached: isSyncStopped = true
    default: break
    }
  }

  // MARK: - What the core knows

  func isSealed(_ attempt: ID128) -> Bool { store?.isSealed(attempt) == true }

  func wantedScopes() -> [ScopeCursor] { store?.wantedScopes(attempt: attempt) ?? [] }

  func nudge() {
    guard !isNudgeScheduled else { return }
    isNudgeScheduled = true
    after(0) { [unowned self] in
      isNudgeScheduled = false
      guard let store, core != nil else { return }
      for journal in store.journalStatuses where journal.isLive { step(.journalChanged(store.knownJournal(journal))) }
      armWake()
    }
  }
}

import ExamModel
import SyncProtocol

/// What goes into a request.
extension SyncCore {
  mutating func send(_ role: RequestPlan.Role) {
    let id = nextRequestID()
    var plan = RequestPlan(
      id: id, role: role, pushes: [], scopes: [], waitMilliseconds: 0, headQueries: [],
      presentsReceipts: presentsReceipts, progressTimeoutMilliseconds: Limits.progressTimeoutMilliseconds,
      responseDeadlineMilliseconds: SyncTuning.responsePatienceMilliseconds)
    if role != .poll {
      plan.pushes = pushPlans(of: id)
      plan.headQueries = headQueries()
    }
    if role != .push { plan.scopes = scopeCursors(of: id) }
    if role == .poll, !wantsPollAtOnce, staleAnswers == 0 {
      plan.waitMilliseconds = options.waitMilliseconds
      plan.responseDeadlineMilliseconds += Int64(plan.waitMilliseconds)
    }
    if !isReachable { sometimes(.unreachableTried) }
    flights.append(Flight(plan: plan, sentAt: now, sessionGeneration: sessionGeneration))
    effects.append(.send(plan))
  }

  private mutating func pushPlans(of id: RequestID) -> [PushPlan] {
    var chosen = sendableJournals.filter { $0.phase == .following && $0.isReady(at: now) }
    let urgency: (JournalTrack) -> Int = { $0.known.priority.rawValue }
    if isIsolating {
      chosen.sort {
        ($0.refusals, urgency($0), $0.lastPushedBy, $0.id) < ($1.refusals, urgency($1), $1.lastPushedBy, $1.id)
      }
      if chosen.count > 1 { sometimes(.isolatedPush) }
      chosen = Array(chosen.prefix(1))
    } else {
      chosen.sort { (urgency($0), $0.lastPushedBy, $0.id) < (urgency($1), $1.lastPushedBy, $1.id) }
      // What only measures waits while a seal is on its way.
      if chosen.first?.known.priority == .seal { chosen.removeAll { $0.known.priority == .telemetry } }
      chosen = Array(chosen.prefix(Limits.pushesPerRequest))
    }
    // A successor names its predecessor, which the server should know by then.
    chosen = chosen.filter(\.known.isLeft) + chosen.filter { !$0.known.isLeft }
    for journal in chosen {
      if let index = journalIndex(journal.id) { journals[index].lastPushedBy = id.number }
    }
    let bytes = min(Limits.pushBytes, SyncTuning.pushedBytesPerRequest / max(chosen.count, 1))
    return chosen.map { journal in
      PushPlan(
        journal: journal.id, first: journal.nextSequence,
        maximumEntries: max(1, Limits.pushEntries >> pushHalvings), maximumBytes: max(1, bytes >> pushHalvings))
    }
  }

  private func headQueries() -> [HeadQuery] {
    let queries = sendableJournals.compactMap { journal -> HeadQuery? in
      guard case .searching(let bracket) = journal.phase, journal.isReady(at: now) else { return nil }
      return HeadQuery(journal: journal.id, sequences: journal.headSequences(bracket))
    }
    return Array(queries.prefix(Limits.headQueriesPerRequest))
  }

  private mutating func scopeCursors(of id: RequestID) -> [ScopeCursor] {
    var chosen = readableScopes
    if chosen.count > Limits.scopesPerRequest {
      chosen.sort { ($0.lastAskedBy, $0.id) < ($1.lastAskedBy, $1.id) }
      chosen = Array(chosen.prefix(Limits.scopesPerRequest))
    }
    for scope in chosen {
      if let index = scopeIndex(scope.id) { scopes[index].lastAskedBy = id.number }
    }
    return chosen.map(\.cursor)
  }
}

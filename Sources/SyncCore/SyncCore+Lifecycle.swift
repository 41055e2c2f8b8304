import ExamModel
import SyncProtocol

/// Start, stop, manual rounds, and what the device says of its network.
extension SyncCore {
  mutating func begin(_ start: SyncStart) {
    end()
    lifecycle = .running
    session = start.hasSession ? .open : .missing
    for known in start.journals { journalChanged(known) }
    scopesChanged(start.scopes)
    successors = start.recentSuccessors
    if start.asksWhatTheServerHas, journals.contains(where: \.wasAcknowledged) { askWhatTheServerHas() }
  }

  mutating func end() {
    for flight in flights { effects.append(.cancel(flight.plan.id)) }
    cancelSessionAttempt()
    finishManual(.send, succeeded: false)
    finishManual(.fetch, succeeded: false)
    flights = []
    lifecycle = .stopped
    session = .missing
    (sessionIsDoubtful, sessionWasForgotten) = (false, false)
    journals = []
    scopes = []
    awaitedAnswers = []
    (pushLane, pollLane, sessionLane) = (Lane(), Lane(), Lane())
    (pushHalvings, pushesSinceHalving, isIsolating) = (0, 0, false)
    presentsReceipts = false
    staleAnswers = 0
    (refusal, wasLoginNoticed) = (nil, false)
  }

  private mutating func cancelSessionAttempt() {
    if case .opening(let id, _, _) = session { effects.append(.cancel(id)) }
  }

  mutating func beginManualSend() {
    sendsManually = true
    guard lifecycle == .running else { return finishManual(.send, succeeded: false) }
    pushLane.callerInsists(at: now)
    sessionLane.callerInsists(at: now)
  }

  mutating func beginManualFetch() {
    fetchesManually = true
    guard lifecycle == .running else { return finishManual(.fetch, succeeded: false) }
    pollLane.callerInsists(at: now)
    sessionLane.callerInsists(at: now)
    for index in scopes.indices { scopes[index].isCurrent = false }
  }

  mutating func finishManual(_ round: ManualRound, succeeded: Bool) {
    switch round {
    case .send:
      guard sendsManually else { return }
      sendsManually = false
    case .fetch:
      guard fetchesManually else { return }
      fetchesManually = false
    }
    effects.append(.finished(round, succeeded: succeeded))
  }

  /// Ends manual rounds that have nothing left to do, or nothing that could be done now.
  mutating func finishManualRounds() {
    if sendsManually {
      let working = journals.filter { $0.hasWork || $0.owedSince != nil }
      if working.allSatisfy({ $0.heldUntil > now && $0.owedSince == nil }) {
        finishManual(.send, succeeded: working.isEmpty)
      }
    }
    if fetchesManually {
      let open = scopes.filter { !$0.isCurrent || $0.owedSince != nil }
      if open.allSatisfy({ $0.heldUntil > now && $0.owedSince == nil }) {
        finishManual(.fetch, succeeded: open.isEmpty)
      }
    }
  }

  mutating func networkChanged(isReachable: Bool) {
    self.isReachable = isReachable
    guard isReachable else {
      pushLane.lengthen(at: now, cap: backoffCapMilliseconds, using: &generator)
      pollLane.lengthen(at: now, cap: Limits.backoffCapMilliseconds, using: &generator)
      sessionLane.lengthen(at: now, cap: backoffCapMilliseconds, using: &generator)
      return
    }
    var notBefore = now
    if let last = lastNetworkChange, now.milliseconds(since: last) < SyncTuning.networkChangeMilliseconds {
      notBefore = last.advanced(byMilliseconds: SyncTuning.networkChangeMilliseconds)
    } else {
      lastNetworkChange = now
    }
    pushLane.networkChanged(notBefore: notBefore)
    pollLane.networkChanged(notBefore: notBefore)
    sessionLane.networkChanged(notBefore: notBefore)
    cancelFlights { now, flight in
      now.milliseconds(since: flight.sentAt) >= SyncTuning.staleFlightMilliseconds
    }
    if case .opening(let id, let since, let wasOpen) = session,
      now.milliseconds(since: since) >= SyncTuning.staleFlightMilliseconds
    {
      effects.append(.cancel(id))
      session = wasOpen ? .open : .missing
      sessionIsDoubtful = wasOpen
      sometimes(.networkChangeResent)
    }
  }

  private mutating func cancelFlights(where isStale: (Instant, Flight) -> Bool) {
    for flight in flights where isStale(now, flight) {
      effects.append(.cancel(flight.plan.id))
      sometimes(.networkChangeResent)
    }
    flights.removeAll { isStale(now, $0) }
  }

  mutating func scopesChanged(_ cursors: [ScopeCursor]) {
    var tracks: [ScopeTrack] = []
    for cursor in cursors where !tracks.contains(where: { $0.id == cursor.scope }) {
      if var track = scopes.first(where: { $0.id == cursor.scope }) {
        // While a page is being stored the store's cursor is about to change; its own word follows.
        if track.owedSince == nil { track.cursor = cursor }
        tracks.append(track)
      } else {
        tracks.append(ScopeTrack(cursor: cursor))
      }
    }
    scopes = tracks
  }

  mutating func storeFailed(_ subject: ID128) {
    let until = now.advanced(byMilliseconds: SyncTuning.executorPatienceMilliseconds)
    if let index = journalIndex(subject) {
      journals[index].owedSince = nil
      searchAnew(index)
      journals[index].heldUntil = max(journals[index].heldUntil, until)
    }
    if let index = scopeIndex(subject) {
      scopes[index].owedSince = nil
      scopes[index].heldUntil = max(scopes[index].heldUntil, until)
    }
  }
}

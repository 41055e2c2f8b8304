import SyncProtocol

/// Making and losing sessions. No state of journals or scopes ever depends on one.
extension SyncCore {
  var isSessionGood: Bool { session == .open && !sessionIsDoubtful }

  /// Starts a session attempt when one is wanted and its lane allows it.
  mutating func openSessionIfDue() {
    guard wantsSession else { return }
    switch session {
    case .missing:
      guard sessionLane.due <= now else { return }
      openSession(wasOpen: false)
    case .open:
      guard sessionIsDoubtful, sessionLane.due <= now else { return }
      openSession(wasOpen: true)
    case .refused(let retryAt):
      guard retryAt <= now else { return }
      sometimes(.refusedSessionTriedAgain)
      openSession(wasOpen: false)
    case .opening, .noCertificate: break
    }
  }

  /// Something is to be sent, now or later.
  var wantsSession: Bool {
    (syncsJournals && journals.contains { $0.hasWork }) || (syncsScopes && !scopes.isEmpty)
  }

  private mutating func openSession(wasOpen: Bool) {
    let id = nextRequestID()
    session = .opening(id, since: now, wasOpen: wasOpen)
    sessionIsDoubtful = false
    if !isReachable { sometimes(.unreachableTried) }
    effects.append(.openSession(id))
  }

  mutating func sessionOpened(_ id: RequestID) {
    guard case .opening(id, _, _) = session else { return sometimes(.unknownRequest) }
    sometimes(.sessionMade)
    becomeOpen()
    if sessionWasForgotten { doubtServer() }
    sessionWasForgotten = false
    // Not a success yet: a server that grants sessions and then does not know them must not be asked in a loop.
    sessionLane.failed(at: now, cap: backoffCapMilliseconds, using: &generator)
    pushLane.retryAtOnce(at: now)
    pollLane.retryAtOnce(at: now)
  }

  mutating func loggedIn() {
    guard lifecycle != .stopped else { return }
    if case .opening(let id, _, _) = session { effects.append(.cancel(id)) }
    becomeOpen()
    sessionLane.succeeded()
    pushLane.succeeded()
    pollLane.succeeded()
  }

  private mutating func becomeOpen() {
    session = .open
    sessionIsDoubtful = false
    sessionGeneration += 1
    lastContact = now
  }

  /// - Returns: whether `id` was the session attempt.
  mutating func sessionFailed(_ id: RequestID, _ failure: RequestFailure) -> Bool {
    guard case .opening(id, _, let wasOpen) = session else { return false }
    finishManual(.send, succeeded: false)
    finishManual(.fetch, succeeded: false)
    session = wasOpen ? .open : .missing
    switch failure {
    case .noCertificate:
      needLogin(.noCertificate)
    case .refused(let refusal) where refusal.refusesCertificate:
      let retryAt = now.advanced(byMilliseconds: SyncTuning.refusedRetryMilliseconds)
      if refusal.kind == .clientTooOld { noticeOnce(.clientTooOld, .clientTooOld) }
      needLogin(.refused(retryAt: retryAt))
    case .refused(let refusal):
      takeRetryAfter(refusal) { $0.sessionLane.waitForSlot(at: $1) }
      fail(\.sessionLane)
    case .transport, .undecodable, .storage:
      fail(\.sessionLane)
    }
    return true
  }

  private mutating func needLogin(_ state: Session) {
    session = state
    guard !wasLoginNoticed else { return }
    wasLoginNoticed = true
    sometimes(.loginNeeded)
    notice(.loginNeeded)
  }

  /// A 401 for a sync request. With a MAC it is the server's word; without, a server that lost the secret cannot say
  /// it better, and a stranger may say it too, so the old session is kept until there is a new one.
  mutating func unauthorized(_ flight: Flight, isAuthenticated: Bool) {
    guard flight.sessionGeneration == sessionGeneration else {
      sometimes(.oldSessionRefused)
      return retryAtOnce(flight)
    }
    sessionWasForgotten = true
    if isAuthenticated {
      if session == .open { session = .missing }
    } else if session == .open {
      sometimes(.sessionHint)
      sessionIsDoubtful = true
    }
  }

  private mutating func retryAtOnce(_ flight: Flight) {
    if flight.pushes { pushLane.retryAtOnce(at: now) }
    if flight.polls { pollLane.retryAtOnce(at: now) }
  }

  mutating func notice(_ notice: SyncNotice) {
    effects.append(.notice(notice))
  }

  /// Counts a failure of a lane and backs off; for long when the device says that there is no network.
  mutating func fail(_ lane: WritableKeyPath<SyncCore, Lane>, lastingly: Bool = false) {
    let cap = lane == \SyncCore.pollLane ? Limits.backoffCapMilliseconds : backoffCapMilliseconds
    var failing = self[keyPath: lane]
    if lastingly || !isReachable {
      failing.failedLastingly(at: now, cap: cap, using: &generator)
    } else {
      failing.failed(at: now, cap: cap, using: &generator)
    }
    self[keyPath: lane] = failing
  }

  mutating func takeRetryAfter(_ refusal: HTTPRefusal, _ set: (inout SyncCore, Instant) -> Void) {
    guard let asked = refusal.retryAfterSeconds, asked > 0 else { return }
    let cap = HTTPRefusal.cap(isAuthenticated: refusal.isAuthenticated, sealIsPending: isSealPending)
    if Int64(clamping: asked) > cap / 1_000 { sometimes(.retryAfterCapped) }
    let delay = min(Int64(clamping: asked), cap / 1_000) * 1_000
    set(&self, now.advanced(byMilliseconds: delay))
  }
}

extension HTTPRefusal {
  /// The server will not make a session for this device. Told from network weather by its problem type alone.
  var refusesCertificate: Bool {
    switch kind {
    case .certificateRefused, .wrongPassword, .forbidden, .clientTooOld: true
    default: false
    }
  }
}

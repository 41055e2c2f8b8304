import CurlTransport
import ExamModel
import ExamStore
import SyncCore
import SyncProtocol
import SyncWire

/// Requests of the sync core: loading, encoding, sending, believing, decoding.
extension ExamClient {
  func send(_ plan: RequestPlan) {
    guard let transport, !isNetworkHeld else { return stepQueue.append(.failed(plan.id, .transport)) }
    guard let store, let session = store.identity?.grant.flatMap({ LiveSession($0) }) else {
      return stepQueue.append(.failed(plan.id, .noCertificate))
    }
    let request: SyncRequest
    do throws(ExamStoreError) {
      request = try store.syncRequest(for: plan)
    } catch {
      logFault("entries could not be read for a push", "\(error)")
      return stepQueue.append(.failed(plan.id, .storage))
    }
    let now = reading()
    var prepared = plane.post(
      "/v1/sync", request.wire, session: session,
      sentAt: serverTime.estimate(atBootMilliseconds: now.bootMilliseconds) ?? 0,
      waitMilliseconds: Int64(plan.waitMilliseconds))
    prepared.request.progressTimeoutMilliseconds = Int(plan.progressTimeoutMilliseconds)
    prepared.request.responseDeadlineMilliseconds = Int(plan.responseDeadlineMilliseconds)
    let handle = transport.start(prepared.request) { [weak self, prepared] result in
      Task { await self?.arrived(plan.id, prepared, result) }
    }
    flights[plan.id] = Flight(
      handle: handle, requestedAt: now.bootMilliseconds, readsScopes: plan.role != .push)
  }

  func cancel(_ id: RequestID) {
    if let flight = flights.removeValue(forKey: id) { transport?.cancel(flight.handle) }
  }

  private func arrived(_ id: RequestID, _ prepared: PreparedRequest, _ result: Result<HTTPResponse, TransportError>) {
    guard let flight = flights.removeValue(forKey: id) else { return }
    ringWhatIsDue()
    let arrived = reading()
    switch result {
    case .failure(let error):
      noteContact(error.code == .cancelled ? contact : .unreachable)
      step(.failed(id, .transport))
    case .success(let response):
      switch plane.read(response, to: prepared) {
      case .message(let message):
        guard let answer = try? SyncResponse(wire: message) else {
          step(.failed(id, .undecodable))
          return
        }
        takeTime(of: answer, requestedAt: flight.requestedAt, arrived: arrived)
        noteContact(.online)
        step(.responded(id, answer))
        // Only now is it known that the server did not go back in time.
        if flight.readsScopes { discardWhatIsOver() }
      case .refused(let problem, let isProved, let retryAfter):
        if isProved { noteContact(.online) }
        step(
          .failed(
            id,
            .refused(
              HTTPRefusal(
                status: response.status, isAuthenticated: isProved, kind: problem.kind,
                retryAfterSeconds: retryAfter))))
      case .weather(let reason, let retryAfter):
        logDetail("weather", "\(reason)")
        noteContact(.unreachable)
        step(
          .failed(
            id,
            .refused(
              HTTPRefusal(status: response.status, isAuthenticated: false, retryAfterSeconds: retryAfter))))
      }
    }
    armWake()
  }

  private func takeTime(of response: SyncResponse, requestedAt: UInt64, arrived: ClockReading) {
    let proof =
      response.timeProof.isEmpty ? nil : TimeProof(milliseconds: response.sentAt, mac: response.timeProof)
    let dropped = serverTime.take(
      receivedAt: response.receivedAt, sentAt: response.sentAt, requestedAt: requestedAt, arrived: arrived,
      proof: proof)
    if let dropped { logNotice("server time contradicts what was known", "\(dropped)") }
    journalTimeIfBetter()
    updateBell()
    armWake()
  }

  /// Contradictions between samples are journalled at most this often.
  private static let contradictionIntervalMilliseconds: UInt64 = 60_000

  /// A context entry where the bounds say more than a second more than the journal does.
  func journalTimeIfBetter() {
    guard let store, let attempt, let status = try? store.outline(of: attempt), status.receipt == nil else { return }
    if case .sealed = status.phase { return }
    let now = reading()
    switch serverTime.news(for: status.clock, at: now) {
    case .none: return
    case .narrower: break
    case .contradiction:
      // A server whose clock wavers must not make a phone write and push for ever.
      guard now.bootMilliseconds >= contradictionsJournalledFrom else { return }
      contradictionsJournalledFrom = now.bootMilliseconds + Self.contradictionIntervalMilliseconds
    }
    do {
      let saved = try store.storeContext(context(at: now), in: attempt, at: moment())
      scheduleNudge(.journal(saved.journal))
    } catch {
      logFault("the time was not journalled", "\(error)")
    }
  }

  func context(at now: ClockReading) -> ClockContext {
    ClockContext(
      bootID: now.bootID, bootMilliseconds: now.bootMilliseconds, wallMilliseconds: now.wallMilliseconds,
      server: serverTime.bounds(atBootMilliseconds: now.bootMilliseconds), proof: serverTime.proof)
  }

  func noteContact(_ state: Contact) {
    if state == .online {
      contactCount += 1
      isLoginNeeded = false
    }
    contact = isNetworkHeld ? .offline : state
    changed()
  }

  // MARK: - Sessions

  func openSession(_ id: RequestID) {
    guard let transport, !isNetworkHeld else { return stepQueue.append(.failed(id, .transport)) }
    guard let identity = store?.identity, let grant = identity.grant else {
      return stepQueue.append(.failed(id, .noCertificate))
    }
    let nonce = ID128.random()
    let request = SessionExchange.session(
      certificate: grant.certificate, key: identity.signingKey, appVersion: configuration.appVersion, nonce: nonce)
    let prepared = plane.post("/v1/session", request.wire)
    let requestedAt = reading().bootMilliseconds
    let handle = transport.start(prepared.request) { [weak self, prepared] result in
      Task { await self?.sessionArrived(id, nonce, prepared, result) }
    }
    flights[id] = Flight(handle: handle, requestedAt: requestedAt)
  }

  private func sessionArrived(
    _ id: RequestID, _ nonce: ID128, _ prepared: PreparedRequest, _ result: Result<HTTPResponse, TransportError>
  ) {
    guard let flight = flights.removeValue(forKey: id), let store, let identity = store.identity else { return }
    guard case .success(let response) = result else {
      noteContact(.unreachable)
      return step(.failed(id, .transport))
    }
    switch plane.read(response, to: prepared) {
    case .message(let message):
      do {
        let grant = try SessionExchange.grant(
          from: message, nonce: nonce, key: identity.signingKey, serverKey: configuration.serverKey)
        try store.storeGrant(grant, user: identity.user)
        takeTime(of: grant, requestedAt: flight.requestedAt)
        noteContact(.online)
        step(.sessionOpened(id))
      } catch {
        logNotice("an answer to a session request was not believed", "\(error)")
        step(.failed(id, .undecodable))
      }
    case .refused(let problem, _, let retryAfter):
      step(
        .failed(
          id,
          .refused(
            HTTPRefusal(
              status: response.status, isAuthenticated: false, kind: problem.kind, retryAfterSeconds: retryAfter))))
    case .weather(_, let retryAfter):
      noteContact(.unreachable)
      step(
        .failed(
          id, .refused(HTTPRefusal(status: response.status, isAuthenticated: false, retryAfterSeconds: retryAfter))))
    }
    armWake()
  }

  /// A grant is signed by the server, so it names an instant of server time too.
  func takeTime(of grant: SessionGrant, requestedAt: UInt64) {
    serverTime.take(
      receivedAt: grant.serverTime, sentAt: grant.serverTime, requestedAt: requestedAt, arrived: reading())
    updateBell()
  }
}

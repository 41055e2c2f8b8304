import CurlTransport
import ExamClient
import ExamModel
import ExamStore
import SyncCore
import SyncProtocol
import SyncWire

/// Requests of the sync core: loading, encoding, sending, believing, decoding; as `ExamClient+Requests`.
extension SimPhone {
  func send(_ plan: RequestPlan) {
    guard !disk.isDead else { return }
    guard let store, let session = liveSession(store) else {
      return stepQueue.append(.failed(plan.id, .noCertificate))
    }
    let request: SyncRequest
    do { request = try store.syncRequest(for: plan) } catch { return stepQueue.append(.failed(plan.id, .storage)) }
    let now = reading()
    var prepared = plane.post(
      "/v1/sync", request.wire, session: session,
      sentAt: serverTime.estimate(atBootMilliseconds: now.bootMilliseconds) ?? 0,
      waitMilliseconds: Int64(plan.waitMilliseconds), deflates: world.options.deflates)
    prepared.request.progressTimeoutMilliseconds = Int(plan.progressTimeoutMilliseconds)
    prepared.request.responseDeadlineMilliseconds = Int(plan.responseDeadlineMilliseconds)
    let flight = transmit(prepared, kind: Self.name(plan.role)) { [unowned self] result in
      arrived(plan.id, prepared, result)
    }
    flights[plan.id] = SimPhoneFlight(flight: flight, requestedAt: now.bootMilliseconds)
  }

  private static func name(_ role: RequestPlan.Role) -> String {
    switch role {
    case .push: "push"
    case .poll: "poll"
    case .joined: "sync"
    }
  }

  /// Gives a request to the network; the response comes back on the phone's thread.
  func transmit(
    _ prepared: PreparedRequest, kind: String,
    _ completion: @escaping (Result<HTTPResponse, SimTransportFailure>) -> Void
  ) -> SimFlight {
    let current = generation
    return world.network.send(prepared.request, kind: kind, from: self) { [unowned self] result in
      enter(current) { completion(result) }
    }
  }

  private func arrived(
    _ id: RequestID, _ prepared: PreparedRequest, _ result: Result<HTTPResponse, SimTransportFailure>
  ) {
    guard let flight = flights.removeValue(forKey: id) else { return }
    let arrived = reading()
    switch result {
    case .failure: step(.failed(id, .transport))
    case .success(let response):
      switch plane.read(response, to: prepared) {
      case .message(let message):
        world.capture(message, at: self)
        guard let answer = try? SyncResponse(wire: message) else {
          step(.failed(id, .undecodable))
          return
        }
        isLoginNeeded = false
        takeTime(of: answer, requestedAt: flight.requestedAt, arrived: arrived)
        step(.responded(id, answer))
      case .refused(let problem, let isProved, let retryAfter):
        if isProved { isLoginNeeded = false }
        step(
          .failed(
            id,
            .refused(
              HTTPRefusal(
                status: response.status, isAuthenticated: isProved, kind: problem.kind,
                retryAfterSeconds: retryAfter))))
      case .weather(_, let retryAfter):
        step(
          .failed(
            id,
            .refused(HTTPRefusal(status: response.status, isAuthenticated: false, retryAfterSeconds: retryAfter))))
      }
    }
    armWake()
  }

  // MARK: - Sessions

  func openSession(_ id: RequestID) {
    guard !disk.isDead else { return }
    guard let identity = store?.identity, let grant = identity.grant else {
      return stepQueue.append(.failed(id, .noCertificate))
    }
    let nonce = world.nonce()
    let request = SessionExchange.session(
      certificate: grant.certificate, key: identity.signingKey, appVersion: "3.4.2", nonce: nonce)
    let prepared = plane.post("/v1/session", request.wire, deflates: world.options.deflates)
    let requestedAt = reading().bootMilliseconds
    let flight = transmit(prepared, kind: "session") { [unowned self] result in
      sessionArrived(id, nonce, prepared, result)
    }
    flights[id] = SimPhoneFlight(flight: flight, requestedAt: requestedAt)
  }

  private func sessionArrived(
    _ id: RequestID, _ nonce: ID128, _ prepared: PreparedRequest, _ result: Result<HTTPResponse, SimTransportFailure>
  ) {
    guard let flight = flights.removeValue(forKey: id), let store, let identity = store.identity else { return }
    guard case .success(let response) = result else { return step(.failed(id, .transport)) }
    switch plane.read(response, to: prepared) {
    case .message(let message):
      do {
        let grant = try SessionExchange.grant(
          from: message, nonce: nonce, key: identity.signingKey, serverKey: SimExam.identity.publicKey)
        try store.storeGrant(grant, user: identity.user)
        takeTime(of: grant, requestedAt: flight.requestedAt)
        isLoginNeeded = false
        step(.sessionOpened(id))
      } catch {
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
      step(
        .failed(
          id, .refused(HTTPRefusal(status: response.status, isAuthenticated: false, retryAfterSeconds: retryAfter))))
    }
    armWake()
  }
}

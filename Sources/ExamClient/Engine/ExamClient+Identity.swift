import CurlTransport
import ExamModel
import ExamStore
import SyncCore
import SyncProtocol
import SyncWire

extension ExamClient {
  /// Logs the candidate in on this device. With a certificate of an earlier log-in it answers at once, also without a
  /// network (S3-03).
  ///
  /// - Throws: ``ExamClientError/Code/wrongPassword`` (S3-26), `.network`, `.tooManyTries`, `.serverNotTrusted`;
  ///   `.storageFailed` where this store belongs to another candidate.
  @discardableResult
  public func logIn(user: String, password: String) async throws -> LoginReceipt {
    guard (1...Limits.usernameBytes).contains(user.utf8.count), (1...Limits.passwordBytes).contains(password.utf8.count)
    else {
      throw ExamClientError(.wrongPassword, "The user name or the password is empty or too long. Check both.")
    }
    let identity = try onStore { (store) throws(ExamStoreError) in try store.makeIdentity() }
    if let grant = identity.grant {
      guard identity.user == user else {
        throw ExamClientError(
          .badArgument, "This device belongs to \(identity.user). Log in as that candidate, or use another device.")
      }
      if !isLoginNeeded, isCertificateGood(grant) { return LoginReceipt(name: grant.name, wasLoggedIn: true) }
    }
    let nonce = ID128.random()
    let request = SessionExchange.login(
      user: user, password: password, key: identity.signingKey, appVersion: configuration.appVersion, nonce: nonce)
    let requestedAt = reading().bootMilliseconds
    let message = try await exchange(plane.post("/v1/login", request.wire))
    let grant: SessionGrant
    do throws(GrantFault) {
      grant = try SessionExchange.grant(
        from: message, nonce: nonce, key: identity.signingKey, serverKey: configuration.serverKey)
    } catch {
      throw ExamClientError(error)
    }
    try onStore { (store) throws(ExamStoreError) in try store.storeGrant(grant, user: user) }
    isLoginNeeded = false
    takeTime(of: grant, requestedAt: requestedAt)
    noteContact(.online)
    beginSync()
    step(.loggedIn)
    step(.scopesChanged(wantedScopes()))
    return LoginReceipt(name: grant.name, wasLoggedIn: false)
  }

  /// Whether a log-in is on this device that can still make sessions by itself.
  public var isLoggedIn: Bool {
    store?.identity?.grant.map { isCertificateGood($0) } ?? false
  }

  private func isCertificateGood(_ grant: SessionGrant) -> Bool {
    guard let certificate = SessionExchange.certificate(of: grant, serverKey: configuration.serverKey) else {
      return false
    }
    let now = serverTime.estimate(atBootMilliseconds: reading().bootMilliseconds) ?? grant.serverTime
    return certificate.expiresAt > now
  }

  // MARK: - One exchange that a person waits for

  /// Sends a request and gives the message of its response, or says why there is none. Nothing is retried here: the
  /// person decides.
  func exchange(_ prepared: PreparedRequest) async throws(ExamClientError) -> [UInt8] {
    guard !isNetworkHeld else { throw .network("the network is off") }
    guard let transport else { throw .network("the engine has no transport") }
    let result: Result<HTTPResponse, TransportError> = await withCheckedContinuation { continuation in
      transport.start(prepared.request) { continuation.resume(returning: $0) }
    }
    guard store != nil else { throw .closed }
    switch result {
    case .failure(let error):
      noteContact(.unreachable)
      throw ExamClientError(error)
    case .success(let response):
      switch plane.read(response, to: prepared) {
      case .message(let message): return message
      case .refused(let problem, _, let retryAfter):
        // It is shown to a person and changes nothing, so a forged one costs a try.
        throw ExamClientError(problem, retryAfterSeconds: retryAfter)
      case .weather(let reason, _):
        noteContact(.unreachable)
        throw .network(reason)
      }
    }
  }

  /// An exchange with the stored session. A lost session is made anew once.
  func authenticatedExchange(_ path: String, _ message: [UInt8]) async throws -> [UInt8] {
    for isLast in [false, true] {
      guard let session = store?.identity?.grant.flatMap({ LiveSession($0) }) else { throw ExamClientError.loginNeeded }
      let now = reading().bootMilliseconds
      let prepared = plane.post(
        path, message, session: session, sentAt: serverTime.estimate(atBootMilliseconds: now) ?? 0)
      do throws(ExamClientError) {
        return try await exchange(prepared)
      } catch {
        guard error.code == .loginNeeded, !isLast else { throw error }
      }
      try await renewSession()
    }
    throw ExamClientError.loginNeeded
  }

  private func renewSession() async throws {
    guard let identity = store?.identity, let grant = identity.grant else { throw ExamClientError.loginNeeded }
    let nonce = ID128.random()
    let request = SessionExchange.session(
      certificate: grant.certificate, key: identity.signingKey, appVersion: configuration.appVersion, nonce: nonce)
    let message = try await exchange(plane.post("/v1/session", request.wire))
    let renewed: SessionGrant
    do throws(GrantFault) {
      renewed = try SessionExchange.grant(
        from: message, nonce: nonce, key: identity.signingKey, serverKey: configuration.serverKey)
    } catch {
      throw ExamClientError(error)
    }
    try onStore { (store) throws(ExamStoreError) in try store.storeGrant(renewed, user: identity.user) }
    step(.loggedIn)
  }
}

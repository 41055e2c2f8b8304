import ExamModel
public import SyncProtocol
import SyncWire

extension SessionEntry {
  init?(_ row: SessionRow) {
    guard let secret = SessionSecret(row.secret) else { return nil }
    self.init(
      secret: secret, candidate: row.candidate, device: row.device, appVersion: row.appVersion,
      expiresAt: row.expiresAt)
  }
}

/// Log-ins and sessions.
extension ServerCore {
  func credentials(username: String) throws -> PasswordVerifier? {
    guard username.utf8.count <= Limits.usernameBytes, let row = try store.candidate(username: username),
      let password = row.password
    else { return nil }
    return PasswordVerifier(
      candidate: row.id, salt: password.salt, verifier: password.verifier, rounds: password.rounds)
  }

  func login(_ request: LoginRequest, candidate: ID128) throws -> SignedBytes {
    guard let row = try store.candidate(candidate), request.deviceKey.count == 32 else {
      throw Problem(.wrongPassword, "The user name or password is wrong. Check both, or ask the proctor.")
    }
    let certificate = DeviceCertificate(
      candidate: candidate, deviceKey: request.deviceKey, issuedAt: time,
      expiresAt: time + Limits.certificateLifetimeMilliseconds)
    let signed = SignedBytes(signing: certificate.wire, with: identity, context: .certificate)
    try audit("log-in", by: "candidate \(candidate)", of: KeyID.of(request.deviceKey).hex, request.appVersion)
    return try open(row, certificate, signed, nonce: request.nonce, appVersion: request.appVersion)
  }

  func newSession(_ request: SessionRequest, _ certificate: DeviceCertificate) throws -> SignedBytes {
    guard let row = try store.candidate(certificate.candidate), certificate.expiresAt > time,
      certificate.issuedAt >= row.certificatesFrom
    else {
      throw Problem(.certificateRefused, "This device has to log in again with the password.")
    }
    let device = KeyID.of(certificate.deviceKey)
    if try store.device(device) == nil {
      // Its log-in was lost with a restore, and the certificate is as good a proof.
      try audit("device-restored", by: "candidate \(row.id)", of: device.hex, request.appVersion)
    }
    return try open(
      row, certificate, request.certificate, nonce: request.nonce, appVersion: request.appVersion)
  }

  private func open(
    _ candidate: CandidateRow, _ certificate: DeviceCertificate, _ signed: SignedBytes, nonce: ID128,
    appVersion: String
  ) throws -> SignedBytes {
    let device = KeyID.of(certificate.deviceKey)
    if try store.device(device) == nil {
      try store.save(
        device: DeviceRow(
          id: device, candidate: candidate.id, publicKey: certificate.deviceKey, registeredAt: time))
    }
    let row = SessionRow(
      id: ID128.random(using: &generator), secret: generator.bytes(32), candidate: candidate.id, device: device,
      appVersion: String(appVersion.prefix(32)), openedAt: time,
      expiresAt: time + Limits.sessionLifetimeMilliseconds)
    guard let entry = SessionEntry(row) else { preconditionFailure("a fresh secret has 32 bytes") }
    try store.save(session: row)
    work.touchedGlobals = true
    openSessions[row.id] = entry
    work.sessionChanges[row.id] = .some(entry)
    sessionsByDevice[device, default: []].append(row.id)
    while let oldest = sessionsByDevice[device]?.first,
      sessionsByDevice[device, default: []].count > configuration.sessionsPerDevice
    {
      try end(session: oldest)
    }
    let grant = SessionGrant(
      session: row.id, secret: row.secret, nonce: nonce, serverTime: time, candidate: candidate.id,
      certificate: signed, name: candidate.name, isPhoneBound: candidate.isPhoneBound,
      minimumAppVersion: configuration.minimumAppVersion, hasQuestionBank: configuration.hasQuestionBank,
      hasMyExams: configuration.hasMyExams)
    return SignedBytes(signing: grant.wire, with: identity, context: .grant)
  }

  func end(session id: ID128) throws {
    try store.deleteSession(id)
    work.touchedGlobals = true
    if let entry = openSessions.removeValue(forKey: id) {
      sessionsByDevice[entry.device]?.removeAll { $0 == id }
      if sessionsByDevice[entry.device]?.isEmpty == true { sessionsByDevice[entry.device] = nil }
    }
    work.sessionChanges[id] = .some(nil)
  }

  /// Sessions of one morning's log-ins expire together; an expired one is refused whether it is deleted or not.
  static let sessionsEndedPerTick = 64

  func endExpiredSessions() throws {
    let expired = openSessions.filter { $0.value.expiresAt <= time }.map(\.key).sorted()
    for id in expired.prefix(Self.sessionsEndedPerTick) { try end(session: id) }
  }

  func revokeSessions(of candidate: ID128) throws {
    guard var row = try store.candidate(candidate) else {
      throw Problem(.notFound, "No candidate has this id. Look it up in the list of attempts.")
    }
    row.certificatesFrom = time + 1
    try store.save(candidate: row)
    for id in openSessions.filter({ $0.value.candidate == candidate }).map(\.key).sorted() { try end(session: id) }
  }
}

/// Checks of signatures that need no store: done by the caller, off the writer's thread.
public enum CertificateChecks {
  /// The certificate inside a session request; `nil` unless the server signed it and the device signed the request.
  public static func verify(_ request: SessionRequest, serverKey: [UInt8]) -> DeviceCertificate? {
    guard request.certificate.isValid(context: .certificate, publicKey: serverKey),
      let certificate = try? DeviceCertificate(wire: request.certificate.statement),
      Signatures.verify(
        request.signature, of: request.signedBytes, context: .session, publicKey: certificate.deviceKey)
    else { return nil }
    return certificate
  }

  /// Whether the device that logs in holds the key that it wants registered.
  public static func verify(_ request: LoginRequest) -> Bool {
    Signatures.verify(request.signature, of: request.signedBytes, context: .login, publicKey: request.deviceKey)
  }
}

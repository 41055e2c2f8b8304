import ExamModel
import ServerStoreSQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// Log-ins, sessions, certificates, joining.
@Suite struct IdentityTests {
  let server: TestServer
  let phone: TestPhone

  init() throws {
    server = try TestServer()
    phone = try server.makePhone()
  }

  private func request(_ certificate: SignedBytes) -> SessionRequest { request(of: phone, certificate) }

  private func request(
    of phone: TestPhone, _ certificate: SignedBytes? = nil, version: String = "3.4.2"
  ) -> SessionRequest {
    var request = SessionRequest(
      certificate: certificate ?? phone.certificate, nonce: ID128(high: 3, low: 3), signature: [], appVersion: version)
    request.signature = phone.key.sign(request.signedBytes, context: .session)
    return request
  }

  private func newSession(version: String = "3.4.2", of other: TestPhone? = nil) throws -> SessionGrant {
    let request = request(of: other ?? phone, version: version)
    let certificate = try #require(
      CertificateChecks.verify(request, serverKey: TestServer.identity.publicKey))
    switch server.perform(.session(request, certificate)) {
    case .grant(let signed):
      #expect(signed.isValid(context: .grant, publicKey: TestServer.identity.publicKey))
      return try SessionGrant(wire: signed.statement)
    case .problem(let problem): throw problem
    default: throw Problem(.internal, "no grant")
    }
  }

  @Test func passwordsAreFoundByUserName() throws {
    guard case .credentials(let verifier?) = server.perform(.credentials(username: "c1")) else {
      throw Problem(.internal, "no credentials")
    }
    #expect(verifier.candidate == phone.candidate)
    #expect(verifier.matches("secret1"))
    #expect(!verifier.matches("secret2"))
    #expect(!verifier.matches(String(repeating: "x", count: 1_000)))
    guard case .credentials(nil) = server.perform(.credentials(username: "nobody")) else {
      throw Problem(.internal, "somebody")
    }
  }

  @Test func aLogInSignatureIsChecked() throws {
    var request = LoginRequest(
      username: "c1", password: "x", deviceKey: phone.key.publicKey, nonce: ID128(high: 1, low: 2), appVersion: "4",
      signature: [])
    request.signature = phone.key.sign(request.signedBytes, context: .login)
    #expect(CertificateChecks.verify(request))
    request.nonce = ID128(high: 1, low: 3)
    #expect(!CertificateChecks.verify(request))
  }

  @Test func aSessionIsSeenOnlyAfterItsCommit() throws {
    let entry = try #require(server.core.sessions.entry(phone.session))
    #expect(entry.candidate == phone.candidate)
    #expect(entry.device == phone.key.id)
    #expect(entry.expiresAt > server.now)
    let stored = try server.store.sessions().count
    // A log-in that cannot be written into the trail is none.
    try server.blockAudit()
    let request = LoginRequest(
      username: "c1", password: "", deviceKey: phone.key.publicKey, nonce: ID128(high: 1, low: 2), appVersion: "4",
      signature: [])
    guard case .problem = server.perform(.login(request, candidate: phone.candidate)) else {
      throw Problem(.internal, "logged in without a record")
    }
    #expect(server.core.sessions.count == stored)
    #expect(try server.store.sessions().count == stored)
    try server.unblockAudit()
    guard case .grant = server.perform(.login(request, candidate: phone.candidate)) else {
      throw Problem(.internal, "not logged in")
    }
    #expect(server.core.sessions.count == stored + 1)
  }

  @Test func aCertificateMakesASessionWithoutAPassword() throws {
    let grant = try newSession()
    #expect(grant.nonce == ID128(high: 3, low: 3))
    #expect(grant.candidate == phone.candidate)
    phone.session = grant.session
    phone.begin()
    #expect(try phone.send().verdict == .stored)
  }

  @Test func aForgedOrForeignCertificateIsRefused() throws {
    var forged = phone.certificate
    forged.signature[3] ^= 1
    #expect(CertificateChecks.verify(request(forged), serverKey: TestServer.identity.publicKey) == nil)
    #expect(CertificateChecks.verify(request(phone.certificate), serverKey: SigningKey().publicKey) == nil)
    var stolen = request(phone.certificate)
    stolen.signature = SigningKey().sign(stolen.signedBytes, context: .session)
    #expect(CertificateChecks.verify(stolen, serverKey: TestServer.identity.publicKey) == nil)
  }

  @Test func anExpiredCertificateNeedsThePasswordAgain() throws {
    server.now += Limits.certificateLifetimeMilliseconds + 1_000
    #expect(throws: Problem(.certificateRefused, "This device has to log in again with the password.")) {
      try newSession()
    }
  }

  @Test func revokedSessionsAreDeadAtOnce() throws {
    try server.command(.revokeSessions(candidate: phone.candidate, reason: "stolen phone"))
    #expect(server.core.sessions.entry(phone.session) == nil)
    phone.begin()
    #expect(throws: Problem.self) { try phone.send() }
    #expect(throws: Problem.self) { try newSession() }
  }

  @Test func sessionsSurviveARestartAndExpire() throws {
    try server.restart()
    phone.begin()
    #expect(try phone.send().verdict == .stored)
    server.now += Limits.sessionLifetimeMilliseconds + 1_000
    #expect(throws: Problem.self) { try phone.send() }
    _ = server.perform(.tick)
    #expect(server.core.sessions.count == 0)
    #expect(try server.store.sessions().isEmpty)
  }

  @Test func aDeviceKeepsFewSessions() throws {
    for _ in 0..<10 { _ = try newSession() }
    #expect(server.core.sessions.count == server.configuration.sessionsPerDevice)
    #expect(try server.store.sessions().count == server.configuration.sessionsPerDevice)
    #expect(server.core.sessions.entry(phone.session) == nil)
  }

  @Test func aCertificateWorksAfterARestoreThatLostTheDevice() throws {
    let row = try server.addCandidates(1, to: phone.exam, from: 2)[0]
    try server.backUp(to: "old.sqlite")
    let lost = try server.addCandidates(1, to: phone.exam, from: 3)[0]
    let late = try TestPhone(
      server: server, candidate: row.candidate, attempt: row.attempt, exam: phone.exam, seed: 5)
    try server.restore(from: "old.sqlite")
    #expect(try server.addCandidates(1, to: phone.exam, from: 3)[0].attempt == lost.attempt)
    #expect(try newSession().candidate == phone.candidate)
    #expect(try server.store.device(late.key.id) == nil)
    #expect(try newSession(of: late).candidate == row.candidate)
    #expect(try server.store.device(late.key.id)?.candidate == row.candidate)
    let restored = try server.auditRows("device-restored")
    #expect(restored.map(\.subject) == [late.key.id.hex])
  }

  // MARK: Joining (S3-07)

  private func join(_ code: String) throws -> JoinReply {
    switch server.perform(.join(session: phone.session, code: code)) {
    case .joined(let reply): return reply
    case .problem(let problem): throw problem
    default: throw Problem(.internal, "not a reply to joining")
    }
  }

  private func joinFailure(_ code: String) -> Problem.Kind? {
    guard case .problem(let problem) = server.perform(.join(session: phone.session, code: code)) else { return nil }
    return problem.kind
  }

  @Test func aCodeSelectsTheAttempt() throws {
    #expect(try join("012345") == JoinReply(attempt: phone.attempt, exam: phone.exam))
    #expect(try join("012345").attempt == phone.attempt)
  }

  @Test(arguments: ["12345", "0123456", "", "01234x", "０１２３４５", " 12345", "-12345"])
  func anythingButSixDigitsIsRefused(code: String) {
    #expect(joinFailure(code) == .invalidValue)
  }

  @Test func codesAreBoundToTheRoster() throws {
    _ = try server.makeExam(code: "555555")
    #expect(joinFailure("555555") == .codeUnknown)
    #expect(joinFailure("111111") == .codeUnknown)
  }

  @Test func aCancelledExamCannotBeJoined() throws {
    try server.command(.cancelExam(exam: phone.exam, reason: "flood"))
    #expect(joinFailure("012345") == .codeUnknown)
  }

  @Test func tooOldAnAppIsRefused() throws {
    let strict = try server.makeExam(policy: ExamPolicy(minimumAppVersion: "3.10"), code: "222222")
    let row = RosterPreparer.Line(
      number: "10001", name: "Candidate 1", username: "c1", password: nil, specialty: "", room: "1")
    var generator = SplitMix(5)
    let prepared = try #require(
      TestServer.preparer.prepare(row, examCode: "222222", maximumLocks: 5, using: &generator))
    try server.command(.importRoster(exam: strict, rows: [prepared]))
    #expect(joinFailure("222222") == .clientTooOld)
    phone.session = try newSession(version: "3.10.1").session
    #expect(try join("222222").exam == strict)
  }

  @Test func fiveWrongCodesAMinuteAreAllAndARestartForgetsNone() throws {
    for _ in 0..<5 { #expect(joinFailure("999999") == .codeUnknown) }
    #expect(joinFailure("012345") == .tooManyTries)
    try server.restart()
    #expect(joinFailure("012345") == .tooManyTries)
    server.now += 60_001
    #expect(try join("012345").attempt == phone.attempt)
  }

  /// Ten thousand guesses of one candidate within a minute reach five codes.
  @Test func tenThousandGuessesReachFiveCodes() throws {
    var tried = 0
    for start in stride(from: 0, to: 10_000, by: 500) {
      let calls = (start..<start + 500).map { ServerCall.join(session: phone.session, code: String(100_000 + $0)) }
      for reply in server.perform(calls) {
        guard case .problem(let problem) = reply else { throw Problem(.internal, "a guess joined") }
        if problem.kind == .codeUnknown { tried += 1 } else { #expect(problem.kind == .tooManyTries) }
      }
    }
    #expect(tried == 5)
  }

  @Test func manyGuessersLeaveEachOneTry() throws {
    server.configuration.joinAnomalyTries = 8
    try server.restart()
    let rows = try server.addCandidates(6, to: phone.exam, from: 2)
    let guessers = try rows.enumerated().map {
      try TestPhone(
        server: server, candidate: $1.candidate, attempt: $1.attempt, exam: phone.exam, seed: UInt64($0) + 50)
    }
    var unknown = 0
    for _ in 0..<5 {
      for guesser in guessers {
        if case .problem(let problem) = server.perform(.join(session: guesser.session, code: "999999")),
          problem.kind == .codeUnknown
        {
          unknown += 1
        }
      }
    }
    #expect(unknown <= 8)
    #expect(try join("012345").attempt == phone.attempt)
    guard case .audit(let page) = try server.command(.exportAudit(PageRequest(limit: 200))) else {
      throw Problem(.internal, "no audit")
    }
    #expect(page.rows.contains { $0.action == "join-anomaly" })
  }
}

import ExamModel
import Foundation
import SyncProtocol
import SyncWire
import Testing

@testable import ExamServer

@Suite(.timeLimit(.minutes(10))) struct SessionTests {
  private func withDevice(
    _ change: (inout ServerOptions) -> Void = { _ in }, _ body: (TestServer, TestExam, TestDevice) async throws -> Void
  ) async throws {
    let server = try await TestServer(change)
    do {
      let exam = try await server.makeExam()
      try await body(server, exam, TestDevice(server))
    } catch {
      await server.end()
      throw error
    }
    await server.end()
  }

  @Test func theServerSaysWhoItIs() async throws {
    try await withDevice { (server, _, _) async throws in
      let answer = try #require(try await server.exchange("GET /v1/server HTTP/1.1\r\nHost: exam\r\n\r\n"))
      let card = try ServerCard(wire: try BodyFraming.unframe(answer.body))
      #expect(Fingerprint.of(card.identityKey) == server.made.fingerprint)
      #expect(card.newestProtocol == Limits.protocolVersion)
    }
  }

  @Test func aLogInGivesASessionAndASessionGivesAnother() async throws {
    try await withDevice { (_, _, device) async throws in
      #expect(try await device.login()?.status == 200)
      let first = device.session
      #expect(try await device.newSession()?.status == 200)
      #expect(device.session != first)
      #expect(try await device.sync(SyncRequest()).acknowledgements.isEmpty)
    }
  }

  @Test func sessionsSurviveARestart() async throws {
    let server = try await TestServer()
    _ = try await server.makeExam()
    let device = TestDevice(server)
    #expect(try await device.login()?.status == 200)
    let again = try await server.restarted()
    let phone = TestDevice(again)
    (phone.session, phone.secret) = (device.session, device.secret)
    #expect(try await phone.sync(SyncRequest()).receivedAt > 0)
    await again.end()
  }

  @Test func wrongPasswordsAndUnknownNamesReadTheSame() async throws {
    try await withDevice { (_, _, device) async throws in
      let wrong = try #require(try await device.login(password: "nonsense12"))
      let unknown = try #require(try await device.login(username: "nobody"))
      #expect(wrong.status == 401)
      #expect(wrong.problem == "wrong-password")
      #expect(wrong.body == unknown.body)
      #expect(wrong.headers == unknown.headers)
    }
  }

  @Test func aLogInNeedsTheDeviceKey() async throws {
    try await withDevice { (server, _, device) async throws in
      var request = LoginRequest(
        username: "wang", password: "secret1234", deviceKey: device.key.publicKey, nonce: .random(),
        appVersion: "3.4.2", signature: [])
      request.signature = SigningKey().sign(request.signedBytes, context: .login)
      let answer = try await server.exchange(TestDevice.post("/v1/login", BodyFraming.frame(request.wire)))
      #expect(answer?.status == 401)
    }
  }

  @Test func triesOfAPasswordAreLimited() async throws {
    try await withDevice({ $0.limits.loginTries = 2 }) { (_, _, device) async throws in
      for _ in 0..<2 { #expect(try await device.login(password: "nonsense12")?.status == 401) }
      let third = try #require(try await device.login())
      #expect(third.status == 429)
      #expect(third.problem == "too-many-tries")
      #expect(Int(third.headers["retry-after"] ?? "").map { (1...60).contains($0) } == true)
    }
  }

  /// Behind a proxy a whole school has one address; the one that the proxy added tells its candidates apart.
  @Test func triesAreCountedByTheAddressThatTheProxyAdded() async throws {
    try await withDevice({
      $0.limits.loginTries = 1
      $0.isBehindTLSProxy = true
    }) { (server, _, device) async throws in
      var request = LoginRequest(
        username: "nobody", password: "nonsense12", deviceKey: device.key.publicKey, nonce: .random(),
        appVersion: "3.4.2", signature: [])
      request.signature = device.key.sign(request.signedBytes, context: .login)
      let body = BodyFraming.frame(request.wire)
      var statuses: [Int?] = []
      for hops in ["192.0.2.1", "192.0.2.2", "198.51.100.9, 192.0.2.1"] {
        let bytes = TestDevice.post("/v1/login", body, headers: ["X-Forwarded-For: \(hops)"])
        statuses.append(try await server.exchange(bytes)?.status)
      }
      #expect(statuses == [401, 401, 429])
    }
  }

  @Test func aForeignCertificateIsRefused() async throws {
    try await withDevice { (server, _, device) async throws in
      let forger = SigningKey()
      let certificate = DeviceCertificate(
        candidate: .random(), deviceKey: device.key.publicKey, issuedAt: 0, expiresAt: .max / 2_000)
      var request = SessionRequest(
        certificate: SignedBytes(signing: certificate.wire, with: forger, context: .certificate), nonce: .random(),
        signature: [], appVersion: "3.4.2")
      request.signature = device.key.sign(request.signedBytes, context: .session)
      let answer = try await server.exchange(TestDevice.post("/v1/session", BodyFraming.frame(request.wire)))
      #expect(answer?.status == 401)
      #expect(answer?.problem == "certificate-refused")
    }
  }

  @Test func anExamCodeSelectsTheAttempt() async throws {
    try await withDevice { (_, exam, device) async throws in
      #expect(try await device.login()?.status == 200)
      let connection = try device.server.connect()
      let signed = device.signed("/v1/join", BodyFraming.frame(JoinRequest(code: exam.code).wire))
      connection.send(signed.bytes)
      let answer = try #require(try await connection.receive())
      #expect(answer.status == 200)
      #expect(device.isGenuine(answer, to: signed.mac))
      let reply = try JoinReply(wire: try BodyFraming.unframe(answer.body))
      #expect(reply.attempt == exam.attempt)
      #expect(reply.exam.hex == exam.id)
      let wrong = exam.code == "000000" ? "000001" : "000000"
      let refused = device.signed("/v1/join", BodyFraming.frame(JoinRequest(code: wrong).wire))
      connection.send(refused.bytes)
      let problem = try #require(try await connection.receive())
      #expect(problem.problem == "code-unknown")
      #expect(device.isGenuine(problem, to: refused.mac))
    }
  }

  @Test func alteredRequestsAreRefusedWithoutAMAC() async throws {
    try await withDevice { (server, exam, device) async throws in
      #expect(try await device.login()?.status == 200)
      let push = SyncRequest(pushes: [device.openingPush(attempt: exam.attempt)])
      var bytes = device.signed("/v1/sync", BodyFraming.frame(push.wire)).bytes
      bytes[bytes.count - 3] ^= 1
      let altered = try #require(try await server.exchange(bytes))
      #expect(altered.status == 401)
      #expect(altered.problem == "mac-invalid")
      #expect(altered.headers["examsync-mac"] == nil)
      // The same bytes at another path have another MAC.
      let moved = device.signed("/v1/join", BodyFraming.frame(push.wire)).bytes
      let text = String(decoding: moved, as: UTF8.self)
      #expect(text.contains("/v1/join"))
      let other = Array("POST /v1/sync".utf8) + moved.dropFirst("POST /v1/join".utf8.count)
      #expect(try await server.exchange(other)?.problem == "mac-invalid")
    }
  }

  @Test(arguments: ["", "Bearer x", "ExamSync", "ExamSync a b c", "ExamSync AAAAAAAAAAAAAAAAAAAAAA 1 AAAA"])
  func brokenAuthorizationsAreRefused(value: String) async throws {
    try await withDevice { (server, _, _) async throws in
      let answer = try await server.exchange(
        TestDevice.post("/v1/sync", [0], headers: ["Authorization: \(value)"]))
      #expect(answer?.status == 401)
      #expect(answer?.problem == "session-unknown")
    }
  }

  @Test func aReplayedPushChangesNothing() async throws {
    try await withDevice { (server, exam, device) async throws in
      #expect(try await device.login()?.status == 200)
      let push = device.openingPush(attempt: exam.attempt, count: 3)
      let signed = device.signed("/v1/sync", BodyFraming.frame(SyncRequest(pushes: [push]).wire))
      var verdicts: [PushVerdict] = []
      for _ in 0..<3 {
        let answer = try #require(try await server.exchange(signed.bytes))
        #expect(device.isGenuine(answer, to: signed.mac))
        let response = try SyncResponse(wire: try BodyFraming.unframe(answer.body))
        let acknowledgement = try #require(response.acknowledgements.first)
        #expect(acknowledgement.sequence == 3)
        #expect(acknowledgement.head == push.head)
        #expect(response.timeProof.isEmpty)
        verdicts.append(acknowledgement.verdict)
      }
      #expect(verdicts == [.stored, .duplicate, .duplicate])
    }
  }

  /// Pushes are taken at any age; a replayed read gets nothing.
  @Test func oldRequestsGetAcknowledgementsAndATime() async throws {
    try await withDevice { (_, exam, device) async throws in
      #expect(try await device.login()?.status == 200)
      let scopes = [ScopeCursor(scope: try #require(device.grant).candidate, cursor: .start)]
      let request = SyncRequest(pushes: [device.openingPush(attempt: exam.attempt)], scopes: scopes)
      let response = try await device.sync(request, sentAt: 0)
      #expect(response.acknowledgements.first?.verdict == .stored)
      #expect(response.deltas.isEmpty)
      #expect(response.isStale)
      let fresh = try await device.sync(SyncRequest(scopes: scopes))
      #expect(!fresh.deltas.isEmpty)
      #expect(!fresh.isStale)
      let expected = MessageAuthentication.timeProof(secret: device.secret, milliseconds: fresh.sentAt)
      #expect(fresh.timeProof == expected)
    }
  }

  @Test(
    arguments: [
      [], [0], [7, 1, 2], [0, 0xFF, 0xFF, 0xFF], [1, 0, 0, 0], [0, 0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
    ] as [[UInt8]])
  func garbageBodiesAreUnreadable(body: [UInt8]) async throws {
    try await withDevice { (server, _, device) async throws in
      #expect(try await device.login()?.status == 200)
      let signed = device.signed("/v1/sync", body)
      let answer = try #require(try await server.exchange(signed.bytes))
      #expect(device.isGenuine(answer, to: signed.mac))
      #expect(answer.status == 400)
      // An empty message is one of no version.
      #expect(answer.problem == (body == [0] ? "version-not-supported" : "unreadable-body"))
    }
  }

  @Test func whatIsOverALimitInsideAMessageIsTooLarge() async throws {
    try await withDevice { (server, exam, device) async throws in
      #expect(try await device.login()?.status == 200)
      var push = device.openingPush(attempt: exam.attempt)
      push.bodies = Array(repeating: [1], count: Limits.pushEntries + 1)
      let signed = device.signed("/v1/sync", BodyFraming.frame(SyncRequest(pushes: [push]).wire))
      let answer = try #require(try await server.exchange(signed.bytes))
      #expect(device.isGenuine(answer, to: signed.mac))
      #expect(answer.status == 413)
      #expect(answer.problem == "too-large")
    }
  }

  @Test(arguments: ["", "12345", "12345x"])
  func anExamCodeThatIsNoneIsAnInvalidValue(code: String) async throws {
    try await withDevice { (server, _, device) async throws in
      #expect(try await device.login()?.status == 200)
      let signed = device.signed("/v1/join", BodyFraming.frame(JoinRequest(code: code).wire))
      let answer = try #require(try await server.exchange(signed.bytes))
      #expect(device.isGenuine(answer, to: signed.mac))
      #expect(answer.status == 422)
      #expect(answer.problem == "invalid-value")
    }
  }

  /// `serve --json`: the same endpoints for people, with the MAC over the JSON as sent.
  @Test func jsonIsSpokenOnlyWhereItIsOffered() async throws {
    for isOffered in [true, false] {
      try await withDevice({ $0.offersJSON = isOffered }) { (_, exam, device) async throws in
        #expect(try await device.login()?.status == 200)
        let push = SyncRequest(pushes: [device.openingPush(attempt: exam.attempt)])
        var signed = device.signed("/v1/sync", push.json)
        let text = Array("Content-Type: application/json\r\nContent-Length: ".utf8)
        let range = try #require(signed.bytes.firstRange(of: Array("Content-Length: ".utf8)))
        signed.bytes.replaceSubrange(range, with: text)
        let answer = try #require(try await device.server.exchange(signed.bytes))
        #expect(device.isGenuine(answer, to: signed.mac))
        guard isOffered else {
          #expect(answer.problem == "unreadable-body")
          return
        }
        #expect(answer.headers["content-type"] == "application/json")
        #expect(try SyncResponse(json: answer.body).acknowledgements.first?.verdict == .stored)
      }
    }
  }

  @Test func bombsStopAtTheCap() async throws {
    try await withDevice { (server, _, device) async throws in
      #expect(try await device.login()?.status == 200)
      let bomb = BodyFraming.frame([UInt8](repeating: 0, count: 64 << 20))
      #expect(bomb.count < 100_000)
      let signed = device.signed("/v1/sync", bomb)
      let answer = try #require(try await server.exchange(signed.bytes))
      #expect(answer.status == 413)
      #expect(answer.problem == "too-large")
      #expect(device.isGenuine(answer, to: signed.mac))
    }
  }

  @Test func aLowDiskIsSaidBeforeItIsFull() async throws {
    try await withDevice({ $0.lowDiskBytes = 0 }) { (server, exam, device) async throws in
      #expect(try await device.login()?.status == 200)
      let low = try await server.restarted { $0.lowDiskBytes = .max / 4 }
      let phone = TestDevice(low)
      (phone.session, phone.secret) = (device.session, device.secret)
      let push = SyncRequest(pushes: [phone.openingPush(attempt: exam.attempt)])
      let signed = phone.signed("/v1/sync", BodyFraming.frame(push.wire))
      let answer = try #require(try await low.exchange(signed.bytes))
      #expect(answer.status == 507)
      #expect(answer.problem == "storage-low")
      #expect(phone.isGenuine(answer, to: signed.mac))
      #expect(!FileManager.default.fileExists(atPath: low.directory.reserve))
      await low.application.stop()
    }
  }
}

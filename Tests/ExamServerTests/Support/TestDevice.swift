import ExamModel
import Foundation
import SyncProtocol
import SyncWire

@testable import ExamServer

/// A phone that speaks the protocol from its specification, over a raw connection.
final class TestDevice: @unchecked Sendable {
  let key: SigningKey
  let server: any ReachableServer
  var session = ID128.zero
  var secret = SessionSecret([UInt8](repeating: 0, count: 32))!
  var grant: SessionGrant?

  init(_ server: any ReachableServer, key: SigningKey = SigningKey()) {
    self.server = server
    self.key = key
  }

  /// The same device with the same session, at a server that was started again.
  init(_ device: TestDevice, at server: any ReachableServer) {
    self.server = server
    key = device.key
    (session, secret, grant) = (device.session, device.secret, device.grant)
  }

  static func post(_ path: String, _ body: [UInt8], headers: [String] = []) -> [UInt8] {
    var head = "POST \(path) HTTP/1.1\r\nHost: exam\r\nContent-Length: \(body.count)\r\n"
    for header in headers { head += header + "\r\n" }
    return Array((head + "\r\n").utf8) + body
  }

  // MARK: Sessions

  func login(username: String = "wang", password: String = "secret1234") async throws -> RawAnswer? {
    var request = LoginRequest(
      username: username, password: password, deviceKey: key.publicKey, nonce: .random(), appVersion: "3.4.2",
      signature: [])
    request.signature = key.sign(request.signedBytes, context: .login)
    let answer = try await server.exchange(Self.post("/v1/login", BodyFraming.frame(request.wire)))
    if let answer, answer.status == 200 { try take(answer, nonce: request.nonce) }
    return answer
  }

  func newSession() async throws -> RawAnswer? {
    guard let grant else { return nil }
    var request = SessionRequest(
      certificate: grant.certificate, nonce: .random(), signature: [], appVersion: "3.4.2")
    request.signature = key.sign(request.signedBytes, context: .session)
    let answer = try await server.exchange(Self.post("/v1/session", BodyFraming.frame(request.wire)))
    if let answer, answer.status == 200 { try take(answer, nonce: request.nonce) }
    return answer
  }

  private func take(_ answer: RawAnswer, nonce: ID128) throws {
    let signed = try SignedBytes(wire: try BodyFraming.unframe(answer.body))
    let grant = try SessionGrant(wire: signed.statement)
    guard signed.isValid(context: .grant, publicKey: server.identityKey), grant.nonce == nonce,
      let secret = SessionSecret(grant.secret)
    else { throw RawConnection.Failure(description: "the grant is not good") }
    self.grant = grant
    self.secret = secret
    session = grant.session
  }

  // MARK: Authenticated requests

  struct Signed {
    var bytes: [UInt8]
    var mac: MAC
  }

  func signed(_ path: String, _ body: [UInt8], sentAt: UInt64? = nil) -> Signed {
    let time = sentAt ?? UInt64(ServerClock().now)
    let mac = MessageAuthentication.request(secret: secret, method: "POST", path: path, sentAt: time, body: body)
    let value = Authorization(session: session, sentAt: time, mac: mac).headerValue
    return Signed(bytes: Self.post(path, body, headers: ["Authorization: \(value)"]), mac: mac)
  }

  /// Whether the answer carries our session's MAC over exactly its bytes.
  func isGenuine(_ answer: RawAnswer, to mac: MAC) -> Bool {
    let expected = MessageAuthentication.response(
      secret: secret, requestMAC: mac, status: answer.status, body: answer.body)
    return answer.headers["examsync-mac"] == Base64URL.encode(expected.bytes)
  }

  func sync(
    _ request: SyncRequest, on connection: RawConnection? = nil, sentAt: UInt64? = nil
  ) async throws -> SyncResponse {
    let connection = try connection ?? server.connect(timeoutSeconds: 70)
    let signed = signed("/v1/sync", BodyFraming.frame(request.wire), sentAt: sentAt)
    connection.send(signed.bytes)
    guard let answer = try await connection.receive() else {
      throw RawConnection.Failure(description: "no answer")
    }
    guard answer.status == 200 else { throw RawConnection.Failure(description: "\(answer.status) \(answer.text)") }
    guard isGenuine(answer, to: signed.mac) else { throw RawConnection.Failure(description: "a wrong MAC") }
    return try SyncResponse(wire: try BodyFraming.unframe(answer.body))
  }

  /// Reads scopes until nothing is new, and gives the cursors.
  func catchUp(_ scopes: [ID128]) async throws -> [ScopeCursor] {
    var cursors = scopes.map { ScopeCursor(scope: $0, cursor: .start) }
    while true {
      try Task.checkCancellation()
      let response = try await sync(SyncRequest(scopes: cursors))
      if response.deltas.isEmpty { return cursors }
      for delta in response.deltas {
        guard let index = cursors.firstIndex(where: { $0.scope == delta.scope }) else { continue }
        if delta.checkpoint != nil {
          cursors[index] = ScopeCursor(scope: delta.scope, cursor: delta.to)
        } else {
          cursors[index].staged = delta.to.version
        }
      }
    }
  }

  /// A push that opens a journal: `count` open entries after its genesis.
  func openingPush(attempt: ID128, journal: ID128 = .random(), count: Int = 1) -> Push {
    var head = Chain.genesis(journal: journal, subject: attempt, deviceKey: key.id)
    var bodies: [[UInt8]] = []
    for sequence in 1...count {
      let body = Self.openEntry().wire
      head = Chain.next(head, sequence: UInt64(sequence), body: body)
      bodies.append(body)
    }
    return Push(journal: journal, subject: attempt, first: 1, bodies: bodies, head: head, lease: 1)
  }

  private static func openEntry() -> Entry {
    Entry(
      kind: .open(
        Opening(
          nonce: .random(), bootID: .random(), bootMilliseconds: 1_000, wallMilliseconds: ServerClock().now,
          leaseOrdinal: 1, appVersion: "3.4.2")))
  }
}

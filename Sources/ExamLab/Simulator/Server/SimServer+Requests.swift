import CurlTransport
import ExamModel
import Foundation
import ServerCore
import SyncProtocol
import SyncWire

/// What a request is on its way to the decisions, and a reply on its way back: as the connections of `ExamServer` do
/// it, over the same bytes.
extension SimServer {
  func receive(
    _ request: HTTPRequest, exchange number: UInt64, respond: @escaping (HTTPResponse) -> Void,
    breakOff: @escaping () -> Void
  ) {
    let exchange = SimExchange(number: number, respond: respond, breakOff: breakOff)
    exchange.receivedAt = now
    openExchanges.append(exchange)
    let path = String(request.url.dropFirst(SimNetwork.address.count))
    switch path {
    case "/v1/sync": sync(request, path, exchange)
    case "/v1/join": join(request, path, exchange)
    case "/v1/login": logIn(request, exchange)
    case "/v1/session": session(request, exchange)
    default: blob(request, path, exchange)
    }
  }

  /// Nobody waits for this one any more.
  func hangUp(_ number: UInt64) {
    guard let exchange = openExchanges.first(where: { $0.number == number }) else { return }
    end(exchange)
  }

  // MARK: - Authenticated requests

  private func authenticate(_ request: HTTPRequest, _ path: String, _ exchange: SimExchange) -> Bool {
    guard let value = request.headers["authorization"], let authorization = Authorization(headerValue: value),
      let secret = core?.sessions.entry(authorization.session)?.secret
    else {
      fail(exchange, Problem(.sessionUnknown, "This session is not known here. Make a new one with the certificate."))
      return false
    }
    let expected = MessageAuthentication.request(
      secret: secret, method: request.method.rawValue, path: path, sentAt: authorization.sentAt, body: request.body)
    guard expected.isEqualInConstantTime(to: authorization.mac) else {
      fail(exchange, Problem(.macInvalid, "The request was altered on its way, or the session's secret is another."))
      return false
    }
    let now = UInt64(max(0, exchange.receivedAt))
    let distance = max(now, authorization.sentAt) - min(now, authorization.sentAt)
    exchange.session = authorization.session
    exchange.secret = secret
    exchange.requestMAC = expected
    exchange.isFresh = distance <= UInt64(Limits.sentAtToleranceMilliseconds)
    return true
  }

  private func sync(_ request: HTTPRequest, _ path: String, _ exchange: SimExchange) {
    guard authenticate(request, path, exchange), let session = exchange.session,
      let message = decode(request, exchange, { bytes throws(WireError) in try PackedRequest(wire: bytes) })
    else { return }
    let wait = min(message.rest.waitMilliseconds, Limits.waitMilliseconds)
    if wait > 0, exchange.isFresh, !message.rest.scopes.isEmpty { beginPoll(message.rest, session, wait, exchange) }
    let call = DeviceCall(
      session: session, packed: message, receivedAt: exchange.receivedAt, isFresh: exchange.isFresh)
    submit(.sync(call)) { [self] in take($0, exchange) }
  }

  private func join(_ request: HTTPRequest, _ path: String, _ exchange: SimExchange) {
    guard authenticate(request, path, exchange), let session = exchange.session,
      let message: JoinRequest = decode(request, exchange)
    else { return }
    submit(.join(session: session, code: message.code)) { [self] in take($0, exchange) }
  }

  // MARK: - Requests of nobody

  private func logIn(_ request: HTTPRequest, _ exchange: SimExchange) {
    guard let login: LoginRequest = decode(request, exchange) else { return }
    guard let person = world.exam.people.first(where: { $0.username == login.username }),
      person.password == login.password, CertificateChecks.verify(login)
    else { return fail(exchange, Problem(.wrongPassword, "The user name or the password is wrong.")) }
    submit(.login(login, candidate: person.candidate)) { [self] in take($0, exchange) }
  }

  private func session(_ request: HTTPRequest, _ exchange: SimExchange) {
    guard let message: SessionRequest = decode(request, exchange) else { return }
    guard let certificate = CertificateChecks.verify(message, serverKey: SimExam.identity.publicKey) else {
      return fail(exchange, Problem(.certificateRefused, "The device certificate is not good any more. Log in again."))
    }
    submit(.session(message, certificate)) { [self] in take($0, exchange) }
  }

  private func blob(_ request: HTTPRequest, _ path: String, _ exchange: SimExchange) {
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    guard let digest = Hex.decode(name).flatMap({ Digest256($0) }), let bytes = world.exam.blobs[digest] else {
      return fail(exchange, Problem(.notFound, "There is nothing here."))
    }
    let parts = request.headers["range"]?.dropFirst("bytes=".count).split(separator: "-").compactMap { Int($0) } ?? []
    guard parts.count == 2, parts[0] <= parts[1], parts[1] < bytes.count else {
      return send(HTTPResponse(status: 416, body: []), exchange)
    }
    let headers: HTTPHeaders = ["Content-Range": "bytes \(parts[0])-\(parts[1])/\(bytes.count)"]
    send(HTTPResponse(status: 206, headers: headers, body: Array(bytes[parts[0]...parts[1]])), exchange)
  }

  // MARK: - Replies

  func take(_ reply: ServerReply, _ exchange: SimExchange) {
    guard !exchange.isOver else { return }
    switch reply {
    case .sync(let response, let isQuiet):
      if isQuiet, hold(exchange, response) { return }
      answer(response, exchange)
    case .grant(let signed): sendMessage(signed.wire, exchange)
    case .joined(let joined): sendMessage(joined.wire, exchange)
    case .problem(let problem): fail(exchange, problem)
    case .credentials, .done, .ticked: preconditionFailure("two answers were mixed up")
    }
  }

  func answer(_ response: SyncResponse, _ exchange: SimExchange) {
    guard !exchange.isOver, let secret = exchange.secret else { return }
    var response = response
    response.heldMilliseconds = UInt32(clamping: now - exchange.receivedAt)
    if response.acknowledgements.isEmpty {
      response.timeProof = MessageAuthentication.timeProof(secret: secret, milliseconds: response.sentAt)
    }
    sendMessage(response.wire, exchange)
  }

  private func decode<Message: WireMessage>(_ request: HTTPRequest, _ exchange: SimExchange) -> Message? {
    decode(request, exchange) { bytes throws(WireError) in try Message(wire: bytes) }
  }

  private func decode<Message>(
    _ request: HTTPRequest, _ exchange: SimExchange, _ read: ([UInt8]) throws(WireError) -> Message
  ) -> Message? {
    do {
      return try read(BodyFraming.unframe(request.body))
    } catch {
      fail(exchange, Problem(.unreadableBody, "The body is no message of this protocol."))
      return nil
    }
  }

  private func sendMessage(_ wire: [UInt8], _ exchange: SimExchange) {
    let deflates = world.options.deflates && wire.count >= 192
    send(HTTPResponse(status: 200, body: BodyFraming.frame(wire, deflate: deflates)), exchange)
  }

  func fail(_ exchange: SimExchange, _ problem: Problem) {
    world.note(node, .replied(exchange: exchange.number, what: problem.kind.rawValue))
    var headers: HTTPHeaders = ["Content-Type": "application/problem+json"]
    if let seconds = problem.retryAfterSeconds { headers.append("Retry-After", "\(seconds)") }
    let text = "{\"type\":\"\(problem.type)\",\"detail\":\"refused\"}"
    send(HTTPResponse(status: problem.status, headers: headers, body: Array(text.utf8)), exchange)
  }

  /// Sends an answer with its MAC, where the session was good.
  private func send(_ response: HTTPResponse, _ exchange: SimExchange) {
    guard !exchange.isOver else { return }
    end(exchange)
    var headers = response.headers
    if let secret = exchange.secret, let mac = exchange.requestMAC {
      let proof = MessageAuthentication.response(
        secret: secret, requestMAC: mac, status: response.status, body: response.body)
      headers.append(Authorization.responseHeader, Base64URL.encode(proof.bytes))
    }
    exchange.respond(HTTPResponse(status: response.status, headers: headers, body: response.body))
  }

  private func end(_ exchange: SimExchange) {
    exchange.isOver = true
    dropPoll(exchange)
    openExchanges.removeAll { $0 === exchange }
  }
}

import ExamModel
import NIOCore
import NIOHTTP1
import ServerCore
import SyncProtocol
import SyncWire

/// What an authenticated request's answer needs.
struct Exchange {
  var session: ID128
  var device: ID128
  var secret: SessionSecret
  var requestMAC: MAC
  /// Server time when the request was there.
  var receivedAt: Int64
  /// Its own time lay close enough to server time.
  var isFresh: Bool
}

extension DeviceConnection {
  func handle(_ request: ReceivedRequest) {
    speaksJSON =
      services.offersJSON
      && request.head.headers.first(name: "content-type")?.lowercased().hasPrefix("application/json") == true
    switch request.route {
    case .sync: handleSync(request)
    case .login:
      if let login: LoginRequest = decode(request) { handleLogin(login, from: clientAddress(request)) }
    case .session: handleSession(request)
    case .join: handleJoin(request)
    case .server: handleServerCard()
    case .blob(let digest): handleBlob(digest, request)
    case .nothing: handleNothing(request)
    }
  }

  // MARK: Authenticated requests

  /// Looks the session up and checks the MAC over the body as sent; answers and gives `nil` where that fails.
  private func authenticate(_ request: ReceivedRequest) -> Exchange? {
    let receivedAt = services.clock.now
    guard let value = request.head.headers.first(name: "authorization"),
      let authorization = Authorization(headerValue: value)
    else {
      fail(Problem(.sessionUnknown, "The request carries no ExamSync authorization. Make a session first."))
      return nil
    }
    guard let entry = services.session(authorization.session) else {
      fail(Problem(.sessionUnknown, "This session is not known here. Make a new one with the certificate."))
      return nil
    }
    let method = request.head.method.rawValue
    let expected = (request.body ?? ByteBuffer()).withUnsafeReadableBytes {
      MessageAuthentication.request(
        secret: entry.secret, method: method, path: request.head.uri, sentAt: authorization.sentAt, body: $0)
    }
    guard expected.isEqualInConstantTime(to: authorization.mac) else {
      fail(Problem(.macInvalid, "The request was altered on its way, or the session's secret is another."))
      return nil
    }
    let tolerance = UInt64(Limits.sentAtToleranceMilliseconds)
    let now = UInt64(max(0, receivedAt))
    let distance = max(now, authorization.sentAt) - min(now, authorization.sentAt)
    let exchange = Exchange(
      session: authorization.session, device: entry.device, secret: entry.secret, requestMAC: expected,
      receivedAt: receivedAt,
      isFresh: distance <= tolerance)
    self.exchange = exchange
    return exchange
  }

  private func handleSync(_ request: ReceivedRequest) {
    guard let exchange = authenticate(request) else { return }
    let throttledMilliseconds = services.throttle.take(exchange.device)
    guard let message = decodeSync(request) else { return }
    if let throttledMilliseconds,
      !holdsSeal(message) || services.throttle.take(exchange.device, isSeal: true) != nil
    {
      return slowDown(milliseconds: throttledMilliseconds)
    }
    let wait = min(message.rest.waitMilliseconds, services.limits.waitMilliseconds)
    if wait > 0 && exchange.isFresh && !message.rest.scopes.isEmpty {
      beginPoll(message.rest, session: exchange.session, wait: wait)
    }
    let call = DeviceCall(
      session: exchange.session, packed: message, receivedAt: exchange.receivedAt, isFresh: exchange.isFresh)
    // Looked for only when it matters: it costs a decoding.
    let isUrgent = services.writer.isOverloaded && holdsSeal(message)
    submit(.sync(call), priority: isUrgent ? .urgent : .ordinary)
  }

  private func decodeSync(_ request: ReceivedRequest) -> PackedRequest? {
    if speaksJSON {
      let message: SyncRequest? = decode(request)
      return message.map { PackedRequest($0) }
    }
    return decode(request) { bytes throws(WireError) in try PackedRequest(wire: bytes) }
  }

  /// Told to come again when there is room, and a little later by chance, so that devices do not come in step.
  private func slowDown(milliseconds: Int64) {
    let seconds = Int(milliseconds + 999) / 1_000 + Int.random(in: 0...2)
    fail(
      Problem(
        .tooManyRequests, "This device sends too much. Everything stays on it; come again later.",
        retryAfterSeconds: seconds))
  }

  /// Seals and what asks for receipts.
  private func holdsSeal(_ message: PackedRequest) -> Bool {
    !message.rest.presentedReceipts.isEmpty || message.pushes.contains(where: \.holdsSeal)
  }

  private func handleJoin(_ request: ReceivedRequest) {
    guard let exchange = authenticate(request), let message: JoinRequest = decode(request) else { return }
    submit(.join(session: exchange.session, code: message.code), priority: .urgent)
  }

  // MARK: Requests of nobody

  /// Who asks: behind a proxy, the address that the proxy itself added last; what a client wrote stands before it.
  private func clientAddress(_ request: ReceivedRequest) -> String {
    guard services.isBehindProxy, let hops = request.head.headers.first(name: "x-forwarded-for"),
      let last = hops.split(separator: ",").last
    else { return address }
    return String(last.drop { $0 == " " }.prefix(64))
  }

  private func handleServerCard() {
    let card = ServerCard(
      identityKey: services.identityKey, oldestProtocol: Limits.oldestProtocolVersion,
      newestProtocol: Limits.protocolVersion, serverTime: services.clock.now,
      minimumAppVersion: services.minimumAppVersion)
    sendMessage(card)
  }

  private func handleSession(_ request: ReceivedRequest) {
    guard let message: SessionRequest = decode(request) else { return }
    let refusal = Problem(
      .certificateRefused, "The device certificate is not good any more. Log in with user name and password.")
    guard let certificate = CertificateChecks.verify(message, serverKey: services.identityKey) else {
      return fail(refusal)
    }
    submit(.session(message, certificate), priority: .urgent)
  }

  /// The yardstick of benchmarks: as much in and out as a push, and nothing done. `?bytes=` gives the answer's body.
  private func handleNothing(_ request: ReceivedRequest) {
    guard let context else { return }
    let wanted = request.head.uri.split(separator: "=").dropFirst().first.flatMap { Int($0) } ?? 0
    let body = [UInt8](repeating: 0, count: min(max(0, wanted), 4_096))
    send(
      ResponseBytes.whole(
        status: 200, kind: .message, body: body, mac: .zero, closes: closesAfterAnswer,
        allocator: context.channel.allocator))
  }

  // MARK: Towards the writer

  func submit(_ call: ServerCall, priority: WriterQueue.Priority) {
    let sink = ReplySink.connection(self, number: number, loop: loop.index)
    guard services.writer.enqueue(call, to: sink, priority: priority) else {
      if services.writer.hasFailed { return fail(GroupCommitWriter.storageFailed) }
      return fail(Problem(.busy, "The server has too much to do. Come again.", retryAfterSeconds: 2))
    }
  }

  func take(_ reply: ServerReply, number: UInt64) {
    guard number == self.number, phase == .waiting else { return }
    switch reply {
    case .sync(let response, let isQuiet):
      if isQuiet && holdPoll(response) { return }
      answer(response)
    case .grant(let signed): sendMessage(signed)
    case .joined(let joined): sendMessage(joined)
    case .problem(let problem): fail(problem)
    case .credentials, .done, .ticked: fail(Problem(.internal, "The server mixed up two answers. Send it again."))
    }
  }

  func answer(_ response: SyncResponse) {
    dropPoll()
    guard let exchange else { return closeNow() }
    var response = response
    response.heldMilliseconds = UInt32(clamping: services.clock.now - exchange.receivedAt)
    if response.acknowledgements.isEmpty {
      response.timeProof = MessageAuthentication.timeProof(secret: exchange.secret, milliseconds: response.sentAt)
    }
    sendMessage(response)
  }

  // MARK: Answers

  private func decode<Message: WireMessage>(_ request: ReceivedRequest) -> Message? {
    decode(request) { bytes throws(WireError) in
      speaksJSON ? try Message(json: bytes) : try Message(wire: bytes)
    }
  }

  private func decode<Message>(
    _ request: ReceivedRequest, _ read: ([UInt8]) throws(WireError) -> Message
  ) -> Message? {
    do {
      return try read(speaksJSON ? Array((request.body ?? ByteBuffer()).readableBytesView) : unframed(request.body))
    } catch let error as FramingError {
      if case .tooLong = error { fail(Problem(.tooLarge, error.description)) } else { unreadable(error.description) }
    } catch let error as WireError where error.field == "SyncRequest.protocol" {
      fail(Problem(.versionNotSupported, "This server speaks versions 1 to \(Limits.protocolVersion): update the app."))
    } catch let error as WireError where error.field == "JoinRequest.code" {
      fail(Problem(.invalidValue, "An exam code has exactly \(Limits.examCodeDigits) digits. Type it again."))
    } catch let error as WireError where error.isOverLimit {
      fail(Problem(.tooLarge, "The message is over a limit of this protocol: \(error)"))
    } catch let error as WireError {
      unreadable(error.description)
    } catch {
      unreadable("\(error)")
    }
    return nil
  }

  /// A plain body is copied once; only a deflated one goes through the inflater.
  private func unframed(_ body: ByteBuffer?) throws -> [UInt8] {
    guard let body, let first = body.getInteger(at: body.readerIndex, as: UInt8.self) else { throw FramingError.empty }
    guard first == 0 else { return try BodyFraming.unframe(Array(body.readableBytesView)) }
    return Array(body.readableBytesView.dropFirst())
  }

  private func unreadable(_ reason: String) {
    fail(Problem(.unreadableBody, "The body is no message of this protocol: \(reason)"))
  }

  func sendMessage(_ message: some WireMessage) {
    if speaksJSON { return send(status: 200, kind: .json, body: message.json) }
    let wire = message.wire
    // Under this size the frame costs more processor than the wire gains.
    send(status: 200, kind: .message, body: BodyFraming.frame(wire, deflate: wire.count >= 192))
  }

  /// Answers with a problem; MACed where the session was good.
  ///
  /// - Parameter wholeBytes: with 416, the length of what a range was asked of (RFC 9110, section 15.5.17).
  func fail(_ problem: Problem, wholeBytes: Int? = nil) {
    dropPoll()
    services.metrics.count(problem.kind)
    send(
      status: problem.status, kind: .problem(retryAfterSeconds: problem.retryAfterSeconds, wholeBytes: wholeBytes),
      body: ProblemDocument.json(problem))
  }

  private func send(status: Int, kind: ResponseBytes.Kind, body: [UInt8]) {
    guard let context else { return }
    let mac = exchange.map {
      MessageAuthentication.response(secret: $0.secret, requestMAC: $0.requestMAC, status: status, body: body)
    }
    send(
      ResponseBytes.whole(
        status: status, kind: kind, body: body, mac: mac, closes: closesAfterAnswer,
        allocator: context.channel.allocator))
  }
}

import NIOCore
import NIOHTTP1
import NIOPosix

/// Why the running server could not be asked.
public struct OperatorClientError: Error, Sendable, CustomStringConvertible {
  public var description: String
}

/// Asks a running server over its operator port. The port is on loopback by default: from elsewhere, come through a
/// tunnel or a TLS proxy on this machine.
public struct OperatorClient: Sendable {
  /// How long nothing may come from the server, and nothing go to it, before it is given up: longer than any
  /// command takes, a page of a roster with passwords too.
  public static let silenceMilliseconds: Int64 = 120_000
  /// A body goes out in parts of this size, so that a long one on a slow line is not taken for silence.
  private static let partBytes = 65_536

  private let host: String
  private let port: Int
  private let silenceMilliseconds: Int64

  /// - Parameters:
  ///   - address: `host:port` or `http://host:port`.
  ///   - silenceMilliseconds: see ``silenceMilliseconds``.
  public init(
    address: String, silenceMilliseconds: Int64 = OperatorClient.silenceMilliseconds
  ) throws(OperatorClientError) {
    self.silenceMilliseconds = silenceMilliseconds
    var text = address
    if text.hasPrefix("https://") {
      throw OperatorClientError(
        description: "The command speaks plain HTTP to the operator port; reach it through a tunnel (ssh -L).")
    }
    if text.hasPrefix("http://") { text.removeFirst("http://".count) }
    while text.hasSuffix("/") { text.removeLast() }
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (1...65_535).contains(port), colon > text.startIndex
    else { throw OperatorClientError(description: "\(address) is no address: write it as 127.0.0.1:8081.") }
    var name = String(text[..<colon])
    if name.hasPrefix("[") && name.hasSuffix("]") { name = String(name.dropFirst().dropLast()) }
    host = name
    self.port = port
  }

  /// One request on one connection.
  public func send(_ request: OperatorRequest) async throws -> OperatorAnswer {
    let promise = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: OperatorAnswer.self)
    let (host, port, silence) = (host, port, TimeAmount.milliseconds(silenceMilliseconds))
    do {
      let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(.seconds(5))
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(IdleStateHandler(allTimeout: silence))
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            try channel.pipeline.syncOperations.addHandler(AnswerCollector(promise: promise))
          }
        }
        .connect(host: host, port: port).get()
      let head = Self.head(request, host: "\(host):\(port)")
      var body = ByteBuffer(bytes: request.body)
      channel.write(HTTPClientRequestPart.head(head), promise: nil)
      while let part = body.readSlice(length: min(Self.partBytes, max(1, body.readableBytes))) {
        channel.write(HTTPClientRequestPart.body(.byteBuffer(part)), promise: nil)
      }
      channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    } catch {
      promise.fail(error)
      _ = try? await promise.futureResult.get()
      throw OperatorClientError(
        description: "No server answers at \(host):\(port). Start one with exam-server serve, or check --server.")
    }
    return try await promise.futureResult.get()
  }

  private static func head(_ request: OperatorRequest, host: String) -> HTTPRequestHead {
    var head = HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: request.method), uri: request.target)
    head.headers.add(name: "Host", value: host)
    head.headers.add(name: "Connection", value: "close")
    head.headers.add(name: "Content-Length", value: "\(request.body.count)")
    if let token = request.token { head.headers.add(name: "Authorization", value: "Bearer \(token)") }
    return head
  }
}

/// Puts the answer together; its loop is the only place where it is touched.
private final class AnswerCollector: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  private let promise: EventLoopPromise<OperatorAnswer>
  private var answer: OperatorAnswer?
  private var isDone = false

  init(promise: EventLoopPromise<OperatorAnswer>) {
    self.promise = promise
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      answer = OperatorAnswer(
        status: Int(head.status.code), contentType: head.headers.first(name: "content-type") ?? "", body: [],
        retryAfterSeconds: head.headers.first(name: "retry-after").flatMap { Int($0) })
    case .body(let buffer): answer?.body += buffer.readableBytesView
    case .end:
      isDone = true
      if let answer { promise.succeed(answer) }
      context.close(promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail()
    context.close(promise: nil)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard event is IdleStateHandler.IdleStateEvent else { return context.fireUserInboundEventTriggered(event) }
    fail(
      "The server does not answer. It may still have done what was asked: look at the board or the audit trail before "
        + "you ask again.")
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) { fail() }

  private func fail(_ words: String = "The server closed the connection before it had answered.") {
    guard !isDone else { return }
    isDone = true
    promise.fail(OperatorClientError(description: words))
  }
}

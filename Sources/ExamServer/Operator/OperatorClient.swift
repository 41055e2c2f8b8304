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
  private let host: String
  private let port: Int

  /// - Parameter address: `host:port` or `http://host:port`.
  public init(address: String) throws(OperatorClientError) {
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
    let (host, port) = (host, port)
    do {
      let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(.seconds(5))
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            try channel.pipeline.syncOperations.addHandler(AnswerCollector(promise: promise))
          }
        }
        .connect(host: host, port: port).get()
      let head = Self.head(request, host: "\(host):\(port)")
      let body = ByteBuffer(bytes: request.body)
      channel.write(HTTPClientRequestPart.head(head), promise: nil)
      channel.write(HTTPClientRequestPart.body(.byteBuffer(body)), promise: nil)
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

  func channelInactive(context: ChannelHandlerContext) { fail() }

  private func fail() {
    guard !isDone else { return }
    isDone = true
    promise.fail(OperatorClientError(description: "The server closed the connection before it had answered."))
  }
}

import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import SyncProtocol

/// The operator plane's transport: a port of its own, which phones cannot reach.
final class OperatorPlane: Sendable {
  /// Of one request; a paper with its pictures is the largest.
  static let bodyBytes = 96 * 1024 * 1024

  let port: Int
  private let serving: ServiceGroup
  private let task: Task<Void, any Error>
  /// One thread: what accepts a connection is what hands it on, with nothing between them for a stop to come into.
  private let threads: MultiThreadedEventLoopGroup

  /// Begins to listen.
  ///
  /// - Parameters:
  ///   - port: 0 takes a free one; see ``port``.
  ///   - drainMilliseconds: how long ``stop()`` lets requests that are under way go on.
  init(
    service: OperatorService, host: String, port: Int, limits: OperatorPlaneLimits, drainMilliseconds: Int64,
    logger: Logger
  ) async throws {
    let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    // It reports every connection that ends when the server stops as an error.
    var quiet = logger
    quiet.logLevel = .critical
    let application = Application(
      responder: OperatorResponder(service: service),
      server: .http1(
        configuration: HTTP1Channel.Configuration(
          additionalChannelHandlers: [OperatorPace(limits)],
          idleTimeout: .milliseconds(limits.idleMilliseconds),
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: Limits.headerBytes, maxHeaderListSize: Limits.headerBytes,
            maxHeaderFieldCount: Limits.headerCount))),
      configuration: ApplicationConfiguration(
        address: .hostname(host, port: port),
        availableConnectionsDelegate: MaximumAvailableConnections(limits.connections)),
      onServerRunning: { channel in continuation.yield(channel.localAddress?.port ?? 0) },
      eventLoopGroupProvider: .shared(threads),
      logger: quiet)
    var configuration = ServiceGroupConfiguration(services: [application], logger: quiet)
    configuration.maximumGracefulShutdownDuration = .milliseconds(drainMilliseconds)
    let serving = ServiceGroup(configuration: configuration)
    let task = Task {
      defer { continuation.finish() }
      try await serving.run()
    }
    var iterator = ports.makeAsyncIterator()
    guard let bound = await iterator.next() else {
      let failure = await task.result
      try? await threads.shutdownGracefully()
      try failure.get()
      throw StorageError("The operator port \(host):\(port) could not be opened.")
    }
    self.port = bound
    self.serving = serving
    self.task = task
    self.threads = threads
  }

  /// Takes no more connections, lets what is under way end, and gives up what takes too long.
  ///
  /// Cancelling the task would not do: a connection that was accepted and not yet handed on would be dropped, which
  /// NIO takes for a mistake and ends the process over.
  func stop() async {
    await serving.triggerGracefulShutdown()
    _ = try? await task.value
    try? await threads.shutdownGracefully()
  }
}

/// Carries requests to the service and answers back.
private struct OperatorResponder: HTTPResponder {
  typealias Context = BasicRequestContext

  let service: OperatorService

  func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
    let target = request.head.path ?? "/"
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard let path = PercentCoding.decode(parts[0]), let query = Self.query(parts.count > 1 ? parts[1] : "") else {
      return Self.response(Self.problem(Problem(.badRequest, "The path is not percent-encoded UTF-8.")))
    }
    var body: [UInt8] = []
    do {
      let buffer = try await request.body.collect(upTo: OperatorPlane.bodyBytes)
      body = Array(buffer.readableBytesView)
    } catch is NIOTooManyBytesError {
      return Self.response(Self.problem(Problem(.tooLarge, "The body is over \(OperatorPlane.bodyBytes) bytes.")))
    }
    let authorization = request.headers[.authorization] ?? ""
    let token = authorization.hasPrefix("Bearer ") ? String(authorization.dropFirst(7)) : nil
    let answer = await service.answer(
      OperatorRequest(method: request.method.rawValue, path: path, query: query, body: body, token: token))
    return Self.response(answer)
  }

  private static func problem(_ problem: Problem) -> OperatorAnswer {
    OperatorAnswer(
      status: problem.status, contentType: "application/problem+json", body: ProblemDocument.json(problem))
  }

  private static func query(_ text: Substring) -> [String: String]? {
    var query: [String: String] = [:]
    for pair in text.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = PercentCoding.decode(parts[0]), let value = PercentCoding.decode(parts.count > 1 ? parts[1] : "")
      else { return nil }
      query[name] = value
    }
    return query
  }

  private static func response(_ answer: OperatorAnswer) -> Response {
    var headers = HTTPFields()
    headers[.contentType] = answer.contentType
    headers[.cacheControl] = "no-store"
    if let seconds = answer.retryAfterSeconds { headers[.retryAfter] = "\(seconds)" }
    return Response(
      status: .init(code: answer.status), headers: headers,
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body)))
  }
}

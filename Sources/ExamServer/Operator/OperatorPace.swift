import HTTPTypes
import NIOCore
import NIOHTTPTypes
import SyncProtocol

/// Every limit and time-out of the operator plane's listener, in one place. Times in milliseconds.
public struct OperatorPlaneLimits: Sendable {
  public var connections = 64
  /// A kept-alive connection without a request.
  public var idleMilliseconds: Int64 = 120_000
  /// From the first byte of a head, or from the connection's beginning, to the head's end.
  public var headMilliseconds: Int64 = 10_000
  /// A body may take this long before its rate is looked at.
  public var bodyGraceMilliseconds: Int64 = 10_000
  /// Slower bodies are given up.
  public var bodyBytesPerSecond: Int64 = 1_024
  /// No body takes longer than this.
  public var bodyMilliseconds: Int64 = 3_600_000
  /// After a refusal the rest of what the client sends is thrown away for so long, so that it can read the answer.
  public var lingerMilliseconds: Int64 = 2_000
  /// How often deadlines are looked at.
  public var sweepMilliseconds: Int64 = 250

  public init() {}
}

/// Gives up requests that arrive too slowly: Hummingbird has a time-out for silent connections only, which one byte
/// now and then keeps away for ever. Stands between its HTTP decoder and the rest; confined to its event loop.
final class OperatorPace: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private enum Phase {
    /// Between requests: Hummingbird's own time-out watches.
    case idle
    case head(deadline: NIODeadline)
    case body(since: NIODeadline, bytes: Int64)
    /// The request is there and is being answered.
    case answering
    /// Refused: what still comes in is thrown away.
    case refused(deadline: NIODeadline)
  }

  private let limits: OperatorPlaneLimits
  private var phase = Phase.idle
  private var sawPart = false
  private var sweeps: RepeatedTask?

  init(_ limits: OperatorPlaneLimits) {
    self.limits = limits
  }

  func handlerAdded(context: ChannelHandlerContext) {
    phase = .head(deadline: .now() + .milliseconds(limits.headMilliseconds))
    let period = TimeAmount.milliseconds(limits.sweepMilliseconds)
    let place = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
    sweeps = context.eventLoop.scheduleRepeatedTask(initialDelay: period, delay: period) { _ in
      let (handler, context) = place.value
      handler.look(context, at: .now())
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) { stopLooking() }

  func channelInactive(context: ChannelHandlerContext) {
    stopLooking()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    sawPart = true
    if case .refused = phase { return }
    switch unwrapInboundIn(data) {
    case .head: phase = .body(since: .now(), bytes: 0)
    case .body(let buffer):
      if case .body(let since, let bytes) = phase {
        phase = .body(since: since, bytes: bytes + Int64(buffer.readableBytes))
      }
    case .end: phase = .answering
    }
    context.fireChannelRead(data)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    // Bytes came and made no part: the beginning of a head.
    if !sawPart, case .idle = phase {
      phase = .head(deadline: .now() + .milliseconds(limits.headMilliseconds))
    }
    sawPart = false
    context.fireChannelReadComplete()
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .refused = phase {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    if case .end = unwrapOutboundIn(data), case .answering = phase { phase = .idle }
    context.write(data, promise: promise)
  }

  private func look(_ context: ChannelHandlerContext, at now: NIODeadline) {
    switch phase {
    case .idle, .answering: break
    case .head(let deadline): if now >= deadline { refuse(context) }
    case .body(let since, let bytes):
      let elapsed = (now - since).nanoseconds / 1_000_000
      let watched = elapsed - limits.bodyGraceMilliseconds
      if elapsed > limits.bodyMilliseconds || watched > 0 && bytes * 1_000 < watched * limits.bodyBytesPerSecond {
        refuse(context)
      }
    case .refused(let deadline): if now >= deadline { context.close(promise: nil) }
    }
  }

  private func refuse(_ context: ChannelHandlerContext) {
    phase = .refused(deadline: .now() + .milliseconds(limits.lingerMilliseconds))
    let problem = Problem(.tooSlow, "The request did not arrive in time. Send it again.")
    let body = ProblemDocument.json(problem)
    var fields = HTTPFields()
    fields[.contentType] = "application/problem+json"
    fields[.contentLength] = "\(body.count)"
    fields[.cacheControl] = "no-store"
    fields[.connection] = "close"
    let head = HTTPResponse(status: .init(code: problem.status), headerFields: fields)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(ByteBuffer(bytes: body))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    context.close(mode: .output, promise: nil)
    context.read()
  }

  private func stopLooking() {
    sweeps?.cancel()
    sweeps = nil
  }
}

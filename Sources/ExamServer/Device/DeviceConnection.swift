import ExamModel
import NIOCore
import NIOHTTP1
import ServerCore
import SyncProtocol

/// One kept-alive connection of the device plane: reads one request at a time and answers it before it looks at the
/// next.
///
/// Nothing here decides what a request means: `RequestReader` refuses what is malformed or too large, the extensions
/// hand the rest to the writer. Deadlines are plain fields that the loop's sweep looks at, because a timer for each
/// of 10,000 parked polls, or for each request, would cost more than the request.
///
/// `@unchecked Sendable`: it travels to its event loop inside replies and is touched nowhere else.
final class DeviceConnection: ChannelInboundHandler, ReplyTarget, @unchecked Sendable {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = ByteBuffer

  enum Phase {
    /// Between requests, or reading one.
    case reading
    /// A call is on its way through the writer or another thread.
    case waiting
    /// A long poll is held until something changes.
    case parked
    case writing
    /// Refused: the answer is out, what still comes in is thrown away.
    case lingering
    case closed
  }

  let services: DeviceServices
  let loop: LoopState
  let address: String
  /// Its place in the loop's list.
  var slot = 0
  private(set) var context: ChannelHandlerContext?
  private(set) var phase = Phase.reading
  /// Goes up with each request: a reply for an earlier one is recognised and dropped.
  private(set) var number: UInt64 = 0
  var exchange: Exchange?
  var poll: HeldPoll?
  var closesAfterAnswer = false
  /// The request came as JSON, and its answer goes so.
  var speaksJSON = false

  private var reader: RequestReader
  private var early = CircularBuffer<HTTPServerRequestPart>()
  private var earlyBytes = 0
  private var isDraining = false
  private var isReadHeld = false
  private var sawPart = false
  private var isInBody = false
  private var bodyStarted = NIODeadline.distantFuture
  private var deadline = NIODeadline.distantFuture
  private var isHeadUnderWay = true
  private var output: ByteBuffer?

  init(services: DeviceServices, loop: LoopState, address: String) {
    self.services = services
    self.loop = loop
    self.address = address
    reader = RequestReader(limits: services.limits, offersNothing: services.offersNothing)
    deadline = .now() + .milliseconds(services.limits.headMilliseconds)
  }

  // MARK: Channel events

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    loop.add(self)
    if loop.isStopping { closesAfterAnswer = true }
  }

  func channelActive(context: ChannelHandlerContext) { context.read() }

  func channelInactive(context: ChannelHandlerContext) { forget() }

  func handlerRemoved(context: ChannelHandlerContext) { forget() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    sawPart = true
    let part = unwrapInboundIn(data)
    switch phase {
    case .lingering, .closed: return
    case .reading where !isDraining && early.isEmpty: process(part)
    default:
      if case .body(let buffer) = part { earlyBytes += buffer.readableBytes }
      early.append(part)
      if earlyBytes > services.limits.readAheadBytes { closeNow() }
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if !sawPart && phase == .reading && !isInBody && !isHeadUnderWay {
      isHeadUnderWay = true
      deadline = .now() + .milliseconds(services.limits.headMilliseconds)
    }
    sawPart = false
    // One read ahead is always out, so that a client that goes away is noticed while it is answered.
    if early.isEmpty { context.read() } else { isReadHeld = true }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if phase == .writing && context.channel.isWritable { pump() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard error is HTTPParserError || error is NIOHTTPDecoderError else { return closeNow() }
    switch phase {
    case .reading:
      services.metrics.count(.malformed)
      if (error as? HTTPParserError) == .headerOverflow {
        refuse(Refusal(.headersTooLarge, "At most 100 header fields and 16 KiB of them are read."))
      } else {
        refuse(Refusal(.badRequest, "This is not HTTP/1.1."))
      }
    case .waiting, .parked, .writing: closesAfterAnswer = true
    case .lingering, .closed: break
    }
  }

  // MARK: Reading

  private func process(_ part: HTTPServerRequestPart) {
    let action = reader.take(part)
    switch part {
    case .head:
      isHeadUnderWay = false
      isInBody = true
      bodyStarted = .now()
      deadline = bodyStarted + .milliseconds(services.limits.bodyMilliseconds)
    case .end: isInBody = false
    case .body: break
    }
    switch action {
    case .wait: break
    case .sendContinue:
      guard let context else { return }
      var buffer = context.channel.allocator.buffer(capacity: 32)
      buffer.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
      context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    case .refuse(let refusal): refuse(refusal)
    case .deliver(let request):
      number += 1
      phase = .waiting
      deadline = .distantFuture
      if request.head.headers.first(name: "connection")?.lowercased() == "close" { closesAfterAnswer = true }
      handle(request)
    }
  }

  private func drainEarly() {
    guard !isDraining else { return }
    isDraining = true
    while phase == .reading, let part = early.popFirst() { process(part) }
    isDraining = false
    if early.isEmpty && isReadHeld {
      isReadHeld = false
      earlyBytes = 0
      context?.read()
    }
  }

  // MARK: Answering

  /// Answers the request under way.
  func send(_ buffer: ByteBuffer) {
    guard phase == .waiting || phase == .parked else { return }
    phase = .writing
    exchange = nil
    output = buffer
    pump()
  }

  private func pump() {
    guard let context else { return }
    let chunk = services.limits.writeChunkBytes
    while var rest = output, context.channel.isWritable {
      let slice = rest.readSlice(length: min(chunk, rest.readableBytes))
      output = rest.readableBytes > 0 ? rest : nil
      if let slice { context.writeAndFlush(wrapOutboundOut(slice), promise: nil) }
    }
    guard phase == .writing else { return }
    if output == nil && context.channel.isWritable {
      finishAnswer()
    } else {
      deadline = .now() + .milliseconds(services.limits.writeStallMilliseconds)
    }
  }

  private func finishAnswer() {
    guard !closesAfterAnswer else { return linger() }
    phase = .reading
    isHeadUnderWay = false
    deadline = .now() + .milliseconds(services.limits.idleMilliseconds)
    if !early.isEmpty { drainEarly() }
  }

  /// Answers what could not be read as a request, and ends the connection: nobody knows where the next one begins.
  private func refuse(_ refusal: Refusal) {
    let problem = refusal.problem
    services.metrics.count(problem.kind)
    closesAfterAnswer = true
    number += 1
    phase = .waiting
    early.removeAll()
    guard let context else { return }
    send(
      ResponseBytes.whole(
        status: problem.status, kind: .problem(retryAfterSeconds: problem.retryAfterSeconds, allow: refusal.allow),
        body: ProblemDocument.json(problem), mac: nil, closes: true, allocator: context.channel.allocator))
  }

  /// Closing at once would reset the connection and take the answer away from the client.
  private func linger() {
    phase = .lingering
    deadline = .now() + .milliseconds(services.limits.lingerMilliseconds)
    early.removeAll()
    context?.close(mode: .output, promise: nil)
    context?.read()
  }

  func park() {
    phase = .parked
  }

  /// The held poll goes through the writer once more.
  func unpark() {
    phase = .waiting
  }

  // MARK: Time

  func checkDeadlines(_ now: NIODeadline) {
    if phase == .parked { return checkPoll(now) }
    guard now >= deadline else { return checkBodyRate(now) }
    switch phase {
    case .reading where isHeadUnderWay || isInBody: tooSlow()
    case .reading, .writing, .lingering: closeNow()
    case .waiting, .parked, .closed: break
    }
  }

  private func checkBodyRate(_ now: NIODeadline) {
    guard phase == .reading, isInBody else { return }
    let elapsed = (now - bodyStarted).nanoseconds / 1_000_000 - services.limits.bodyGraceMilliseconds
    if elapsed > 0 && Int64(reader.bodyBytes) * 1_000 < elapsed * services.limits.bodyBytesPerSecond { tooSlow() }
  }

  private func tooSlow() {
    refuse(Refusal(.tooSlow, "The request did not arrive in time. Send it again."))
  }

  // MARK: The end

  func beginStopping() {
    closesAfterAnswer = true
    switch phase {
    case .parked: answerHeldPoll()
    case .reading where !isInBody: closeNow()
    case .reading, .waiting, .writing, .lingering, .closed: break
    }
  }

  func closeNow() {
    context?.close(promise: nil)
  }

  private func forget() {
    guard phase != .closed else { return }
    dropPoll()
    phase = .closed
    early.removeAll()
    output = nil
    exchange = nil
    context = nil
    loop.remove(self)
    services.census.leave(address)
  }
}

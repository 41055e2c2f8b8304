/// The life of the requests on one connection, as pure decisions: bytes in, actions out.
///
/// Request bytes come in when they have crossed the link, response bytes when the server sent them. One exchange is
/// under way at a time; bytes of a following request wait here until the response is complete. When the bytes turn
/// out not to be HTTP/1.1, the relay passes all on unchanged and no request fault strikes any more.
struct HTTPRelay: Sendable {
  enum Action: Equatable, Sendable {
    case toServer([UInt8])
    case toPhone([UInt8])
    /// A fault has struck.
    case struck(RequestFault)
    /// The phone's connection ends in order, after all bytes for it.
    case closePhone
    /// The phone's connection ends as a lost reply ends.
    case abandonPhone(LostReplyEnd)
    case sendDuplicate(request: [UInt8], method: String, delayMilliseconds: Int)
    case framingLost(String)
  }

  private struct Exchange: Sendable {
    var method: String
    var fault: RequestFault?
    var isRequestComplete = false
    var isResponseComplete = false
    var responseBytes = 0
    var bodyBytes = 0
    /// What was forwarded, for a duplicate; nil when it is not, or no longer, worth remembering.
    var recorded: [UInt8]?

    var isReplaced: Bool {
      guard case .replace = fault else { return false }
      return true
    }
  }

  private enum Mode: Sendable {
    case framed
    /// Not HTTP/1.1: all bytes pass.
    case transparent
    /// The phone's connection was ended by a fault: nothing passes.
    case ended
  }

  private var mode: Mode = .framed
  private var requests = HTTPFramer.requests()
  private var responses = HTTPFramer.responses(to: "GET")
  private var exchange: Exchange?
  /// Bytes of a head that is not complete yet.
  private var heldHead: [UInt8] = []
  /// Bytes that came after a request whose response is not complete.
  private var waiting: [UInt8] = []

  /// Whether more request bytes are welcome; false while one exchange has to end first.
  var acceptsRequestBytes: Bool {
    mode == .framed ? waiting.isEmpty && exchange?.isRequestComplete != true : true
  }

  /// Request bytes arrived.
  ///
  /// - Parameter decide: asked once for each request for its fault.
  mutating func request(_ bytes: [UInt8], decide: (HTTPHead) -> RequestFault?) -> [Action] {
    waiting.append(contentsOf: bytes)
    var actions: [Action] = []
    forwardWaiting(&actions, decide: decide)
    return actions
  }

  /// Response bytes arrived.
  mutating func response(_ bytes: [UInt8], decide: (HTTPHead) -> RequestFault?) -> [Action] {
    var actions: [Action] = []
    var rest = bytes[...]
    while mode == .framed, exchange?.isResponseComplete == false {
      do {
        let step = try responses.advance(over: rest)
        pass(rest.prefix(step.consumed), bodyBytes: step.bodyBytes, &actions)
        rest = rest.dropFirst(step.consumed)
        if step.boundary == .message { completeResponse(&actions) }
        if case .head(let head) = step.boundary, head.startLine == .response(status: 101) { switchProtocols(&actions) }
        if step.boundary == .none, rest.isEmpty { break }
      } catch {
        loseFraming(error, &actions)
      }
    }
    if mode != .ended, !rest.isEmpty { actions.append(.toPhone(Array(rest))) }
    finishExchangeIfComplete(&actions, decide: decide)
    return actions
  }

  /// The server closed its side.
  mutating func serverClosed() -> [Action] {
    var actions: [Action] = []
    if exchange?.isResponseComplete == false, responses.endsWithInput { completeResponse(&actions) }
    return actions
  }

  private mutating func forwardWaiting(_ actions: inout [Action], decide: (HTTPHead) -> RequestFault?) {
    while !waiting.isEmpty || exchange?.isRequestComplete == false {
      switch mode {
      case .ended:
        waiting = []
        return
      case .transparent:
        guard !waiting.isEmpty else { return }
        actions.append(.toServer(waiting))
        waiting = []
        return
      case .framed:
        guard exchange?.isRequestComplete != true else { return }
        do {
          let step = try requests.advance(over: waiting[...])
          let consumed = Array(waiting.prefix(step.consumed))
          waiting.removeFirst(step.consumed)
          take(consumed, step.boundary, &actions, decide: decide)
          if step.boundary == .none, waiting.isEmpty { return }
        } catch {
          loseFraming(error, &actions)
        }
      }
    }
  }

  private mutating func take(
    _ bytes: [UInt8], _ boundary: HTTPFramer.Boundary, _ actions: inout [Action],
    decide: (HTTPHead) -> RequestFault?
  ) {
    guard exchange != nil else {
      heldHead.append(contentsOf: bytes)
      if case .head(let head) = boundary { begin(head, &actions, decide: decide) }
      return
    }
    forward(bytes, &actions)
    guard boundary == .message else { return }
    exchange?.isRequestComplete = true
    if case .replace(let kind, let seconds) = exchange?.fault {
      let isHead = exchange?.method == "HEAD"
      actions.append(.toPhone(kind.answer(retryAfterSeconds: seconds, closes: false, isHead: isHead)))
      exchange = nil
    } else if exchange?.isResponseComplete == true {
      exchange = nil
    }
  }

  private mutating func begin(_ head: HTTPHead, _ actions: inout [Action], decide: (HTTPHead) -> RequestFault?) {
    guard case .request(let method, _) = head.startLine else { return }
    let fault = decide(head)
    exchange = Exchange(method: method, fault: fault)
    responses = HTTPFramer.responses(to: method)
    if case .duplicate = fault { exchange?.recorded = [] }
    let bytes = heldHead
    heldHead = []
    if case .replace(let kind, let seconds) = fault {
      actions.append(.struck(.replace(kind, retryAfterSeconds: seconds)))
      // The phone waits for a word before it sends its body, and a portal would not ask for it.
      guard head.expectsContinue else { return }
      let isHead = method == "HEAD"
      actions.append(.toPhone(kind.answer(retryAfterSeconds: seconds, closes: true, isHead: isHead)))
      end(.closePhone, &actions)
      return
    }
    forward(bytes, &actions)
  }

  private mutating func forward(_ bytes: [UInt8], _ actions: inout [Action]) {
    guard !bytes.isEmpty, exchange?.isReplaced != true else { return }
    if let count = exchange?.recorded?.count {
      if count + bytes.count <= ProxyLimits.duplicateRequestBytes {
        exchange?.recorded?.append(contentsOf: bytes)
      } else {
        exchange?.recorded = nil
      }
    }
    actions.append(.toServer(bytes))
  }

  /// Hands on a part of the response as the fault of its request says.
  private mutating func pass(_ bytes: ArraySlice<UInt8>, bodyBytes: Int, _ actions: inout [Action]) {
    guard !bytes.isEmpty, let current = exchange else { return }
    exchange?.responseBytes += bytes.count
    exchange?.bodyBytes += bodyBytes
    switch current.fault {
    case .loseReply:
      return
    case .truncate(let limit) where current.responseBytes + bytes.count > limit:
      let rest = bytes.prefix(limit - current.responseBytes)
      if !rest.isEmpty { actions.append(.toPhone(Array(rest))) }
      actions.append(.struck(.truncate(afterBytes: limit)))
      end(.closePhone, &actions)
    case .corrupt(let target) where (current.bodyBytes..<current.bodyBytes + bodyBytes).contains(target):
      var wrong = Array(bytes)
      wrong[wrong.count - bodyBytes + target - current.bodyBytes] ^= 1
      actions.append(.toPhone(wrong))
      actions.append(.struck(.corrupt(bodyByte: target)))
    default:
      actions.append(.toPhone(Array(bytes)))
    }
  }

  private mutating func completeResponse(_ actions: inout [Action]) {
    exchange?.isResponseComplete = true
    switch exchange?.fault {
    case .loseReply(let end):
      actions.append(.struck(.loseReply(end)))
      self.end(.abandonPhone(end), &actions)
    case .duplicate(let delay):
      guard let current = exchange, current.isRequestComplete, let recorded = current.recorded else { return }
      actions.append(.sendDuplicate(request: recorded, method: current.method, delayMilliseconds: delay))
    default:
      return
    }
  }

  private mutating func finishExchangeIfComplete(
    _ actions: inout [Action], decide: (HTTPHead) -> RequestFault?
  ) {
    guard let current = exchange, current.isRequestComplete, current.isResponseComplete else { return }
    exchange = nil
    forwardWaiting(&actions, decide: decide)
  }

  /// The rest of the connection is no longer HTTP (RFC 9110, section 7.8).
  private mutating func switchProtocols(_ actions: inout [Action]) {
    mode = .transparent
    exchange = nil
    if !waiting.isEmpty { actions.append(.toServer(waiting)) }
    waiting = []
  }

  private mutating func end(_ action: Action, _ actions: inout [Action]) {
    actions.append(action)
    mode = .ended
    exchange = nil
    waiting = []
  }

  private mutating func loseFraming(_ error: HTTPFramingError, _ actions: inout [Action]) {
    mode = .transparent
    actions.append(.framingLost(error.description))
    let wasReplaced = exchange?.isReplaced == true
    exchange = nil
    let held = heldHead + waiting
    heldHead = []
    waiting = []
    if !held.isEmpty, !wasReplaced { actions.append(.toServer(held)) }
  }
}

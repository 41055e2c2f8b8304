import NIOCore
import NIOHTTP1
import SyncProtocol

/// A request that has arrived whole.
struct ReceivedRequest {
  var route: DeviceRoute
  var head: HTTPRequestHead
  /// As sent, frame and all.
  var body: ByteBuffer?
}

/// Puts one request together from its parts and refuses what the limits forbid before it is buffered.
struct RequestReader {
  enum Action {
    case wait
    /// The client waits to be told that its head is good (RFC 9110, section 10.1.1).
    case sendContinue
    case deliver(ReceivedRequest)
    case refuse(Refusal)
  }

  private let limits: DevicePlaneLimits
  private let offersNothing: Bool
  private var current: ReceivedRequest?
  private var bodyLimit = 0
  private(set) var bodyBytes = 0

  init(limits: DevicePlaneLimits, offersNothing: Bool) {
    self.limits = limits
    self.offersNothing = offersNothing
  }

  mutating func take(_ part: HTTPServerRequestPart) -> Action {
    switch part {
    case .head(let head): takeHead(head)
    case .body(let buffer): takeBody(buffer)
    case .end: takeEnd()
    }
  }

  private mutating func takeHead(_ head: HTTPRequestHead) -> Action {
    guard head.version == .http1_1 else {
      return .refuse(Refusal(.badRequest, "Only HTTP/1.1 is spoken here."))
    }
    let framing = FramingFields(head.headers)
    guard framing.hosts == 1 else {
      return .refuse(Refusal(.badRequest, "A request names exactly one Host."))
    }
    // RFC 9112, section 6.1: both lengths together are an attempt to have two readers see two requests.
    guard framing.lengths <= 1, framing.encodings <= 1, framing.lengths + framing.encodings <= 1 else {
      return .refuse(Refusal(.badRequest, "A body has either one Content-Length or one Transfer-Encoding."))
    }
    guard !framing.isFolded else {
      return .refuse(Refusal(.badRequest, "A header field stands on one line."))
    }
    let route: DeviceRoute
    switch DeviceRoute.find(method: head.method, target: head.uri, offersNothing: offersNothing) {
    case .success(let found): route = found
    case .failure(let refusal): return .refuse(refusal)
    }
    bodyLimit = route.bodyLimit(limits)
    bodyBytes = 0
    guard framing.length <= bodyLimit else { return .refuse(tooLarge) }
    current = ReceivedRequest(route: route, head: head, body: nil)
    guard let expectation = framing.expectation else { return .wait }
    guard expectation.lowercased() == "100-continue" else {
      return .refuse(Refusal(.badRequest, "The only expectation met here is 100-continue."))
    }
    return .sendContinue
  }

  private mutating func takeBody(_ buffer: ByteBuffer) -> Action {
    guard current != nil else { return .wait }
    bodyBytes += buffer.readableBytes
    guard bodyBytes <= bodyLimit else { return .refuse(tooLarge) }
    if current?.body == nil {
      current?.body = buffer
    } else {
      current?.body?.writeImmutableBuffer(buffer)
    }
    return .wait
  }

  private mutating func takeEnd() -> Action {
    guard let request = current else { return .wait }
    current = nil
    return .deliver(request)
  }

  private var tooLarge: Refusal {
    bodyLimit == 0
      ? Refusal(.tooLarge, "This request has no body.")
      : Refusal(.tooLarge, "The body is over \(bodyLimit) bytes: send less at a time.")
  }
}

/// The fields of a head that decide where its body ends, read in one pass.
private struct FramingFields {
  var hosts = 0
  var lengths = 0
  var length = 0
  var encodings = 0
  var expectation: String?
  var isFolded = false

  init(_ headers: HTTPHeaders) {
    for (name, value) in headers {
      if value.utf8.contains(where: { $0 == 0x0D || $0 == 0x0A }) { isFolded = true }
      switch name.utf8.count {
      case 4 where Self.matches(name, "host"): hosts += 1
      case 6 where Self.matches(name, "expect"): expectation = value
      case 14 where Self.matches(name, "content-length"):
        lengths += 1
        length = Int(value) ?? Int.max
      case 17 where Self.matches(name, "transfer-encoding"): encodings += 1
      default: break
      }
    }
  }

  private static func matches(_ name: String, _ lowercased: StaticString) -> Bool {
    var index = 0
    for byte in name.utf8 {
      guard byte | 0x20 == lowercased.utf8Start[index] else { return false }
      index += 1
    }
    return true
  }
}

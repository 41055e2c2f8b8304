/// Finds where HTTP/1.1 messages begin and end in a stream of bytes (RFC 9112), and changes none of them.
///
/// Feed it what arrives, in pieces of any size; each call goes as far as the next boundary. After an error the framer
/// is of no more use.
public struct HTTPFramer: Sendable {
  /// What a call of ``advance(over:)`` came to.
  public enum Boundary: Equatable, Sendable {
    /// All bytes were consumed and the message goes on.
    case none
    /// The consumed bytes end with the head. An interim response's head is followed by another head.
    case head(HTTPHead)
    /// The consumed bytes end with the message. The next byte begins another.
    case message
  }

  /// What a call consumed and where it stopped.
  public struct Step: Equatable, Sendable {
    public var consumed: Int
    public var boundary: Boundary
    /// How many of the consumed bytes, counted from the end, are the body's own: neither head nor chunk framing.
    public var bodyBytes: Int
  }

  private enum State: Sendable {
    case head
    case body(remaining: Int)
    case chunkSize
    case chunkData(remaining: Int)
    case chunkEnd
    case trailers
    case untilClose
    case complete
  }

  private var state: State = .head
  private var line: [UInt8] = []
  private var lines: [[UInt8]] = []
  private var headByteCount = 0
  private var method: String?

  private init(method: String?) {
    self.method = method
  }

  /// A framer of requests.
  public static func requests() -> HTTPFramer { HTTPFramer(method: nil) }

  /// A framer of the responses to a request with this method.
  public static func responses(to method: String) -> HTTPFramer { HTTPFramer(method: method) }

  /// The bytes so far end between two messages.
  public var isBetweenMessages: Bool {
    guard case .head = state else { return false }
    return headByteCount == 0
  }

  /// A message that lasts until its sender closes is under way, and closing completes it.
  public var endsWithInput: Bool {
    guard case .untilClose = state else { return false }
    return true
  }

  /// Consumes bytes up to the next boundary. Call it again with the rest; a message without a body takes a last call
  /// that consumes nothing.
  public mutating func advance(over bytes: ArraySlice<UInt8>) throws(HTTPFramingError) -> Step {
    if case .complete = state {
      beginMessage()
      return Step(consumed: 0, boundary: .message, bodyBytes: 0)
    }
    var position = bytes.startIndex
    while position < bytes.endIndex {
      switch state {
      case .head:
        guard let head = try headLine(bytes, &position) else { continue }
        enterBody(of: head)
        return Step(consumed: position - bytes.startIndex, boundary: .head(head), bodyBytes: 0)
      case .body(let remaining):
        let count = min(remaining, bytes.endIndex - position)
        state = .body(remaining: remaining - count)
        if remaining == count { beginMessage() }
        return Step(
          consumed: position + count - bytes.startIndex, boundary: remaining == count ? .message : .none,
          bodyBytes: count)
      case .chunkData(let remaining):
        let count = min(remaining, bytes.endIndex - position)
        state = remaining == count ? .chunkEnd : .chunkData(remaining: remaining - count)
        return Step(consumed: position + count - bytes.startIndex, boundary: .none, bodyBytes: count)
      case .chunkSize, .chunkEnd, .trailers:
        if try framingLine(bytes, &position) {
          return Step(consumed: position - bytes.startIndex, boundary: .message, bodyBytes: 0)
        }
      case .untilClose:
        return Step(consumed: bytes.count, boundary: .none, bodyBytes: bytes.endIndex - position)
      case .complete:
        return Step(consumed: position - bytes.startIndex, boundary: .none, bodyBytes: 0)
      }
    }
    return Step(consumed: bytes.count, boundary: .none, bodyBytes: 0)
  }

  private mutating func beginMessage() {
    state = .head
    headByteCount = 0
    lines = []
  }

  private mutating func enterBody(of head: HTTPHead) {
    guard !head.isInterim else { return beginMessage() }
    switch head.body {
    case .none: state = .complete
    case .length(let length): state = .body(remaining: length)
    case .chunked: state = .chunkSize
    case .untilClose: state = .untilClose
    }
  }

  /// Takes one line of a head; answers with the head once its empty line was taken.
  private mutating func headLine(
    _ bytes: ArraySlice<UInt8>, _ position: inout Int
  ) throws(HTTPFramingError) -> HTTPHead? {
    if lines.isEmpty, line.isEmpty, method == nil, HTTPHead.isTokenByte(bytes[position]) == false,
      bytes[position] != UInt8(ascii: "\r"), bytes[position] != UInt8(ascii: "\n")
    {
      throw HTTPFramingError("the first byte begins no HTTP request")
    }
    let start = position
    let complete = try line(bytes, &position, limit: ProxyLimits.headBytes)
    headByteCount += position - start
    guard headByteCount <= ProxyLimits.headBytes else {
      throw HTTPFramingError("the head is longer than \(ProxyLimits.headBytes) bytes")
    }
    guard let complete else { return nil }
    if !complete.isEmpty {
      lines.append(complete)
      return nil
    }
    // An empty line before a request line is to be ignored (RFC 9112, section 2.2).
    guard !lines.isEmpty else { return nil }
    let head = try HTTPHead(lines: lines, respondingTo: method)
    lines = []
    return head
  }

  /// Takes one line of the framing of a chunked body; true once the message is complete.
  private mutating func framingLine(
    _ bytes: ArraySlice<UInt8>, _ position: inout Int
  ) throws(HTTPFramingError) -> Bool {
    let start = position
    let complete = try line(bytes, &position, limit: ProxyLimits.chunkLineBytes)
    if case .trailers = state {
      headByteCount += position - start
      guard headByteCount <= ProxyLimits.headBytes else {
        throw HTTPFramingError("head and trailers are longer than \(ProxyLimits.headBytes) bytes")
      }
    }
    guard let complete else { return false }
    switch state {
    case .chunkSize:
      let size = try Self.chunkSize(complete)
      state = size == 0 ? .trailers : .chunkData(remaining: size)
    case .chunkEnd:
      guard complete.isEmpty else { throw HTTPFramingError("a chunk is longer than its size said") }
      state = .chunkSize
    default:
      guard complete.isEmpty else { return false }
      beginMessage()
      return true
    }
    return false
  }

  /// Takes bytes up to the end of a line and answers with the line, without its end, once it is complete.
  private mutating func line(
    _ bytes: ArraySlice<UInt8>, _ position: inout Int, limit: Int
  ) throws(HTTPFramingError) -> [UInt8]? {
    let rest = bytes[position...]
    let end = rest.firstIndex(of: UInt8(ascii: "\n"))
    line.append(contentsOf: rest[..<(end ?? rest.endIndex)])
    guard line.count <= limit else { throw HTTPFramingError("a line is longer than \(limit) bytes") }
    position = end.map { $0 + 1 } ?? rest.endIndex
    guard end != nil else { return nil }
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    defer { line = [] }
    return line
  }

  private static func chunkSize(_ line: [UInt8]) throws(HTTPFramingError) -> Int {
    let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
    guard (1...15).contains(digits.count), digits.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
      let size = Int(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw HTTPFramingError("a chunk's size is no hexadecimal number") }
    return size
  }
}

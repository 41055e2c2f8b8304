/// Why bytes are not the HTTP/1.1 message they should be (RFC 9112).
public struct HTTPFramingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was wrong, for a person.
  public var description: String

  init(_ description: String) {
    self.description = description
  }
}

/// Start line and header fields of a message, as far as framing needs them.
public struct HTTPHead: Equatable, Sendable {
  /// How long the body is (RFC 9112, section 6.3).
  public enum Body: Equatable, Sendable {
    case none
    case length(Int)
    case chunked
    /// A response that lasts until the server closes.
    case untilClose
  }

  /// What of the first line matters.
  public enum StartLine: Equatable, Sendable {
    case request(method: String, target: String)
    case response(status: Int)
  }

  public var startLine: StartLine
  public var body: Body
  /// The request asks for an interim `100 Continue` before it sends its body (RFC 9110, section 10.1.1).
  public var expectsContinue: Bool

  /// An interim response (1xx other than 101), after which the real one follows (RFC 9110, section 15.2).
  public var isInterim: Bool {
    guard case .response(let status) = startLine else { return false }
    return (100..<200).contains(status) && status != 101
  }

  /// Understands the lines of a head.
  ///
  /// - Parameter method: for a response, the method of its request.
  init(lines: [[UInt8]], respondingTo method: String?) throws(HTTPFramingError) {
    guard let first = lines.first else { throw HTTPFramingError("the message has no start line") }
    startLine = try method == nil ? Self.requestLine(first) : Self.statusLine(first)
    var lengths: Set<Int> = []
    var isChunked = false
    expectsContinue = false
    for line in lines.dropFirst() {
      let (name, value) = try Self.field(line)
      switch name {
      case "content-length":
        for part in value.split(separator: ",") { lengths.insert(try Self.length(Self.trimmed(part))) }
      case "transfer-encoding":
        guard value.lowercased() == "chunked" else {
          throw HTTPFramingError("transfer-encoding “\(value)” is not supported")
        }
        isChunked = true
      case "expect":
        expectsContinue = value.lowercased() == "100-continue"
      default:
        continue
      }
    }
    guard lengths.count <= 1 else { throw HTTPFramingError("the message has two different content-lengths") }
    guard !isChunked || lengths.isEmpty else {
      throw HTTPFramingError("the message has a content-length and is chunked")
    }
    body = isChunked ? .chunked : lengths.first.map { $0 == 0 ? .none : .length($0) } ?? .none
    if case .response(let status) = startLine {
      if status == 101 || (method == "CONNECT" && (200..<300).contains(status)) {
        body = .untilClose
      } else if (100..<200).contains(status) || status == 204 || status == 304 || method == "HEAD" {
        body = .none
      } else if !isChunked && lengths.isEmpty {
        body = .untilClose
      }
    }
  }

  private static func requestLine(_ line: [UInt8]) throws(HTTPFramingError) -> StartLine {
    let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(isTokenByte), !parts[1].isEmpty,
      parts[2].starts(with: "HTTP/1.".utf8), parts[2].count == 8
    else { throw HTTPFramingError("the first line is no HTTP/1 request line") }
    return .request(
      method: String(decoding: parts[0], as: UTF8.self), target: String(decoding: parts[1], as: UTF8.self))
  }

  private static func statusLine(_ line: [UInt8]) throws(HTTPFramingError) -> StartLine {
    let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count >= 2, parts[0].starts(with: "HTTP/1.".utf8), parts[0].count == 8, parts[1].count == 3,
      let status = Int(String(decoding: parts[1], as: UTF8.self)), (100..<1000).contains(status)
    else { throw HTTPFramingError("the first line is no HTTP/1 status line") }
    return .response(status: status)
  }

  private static func field(_ line: [UInt8]) throws(HTTPFramingError) -> (name: String, value: String) {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0, line[..<colon].allSatisfy(isTokenByte) else {
      throw HTTPFramingError("a header line is no “name: value”")
    }
    let value = String(decoding: line[(colon + 1)...], as: UTF8.self)
    return (String(decoding: line[..<colon], as: UTF8.self).lowercased(), trimmed(value[...]))
  }

  private static func length(_ text: String) throws(HTTPFramingError) -> Int {
    guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let length = Int(text)
    else { throw HTTPFramingError("content-length “\(text)” is no number of bytes") }
    return length
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text
    while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return String(text)
  }

  static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}

/// Builds a response from the lines and pieces libcurl hands over, and keeps it within its limits.
struct ResponseAssembler {
  enum HeaderLineMeaning {
    case part
    /// The end of a 1xx response; another response follows.
    case endOfInterim
    case endOfHead
  }

  private let method: HTTPMethod
  private let bodyLimitBytes: Int
  private let onBodyChunk: HTTPRequest.BodyChunkReader?
  private var headerBytes = 0
  private var headerCount = 0
  private(set) var isHeadComplete = false
  private(set) var head = HTTPResponseHead(status: 0, headers: HTTPHeaders())
  private(set) var body: [UInt8] = []
  private(set) var bodyByteCount = 0

  init(_ request: HTTPRequest) {
    method = request.method
    bodyLimitBytes = request.bodyLimitBytes
    onBodyChunk = request.onBodyChunk
  }

  /// Takes one line with its line end, as libcurl gives them: status line, fields, empty line, trailers.
  mutating func appendHeaderLine(_ bytes: UnsafeRawBufferPointer) throws(TransportError) -> HeaderLineMeaning {
    headerBytes += bytes.count
    guard headerBytes <= TransportLimits.responseHeaderBytes else { throw TransportError.headersTooLarge }
    let line = trimmed(bytes[...])
    if line.isEmpty { return isHeadComplete ? .part : try finishHead() }
    if head.status == 0 {
      try readStatusLine(line)
      return .part
    }
    headerCount += 1
    guard headerCount <= TransportLimits.responseHeaderCount else { throw TransportError.headersTooLarge }
    // What follows the head is a trailer: counted, and dropped.
    if !isHeadComplete { try readField(bytes, line) }
    return .part
  }

  mutating func appendBody(_ bytes: UnsafeRawBufferPointer) throws(TransportError) {
    let limitBytes = currentLimitBytes
    guard bytes.count <= limitBytes - bodyByteCount else { throw TransportError.tooLarge(limitBytes: limitBytes) }
    bodyByteCount += bytes.count
    guard isStreamed, let onBodyChunk else {
      body.append(contentsOf: bytes)
      return
    }
    guard onBodyChunk(head, Array(bytes)) == .proceed else { throw TransportError.abortedByReader }
  }

  private var isStreamed: Bool { onBodyChunk != nil && (200...299).contains(head.status) }

  private var currentLimitBytes: Int {
    onBodyChunk != nil && !isStreamed ? min(bodyLimitBytes, TransportLimits.refusalBodyBytes) : bodyLimitBytes
  }

  private mutating func readStatusLine(_ line: Slice<UnsafeRawBufferPointer>) throws(TransportError) {
    let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count >= 2, parts[0].starts(with: "HTTP/1.".utf8), parts[1].count == 3,
      let status = Int(String(decoding: parts[1], as: UTF8.self)), (100...599).contains(status)
    else {
      throw TransportError.malformed("its status line is \"\(String(decoding: line.prefix(40), as: UTF8.self))\"")
    }
    head.status = status
  }

  private mutating func readField(
    _ bytes: UnsafeRawBufferPointer, _ line: Slice<UnsafeRawBufferPointer>
  ) throws(TransportError) {
    // A line that begins with white space continues the one before; RFC 9112, 5.2 forbids it.
    guard let first = bytes.first, first != 0x20, first != 0x09,
      let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex
    else {
      throw TransportError.malformed("its header \"\(String(decoding: line.prefix(40), as: UTF8.self))\" has no name")
    }
    head.headers.append(
      String(decoding: line[..<colon], as: UTF8.self),
      String(decoding: trimmed(line[line.index(after: colon)...]), as: UTF8.self))
  }

  private mutating func finishHead() throws(TransportError) -> HeaderLineMeaning {
    if (100...199).contains(head.status) {
      head = HTTPResponseHead(status: 0, headers: HTTPHeaders())
      return .endOfInterim
    }
    isHeadComplete = true
    // A response to HEAD and a 304 tell the length of a body that does not come (RFC 9110, 8.6).
    if method != .head, head.status != 304, let text = head.headers["content-length"], let length = Int(text) {
      let limitBytes = currentLimitBytes
      guard length <= limitBytes else { throw TransportError.tooLarge(limitBytes: limitBytes) }
    }
    return .endOfHead
  }

  private func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d || byte == 0x0a }
    var rest = bytes
    while let last = rest.last, isSpace(last) { rest.removeLast() }
    while let first = rest.first, isSpace(first) { rest.removeFirst() }
    return rest
  }
}

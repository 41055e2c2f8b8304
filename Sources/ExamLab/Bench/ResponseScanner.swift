import Glibc

/// Finds the end of an HTTP/1.1 response in a buffer, and the little that the load generator looks at while the clock
/// runs. Only responses with a `Content-Length` are understood; the server under test sends no others here.
struct ResponseScanner {
  /// Where the parts of a whole response are, counted from its first byte.
  struct Response: Equatable {
    var status: Int
    /// Head and body.
    var length: Int
    var bodyStart: Int
  }

  enum Outcome: Equatable {
    /// More bytes must come.
    case incomplete
    case response(Response)
    /// This is no response of the server under test.
    case malformed
  }

  /// A head of more bytes is nonsense.
  static let longestHeadBytes = 4_096

  static func scan(_ bytes: UnsafeRawBufferPointer) -> Outcome {
    guard let start = bytes.baseAddress, bytes.count >= 12 else { return .incomplete }
    guard memcmp(start, "HTTP/1.1 ", 9) == 0 else { return .malformed }
    var status = 0
    for index in 9..<12 {
      guard let digit = digit(bytes[index]) else { return .malformed }
      status = status * 10 + digit
    }
    guard let head = head(bytes) else {
      return bytes.count < longestHeadBytes ? .incomplete : .malformed
    }
    guard let contentLength = head.contentLength else { return .malformed }
    let length = head.bodyStart + contentLength
    guard bytes.count >= length else { return .incomplete }
    return .response(Response(status: status, length: length, bodyStart: head.bodyStart))
  }

  /// Goes through the lines of the head; `nil` where it does not end yet.
  private static func head(_ bytes: UnsafeRawBufferPointer) -> (bodyStart: Int, contentLength: Int?)? {
    guard let start = bytes.baseAddress else { return nil }
    let limit = min(bytes.count, longestHeadBytes)
    let name = "content-length:"
    var contentLength: Int?
    var line = 0
    while line < limit, let newline = memchr(start + line, 0x0A, limit - line) {
      let end = UnsafeRawPointer(newline) - start
      if end - line == 1, bytes[line] == 0x0D { return (end + 1, contentLength) }
      if end - line > name.utf8.count,
        strncasecmp((start + line).assumingMemoryBound(to: CChar.self), name, name.utf8.count) == 0
      {
        contentLength = number(bytes, from: line + name.utf8.count, to: end)
      }
      line = end + 1
    }
    return nil
  }

  /// The value of a header field; for everything that is not timed.
  static func field(_ name: String, head: some Collection<UInt8>) -> String? {
    let text = String(decoding: head, as: UTF8.self)
    for line in text.split(separator: "\r\n") {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, parts[0].lowercased() == name.lowercased() else { continue }
      return String(parts[1].drop { $0 == " " })
    }
    return nil
  }

  private static func number(_ bytes: UnsafeRawBufferPointer, from first: Int, to end: Int) -> Int? {
    var value = 0
    var digits = 0
    for index in first..<end {
      let byte = bytes[index]
      if byte == 0x20 || byte == 0x0D { continue }
      guard let digit = digit(byte), digits < 8 else { return nil }
      value = value * 10 + digit
      digits += 1
    }
    return digits > 0 ? value : nil
  }

  private static func digit(_ byte: UInt8) -> Int? {
    (0x30...0x39).contains(byte) ? Int(byte - 0x30) : nil
  }
}

/// The acknowledged sequence, read off the first bytes of a response's body: frame 0, field 1 of `SyncResponse`
/// (the first acknowledgement), field 1 of that (the sequence).
enum AcknowledgementPeek {
  static func sequence(_ body: UnsafeRawBufferPointer) -> UInt64? {
    guard body.count >= 4, body[0] == 0, body[1] == 0x0A else { return nil }
    // The length of an acknowledgement without kept ranges takes one byte.
    guard body[2] < 0x80, body[3] == 0x08 else { return nil }
    var value: UInt64 = 0
    for index in 0..<10 where 4 + index < body.count {
      let byte = body[4 + index]
      value |= UInt64(byte & 0x7F) << UInt64(7 * index)
      if byte < 0x80 { return value }
    }
    return nil
  }
}

import ExamModel
import NIOCore
import SyncProtocol

/// The bytes of answers, written by hand: few headers, one buffer, one write.
enum ResponseBytes {
  /// Headers beyond the length; the wire has a budget, so nothing is said that nobody reads.
  enum Kind {
    case message
    case problem(retryAfterSeconds: Int?, allow: String? = nil, wholeBytes: Int? = nil)
    case json
  }

  /// A whole answer: head and body.
  ///
  /// - Parameter mac: over the body as sent; `nil` where nobody is authenticated.
  static func whole(
    status: Int, kind: Kind, body: [UInt8], mac: MAC?, closes: Bool, allocator: ByteBufferAllocator
  ) -> ByteBuffer {
    var buffer = allocator.buffer(capacity: 256 + body.count)
    writeHead(status: status, kind: kind, length: body.count, mac: mac, closes: closes, to: &buffer)
    buffer.writeBytes(body)
    return buffer
  }

  private static func writeHead(
    status: Int, kind: Kind, length: Int, mac: MAC?, closes: Bool, to buffer: inout ByteBuffer
  ) {
    if status == 200 {
      buffer.writeStaticString("HTTP/1.1 200 OK\r\nCache-Control: no-store, no-transform\r\nContent-Length: ")
    } else {
      writeStatusLine(status, to: &buffer)
      buffer.writeStaticString("Cache-Control: no-store, no-transform\r\nContent-Length: ")
    }
    writeDecimal(length, to: &buffer)
    switch kind {
    case .message: break
    case .json: buffer.writeStaticString("\r\nContent-Type: application/json")
    case .problem(let retryAfterSeconds, let allow, let wholeBytes):
      buffer.writeStaticString("\r\nContent-Type: application/problem+json")
      if let retryAfterSeconds {
        buffer.writeStaticString("\r\nRetry-After: ")
        writeDecimal(retryAfterSeconds, to: &buffer)
      }
      if let wholeBytes {
        buffer.writeStaticString("\r\nContent-Range: bytes */")
        writeDecimal(wholeBytes, to: &buffer)
      }
      if let allow { buffer.writeString("\r\nAllow: \(allow)") }
      if status == 401 { buffer.writeStaticString("\r\nWWW-Authenticate: ExamSync") }
    }
    if let mac {
      buffer.writeStaticString("\r\nExamSync-MAC: ")
      writeBase64URL(mac, to: &buffer)
    }
    if closes { buffer.writeStaticString("\r\nConnection: close") }
    buffer.writeStaticString("\r\n\r\n")
  }

  static func writeStatusLine(_ status: Int, to buffer: inout ByteBuffer) {
    buffer.writeStaticString("HTTP/1.1 ")
    writeDecimal(status, to: &buffer)
    buffer.writeStaticString(" ")
    buffer.writeString(reason(status))
    buffer.writeStaticString("\r\n")
  }

  static func writeDecimal(_ value: Int, to buffer: inout ByteBuffer) {
    var divisor = 1
    while value / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      buffer.writeInteger(UInt8(truncatingIfNeeded: 0x30 + value / divisor % 10))
      divisor /= 10
    }
  }

  private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

  /// 22 characters without an intermediate string.
  private static func writeBase64URL(_ mac: MAC, to buffer: inout ByteBuffer) {
    let table = alphabet.utf8Start
    var high = mac.high
    var low = mac.low
    for _ in 0..<22 {
      buffer.writeInteger(table[Int(high >> 58)])
      high = high << 6 | low >> 58
      low <<= 6
    }
  }

  private static func reason(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 206: "Partial Content"
    case 304: "Not Modified"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 413: "Content Too Large"
    case 416: "Range Not Satisfiable"
    case 422: "Unprocessable Content"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 503: "Service Unavailable"
    case 507: "Insufficient Storage"
    default: "Status"
    }
  }
}

import CZlib

/// The frame of every body of the device plane: the first byte says 0 plain or 1 raw deflate (RFC 1951).
///
/// Not `Content-Encoding`, which proxies strip and add. Limits apply to the bytes as sent and again to the
/// inflated length, which is counted while inflating.
public enum BodyFraming {
  /// Frames a body, deflated when that is shorter.
  public static func frame(_ body: [UInt8], deflate: Bool = true) -> [UInt8] {
    if deflate, body.count >= smallestWorthDeflating, let deflated = self.deflate(body) {
      return deflated
    }
    var framed = [UInt8]()
    framed.reserveCapacity(body.count + 1)
    framed.append(0)
    framed += body
    return framed
  }

  /// Takes the frame off.
  ///
  /// - Parameter limit: the greatest inflated length; one byte more is refused without being written.
  public static func unframe(
    _ framed: [UInt8], limit: Int = Limits.inflatedBytes
  ) throws(FramingError) -> [UInt8] {
    guard let first = framed.first else { throw .empty }
    switch first {
    case 0:
      guard framed.count - 1 <= limit else { throw .tooLong(limit: limit) }
      return Array(framed.dropFirst())
    case 1: return try inflate(framed, limit: limit)
    default: throw .unknownFrame(first)
    }
  }

  static let smallestWorthDeflating = 64
  /// Pushes and deltas seldom inflate to more than so many times their length.
  private static let usualRatio = 8

  /// zlib looks back this much less far than its window is long (`MIN_LOOKAHEAD` in its deflate.h).
  private static let windowMargin = 262

  private static func deflate(_ body: [UInt8]) -> [UInt8]? {
    var stream = z_stream()
    // A window that reaches over the whole body finds everything; a longer one is only cleared first, for a push of
    // 300 bytes 200 KiB.
    let windowBits = Int32(max(9, min(15, Int.bitWidth - (body.count + windowMargin).leadingZeroBitCount)))
    guard
      deflateInit2_(
        &stream, 6, Z_DEFLATED, -windowBits, min(8, windowBits - 6), Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return nil }
    defer { deflateEnd(&stream) }
    // One byte of frame; a result that is not shorter than the plain body is not wanted.
    var output = [UInt8](repeating: 0, count: body.count + 1)
    output[0] = 1
    let status = body.withUnsafeBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        stream.avail_in = UInt32(input.count)
        stream.next_out = output.baseAddress! + 1
        stream.avail_out = UInt32(output.count - 1)
        return CZlib.deflate(&stream, Z_FINISH)
      }
    }
    guard status == Z_STREAM_END else { return nil }
    let count = Int(stream.total_out) + 1
    guard count < body.count + 1 else { return nil }
    return Array(output[..<count])
  }

  private static func inflate(_ framed: [UInt8], limit: Int) throws(FramingError) -> [UInt8] {
    var stream = z_stream()
    guard inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw .corrupt
    }
    defer { inflateEnd(&stream) }
    var status = Z_OK
    var consumed = 1
    // Most bodies come out whole at once, and then zlib keeps no window of what came before.
    let expected = max(1, min(limit, usualRatio * framed.count))
    var output = [UInt8](unsafeUninitializedCapacity: expected) { output, count in
      framed.withUnsafeBufferPointer { input in
        stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress! + consumed)
        stream.avail_in = UInt32(input.count - consumed)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(expected)
        status = CZlib.inflate(&stream, Z_FINISH)
        consumed = input.count - Int(stream.avail_in)
      }
      count = expected - Int(stream.avail_out)
    }
    guard output.count <= limit else { throw .tooLong(limit: limit) }
    // The output was full, or the input is cut off: reading on tells which.
    if status == Z_BUF_ERROR { status = Z_OK }
    var chunk: [UInt8] = []
    while status == Z_OK {
      if chunk.isEmpty { chunk = [UInt8](repeating: 0, count: 16 * 1024) }
      var produced = 0
      status = framed.withUnsafeBufferPointer { input in
        chunk.withUnsafeMutableBufferPointer { chunk in
          stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress! + consumed)
          stream.avail_in = UInt32(input.count - consumed)
          stream.next_out = chunk.baseAddress
          stream.avail_out = UInt32(chunk.count)
          let status = CZlib.inflate(&stream, Z_NO_FLUSH)
          consumed = input.count - Int(stream.avail_in)
          produced = chunk.count - Int(stream.avail_out)
          return status
        }
      }
      guard output.count + produced <= limit else { throw .tooLong(limit: limit) }
      output += chunk[..<produced]
      if status == Z_OK && produced == 0 && consumed == framed.count { throw .corrupt }
    }
    guard status == Z_STREAM_END, consumed == framed.count else { throw .corrupt }
    return output
  }
}

/// Why a body's frame could not be taken off.
public enum FramingError: Error, Hashable, Sendable, CustomStringConvertible {
  case empty
  case unknownFrame(UInt8)
  case corrupt
  case tooLong(limit: Int)

  public var description: String {
    switch self {
    case .empty: "The body is empty: its first byte must say 0 (plain) or 1 (raw deflate)."
    case .unknownFrame(let byte): "The body's first byte is \(byte): it must be 0 (plain) or 1 (raw deflate)."
    case .corrupt: "The body does not inflate: send it again, or send it plain."
    case .tooLong(let limit): "The body is over \(limit) bytes long once inflated: send less at a time."
    }
  }
}

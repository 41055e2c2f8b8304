/// Reads protobuf bytes from front to back. Every read says `nil` where the bytes end too early or have another form
/// than the shortest usual one; whoever reads then leaves the bytes to the codec.
struct WireScanner {
  private let bytes: UnsafeRawBufferPointer
  private(set) var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var left: Int { bytes.count - offset }

  @inline(__always)
  mutating func byte() -> UInt8? {
    guard offset < bytes.count else { return nil }
    defer { offset += 1 }
    return bytes[offset]
  }

  @inline(__always)
  func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

  @inline(__always)
  mutating func skip(_ count: Int) { offset += count }

  /// A varint of at most nine bytes, so that nothing overflows.
  @inline(__always)
  mutating func varint() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 63 {
      guard let next = byte() else { return nil }
      value |= UInt64(next & 0x7F) << shift
      if next < 0x80 { return value }
      shift += 7
    }
    return nil
  }

  /// The value of a field that may be absent, which is 0.
  @inline(__always)
  mutating func optionalVarint(tag: UInt8) -> UInt64? {
    guard offset < bytes.count, bytes[offset] == tag else { return 0 }
    offset += 1
    return varint()
  }

  /// The length of a field, which the bytes that are left must hold.
  @inline(__always)
  mutating func length() -> Int? {
    guard let value = varint(), value <= UInt64(left) else { return nil }
    return Int(value)
  }

  /// The content of a field with its length before it.
  @inline(__always)
  mutating func slice() -> UnsafeRawBufferPointer? {
    guard let count = length() else { return nil }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  @inline(__always)
  mutating func shortText() -> ShortText? {
    guard let count = length() else { return nil }
    return shortText(count: count)
  }

  @inline(__always)
  mutating func shortText(count: Int) -> ShortText? {
    guard let text = ShortText(bytes, from: offset, count: count) else { return nil }
    offset += count
    return text
  }

  mutating func skipToEnd() { offset = bytes.count }
}

/// 32 bytes of a SHA-256 value, held without a heap allocation: a chain head, a Merkle node, a blob's address.
public struct Digest256: Hashable, Sendable {
  public let words: SIMD4<UInt64>

  public static let byteCount = 32
  public static let zero = Digest256(words: .zero)

  @inlinable
  public init(words: SIMD4<UInt64>) {
    self.words = words
  }

  /// Reads 32 bytes; `nil` for any other count.
  ///
  /// Inlinable, so that it is compiled for the caller's collection.
  @inlinable
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == 32 else { return nil }
    var words = SIMD4<UInt64>.zero
    var index = 0
    for byte in bytes {
      words[index >> 3] = words[index >> 3] << 8 | UInt64(byte)
      index += 1
    }
    self.init(words: words)
  }

  /// Reads 64 hexadecimal digits of either case; `nil` for anything else.
  public init?(hex: String) {
    guard let bytes = Hex.decode(hex) else { return nil }
    self.init(bytes)
  }

  public var bytes: [UInt8] {
    var result = [UInt8]()
    result.reserveCapacity(Self.byteCount)
    append(to: &result)
    return result
  }

  /// Appends the 32 bytes, first byte first.
  public func append(to bytes: inout [UInt8]) {
    for index in 0..<4 { bytes.appendBigEndian(words[index]) }
  }

  public var hex: String { Hex.encode(bytes) }
}

extension Digest256: CustomStringConvertible {
  public var description: String { hex }
}

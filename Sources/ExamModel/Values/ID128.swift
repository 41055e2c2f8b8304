/// A random 128-bit identifier: of an exam, attempt, journal, scope, session, device key or lease.
///
/// Sixteen bytes on the wire and in hashes (big-endian), 32 lower-case hexadecimal digits as text.
public struct ID128: Hashable, Sendable, Comparable {
  public let high: UInt64
  public let low: UInt64

  public static let byteCount = 16
  /// All bits zero; never a valid identifier of anything.
  public static let zero = ID128(high: 0, low: 0)

  @inlinable
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Reads sixteen bytes; `nil` for any other count.
  ///
  /// Inlinable, so that it is compiled for the caller's collection: every request reads several of them.
  @inlinable
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == 16 else { return nil }
    var high: UInt64 = 0
    var low: UInt64 = 0
    for byte in bytes {
      high = high << 8 | low >> 56
      low = low << 8 | UInt64(byte)
    }
    self.init(high: high, low: low)
  }

  /// Reads 32 hexadecimal digits of either case; `nil` for anything else.
  public init?(hex: String) {
    guard let bytes = Hex.decode(hex) else { return nil }
    self.init(bytes)
  }

  /// Draws an identifier from `generator`.
  public static func random(using generator: inout some RandomNumberGenerator) -> ID128 {
    ID128(high: generator.next(), low: generator.next())
  }

  /// Draws an identifier from the system's generator.
  public static func random() -> ID128 {
    var generator = SystemRandomNumberGenerator()
    return random(using: &generator)
  }

  public var bytes: [UInt8] {
    var result = [UInt8]()
    result.reserveCapacity(Self.byteCount)
    result.appendBigEndian(high)
    result.appendBigEndian(low)
    return result
  }

  public var hex: String { Hex.encode(bytes) }

  public static func < (left: ID128, right: ID128) -> Bool {
    (left.high, left.low) < (right.high, right.low)
  }
}

extension ID128: CustomStringConvertible {
  public var description: String { hex }
}

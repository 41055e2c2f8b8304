/// One to fifteen ASCII characters in two words: how most ids of items and options fit without an allocation.
///
/// Equal texts have equal words.
package struct ShortText: Hashable, Sendable {
  /// The first eight bytes, first byte lowest.
  package let low: UInt64
  /// The other bytes, and the length in the highest byte.
  package let high: UInt64

  package static let longest = 15
  /// No text at all.
  package static let empty = ShortText(low: 0, high: 0)

  private init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// `nil` for no byte, for more than fifteen, and for anything that is not ASCII.
  package init?(_ bytes: some Collection<UInt8>) {
    let count = bytes.count
    guard (1...Self.longest).contains(count) else { return nil }
    var low: UInt64 = 0
    var high: UInt64 = 0
    for (index, byte) in bytes.enumerated() {
      if index < 8 { low |= UInt64(byte) << (8 * index) } else { high |= UInt64(byte) << (8 * (index - 8)) }
    }
    guard (low | high) & 0x8080_8080_8080_8080 == 0 else { return nil }
    self.init(low: low, high: high | UInt64(count) << 56)
  }

  /// The same for bytes at a place of a buffer, which must hold them.
  @inline(__always)
  init?(_ bytes: UnsafeRawBufferPointer, from start: Int, count: Int) {
    guard count >= 1, count <= Self.longest, start >= 0, start + count <= bytes.count else { return nil }
    var low: UInt64 = 0
    var high: UInt64 = 0
    if start + 16 <= bytes.count {
      low = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self))
      high = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self))
      if count < 8 {
        low &= (1 << UInt64(8 * count)) &- 1
        high = 0
      } else {
        high &= (1 << UInt64(8 * (count - 8))) &- 1
      }
    } else {
      for index in 0..<count {
        let byte = UInt64(bytes[start + index])
        if index < 8 { low |= byte << UInt64(8 * index) } else { high |= byte << UInt64(8 * (index - 8)) }
      }
    }
    guard (low | high) & 0x8080_8080_8080_8080 == 0 else { return nil }
    self.init(low: low, high: high | UInt64(count) << 56)
  }

  /// Compared for each answer of a push, from other modules.
  @inlinable
  package static func == (left: ShortText, right: ShortText) -> Bool {
    (left.low ^ right.low) | (left.high ^ right.high) == 0
  }

  @inlinable
  package var isEmpty: Bool { high == 0 }
  private var count: Int { Int(high >> 56) }

  package var text: String {
    String(unsafeUninitializedCapacity: Self.longest) { buffer in
      for index in 0..<count {
        buffer[index] = UInt8(truncatingIfNeeded: index < 8 ? low >> (8 * index) : high >> (8 * (index - 8)))
      }
      return count
    }
  }

  /// A spread of the words for tables that are looked up often. The keys of a table are a published paper's, so
  /// nobody can choose them to collide.
  @inlinable
  package var spread: UInt64 {
    let mixed = (low ^ (high &* 0xC2B2_AE3D_27D4_EB4F)) &* 0x9E37_79B9_7F4A_7C15
    return mixed ^ mixed >> 32
  }
}

import ExamModel

/// A running digest of a history: two runs that differ in one byte of one event differ here.
///
/// Two independent 64-bit lanes of multiply and rotate. It guards against drift between two runs of one program, and
/// not against somebody who wants two histories to collide.
package struct TraceDigest: Hashable, Sendable, CustomStringConvertible {
  private var low: UInt64 = 0x9E37_79B9_7F4A_7C15
  private var high: UInt64 = 0xD6E8_FEB8_6659_FD93
  package private(set) var count: UInt64 = 0

  package init() {}

  package mutating func take(_ event: HistoryEvent) {
    count &+= 1
    take(UInt64(bitPattern: event.trueMilliseconds))
    take(UInt64(event.node.number))
    take(event.fact)
  }

  package mutating func take(_ word: UInt64) {
    low = rotate(low ^ (word &* 0x9FB2_1C65_1E98_DF25), 29) &* 0xBF58_476D_1CE4_E5B9
    high = rotate(high &+ (word ^ 0x94D0_49BB_1331_11EB), 31) &* 0xD6E8_FEB8_6659_FD93
  }

  package mutating func take(_ bytes: UnsafeBufferPointer<UInt8>) {
    var word: UInt64 = 0
    var filled: UInt64 = 0
    for byte in bytes {
      word = word << 8 | UInt64(byte)
      filled += 1
      if filled == 8 {
        take(word)
        word = 0
        filled = 0
      }
    }
    take(word ^ (UInt64(bytes.count) << 56))
  }

  private func rotate(_ word: UInt64, _ distance: UInt64) -> UInt64 {
    word << distance | word >> (64 - distance)
  }

  package var description: String {
    func hex(_ word: UInt64) -> String {
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    return hex(high) + hex(low)
  }
}

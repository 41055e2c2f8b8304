/// The generator behind ``PresentationOrder``: SplitMix64 (Steele, Lea, Flood 2014), one stream for each label.
///
/// All arithmetic is on unsigned 64-bit integers and wraps. `Protocol/paper-format.md` states it for other languages
/// and `Protocol/vectors/order.json` checks it.
public struct OrderGenerator: Sendable {
  private var state: UInt64

  /// Opens the stream of `label` under `seed`: the state begins as `seed XOR FNV-1a-64(label's UTF-8 bytes)`.
  public init(seed: UInt64, label: String) {
    state = seed ^ Self.hash(label)
  }

  /// The next 64 bits of the stream.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A number from 0 to `bound − 1`, each equally likely: values below `2⁶⁴ mod bound` are drawn again.
  ///
  /// `bound` is at least 1.
  public mutating func next(below bound: UInt64) -> UInt64 {
    precondition(bound > 0, "A draw needs at least one outcome.")
    let rejected = (0 &- bound) % bound
    while true {
      let value = next()
      if value >= rejected { return value % bound }
    }
  }

  /// Fisher–Yates from the end: for `i` from `count − 1` down to 1, swaps `i` with `next(below: i + 1)`.
  public mutating func shuffle<Element>(_ elements: inout [Element]) {
    for position in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(position, Int(next(below: UInt64(position) + 1)))
    }
  }

  /// FNV-1a with 64 bits over the UTF-8 bytes of `text`.
  public static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  }
}

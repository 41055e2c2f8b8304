/// A splitmix64 stream of decisions, one for each link and concern.
///
/// Streams are apart so that one more decision of one kind never shifts those of another: the fifth request of link
/// `phone-07` meets the same fault whether the link dropped twice or ten times before it. What a seed cannot repeat is
/// the real time at which the operating system moves bytes: which request is the fifth, how a stream of bytes falls
/// into pieces (each piece draws its own jitter), and which connections live at the moment of a cut.
struct DecisionStream: RandomNumberGenerator, Equatable, Sendable {
  /// What a stream decides about.
  enum Concern: UInt64, CaseIterable, Sendable {
    case upJitter = 1
    case downJitter, upRate, downRate, upTraceOffset, downTraceOffset, outages, resets, connections, requests
  }

  private var state: UInt64

  init(state: UInt64) {
    self.state = state
  }

  /// The stream of one concern of one link.
  init(seed: UInt64, link: String, concern: Concern) {
    // FNV-1a: the standard library's hash differs from process to process.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in link.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    var mixer = DecisionStream(state: seed ^ hash)
    state = mixer.next() ^ (concern.rawValue &* 0xd6e8_feb8_6659_fd93)
    // One step parts streams whose starting states differ in few bits.
    state = next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }

  /// A number from 0 up to, but not including, 1.
  mutating func fraction() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// A number of the range, both ends included. Always takes one step, whatever the range.
  mutating func number(in range: ClosedRange<Int>) -> Int {
    let width = UInt64(range.upperBound - range.lowerBound) + 1
    return range.lowerBound + Int(next().multipliedFullWidth(by: width).high)
  }
}

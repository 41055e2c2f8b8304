/// Hands out the right to send, in bytes, on one direction of one link: a token bucket or a recorded trace.
///
/// Times are nanoseconds of any clock that never falls. A right that nobody waited for is lost, as on a radio link;
/// while somebody waits, rights add up, so that a late wake-up of the loop does not slow the link down.
struct LinkPacer: Sendable {
  private enum Source: Sendable {
    case bucket(bytesPerSecond: Int)
    case trace(NetworkTrace, offsetMilliseconds: Int)
  }

  private static let nanosecondsPerMillisecond: UInt64 = 1_000_000
  private static let nanosecondsPerSecond = 1_000_000_000

  private var source: Source
  private let origin: UInt64
  private var accountedUntil: UInt64
  /// Bytes that may pass now.
  private var credit = 0
  /// What the bucket earned of its next byte, in billionths.
  private var fraction = 0
  private var isAwaited = false

  init(bytesPerSecond: Int, startingAt now: UInt64) {
    source = .bucket(bytesPerSecond: bytesPerSecond)
    origin = now
    accountedUntil = now
  }

  init(trace: NetworkTrace, offsetMilliseconds: Int, startingAt now: UInt64) {
    source = .trace(trace, offsetMilliseconds: offsetMilliseconds)
    origin = now
    accountedUntil = now
  }

  /// Bytes that may pass at `now`. Asking means to wait: call ``settle(isAwaited:)`` when the wait is over.
  ///
  /// - Parameter wanted: bytes that lie ready. A bucket says 0 until it can pass all of them or a whole packet.
  mutating func allowance(for wanted: Int, at now: UInt64) -> Int {
    account(at: now)
    isAwaited = true
    switch source {
    case .bucket: return credit >= min(wanted, ProxyLimits.packetBytes) ? credit : 0
    case .trace: return credit
    }
  }

  /// Takes away what was sent.
  mutating func spend(_ bytes: Int) {
    precondition(bytes <= credit, "a link sent more than it was allowed")
    credit -= bytes
  }

  /// Says whether somebody still waits for the right to send.
  mutating func settle(isAwaited: Bool) {
    self.isAwaited = isAwaited
  }

  /// Forgets all rights, as a link does that was down until `now`.
  mutating func restart(at now: UInt64) {
    account(at: now)
    credit = 0
    fraction = 0
    isAwaited = false
  }

  /// Changes the rate of a bucket; a trace keeps its own.
  mutating func setRate(bytesPerSecond: Int) {
    guard case .bucket = source else { return }
    source = .bucket(bytesPerSecond: bytesPerSecond)
  }

  /// When asking again for `wanted` bytes is worth while.
  func nextChance(for wanted: Int, after now: UInt64) -> UInt64 {
    switch source {
    case .bucket(let rate):
      let missing = max(1, min(wanted, ProxyLimits.packetBytes) - credit)
      return now + UInt64((missing * Self.nanosecondsPerSecond - fraction + rate - 1) / rate)
    case .trace(let trace, let offset):
      let next = trace.nextOpportunity(after: position(at: now, offset: offset))
      return origin + UInt64(next - offset) * Self.nanosecondsPerMillisecond
    }
  }

  private func position(at time: UInt64, offset: Int) -> Int {
    Int((time - origin) / Self.nanosecondsPerMillisecond) + offset
  }

  private mutating func account(at now: UInt64) {
    guard now > accountedUntil else { return }
    switch source {
    case .bucket(let rate):
      // A second is far above any pause of the loop, and keeps the product within an Int.
      let elapsed = Int(min(now - accountedUntil, UInt64(Self.nanosecondsPerSecond)))
      let earned = elapsed.multipliedReportingOverflow(by: rate)
      let total = (earned.overflow ? Int.max - fraction : earned.partialValue) + fraction
      credit += total / Self.nanosecondsPerSecond
      fraction = total % Self.nanosecondsPerSecond
      // An idle link saves up one packet; a link under load keeps what its late loop owes it.
      let burst = isAwaited ? max(ProxyLimits.packetBytes, rate / 20) : ProxyLimits.packetBytes
      if credit > burst { credit = burst }
    case .trace(let trace, let offset):
      let start = position(at: accountedUntil, offset: offset)
      let end = position(at: now, offset: offset)
      if end > start {
        let earned = isAwaited ? trace.opportunities(after: start, through: end) : 0
        credit = (isAwaited ? credit : 0) + earned * ProxyLimits.packetBytes
      }
    }
    accountedUntil = now
  }
}

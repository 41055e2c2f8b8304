import SyncProtocol

#if PlantedBugs
  import Planted
#endif

/// When one kind of request may be tried again.
///
/// ```
///            succeeded                 failed: attempt + 1, backs off for 1 … ceiling ms (full jitter)
///   ┌───────────────────────┐   ┌──────────────────────────────────────────────────────────┐
///   ▼                       │   │                                                          ▼
/// ready ───── sent ────▶ (flight) ── Retry-After, next_ms: the server's slot ──▶ waiting until the later of
///   ▲                                                                            back-off and slot
///   └───────────────────────── the instant came, or the network changed (back-off only) ───┘
/// ```
/// The ceiling doubles from 0.5 s to 30 s; while a seal is pending it ends at 5 s. A network change ends a back-off,
/// not a slot: the first is our own caution, the second is what the server asked for.
struct Lane: Hashable, Sendable {
  /// Failures since the last success.
  private(set) var attempt = 0
  private(set) var backoffUntil: Instant = .zero
  private(set) var slot: Instant = .zero

  var due: Instant { max(backoffUntil, slot) }

  static func ceilingMilliseconds(attempt: Int, cap: Int64) -> Int64 {
    let doublings = min(max(attempt - 1, 0), 16)
    #if PlantedBugs
      if planted(.backoffWithoutCap) { return Limits.backoffBaseMilliseconds << Int64(min(doublings * 8, 24)) }
    #endif
    return min(cap, Limits.backoffBaseMilliseconds << Int64(doublings))
  }

  mutating func failed(at now: Instant, cap: Int64, using generator: inout SeededGenerator) {
    attempt += 1
    backOff(at: now, cap: cap, using: &generator)
  }

  /// Waits as after many failures: the operating system says that there is no network, or the server refuses for a
  /// reason that passes slowly if at all.
  mutating func failedLastingly(at now: Instant, cap: Int64, using generator: inout SeededGenerator) {
    attempt = max(attempt + 1, Self.attemptsToCap)
    backOff(at: now, cap: cap, using: &generator)
  }

  /// From the server's slot on, if there is one: those who got the same `Retry-After` do not come back in step.
  private mutating func backOff(at now: Instant, cap: Int64, using generator: inout SeededGenerator) {
    let ceiling = Self.ceilingMilliseconds(attempt: attempt, cap: cap)
    var delay = Int64.random(in: 1...ceiling, using: &generator)
    #if PlantedBugs
      if planted(.retriesWithoutBackoff) { delay = 1 }
    #endif
    backoffUntil = max(now, slot).advanced(byMilliseconds: delay)
  }

  mutating func succeeded() {
    attempt = 0
    backoffUntil = .zero
  }

  /// May try again at `now`, though the count of failures stays: the next failure backs off further.
  mutating func retryAtOnce(at now: Instant) {
    backoffUntil = min(backoffUntil, now)
  }

  /// A person or a script wants it now.
  mutating func callerInsists(at now: Instant) {
    backoffUntil = min(backoffUntil, now)
    slot = min(slot, now)
  }

  /// The operating system says that there is no network. It is tried all the same, seldom.
  mutating func lengthen(at now: Instant, cap: Int64, using generator: inout SeededGenerator) {
    attempt = max(attempt, Self.attemptsToCap)
    let delay = Int64.random(in: 1...cap, using: &generator)
    backoffUntil = max(backoffUntil, now.advanced(byMilliseconds: delay))
  }

  /// The network is another one: what failed on the old one says nothing.
  mutating func networkChanged(notBefore: Instant) {
    attempt = 0
    backoffUntil = min(backoffUntil, notBefore)
  }

  /// The server says when to come again.
  mutating func waitForSlot(at instant: Instant) {
    slot = instant
  }

  /// A seal is pending: no slot longer than 10 s, no back-off longer than 5 s beyond that. Jittered, because at the
  /// bell a whole room seals at once.
  ///
  /// - Returns: whether anything became sooner.
  mutating func hurry(at now: Instant, using generator: inout SeededGenerator) -> Bool {
    let before = due
    let slotCap = Limits.sealRetryAfterCapMilliseconds
    if slot > now.advanced(byMilliseconds: slotCap) {
      slot = now.advanced(byMilliseconds: Int64.random(in: slotCap / 2...slotCap, using: &generator))
    }
    let cap = Limits.sealBackoffCapMilliseconds
    if backoffUntil > max(now, slot).advanced(byMilliseconds: cap) {
      backoffUntil = max(now, slot).advanced(byMilliseconds: Int64.random(in: 1...cap, using: &generator))
    }
    return due < before
  }

  /// Failures after which the ceiling has reached 30 s.
  static let attemptsToCap = 7
}

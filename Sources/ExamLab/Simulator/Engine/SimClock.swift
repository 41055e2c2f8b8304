import ExamModel
import SyncCore

/// A node's clocks. Only the run knows true time.
///
/// Boot time drifts by some parts in a million and goes on in suspend; the wall clock is off by anything, and jumps.
struct SimClock {
  /// Of this boot.
  private(set) var bootID: ID128
  private var bootedAt: Int64
  private var bootBase: Int64
  private let driftPartsPerMillion: Int64
  /// Wall clock minus true server time.
  private(set) var wallOffset: Int64
  private var generator: SeededGenerator

  /// True server time at the beginning of every run: 2027-01-15 08:00:00 UTC.
  static let epoch: Int64 = 1_800_000_000_000

  init(seed: UInt64, driftPartsPerMillion: Int64, wallOffset: Int64, at now: Int64) {
    generator = SeededGenerator(seed: seed)
    bootID = ID128.random(using: &generator)
    bootBase = Int64(generator.next() % 40_000_000) + 1_000
    bootedAt = now
    self.driftPartsPerMillion = driftPartsPerMillion
    self.wallOffset = wallOffset
  }

  /// `CLOCK_BOOTTIME` in milliseconds.
  func bootMilliseconds(at now: Int64) -> UInt64 {
    let passed = now - bootedAt
    return UInt64(bootBase + passed + passed * driftPartsPerMillion / 1_000_000)
  }

  /// True milliseconds until the boot clock shows an instant.
  func trueMilliseconds(untilBoot instant: Int64, at now: Int64) -> Int64 {
    let missing = instant - Int64(bootMilliseconds(at: now))
    guard missing > 0 else { return 0 }
    return missing * 1_000_000 / (1_000_000 + driftPartsPerMillion) + 1
  }

  func wallMilliseconds(at now: Int64) -> Int64 { Self.epoch + now + wallOffset }

  mutating func jumpWall(by milliseconds: Int64) { wallOffset += milliseconds }

  /// Puts the wall clock right, as a network does when it is there.
  mutating func steadyWall() { wallOffset = 0 }

  mutating func reboot(at now: Int64) {
    bootID = ID128.random(using: &generator)
    bootBase = 2_000
    bootedAt = now
  }
}

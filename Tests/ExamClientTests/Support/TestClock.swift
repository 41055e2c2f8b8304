import ExamClient
import ExamModel
import Synchronization

/// Clocks that stand still until a test moves them, or, over a real network, go on with the real time.
final class TestClock: DeviceClock {
  private let state: Mutex<ClockReading>
  private let origin: ContinuousClock.Instant?

  init(
    bootID: ID128 = ID128(high: 1, low: 1), bootMilliseconds: UInt64 = 1_000_000, wallMilliseconds: Int64 = testT0,
    isRunning: Bool = false
  ) {
    origin = isRunning ? .now : nil
    state = Mutex(
      ClockReading(bootID: bootID, bootMilliseconds: bootMilliseconds, wallMilliseconds: wallMilliseconds))
  }

  func read() -> ClockReading {
    var reading = state.withLock { $0 }
    guard let origin else { return reading }
    let passed = origin.duration(to: .now).components
    let milliseconds = passed.seconds * 1_000 + passed.attoseconds / 1_000_000_000_000_000
    reading.bootMilliseconds += UInt64(milliseconds)
    reading.wallMilliseconds += milliseconds
    return reading
  }

  /// Both clocks go on.
  func pass(milliseconds: Int64) {
    state.withLock {
      $0.bootMilliseconds += UInt64(milliseconds)
      $0.wallMilliseconds += milliseconds
    }
  }

  func moveWall(milliseconds: Int64) {
    state.withLock { $0.wallMilliseconds += milliseconds }
  }

  func reboot(afterMilliseconds milliseconds: Int64) {
    state.withLock {
      $0.bootID = ID128(high: $0.bootID.high, low: $0.bootID.low + 1)
      $0.bootMilliseconds = 5_000
      $0.wallMilliseconds += milliseconds
    }
  }
}

/// The instant at which the exams of these tests open, in server milliseconds since 1970.
let testT0: Int64 = 1_790_000_000_000

import Foundation

/// The wall clock, read at the edge: decisions are given the time and never look.
public struct ServerClock: Sendable {
  /// Added to every reading: for tests that need another time of day.
  public var offsetMilliseconds: Int64

  public init(offsetMilliseconds: Int64 = 0) {
    self.offsetMilliseconds = offsetMilliseconds
  }

  /// Milliseconds since 1970.
  public var now: Int64 {
    Int64(Date().timeIntervalSince1970 * 1_000) + offsetMilliseconds
  }
}

/// The few numbers that describe many measurements.
enum BenchStatistics {
  /// The middle one; of an even count the mean of the two in the middle. `nil` for none.
  static func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }

  /// The smallest value that at least `percent` of all do not exceed (nearest rank); `nil` for none.
  static func percentile(_ percent: Double, ofSorted values: [UInt64]) -> UInt64? {
    guard !values.isEmpty else { return nil }
    let rank = Int((percent / 100 * Double(values.count)).rounded(.up))
    return values[min(max(rank, 1), values.count) - 1]
  }

  /// What each run measured divided by what the same run measured of the other; `nil` where either is missing.
  static func ratios(_ values: [Double], to others: [Double]) -> [Double] {
    zip(values, others).compactMap { value, other in other > 0 ? value / other : nil }
  }
}

/// Times of single operations, in nanoseconds.
struct LatencySample: Sendable {
  private(set) var sorted: [UInt64]

  init(_ nanoseconds: [UInt64]) {
    sorted = nanoseconds.sorted()
  }

  /// Milliseconds that half of the operations took at most.
  var medianMilliseconds: Double { milliseconds(50) }
  /// Milliseconds that all but one in a hundred took at most.
  var p99Milliseconds: Double { milliseconds(99) }

  private func milliseconds(_ percent: Double) -> Double {
    Double(BenchStatistics.percentile(percent, ofSorted: sorted) ?? 0) / 1_000_000
  }
}

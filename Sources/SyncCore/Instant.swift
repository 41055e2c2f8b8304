/// An instant of one boot: milliseconds of `CLOCK_BOOTTIME`, which goes on while the device sleeps.
///
/// The core never reads a clock. Whoever steps it says when the step happens, and deadlines come back as instants of
/// the same clock. Instants of two boots cannot be compared; a core does not outlive the boot it was started in.
public struct Instant: Hashable, Sendable, Comparable {
  public var milliseconds: Int64

  public init(milliseconds: Int64) {
    self.milliseconds = milliseconds
  }

  public init(bootMilliseconds: UInt64) {
    self.init(milliseconds: Int64(clamping: bootMilliseconds))
  }

  public static let zero = Instant(milliseconds: 0)

  /// The instant that is this far away; the ends of the range hold.
  public func advanced(byMilliseconds distance: Int64) -> Instant {
    let (sum, overflow) = milliseconds.addingReportingOverflow(distance)
    return Instant(milliseconds: overflow ? (distance < 0 ? .min : .max) : sum)
  }

  /// Milliseconds from `earlier` to this instant; negative when `earlier` is later.
  public func milliseconds(since earlier: Instant) -> Int64 {
    let (difference, overflow) = milliseconds.subtractingReportingOverflow(earlier.milliseconds)
    return overflow ? (milliseconds < earlier.milliseconds ? .min : .max) : difference
  }

  public static func < (left: Instant, right: Instant) -> Bool { left.milliseconds < right.milliseconds }
}

extension Instant: CustomStringConvertible {
  public var description: String { "boot+\(milliseconds) ms" }
}

/// Bounds on a server instant, in milliseconds since 1970.
public struct TimeBounds: Hashable, Sendable {
  public var earliest: Int64
  public var latest: Int64

  public init(earliest: Int64, latest: Int64) {
    self.earliest = earliest
    self.latest = latest
  }

  public var midpoint: Int64 { earliest + (latest - earliest) / 2 }
  public var width: Int64 { latest - earliest }

  /// The bounds after `milliseconds` of boot time, widened for a clock that is off by up to 200 ppm.
  /// A negative distance goes back in time.
  public func advanced(byBootMilliseconds milliseconds: Int64) -> TimeBounds {
    let slack = (abs(milliseconds) * TimeRules.driftPartsPerMillion + 999_999) / 1_000_000
    return TimeBounds(earliest: earliest + milliseconds - slack, latest: latest + milliseconds + slack)
  }

  /// What both allow; `nil` when they contradict each other.
  public func intersection(_ other: TimeBounds) -> TimeBounds? {
    let bounds = TimeBounds(earliest: max(earliest, other.earliest), latest: min(latest, other.latest))
    return bounds.earliest <= bounds.latest ? bounds : nil
  }
}

/// What a device knows of the time, at one instant of one boot.
public struct ClockContext: Hashable, Sendable {
  public var bootID: ID128
  /// `CLOCK_BOOTTIME`, in milliseconds.
  public var bootMilliseconds: UInt64
  /// The wall clock, in milliseconds since 1970. Evidence only: nothing is decided by it.
  public var wallMilliseconds: Int64
  /// Server time at `bootMilliseconds`, as far as the samples so far allow; `nil` before the first contact.
  public var server: TimeBounds?
  /// The server's proof of the lower bound: its time and a MAC over it.
  public var proof: TimeProof?

  public init(
    bootID: ID128, bootMilliseconds: UInt64, wallMilliseconds: Int64, server: TimeBounds? = nil,
    proof: TimeProof? = nil
  ) {
    self.bootID = bootID
    self.bootMilliseconds = bootMilliseconds
    self.wallMilliseconds = wallMilliseconds
    self.server = server
    self.proof = proof
  }
}

/// A server instant that only the server could have named, so a device that holds it was there after it.
public struct TimeProof: Hashable, Sendable {
  public var milliseconds: Int64
  public var mac: [UInt8]

  public init(milliseconds: Int64, mac: [UInt8]) {
    self.milliseconds = milliseconds
    self.mac = mac
  }
}

/// Whether something was done before the deadline.
public enum TimeClass: Hashable, Sendable {
  case inTime
  case late
  /// The samples do not allow a decision; a person decides.
  case undecided
}

/// The numbers of the time rules, in one place.
public enum TimeRules {
  /// How far a phone's clock may be off.
  public static let driftPartsPerMillion: Int64 = 200
  /// A round trip wider than this narrows nothing.
  public static let widestSampleMilliseconds: Int64 = 10_000
  /// Answers count until this long after the deadline.
  public static let graceMilliseconds: Int64 = 5_000
  /// The wall clock's stray from boot time that an entry reports.
  public static let wallDriftReportedMilliseconds: Int64 = 2_000
  /// Bounds that improve by more than this are worth a new context entry.
  public static let contextImprovementMilliseconds: Int64 = 1_000

  /// Classifies an instant known only by its bounds; `nil` bounds on a side are unbounded.
  public static func classify(earliest: Int64?, latest: Int64?, deadline: Int64?) -> TimeClass {
    guard let deadline else { return .inTime }
    let limit = deadline + graceMilliseconds
    if let latest, latest <= limit { return .inTime }
    if let earliest, earliest > limit { return .late }
    return .undecided
  }
}

public import ExamModel

/// What a device may believe of server time, from the samples of one boot.
///
/// A response that left the device's sight at `t0` and came back at `t1` (boot time), and that the server received at
/// `receivedAt` and sent at `sentAt`, says: server time at `t1` lies in
/// `[sentAt, sentAt + (t1 − t0) − (sentAt − receivedAt)]`. What is known is widened by 200 ppm as boot time passes, and
/// intersected with each new sample. The wall clock plays no part.
public struct ServerTimeEstimator: Hashable, Sendable {
  /// One answered request. Only of a response whose MAC was good.
  public struct Sample: Hashable, Sendable {
    public var requestSentAt: Instant
    public var responseReceivedAt: Instant
    /// Server time in milliseconds since 1970.
    public var serverReceivedAt: Int64
    public var serverSentAt: Int64

    public init(requestSentAt: Instant, responseReceivedAt: Instant, serverReceivedAt: Int64, serverSentAt: Int64) {
      self.requestSentAt = requestSentAt
      self.responseReceivedAt = responseReceivedAt
      self.serverReceivedAt = serverReceivedAt
      self.serverSentAt = serverSentAt
    }
  }

  /// What a sample did to the bounds.
  public enum Outcome: Hashable, Sendable {
    /// The bounds are narrower than before, by so many milliseconds at this instant, or the first.
    case narrowed(byMilliseconds: Int64?)
    case unchanged
    /// The sample is wider than 10 s and narrows nothing.
    case tooWide
    /// The sample contradicts what was known, which was dropped. To be audited: a clock stepped somewhere.
    case contradicted(dropped: TimeBounds)
    /// The sample cannot be: the server held the request for longer than it was away, or an instant is nonsense.
    case nonsense
  }

  public private(set) var bootID: ID128
  private var anchor: TimeBounds?
  private var anchoredAt: Instant = .zero

  public init(bootID: ID128) {
    self.bootID = bootID
  }

  /// Goes on from bounds that were persisted within this boot.
  public init(bootID: ID128, bounds: TimeBounds, at instant: Instant) {
    self.init(bootID: bootID)
    guard bounds.earliest >= 0, bounds.earliest <= bounds.latest, bounds.latest < Self.lastInstant else { return }
    anchor = bounds
    anchoredAt = instant
  }

  /// Bounds on server time at an instant of this boot; `nil` before the first sample.
  public func bounds(at instant: Instant) -> TimeBounds? {
    guard let anchor else { return nil }
    let distance = instant.milliseconds(since: anchoredAt)
    guard abs(max(distance, -Self.longestBootMilliseconds)) < Self.longestBootMilliseconds else { return nil }
    return anchor.advanced(byBootMilliseconds: distance)
  }

  /// The middle of the bounds, for the bell and for display; `nil` before the first sample.
  public func midpoint(at instant: Instant) -> Int64? { bounds(at: instant)?.midpoint }

  /// Takes a sample. Another boot forgets what was known: its instants cannot be compared.
  public mutating func take(_ sample: Sample, bootID: ID128) -> Outcome {
    let held = sample.serverSentAt.subtractingReportingOverflow(sample.serverReceivedAt)
    let away = sample.responseReceivedAt.milliseconds(since: sample.requestSentAt)
    guard !held.overflow, held.partialValue >= 0, away >= 0, away < Self.longestBootMilliseconds else {
      return .nonsense
    }
    // Two clocks counted the wait, in whole milliseconds, each off by up to 200 ppm; so it may seem a little longer
    // than the time away.
    let slack = 2 + (2 * away * TimeRules.driftPartsPerMillion + 999_999) / 1_000_000
    guard held.partialValue <= away + slack else { return .nonsense }
    let width = max(away + slack - held.partialValue, 0)
    guard (0..<Self.lastInstant).contains(sample.serverSentAt) else { return .nonsense }
    let bounds = TimeBounds(earliest: sample.serverSentAt, latest: sample.serverSentAt + width)
    if bootID != self.bootID {
      self.bootID = bootID
      anchor = nil
    }
    guard width <= TimeRules.widestSampleMilliseconds else { return .tooWide }
    return narrow(to: bounds, at: sample.responseReceivedAt)
  }

  private mutating func narrow(to sample: TimeBounds, at instant: Instant) -> Outcome {
    guard let known = bounds(at: instant) else {
      (anchor, anchoredAt) = (sample, instant)
      return .narrowed(byMilliseconds: nil)
    }
    guard let both = known.intersection(sample) else {
      (anchor, anchoredAt) = (sample, instant)
      return .contradicted(dropped: known)
    }
    guard both != known else { return .unchanged }
    (anchor, anchoredAt) = (both, instant)
    return .narrowed(byMilliseconds: known.width - both.width)
  }

  /// Ten years: a longer distance is nonsense, and would overflow.
  private static let longestBootMilliseconds: Int64 = 315_360_000_000
  /// The year 2500.
  private static let lastInstant: Int64 = 16_725_225_600_000
}

/// Follows the instants of one journal: what each entry allows to say about server time.
///
/// A value type that both sides run over the same entries, so that both decide alike.
public struct JournalClock: Hashable, Sendable {
  /// The boot that the last entry belongs to, and its boot time there.
  public private(set) var bootID: ID128?
  public private(set) var bootMilliseconds: UInt64 = 0
  /// The newest bounds of this boot, and the boot time they hold at.
  private var anchor: TimeBounds?
  private var anchorBootMilliseconds: UInt64 = 0
  /// No later entry can be earlier than this, whatever happened to the device in between.
  public private(set) var floor: Int64?

  public init() {}

  /// Takes the next entry of the journal.
  ///
  /// - Parameter provedMilliseconds: an instant that the server is proved to have named before the entry. The device
  ///   gives none: it knows its own bounds to be true.
  /// - Returns: whether the entry claims to be earlier than that. Then its bounds are dropped.
  @discardableResult
  public mutating func advance(_ entry: Entry, provedMilliseconds: Int64? = nil) -> Bool {
    var isContradicted = false
    switch entry.kind {
    case .open(let opening):
      if opening.bootID != bootID { anchor = nil }
      bootID = opening.bootID
      bootMilliseconds = opening.bootMilliseconds
    case .context(let context):
      if context.bootID != bootID { anchor = nil }
      bootID = context.bootID
      bootMilliseconds = context.bootMilliseconds
      if let server = context.server { take(server) }
    default:
      bootMilliseconds = bootMilliseconds.addingReportingOverflow(entry.bootDeltaMilliseconds).partialValue
    }
    if let provedMilliseconds {
      isContradicted = bounds.map { $0.latest < provedMilliseconds } ?? false
      if isContradicted { anchor = nil }
      floor = max(floor ?? provedMilliseconds, provedMilliseconds)
    }
    if let earliest = bounds?.earliest { floor = max(floor ?? earliest, earliest) }
    return isContradicted
  }

  /// Takes several entries at once, none of which carries an instant of its own.
  ///
  /// - Parameter milliseconds: boot time over all of them.
  /// - Returns: `false`, and nothing is taken, where taking them one by one could come to something else.
  public mutating func advance(byBootMilliseconds milliseconds: UInt64) -> Bool {
    let (sum, overflows) = bootMilliseconds.addingReportingOverflow(milliseconds)
    guard !overflows, sum < UInt64(Self.longestBoot), anchorBootMilliseconds < UInt64(Self.longestBoot) else {
      return false
    }
    bootMilliseconds = sum
    // Bounds only grow with boot time, so those of the last entry are the floor.
    if let earliest = bounds?.earliest { floor = max(floor ?? earliest, earliest) }
    return true
  }

  /// Bounds on server time at the last entry; `nil` without any contact in this boot.
  public var bounds: TimeBounds? { bounds(atBootMilliseconds: bootMilliseconds) }

  /// Bounds on server time at an instant of the last entry's boot; `nil` without any contact in this boot.
  public func bounds(atBootMilliseconds instant: UInt64) -> TimeBounds? {
    guard let anchor else { return nil }
    let distance = Int64(clamping: instant) - Int64(clamping: anchorBootMilliseconds)
    guard abs(distance) < Self.longestBoot else { return nil }
    return anchor.advanced(byBootMilliseconds: distance)
  }

  /// The last entry's class. `receivedAt` is the server time at which it arrived: nothing was done after that.
  public func classify(deadline: Int64?, receivedAt: Int64?) -> TimeClass {
    let latest = [bounds?.latest, receivedAt].compactMap(\.self).min()
    return TimeRules.classify(earliest: bounds?.earliest ?? floor, latest: latest, deadline: deadline)
  }

  private mutating func take(_ server: TimeBounds) {
    guard server.earliest <= server.latest, server.earliest >= 0, server.latest < Self.lastInstant else { return }
    if let current = bounds, let both = current.intersection(server) {
      anchor = both
    } else {
      anchor = server
    }
    anchorBootMilliseconds = bootMilliseconds
  }

  /// Ten years: longer distances are nonsense, and would overflow.
  private static let longestBoot: Int64 = 315_360_000_000
  /// The year 2500.
  private static let lastInstant: Int64 = 16_725_225_600_000
}

/// What a time class rests on, for reports.
public enum TimeBasis: String, Hashable, Sendable {
  /// The entry was at the server before the limit: the server's own clock.
  case arrival
  /// The device held an instant that the server had named after the limit.
  case proof
  /// The device's signed statement, and nothing else.
  case statement

  /// - Parameters:
  ///   - receivedAt: server time at which the entry arrived.
  ///   - provedMilliseconds: the latest instant that the server is proved to have named before the entry; `nil` for
  ///     none. A bound that nothing proves never makes a class rest on proof.
  /// - Returns: `nil` for what is undecided.
  public static func of(
    _ class: TimeClass, deadline: Int64, receivedAt: Int64, provedMilliseconds: Int64?
  ) -> TimeBasis? {
    let limit = deadline + TimeRules.graceMilliseconds
    switch `class` {
    case .inTime: return receivedAt <= limit ? .arrival : .statement
    case .late: return provedMilliseconds.map { $0 > limit } ?? false ? .proof : .statement
    case .undecided: return nil
    }
  }
}

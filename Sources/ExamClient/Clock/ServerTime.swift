package import ExamModel
import SyncCore
import SyncProtocol

/// What this boot's samples allow to say about server time, with the server's newest proof of an instant.
package struct ServerTime: Hashable, Sendable {
  private var estimator: ServerTimeEstimator
  package private(set) var proof: TimeProof?

  package init(bootID: ID128 = .zero) {
    estimator = ServerTimeEstimator(bootID: bootID)
  }

  /// Goes on from what a journal of this boot says.
  package init(_ clock: JournalClock, bootID: ID128) {
    self.init(bootID: bootID)
    guard clock.bootID == bootID, let bounds = clock.bounds else { return }
    estimator = ServerTimeEstimator(
      bootID: bootID, bounds: bounds, at: Instant(bootMilliseconds: clock.bootMilliseconds))
  }

  /// Bounds at an instant of this boot; `nil` before the first contact.
  package func bounds(atBootMilliseconds now: UInt64) -> TimeBounds? {
    estimator.bounds(at: Instant(bootMilliseconds: now))
  }

  /// The best single guess: the midpoint.
  package func estimate(atBootMilliseconds now: UInt64) -> Int64? {
    bounds(atBootMilliseconds: now)?.midpoint
  }

  /// Takes a sample of a response that is proved to be the server's.
  ///
  /// - Returns: what was dropped, where the sample contradicts it: evidence of a clock that jumped.
  @discardableResult
  package mutating func take(
    receivedAt: Int64, sentAt: Int64, requestedAt: UInt64, arrived: ClockReading, proof: TimeProof? = nil
  ) -> TimeBounds? {
    let sample = ServerTimeEstimator.Sample(
      requestSentAt: Instant(bootMilliseconds: requestedAt),
      responseReceivedAt: Instant(bootMilliseconds: arrived.bootMilliseconds), serverReceivedAt: receivedAt,
      serverSentAt: sentAt)
    let outcome = estimator.take(sample, bootID: arrived.bootID)
    switch outcome {
    case .nonsense: return nil
    case .contradicted(let dropped):
      self.proof = proof ?? self.proof
      return dropped
    case .narrowed, .unchanged, .tooWide:
      self.proof = proof ?? self.proof
      return nil
    }
  }

  /// What these bounds say beyond a journal.
  package enum News: Hashable, Sendable {
    case none
    /// More than a second more, or the first of this boot.
    case narrower
    /// Something else: a clock stepped.
    case contradiction
  }

  package func news(for journal: JournalClock, at reading: ClockReading) -> News {
    guard let own = bounds(atBootMilliseconds: reading.bootMilliseconds) else { return .none }
    guard journal.bootID == reading.bootID, let known = journal.bounds else { return .narrower }
    let distance = Int64(clamping: reading.bootMilliseconds) - Int64(clamping: journal.bootMilliseconds)
    let then = known.advanced(byBootMilliseconds: distance)
    if then.intersection(own) == nil { return .contradiction }
    return then.width - own.width > TimeRules.contextImprovementMilliseconds ? .narrower : .none
  }
}

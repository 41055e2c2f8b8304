import ExamModel
import SyncCore
import SyncProtocol

/// What this boot's samples allow to say about server time, with the server's newest proof of an instant.
struct ServerTime: Hashable, Sendable {
  private var estimator: ServerTimeEstimator
  private(set) var proof: TimeProof?

  init(bootID: ID128 = .zero) {
    estimator = ServerTimeEstimator(bootID: bootID)
  }

  /// Goes on from what a journal of this boot says.
  init(_ clock: JournalClock, bootID: ID128) {
    self.init(bootID: bootID)
    guard clock.bootID == bootID, let bounds = clock.bounds else { return }
    estimator = ServerTimeEstimator(
      bootID: bootID, bounds: bounds, at: Instant(bootMilliseconds: clock.bootMilliseconds))
  }

  /// Bounds at an instant of this boot; `nil` before the first contact.
  func bounds(atBootMilliseconds now: UInt64) -> TimeBounds? {
    estimator.bounds(at: Instant(bootMilliseconds: now))
  }

  /// The best single guess: the midpoint.
  func estimate(atBootMilliseconds now: UInt64) -> Int64? {
    bounds(atBootMilliseconds: now)?.midpoint
  }

  /// Takes a sample of a response that is proved to be the server's.
  ///
  /// - Returns: what was dropped, where the sample contradicts it: evidence of a clock that jumped.
  @discardableResult
  mutating func take(
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

  /// Whether these bounds say so much more than a journal does that it is worth an entry.
  func improves(on journal: JournalClock, at reading: ClockReading) -> Bool {
    guard let own = bounds(atBootMilliseconds: reading.bootMilliseconds) else { return false }
    guard journal.bootID == reading.bootID, let known = journal.bounds else { return true }
    let distance = Int64(clamping: reading.bootMilliseconds) - Int64(clamping: journal.bootMilliseconds)
    let then = known.advanced(byBootMilliseconds: distance)
    if then.intersection(own) == nil { return true }
    return then.width - own.width > TimeRules.contextImprovementMilliseconds
  }
}

import ExamModel
import SyncProtocol
import Testing

@testable import SyncCore

/// Drives one core by hand: remembers the clock and checks the invariant after each step.
struct Harness {
  var core: SyncCore
  var now = Instant(milliseconds: 1_000_000)
  var wakeAt: Instant?

  static let journal = ID128(high: 1, low: 1)
  static let other = ID128(high: 1, low: 2)
  static let attempt = ID128(high: 2, low: 1)
  static let scope = ID128(high: 3, low: 1)
  static let exam = ID128(high: 3, low: 2)

  init(seed: UInt64 = 7, options: SyncOptions = SyncOptions()) {
    core = SyncCore(seed: seed, options: options)
  }

  /// A running core, a session, one journal, no scopes.
  static func pushing(
    last: UInt64 = 3, acknowledged: UInt64 = 0, priority: EntryPriority = .answer, seed: UInt64 = 7
  ) -> (Harness, RequestPlan?) {
    var harness = Harness(seed: seed)
    let effects = harness.step(
      .start(SyncStart(journals: [known(last: last, acknowledged: acknowledged, priority: priority)], hasSession: true))
    )
    return (harness, effects.plans.first)
  }

  /// A running core, a session, one scope, no journals.
  static func polling(cursor: Cursor = .start, seed: UInt64 = 7) -> (Harness, RequestPlan?) {
    var harness = Harness(seed: seed)
    let effects = harness.step(
      .start(SyncStart(scopes: [ScopeCursor(scope: scope, cursor: cursor)], hasSession: true)))
    return (harness, effects.plans.first)
  }

  static func known(
    _ id: ID128 = journal, last: UInt64, acknowledged: UInt64 = 0, priority: EntryPriority = .answer
  ) -> KnownJournal {
    KnownJournal(id: id, subject: attempt, last: last, acknowledged: acknowledged, priority: priority)
  }

  @discardableResult
  mutating func step(
    _ event: SyncEvent, after milliseconds: Int64 = 0, sourceLocation: SourceLocation = #_sourceLocation
  ) -> [SyncEffect] {
    now = now.advanced(byMilliseconds: milliseconds)
    let effects = core.step(event, at: now)
    if let wake = effects.wakes.last { wakeAt = wake }
    let violation = core.invariantViolation()
    #expect(violation == nil, sourceLocation: sourceLocation)
    return effects
  }

  /// Lets the armed wake come.
  mutating func wake(sourceLocation: SourceLocation = #_sourceLocation) throws -> [SyncEffect] {
    let instant = try #require(wakeAt, sourceLocation: sourceLocation)
    now = max(now, instant)
    return step(.wake, sourceLocation: sourceLocation)
  }

  /// Wakes until something is sent or a session is asked for.
  mutating func wakeUntilRequest(sourceLocation: SourceLocation = #_sourceLocation) throws -> [SyncEffect] {
    for _ in 0..<100 {
      let effects = try wake(sourceLocation: sourceLocation)
      if !effects.plans.isEmpty || !effects.sessionAttempts.isEmpty { return effects }
    }
    Issue.record("nothing was sent in a hundred wakes", sourceLocation: sourceLocation)
    return []
  }

  /// Answers a push with one acknowledgement, and the comparison with the own chain.
  @discardableResult
  mutating func acknowledge(
    _ plan: RequestPlan, _ sequence: UInt64, _ verdict: PushVerdict = .stored, _ result: AcknowledgementResult? = nil,
    next: UInt32 = 0, priority: EntryPriority = .answer
  ) -> [SyncEffect] {
    let acknowledgement = Acknowledgement(sequence: sequence, head: .zero, verdict: verdict)
    var effects = step(
      .responded(plan.id, SyncResponse(acknowledgements: [acknowledgement], receivedAt: 0, nextMilliseconds: next)))
    if verdict != .unknownJournal {
      let result = result ?? .matched(sequence: sequence, priority: priority)
      effects += step(.acknowledged(journal: plan.pushes[0].journal, result))
    }
    return effects
  }

  static func delta(
    from: Cursor, to: Cursor, isLast: Bool = true, isReset: Bool = false, scope: ID128 = Harness.scope
  ) -> Delta {
    Delta(
      scope: scope, from: from, isReset: isReset, records: [], to: to,
      checkpoint: isLast ? Checkpoint(count: 0, digest: .empty) : nil)
  }

  static func answer(_ deltas: [Delta] = [], next: UInt32 = 0, isStale: Bool = false) -> SyncResponse {
    SyncResponse(deltas: deltas, receivedAt: 0, nextMilliseconds: next, isStale: isStale)
  }
}

extension [SyncEffect] {
  var plans: [RequestPlan] {
    compactMap { if case .send(let plan) = $0 { plan } else { nil } }
  }
  var wakes: [Instant] {
    compactMap { if case .wake(let instant) = $0 { instant } else { nil } }
  }
  var sessionAttempts: [RequestID] {
    compactMap { if case .openSession(let id) = $0 { id } else { nil } }
  }
  var cancelled: [RequestID] {
    compactMap { if case .cancel(let id) = $0 { id } else { nil } }
  }
  var notices: [SyncNotice] {
    compactMap { if case .notice(let notice) = $0 { notice } else { nil } }
  }
}

extension RequestFailure {
  static func weather(_ status: Int, retryAfterSeconds: Int? = nil) -> RequestFailure {
    .refused(HTTPRefusal(status: status, isAuthenticated: false, retryAfterSeconds: retryAfterSeconds))
  }

  static func problem(_ kind: Problem.Kind, retryAfterSeconds: Int? = nil, isAuthenticated: Bool = true)
    -> RequestFailure
  {
    .refused(
      HTTPRefusal(
        status: Problem(kind, "").status, isAuthenticated: isAuthenticated, kind: kind,
        retryAfterSeconds: retryAfterSeconds))
  }
}

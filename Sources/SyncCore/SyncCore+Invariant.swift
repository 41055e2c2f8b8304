import ExamModel
import SyncProtocol

/// What must hold after every step. For tests and simulators; costs nothing when nobody asks.
extension SyncCore {
  /// What is wrong, or `nil`.
  ///
  /// - Pending work, started and not paused: a request is under way, or a wake is armed.
  /// - At most one push and one poll are under way.
  /// - A wake lies ahead, so that waking never repeats without progress.
  /// - Nothing counts as acknowledged that the journal does not have.
  public func invariantViolation() -> String? {
    if let armedWake, armedWake <= now { return "the wake of \(armedWake) is not after \(now)" }
    if flights.filter(\.pushes).count > 1 { return "more than one push is under way" }
    if flights.filter(\.polls).count > 1 { return "more than one poll is under way" }
    for flight in flights where flight.plan.role == .push && !flight.plan.scopes.isEmpty {
      return "\(flight.plan.id) is a push with cursors"
    }
    for journal in journals {
      let known = journal.known
      if known.acknowledged > known.greatestAcknowledged, !known.isLeft {
        return
          "journal \(known.id) is acknowledged to \(known.acknowledged), its greatest \(known.greatestAcknowledged)"
      }
    }
    for (earlier, later) in zip(journals, journals.dropFirst()) where !(earlier.id < later.id) {
      return "journals are out of order at \(later.id)"
    }
    return lifecycle == .running ? livenessViolation() : idleViolation()
  }

  private func idleViolation() -> String? {
    lifecycle == .stopped && !flights.isEmpty ? "stopped with requests under way" : nil
  }

  private func livenessViolation() -> String? {
    if let next = nextInstant {
      guard let armedWake, armedWake <= next else { return "nothing wakes the core at \(next)" }
    }
    if case .opening = session { return nil }
    if session == .noCertificate { return nil }
    let hasWork = sendableJournals.contains { $0.isReady(at: now) }
    if hasWork, pushFlight == nil, armedWake == nil { return "entries are pending, and nothing is under way or armed" }
    let reads = !readableScopes.isEmpty
    if reads, pollFlight == nil, armedWake == nil { return "scopes are wanted, and nothing is under way or armed" }
    let isHeld = journals.contains { $0.hasWork && !$0.isReady(at: now) }
    if syncsJournals, isHeld, armedWake == nil { return "a journal is held, and no wake is armed" }
    if wantsSession, session == .missing, armedWake == nil { return "no session, and no wake is armed" }
    // What is due now was sent now; a wake only covers what is due later.
    if isSessionGood {
      if hasWork, pushFlight == nil, pushLane.due <= now, !isJournalOwed { return "a push is due and was not sent" }
      if reads, pollFlight == nil, pollLane.due <= now, !isScopeOwed { return "a poll is due and was not sent" }
    }
    return nil
  }
}

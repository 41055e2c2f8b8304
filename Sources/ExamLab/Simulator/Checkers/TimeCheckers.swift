import ExamModel
import ServerCore
import SyncProtocol

/// I15: no class of time contradicts the truth. *Undecided* is allowed for what came after the deadline: a person
/// decides then.
struct TimeClassesAreTrue: Checker {
  let invariant = Invariant.i15
  static let graceMilliseconds: Int64 = 5_000
  /// What two readings of one instant may differ by: a phone stamps an entry before its commit returns.
  static let slackMilliseconds: Int64 = 1_000

  /// An entry by what it says too: a phone that was rolled back has another one under the same number.
  private struct EntryVersion: Hashable {
    var journal: ID128
    var sequence: UInt64
    var head: Digest256
  }

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    // Where the server's own clock was wrong, its deadline was another one than the truth's.
    guard evidence.truth.serverClocks.isEmpty else { return finding }
    var instants: [EntryVersion: Int64] = [:]
    for event in evidence.history where !evidence.truth.modifiedPhones.contains(event.node) {
      guard case .saved(let journal, let sequence, let head, _, _) = event.fact else { continue }
      let version = EntryVersion(journal: journal, sequence: sequence, head: head)
      instants[version] = evidence.truth.serverTime(event.trueMilliseconds)
    }
    for server in evidence.world.servers {
      for attempt in server.attempts {
        guard let truth = evidence.truth.attempt(attempt.row.id), let exam = evidence.truth.exam(truth.exam) else {
          continue
        }
        finding.add(check(attempt, on: server, exam: exam, instants: instants, evidence))
      }
    }
    return finding
  }

  private func check(
    _ attempt: ServerAttemptDump, on server: ServerDump, exam: ExamTruth, instants: [EntryVersion: Int64],
    _ evidence: Evidence
  ) -> Finding {
    var finding = Finding()
    let arrivals = evidence.arrivals(of: attempt, on: server)
    func trueInstant(of arrival: Arrival) -> Int64? {
      instants[
        EntryVersion(journal: arrival.journal.id, sequence: arrival.entry.sequence, head: arrival.entry.head)]
    }
    let start = arrivals.first { arrival in
      if arrival.reason == nil, case .start = arrival.entry.entry?.kind { true } else { false }
    }
    // One that was said again by a take-over is told of with the last entry of that.
    func instantOfStart(_ start: Arrival) -> Int64? {
      arrivals.filter { $0.journal.id == start.journal.id && $0.entry.sequence >= start.entry.sequence }
        .sorted { $0.entry.sequence < $1.entry.sequence }.lazy.compactMap { trueInstant(of: $0) }.first
    }
    // A start without contact counts from its arrival: later contact never places one.
    let started = start.flatMap { isBounded($0) ? instantOfStart($0) : $0.receivedAt }
    // The start counts by the middle of its bounds, which are up to ten seconds wide.
    let slack = Self.slackMilliseconds + (exam.durationMilliseconds == nil ? 0 : 5_000)
    for arrival in arrivals {
      guard ItemValue(arrival.entry.entry?.kind) != nil, let instant = trueInstant(of: arrival) else { continue }
      let grants = evidence.truth.grants.filter { $0.attempt == attempt.row.id }
      func deadline(grantedUntil limit: Int64) -> Int64 {
        let granted = grants.filter {
          evidence.truth.serverTime($0.trueMilliseconds) <= limit && !wasUndone($0, before: limit, evidence)
        }.reduce(0) { $0 + $1.milliseconds }
        let own = exam.durationMilliseconds.flatMap { duration in started.map { $0 + duration } } ?? exam.closesAt
        return min(exam.closesAt, own) + granted + Self.graceMilliseconds
      }
      switch arrival.reason {
      case nil:
        finding.expect(
          instant <= deadline(grantedUntil: .max) + slack,
          violation(arrival, server, "was done \(instant - deadline(grantedUntil: .max)) ms late", "in time", evidence))
      case .afterDeadline:
        finding.expect(
          instant > deadline(grantedUntil: arrival.receivedAt) - slack,
          violation(arrival, server, "was done in time", "late", evidence))
      case .timeUndecided:
        // Nothing was done after it came, whatever the device's clock says.
        finding.expect(
          arrival.receivedAt > deadline(grantedUntil: arrival.receivedAt) - slack,
          violation(arrival, server, "had come in time", "undecided", evidence))
      default: break
      }
    }
    return finding
  }

  /// Whether the device had the server's time in its boot when it wrote an entry.
  private func isBounded(_ arrival: Arrival) -> Bool {
    var boot: ID128?
    var isBounded = false
    for entry in arrival.journal.entries where entry.sequence < arrival.entry.sequence {
      let (bootID, hasBounds): (ID128, Bool)
      switch entry.entry?.kind {
      case .open(let opening): (bootID, hasBounds) = (opening.bootID, false)
      case .context(let context): (bootID, hasBounds) = (context.bootID, context.server != nil)
      default: continue
      }
      isBounded = hasBounds || (isBounded && bootID == boot)
      boot = bootID
    }
    return isBounded
  }

  /// Whether the server went back to before the grant, and so did not know it any more at an instant of its clock. Only
  /// the class *late* may rest on that; what counts is judged by all grants that there ever were.
  private func wasUndone(_ grant: GrantTruth, before limit: Int64, _ evidence: Evidence) -> Bool {
    limit != .max
      && evidence.restores.contains {
        $0.from <= grant.trueMilliseconds && grant.trueMilliseconds <= $0.at
          && evidence.truth.serverTime($0.at) <= limit
      }
  }

  private func violation(
    _ arrival: Arrival, _ server: ServerDump, _ truth: String, _ found: String, _ evidence: Evidence
  ) -> Violation {
    Violation(
      .i15, evidence.end, server.node,
      "entry \(arrival.entry.sequence) of journal \(arrival.journal.id) \(truth) by the true clock",
      expected: "that class, or undecided", found: found)
  }
}

/// I16: the time left never grows but by a grant, and is never more than there is. What a restore undid a phone goes by
/// until it hears from the server again.
struct TimeLeftOnlyShrinks: Checker {
  let invariant = Invariant.i16
  /// The time left is persisted at least this often, and a reboot goes back to what was persisted.
  static let persistedEveryMilliseconds: Int64 = 30_000
  /// Half the widest sample, and what 200 ppm make of two hours.
  static let epsilonMilliseconds: Int64 = 5_000 + 1_500

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    var openedAt: [UInt64: Int64] = [:]
    for event in evidence.history {
      if case .serverOpened(let epoch) = event.fact { openedAt[epoch] = event.trueMilliseconds }
    }
    for (node, events) in evidence.byNode.sorted(by: { $0.key.number < $1.key.number })
    where node.isPhone && !evidence.truth.modifiedPhones.contains(node) {
      finding.add(series(events, node: node, openedAt: openedAt, evidence))
    }
    return finding
  }

  private func series(
    _ events: [HistoryEvent], node: SimNode, openedAt: [UInt64: Int64], _ evidence: Evidence
  ) -> Finding {
    var finding = Finding()
    let candidate = evidence.world.phones.first { $0.node == node }?.candidate
    let attempt = evidence.truth.attempts.first { $0.candidate == candidate }
    // Of a phone that is gone nobody knows any more whose grants it may have had.
    guard candidate != nil else { return finding }
    let grants = evidence.truth.grants.filter { $0.attempt == attempt?.id }
    func granted(until instant: Int64) -> Int64 {
      grants.filter { $0.trueMilliseconds <= instant }.reduce(0) { $0 + $1.milliseconds }
    }
    var last: Int64?
    var shownAt = Int64.min
    // A grant reaches the phone when it may; in all the time grows by no more than was granted, and a reboot gave back.
    var grown: Int64 = 0
    var allowance: Int64 = 0
    // A phone that slept persists how long when it wakes; a disk that fails then leaves what was persisted before.
    var (sleptSince, slept, unpersisted) = (Int64.max, Int64(0), Int64(0))
    // When the phone was told of the bell last, and when the server opened that told it.
    var told = (at: Int64.min, since: Int64.min)
    for event in events {
      switch event.fact {
      case .suspended: sleptSince = event.trueMilliseconds
      case .woke: (slept, unpersisted) = (max(0, event.trueMilliseconds - sleptSince), 0)
      case .diskFault: unpersisted = slept
      case .saved: (slept, unpersisted) = (0, 0)
      case .opened, .rebooted:
        allowance = Self.persistedEveryMilliseconds + unpersisted
        // A phone that was rolled back goes by what it had been told before, and by what it had persisted. The grants
        // that it had then may be fewer: it takes the others once more.
        let losses = evidence.truth.losses.filter { $0.node == node && $0.trueMilliseconds <= event.trueMilliseconds }
        if losses.contains(where: { told.at <= $0.trueMilliseconds }) { told.since = .min }
        if losses.contains(where: { shownAt <= $0.trueMilliseconds }) { (last, grown) = (nil, 0) }
      case .scopeApplied(let scope, let epoch, _):
        if scope == attempt?.exam { told = (event.trueMilliseconds, openedAt[epoch] ?? .min) }
      case .remainingShown(let left, let isDoubtful):
        let now = granted(until: event.trueMilliseconds)
        if let last {
          let most = last + max(0, now - grown) + allowance
          finding.expect(
            left <= most,
            Violation(
              .i16, event.trueMilliseconds, node, "the time left grew", expected: "\(most) ms or less",
              found: "\(left) ms"))
        }
        if !isDoubtful, let attempt, let exam = evidence.truth.exam(attempt.exam), evidence.truth.serverClocks.isEmpty {
          let bell = evidence.truth.latestClosing(of: exam, from: told.since, to: event.trueMilliseconds)
          let most = bell + now - evidence.truth.serverTime(event.trueMilliseconds) + Self.epsilonMilliseconds
          finding.expect(
            left <= max(0, most),
            Violation(
              .i16, event.trueMilliseconds, node, "more time was shown than there is",
              expected: "\(max(0, most)) ms or less", found: "\(left) ms"))
        }
        // A doubtful figure may be too small; contact may then show that more is left, up to what was certain.
        if !isDoubtful {
          grown += max(0, left - (last ?? left) - allowance)
          last = left
          shownAt = event.trueMilliseconds
          allowance = 0
        }
      default: break
      }
    }
    return finding
  }
}

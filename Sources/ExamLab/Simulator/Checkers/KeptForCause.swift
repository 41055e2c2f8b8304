import ExamModel
import ExamStore
import ServerCore
import SyncProtocol
import SyncWire

/// I14, as the server's log shows it: an entry is kept without effect only for a cause that stands before it there. A
/// server that keeps what should count loses an answer as surely as one that drops it. What the clocks decide is I15's.
struct KeptForCause: Checker {
  let invariant = Invariant.i14

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for server in evidence.world.servers {
      for attempt in server.attempts {
        var log = LogSoFar(attempt, leases: LeaseHistory(of: attempt, on: server, evidence))
        for arrival in evidence.arrivals(of: attempt, on: server) {
          if let reason = arrival.reason {
            finding.expect(
              log.explains(reason, of: arrival),
              Violation(
                .i14, evidence.end, server.node,
                "entry \(arrival.entry.sequence) of journal \(arrival.journal.id) is kept as \(reason.name)",
                expected: "a cause before it in the log", found: log.description))
          } else {
            log.take(arrival)
          }
        }
      }
    }
    return finding
  }
}

/// What the entries that took effect so far add up to on a server, written down a second time from the protocol.
private struct LogSoFar: CustomStringConvertible {
  private let attempt: ServerAttemptDump
  private let leases: LeaseHistory
  private var writers: [UInt32: ID128] = [:]
  private var isStarted = false
  private var informationGiven = false
  private var isSealed = false
  private var sealOrdinal: UInt32 = 0
  private var locks: Set<UInt32> = []
  private var unlocked: Set<UInt32> = []
  private var closedSections: Set<String> = []
  /// Where a successor of the same device left each journal.
  private var left: [ID128: UInt64] = [:]

  init(_ attempt: ServerAttemptDump, leases: LeaseHistory) {
    self.attempt = attempt
    self.leases = leases
    if let device = attempt.row.record.leaseDevice { writers[attempt.row.record.lease] = device }
  }

  private var holding: UInt32? { locks.subtracting(unlocked).max() }

  var description: String {
    (isStarted ? "started" : "not started") + (isSealed ? ", sealed" : ", open") + " after seal \(sealOrdinal), "
      + (holding.map { "held by lock \($0)" } ?? "no lock")
  }

  mutating func take(_ arrival: Arrival) {
    writers[arrival.lease] = writers[arrival.lease] ?? arrival.journal.dump.row.device
    switch arrival.entry.entry?.kind {
    case .open:
      guard let position = arrival.predecessor(in: attempt) else { return }
      left[position.journal] = min(left[position.journal] ?? .max, position.sequence)
    case .information: informationGiven = true
    case .start: isStarted = true
    case .lock(let fact): locks.insert(fact.number)
    case .unlock(let fact): unlocked.insert(fact.number)
    case .sectionLeft(let section): closedSections.insert(section)
    case .seal(let signed):
      isSealed = true
      sealOrdinal = (try? SealStatement(wire: signed.statement))?.ordinal ?? sealOrdinal + 1
    case .reopened: isSealed = false
    default: break
    }
  }

  func explains(_ reason: KeptReason, of arrival: Arrival) -> Bool {
    switch reason {
    // The clocks decide.
    case .afterDeadline, .timeUndecided: true
    case .unreadable: arrival.entry.entry == nil
    case .terminated: attempt.row.record.isVoided
    case .staleLease: !isHolder(arrival)
    case .superseded: left[arrival.journal.id].map { $0 < arrival.entry.sequence } ?? false
    case .notStarted: !isStarted
    case .informationMissing: isStart(arrival) && !informationGiven
    case .whileLocked: holding != nil
    case .afterSeal: isSealed
    case .sectionClosed: !closedSections.isEmpty
    case .unlockInvalid: unlockedNumber(arrival).map { $0 != holding } ?? false
    // The operator's record of it may be gone, or have come later.
    case .reopenInvalid: arrival.isReopening
    case .sealInvalid: isSealOutOfOrder(arrival)
    // Nobody here says what the paper does not take, and every reason is one of this version.
    case .answerInvalid, .other: false
    }
  }

  /// Whether the lease of the entry was in force when it came, and its device wrote under it.
  private func isHolder(_ arrival: Arrival) -> Bool {
    let inForce = leases.inForce(for: arrival)
    return writers[arrival.lease] == arrival.journal.dump.row.device && inForce == arrival.lease...arrival.lease
  }

  private func unlockedNumber(_ arrival: Arrival) -> UInt32? {
    if case .unlock(let fact) = arrival.entry.entry?.kind { fact.number } else { nil }
  }

  private func isStart(_ arrival: Arrival) -> Bool {
    if case .start = arrival.entry.entry?.kind { true } else { false }
  }

  private func isSealOutOfOrder(_ arrival: Arrival) -> Bool {
    guard case .seal(let signed) = arrival.entry.entry?.kind else { return false }
    guard let statement = try? SealStatement(wire: signed.statement), statement.attempt == attempt.row.id else {
      return true
    }
    let isNext = statement.ordinal > sealOrdinal && statement.ordinal - sealOrdinal <= Limits.sealsAhead
    return isSealed || !isNext
  }
}

/// Which lease of an attempt was in force when, as the audit trail tells.
struct LeaseHistory {
  /// A batch is judged within so much of the arrival of what is in it.
  private static let batchMilliseconds: Int64 = 5_000
  /// When an operator gave the lease away, by the server's clock, in the order in which it was. `nil` where that clock
  /// was set: then its instants are in no order.
  private let releases: [Int64]?

  init(of attempt: ServerAttemptDump, on server: ServerDump, _ evidence: Evidence) {
    releases =
      evidence.truth.serverClocks.isEmpty
      ? server.audit.filter { $0.action == "attempt-release" && $0.subject == attempt.row.id.hex }.map(\.at) : nil
  }

  /// The leases of which one was in force when an entry was judged; `nil` where nobody can tell.
  func inForce(for arrival: Arrival) -> ClosedRange<UInt32>? {
    guard let releases else { return nil }
    let before = releases.count { $0 < arrival.receivedAt }
    let after = releases.count { $0 <= arrival.receivedAt + Self.batchMilliseconds }
    return UInt32(before + 1)...UInt32(after + 1)
  }
}

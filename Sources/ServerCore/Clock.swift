public import ExamModel
import SyncProtocol
import SyncWire

#if PlantedBugs
  import Planted
#endif

/// Server time, and work that the state itself calls for.
extension ServerCore {
  /// A wall clock that goes back further than this is an alarm.
  static let clockStepMilliseconds: Int64 = 2_000

  func loadTime(now: Int64) throws {
    let saved = try store.value(.serverTime).map { $0.reduce(Int64(0)) { $0 << 8 | Int64($1) } } ?? 0
    savedTime = saved
    time = max(now, saved, try store.lastSegmentTime() ?? 0, try store.lastAudit()?.at ?? 0)
  }

  /// Server time follows the wall clock and never goes back.
  func advanceClock(now: Int64) throws {
    if now < time - Self.clockStepMilliseconds {
      if !clockIsBehind {
        work.counters.clockSteps += 1
        try audit("clock-step", by: "server", of: node.hex, "the wall clock went back by \(time - now) ms")
      }
      clockIsBehind = true
    } else if now >= time {
      clockIsBehind = false
    }
    time = max(now, time)
    #if PlantedBugs
      if planted(.serverClockGoesBack) { time = now }
    #endif
  }

  /// What is due is found by looking, so nothing that was missed stays missed: key releases, receipts, extensions that
  /// have not reached every attempt, deadlines.
  func levelTriggeredWork() throws {
    var releasesThrough = time
    #if PlantedBugs
      if planted(.keyReleasedEarly) { releasesThrough += 60_000 }
    #endif
    let due = exams.values.filter {
      !$0.row.isKeyReleased && !$0.row.record.isCancelled && $0.row.record.opensAt <= releasesThrough
    }
    for entry in due.sorted(by: { $0.row.id < $1.row.id }) {
      let id = entry.row.id
      guard let key = entry.paperKey else { continue }
      work.touchedGlobals = true
      exams[id]?.row.isKeyReleased = true
      if let row = exams[id]?.row { try store.save(exam: row) }
      try put(KeyRecord(key: key).wire, scope: id, ScopeCollection.key, "paper")
      try audit("key-released", by: "server", of: id.hex, "T0 was \(entry.row.record.opensAt)")
    }
    if !work.waiting.isEmpty { try makeReceipts() }
    if !pendingExtensions.isEmpty { try continueExtensions() }
    try armDeadlines()
    try markOverdue()
  }

  /// A record that follows from the one before: nobody can take one out or change one unnoticed.
  func audit(_ action: String, by actor: String, of subject: String, _ detail: String) throws {
    let previous = work.audit ?? newestAudit
    var row = AuditRow(
      index: (previous?.index ?? 0) + 1, at: time, actor: actor, action: action, subject: subject,
      detail: String(detail.prefix(OperatorLimits.textBytes)), hash: .zero)
    var before = previous?.hash ?? .zero
    #if PlantedBugs
      if planted(.auditNotChained) { before = .zero }
    #endif
    row.hash = AuditChain.hash(row, after: before)
    try store.insert(audit: row)
    work.audit = row
  }
}

/// The chain of the audit trail.
public enum AuditChain {
  /// `SHA-256("examsync audit v1" ‖ hash before ‖ u64 index ‖ i64 at ‖ u32 len ‖ actor ‖ … action ‖ subject ‖ detail)`.
  public static func hash(_ row: AuditRow, after previous: Digest256) -> Digest256 {
    var bytes = Array("examsync audit v1".utf8)
    previous.append(to: &bytes)
    bytes.appendBigEndian(row.index)
    bytes.appendBigEndian(row.at)
    for text in [row.actor, row.action, row.subject, row.detail] { bytes.appendLengthPrefixed(Array(text.utf8)) }
    return Hash.sha256(bytes)
  }
}

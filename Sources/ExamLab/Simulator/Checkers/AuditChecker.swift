import ExamModel
import ServerCore
import SyncProtocol
import SyncWire

/// I28: the audit trail is one unbroken chain, and tells of everything that the rows tell of.
struct AuditIsWhole: Checker {
  let invariant = Invariant.i28

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for server in evidence.world.servers {
      finding.add(chain(server, at: evidence.end))
      finding.add(expectations(server, evidence))
    }
    return finding
  }

  private func chain(_ server: ServerDump, at instant: Int64) -> Finding {
    var finding = Finding()
    var previous: AuditRow?
    for row in server.audit {
      let hash = Self.hash(row, after: previous?.hash ?? .zero)
      finding.expect(
        row.hash == hash && row.index == (previous?.index ?? 0) + 1 && row.at >= previous?.at ?? .min,
        Violation(
          .i28, instant, server.node, "audit record \(row.index) does not follow the one before it",
          expected: "index \((previous?.index ?? 0) + 1), hash \(hash)", found: "\(row.index), \(row.hash)"))
      previous = row
    }
    return finding
  }

  /// Everything that left a trace in the rows has a record of it.
  private func expectations(_ server: ServerDump, _ evidence: Evidence) -> Finding {
    var finding = Finding()
    var counts: [String: Int] = [:]
    for row in server.audit { counts["\(row.action) \(row.subject)", default: 0] += 1 }
    func expect(_ action: String, _ subject: String, atLeast least: Int = 1) {
      let found = counts["\(action) \(subject)"] ?? 0
      finding.expect(
        found >= least,
        Violation(
          .i28, evidence.end, server.node, "the audit trail lacks “\(action)” of \(subject)",
          expected: "\(least) or more", found: "\(found)"))
    }
    let opened = server.audit.filter { $0.action == "store-opened" }.count
    finding.expect(
      opened == server.epochs.count,
      Violation(
        .i28, evidence.end, server.node, "openings of the store", expected: "\(server.epochs.count) records",
        found: "\(opened)"))
    // After a restore a device comes back by its certificate.
    for device in server.devices where counts["device-restored \(device.id.hex)"] == nil {
      expect("log-in", device.id.hex)
    }
    for exam in server.exams where exam.isKeyReleased { expect("key-released", exam.id.hex) }
    for attempt in server.attempts {
      let id = attempt.row.id.hex
      let forks = attempt.journals.reduce(0) { $0 + $1.forks.count }
      if forks > 0 { expect("fork", id, atLeast: forks) }
      if attempt.row.record.leaseDevice != nil { expect("lease-taken", id) }
      if attempt.row.record.isVoided { expect("attempt-void", id) }
      if attempt.row.record.lease > 1 { expect("attempt-release", id, atLeast: Int(attempt.row.record.lease) - 1) }
      let records = server.scopes.first { $0.row.id == attempt.row.candidate }?.records ?? []
      let collections = [ScopeCollection.void: "lock-void", ScopeCollection.reopen: "attempt-reopen"]
      for (collection, action) in collections.sorted(by: { $0.key < $1.key }) {
        let count = records.filter { record in
          record.collection == collection && (try? NumberedRecord(wire: record.body))?.attempt == attempt.row.id
        }.count
        if count > 0 { expect(action, id, atLeast: count) }
      }
    }
    return finding
  }

  /// `SHA-256("examsync audit v1" ‖ hash before ‖ u64 index ‖ i64 at ‖ u32 len ‖ actor ‖ … action ‖ subject ‖ detail)`,
  /// written down a second time.
  static func hash(_ row: AuditRow, after previous: Digest256) -> Digest256 {
    var bytes = Array("examsync audit v1".utf8) + previous.bytes
    for number in [row.index, UInt64(bitPattern: row.at)] {
      for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
    for text in [row.actor, row.action, row.subject, row.detail] {
      let utf8 = Array(text.utf8)
      for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: utf8.count >> shift)) }
      bytes += utf8
    }
    return JudgedChain.digest(bytes)
  }
}

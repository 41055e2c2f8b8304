import ServerCore
import ServerStoreSQLite
import SyncProtocol

/// Commands that a process died over. Those of its last commit may have been done all the same: the audit trail of the
/// next opening tells, and whoever gave them looks there, as people do.
struct UnansweredCommands {
  static let lost = Problem(.busy, "The server ended before it did this. Give the command again.")

  private var jobs: [SimServer.Job] = []
  /// The newest record of the audit trail before the first of them.
  private var auditIndex: UInt64 = 0

  var isEmpty: Bool { jobs.isEmpty }

  mutating func add(_ batch: [SimServer.Job], after index: UInt64) {
    let commands = batch.filter { if case .command = $0.call { true } else { false } }
    if jobs.isEmpty { auditIndex = index }
    jobs += commands
  }

  /// Each of them with whether it was done; `nil` where the trail cannot be read now. They are forgotten then.
  mutating func take(from store: SQLiteServerStore) -> [(SimServer.Job, isDone: Bool)]? {
    guard let records = try? store.audit(after: auditIndex, limit: 1_000) else { return nil }
    var actions = records.filter { $0.action != "refused" }.map(\.action)
    defer { jobs = [] }
    return jobs.map { job in
      guard case .command(let command, _) = job.call, let place = actions.firstIndex(of: command.name) else {
        return (job, false)
      }
      actions.remove(at: place)
      return (job, true)
    }
  }
}

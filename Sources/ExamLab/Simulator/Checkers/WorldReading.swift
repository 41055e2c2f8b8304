import ExamModel
package import ExamStore
package import ServerCore
package import ServerStoreSQLite
import SyncProtocol

extension PhoneDump {
  /// Reads a store through its own connection; nothing is changed.
  package init(reading store: ExamStore, node: SimNode) throws(ExamStoreError) {
    let identity = store.identity
    self.init(
      node: node, candidate: identity?.grant?.candidate, deviceKey: identity?.signingKey.id,
      publicKey: identity?.signingKey.publicKey ?? [])
    journals = try store.journalContents()
    attempts = try store.attemptContents()
    scopes = try store.scopeContents()
    for attempt in attempts { statuses.append(try store.status(of: attempt.attempt)) }
  }
}

extension ServerDump {
  /// Reads a store, and what the core over it makes of each attempt; nothing is changed.
  ///
  /// A core that was opened afresh gives what the rows add up to, and not what an old one remembers.
  package init(reading store: SQLiteServerStore, core: ServerCore, node: SimNode) throws {
    self.init(node: node, publicKey: core.publicKey)
    epochs = try store.epochs()
    exams = try store.exams().sorted { $0.id < $1.id }
    devices = try store.allDevices()
    for id in try store.allAttempts() {
      guard let row = try store.attempt(id), let applied = try core.appliedState(of: id) else { continue }
      attempts.append(try Self.attempt(row, applied: applied, store))
    }
    roots = try store.roots(after: 0, limit: .max)
    audit = try store.audit(after: 0, limit: .max)
    for id in try store.allScopes() {
      guard let row = try store.scope(id) else { continue }
      var scope = ServerScopeDump(row: row)
      scope.epochs = try store.scopeEpochs(of: id)
      try store.records(scope: id, above: 0) {
        scope.records.append($0)
        return true
      }
      scopes.append(scope)
    }
  }

  private static func attempt(
    _ row: AttemptRow, applied: AppliedState, _ store: SQLiteServerStore
  ) throws -> ServerAttemptDump {
    var dump = ServerAttemptDump(row: row, applied: applied)
    for row in try store.journals(attempt: row.id).sorted(by: { $0.ordinal < $1.ordinal }) {
      var journal = ServerJournalDump(row: row)
      journal.segments = try store.allSegments(journal: row.number)
      journal.dispositions = try store.dispositions(journal: row.number, from: 1, to: .max)
      journal.forks = try store.forks(journal: row.number)
      dump.journals.append(journal)
    }
    dump.seals = try store.allSeals(attempt: row.id)
    dump.receipts = try store.receipts(attempt: row.id)
    return dump
  }
}

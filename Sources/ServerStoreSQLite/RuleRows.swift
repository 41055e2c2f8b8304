public import ExamModel
import SQLite
public import ServerCore

extension SQLiteServerStore {
  public func runningAttempts(after: ID128?, limit: Int) throws -> [RunningAttemptRow] {
    try all(
      """
      SELECT id, exam, started_at FROM attempts
      WHERE sealed = 0 AND overdue_at IS NULL AND started_at IS NOT NULL AND id > ? ORDER BY id LIMIT ?
      """,
      {
        // Every id is longer than the empty blob, and so comes after it.
        if let after { try $0.bind(after, at: 1) } else { try $0.bind([UInt8](), at: 1) }
        try $0.bind(limit, at: 2)
      }
    ) { RunningAttemptRow(id: try $0.id(at: 0), exam: try $0.id(at: 1), startedAt: $0.int64(at: 2)) }
  }

  public func extensions() throws -> [ExtensionRow] {
    try all(
      "SELECT id, exam, milliseconds, reason, actor, after_number, after_id, done FROM extensions ORDER BY id"
    ) {
      ExtensionRow(
        id: $0.int64(at: 0), exam: try $0.id(at: 1), milliseconds: $0.int64(at: 2), reason: $0.text(at: 3),
        actor: $0.text(at: 4), afterNumber: $0.text(at: 5), afterID: try $0.id(at: 6),
        done: $0.uint64(bitPatternAt: 7))
    }
  }

  public func save(extension row: ExtensionRow) throws {
    try run(
      """
      INSERT INTO extensions VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET
      after_number = excluded.after_number, after_id = excluded.after_id, done = excluded.done
      """
    ) {
      try $0.bind(row.id, at: 1)
      try $0.bind(row.exam, at: 2)
      try $0.bind(row.milliseconds, at: 3)
      try $0.bind(row.reason, at: 4)
      try $0.bind(row.actor, at: 5)
      try $0.bind(row.afterNumber, at: 6)
      try $0.bind(row.afterID, at: 7)
      try $0.bind(bitPattern: row.done, at: 8)
    }
  }

  public func deleteExtension(_ id: Int64) throws {
    try run("DELETE FROM extensions WHERE id = ?") { try $0.bind(id, at: 1) }
  }

  public func insert(timeProof: TimeProofRow) throws {
    try run("INSERT INTO time_proofs VALUES(?, ?, ?, ?)") {
      try $0.bind(timeProof.journal, at: 1)
      try $0.bind(bitPattern: timeProof.sequence, at: 2)
      try $0.bind(timeProof.milliseconds, at: 3)
      try $0.bind(timeProof.finding.rawValue, at: 4)
    }
  }

  public func timeProofs(journal: Int64) throws -> [TimeProofRow] {
    try all(
      "SELECT sequence, milliseconds, finding FROM time_proofs WHERE journal = ? ORDER BY sequence",
      { try $0.bind(journal, at: 1) }
    ) {
      guard let finding = TimeProofRow.Finding(rawValue: $0.int(at: 2)) else { throw $0.damaged(2) }
      return TimeProofRow(
        journal: journal, sequence: $0.uint64(bitPatternAt: 0), milliseconds: $0.int64(at: 1), finding: finding)
    }
  }
}

public import ExamModel
import SQLite
public import ServerCore
public import SyncProtocol

extension SQLiteServerStore {
  private static let attemptColumns = """
    SELECT id, exam, candidate, number, record, seal_ordinal, sealed, forced_at, trouble, started_at, start_code,
    overdue_at FROM attempts
    """

  private func attempt(_ row: Statement) throws -> AttemptRow {
    guard let record = AttemptRow.record(row.blob(at: 4)) else { throw row.damaged(4) }
    let progress = AttemptProgress(
      startedAt: row.optionalInt64(at: 9),
      startCode: row.optionalInt64(at: 10).flatMap { StartCode(rawValue: Int($0)) },
      overdueAt: row.optionalInt64(at: 11))
    return AttemptRow(
      id: try row.id(at: 0), exam: try row.id(at: 1), candidate: try row.id(at: 2), number: row.text(at: 3),
      record: record, sealOrdinal: UInt32(clamping: row.int64(at: 5)), isSealed: row.bool(at: 6),
      forcedAt: row.optionalInt64(at: 7), trouble: row.optionalText(at: 8), progress: progress)
  }

  public func attempt(_ id: ID128) throws -> AttemptRow? {
    try first(Self.attemptColumns + " WHERE id = ?", { try $0.bind(id, at: 1) }, attempt)
  }

  public func attempts(candidate: ID128) throws -> [AttemptRow] {
    try all(Self.attemptColumns + " WHERE candidate = ? ORDER BY exam", { try $0.bind(candidate, at: 1) }, attempt)
  }

  public func attempts(exam: ID128, after: (number: String, id: ID128)?, limit: Int) throws -> [AttemptRow] {
    try all(
      Self.attemptColumns + " WHERE exam = ? AND (number, id) > (?, ?) ORDER BY number, id LIMIT ?",
      {
        try $0.bind(exam, at: 1)
        try $0.bind(after?.number ?? "", at: 2)
        try $0.bind(after?.id ?? .zero, at: 3)
        try $0.bind(limit, at: 4)
      }, attempt)
  }

  public func save(attempt: AttemptRow) throws {
    try run(
      """
      INSERT INTO attempts(id, exam, candidate, number, record, seal_ordinal, sealed, forced_at, trouble, started_at,
      start_code, overdue_at) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET
      record = excluded.record, seal_ordinal = excluded.seal_ordinal, sealed = excluded.sealed,
      forced_at = excluded.forced_at, trouble = excluded.trouble, started_at = excluded.started_at,
      start_code = excluded.start_code, overdue_at = excluded.overdue_at
      """
    ) {
      try $0.bind(attempt.id, at: 1)
      try $0.bind(attempt.exam, at: 2)
      try $0.bind(attempt.candidate, at: 3)
      try $0.bind(attempt.number, at: 4)
      try $0.bind(attempt.recordBytes, at: 5)
      try $0.bind(Int64(attempt.sealOrdinal), at: 6)
      try $0.bind(attempt.isSealed, at: 7)
      try $0.bind(attempt.forcedAt, at: 8)
      try $0.bind(attempt.trouble, at: 9)
      try $0.bind(attempt.progress.startedAt, at: 10)
      try $0.bind(attempt.progress.startCode?.rawValue, at: 11)
      try $0.bind(attempt.progress.overdueAt, at: 12)
    }
  }

  public func applied(attempt: ID128) throws -> [UInt8]? {
    try first("SELECT applied FROM attempts WHERE id = ?", { try $0.bind(attempt, at: 1) }) { $0.optionalBlob(at: 0) }
      ?? nil
  }

  public func save(applied: [UInt8], attempt: ID128) throws {
    try run("UPDATE attempts SET applied = ? WHERE id = ?") {
      try $0.bind(applied, at: 1)
      try $0.bind(attempt, at: 2)
    }
  }

  private static let journalColumns = """
    SELECT number, id, attempt, device, ordinal, sequence, head, last_segment, superseded, kept, contact_at,
    opened_at FROM journals
    """

  private func journal(_ row: Statement) throws -> JournalRow {
    JournalRow(
      number: row.int64(at: 0), id: try row.id(at: 1), attempt: try row.id(at: 2), device: try row.id(at: 3),
      ordinal: UInt32(clamping: row.int64(at: 4)), sequence: row.uint64(bitPatternAt: 5), head: try row.digest(at: 6),
      lastSegment: row.int64(at: 7), supersededFrom: row.int64(at: 8) == 0 ? nil : row.uint64(bitPatternAt: 8),
      kept: row.uint64(bitPatternAt: 9), contactAt: row.int64(at: 10), openedAt: row.int64(at: 11))
  }

  public func journal(_ id: ID128) throws -> JournalRow? {
    try first(Self.journalColumns + " WHERE id = ?", { try $0.bind(id, at: 1) }, journal)
  }

  public func journals(attempt: ID128) throws -> [JournalRow] {
    try all(Self.journalColumns + " WHERE attempt = ? ORDER BY ordinal", { try $0.bind(attempt, at: 1) }, journal)
  }

  public func insert(journal: JournalRow) throws {
    try run("INSERT INTO journals VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") {
      try $0.bind(journal.number, at: 1)
      try $0.bind(journal.id, at: 2)
      try $0.bind(journal.attempt, at: 3)
      try $0.bind(journal.device, at: 4)
      try $0.bind(Int64(journal.ordinal), at: 5)
      try $0.bind(bitPattern: journal.sequence, at: 6)
      try $0.bind(journal.head, at: 7)
      try $0.bind(journal.lastSegment, at: 8)
      try $0.bind(bitPattern: journal.supersededFrom ?? 0, at: 9)
      try $0.bind(bitPattern: journal.kept, at: 10)
      try $0.bind(journal.contactAt, at: 11)
      try $0.bind(journal.openedAt, at: 12)
    }
  }

  public func update(journal: JournalRow) throws {
    guard let updateJournal else { throw StoreError(.failed, "the store is closed") }
    try guarded {
      try updateJournal.bind(bitPattern: journal.sequence, at: 1)
      try updateJournal.bind(journal.head, at: 2)
      try updateJournal.bind(journal.lastSegment, at: 3)
      try updateJournal.bind(bitPattern: journal.supersededFrom ?? 0, at: 4)
      try updateJournal.bind(bitPattern: journal.kept, at: 5)
      try updateJournal.bind(journal.contactAt, at: 6)
      try updateJournal.bind(journal.number, at: 7)
      try updateJournal.run()
    }
  }

  public func raiseOrdinals(attempt: ID128, from first: UInt32) throws {
    // Each row is looked at alone, and no two may have the same ordinal in between.
    try run("UPDATE journals SET ordinal = -1 - ordinal WHERE attempt = ? AND ordinal >= ?") {
      try $0.bind(attempt, at: 1)
      try $0.bind(Int64(first), at: 2)
    }
    try run("UPDATE journals SET ordinal = -ordinal WHERE attempt = ? AND ordinal < 0") {
      try $0.bind(attempt, at: 1)
    }
  }

  public func insert(segment: SegmentRow) throws {
    guard let insertSegment else { throw StoreError(.failed, "the store is closed") }
    try guarded {
      try insertSegment.bind(segment.id, at: 1)
      try insertSegment.bind(segment.previous, at: 2)
      try insertSegment.bind(segment.journal, at: 3)
      try insertSegment.bind(bitPattern: segment.first, at: 4)
      try insertSegment.bind(segment.count, at: 5)
      try insertSegment.bind(Int64(segment.lease), at: 6)
      try insertSegment.bind(segment.receivedAt, at: 7)
      try insertSegment.bind(segment.headBefore, at: 8)
      try insertSegment.bind(segment.headAfter, at: 9)
      try insertSegment.bind(segment.bytes, at: 10)
      try insertSegment.run()
    }
  }

  public func segment(_ id: Int64) throws -> SegmentRow? {
    try first(
      """
      SELECT previous, journal, first, count, lease, received_at, head_before, head_after, bytes FROM segments
      WHERE id = ?
      """, { try $0.bind(id, at: 1) }
    ) {
      SegmentRow(
        id: id, previous: $0.int64(at: 0), journal: $0.int64(at: 1), first: $0.uint64(bitPatternAt: 2),
        count: $0.int(at: 3), lease: UInt32(clamping: $0.int64(at: 4)), receivedAt: $0.int64(at: 5),
        headBefore: try $0.digest(at: 6), headAfter: try $0.digest(at: 7), bytes: $0.blob(at: 8))
    }
  }

  public func lastSegmentID() throws -> Int64 {
    try first("SELECT max(id) FROM segments") { $0.int64(at: 0) } ?? 0
  }

  public func lastSegmentTime() throws -> Int64? {
    try first("SELECT received_at FROM segments ORDER BY id DESC LIMIT 1") { $0.int64(at: 0) }
  }

  public func lastJournalNumber() throws -> Int64 {
    try first("SELECT max(number) FROM journals") { $0.int64(at: 0) } ?? 0
  }

  public func dispositions(journal: Int64, from: UInt64, to: UInt64) throws -> [KeptRange] {
    try all(
      "SELECT first, last, reason FROM dispositions WHERE journal = ? AND last >= ? AND first <= ? ORDER BY first",
      {
        try $0.bind(journal, at: 1)
        try $0.bind(Int64(clamping: from), at: 2)
        try $0.bind(Int64(clamping: to), at: 3)
      }
    ) {
      guard let reason = KeptReason(rawValue: $0.int(at: 2)) else { throw $0.damaged(2) }
      return KeptRange(from: $0.uint64(bitPatternAt: 0), to: $0.uint64(bitPatternAt: 1), reason: reason)
    }
  }

  public func save(disposition: KeptRange, journal: Int64) throws {
    try run("INSERT INTO dispositions VALUES(?, ?, ?, ?) ON CONFLICT DO UPDATE SET last = excluded.last") {
      try $0.bind(journal, at: 1)
      try $0.bind(bitPattern: disposition.from, at: 2)
      try $0.bind(bitPattern: disposition.to, at: 3)
      try $0.bind(disposition.reason.rawValue, at: 4)
    }
  }

  public func insert(fork: ForkRow) throws {
    try run("INSERT INTO forks(journal, first, count, head, received_at, bytes) VALUES(?, ?, ?, ?, ?, ?)") {
      try $0.bind(fork.journal, at: 1)
      try $0.bind(bitPattern: fork.first, at: 2)
      try $0.bind(fork.count, at: 3)
      try $0.bind(fork.head, at: 4)
      try $0.bind(fork.receivedAt, at: 5)
      try $0.bind(fork.bytes, at: 6)
    }
  }

  public func forks(journal: Int64) throws -> [ForkRow] {
    try all(
      "SELECT first, count, head, received_at, bytes FROM forks WHERE journal = ? ORDER BY id",
      { try $0.bind(journal, at: 1) }
    ) {
      ForkRow(
        journal: journal, first: $0.uint64(bitPatternAt: 0), count: $0.int(at: 1), head: try $0.digest(at: 2),
        receivedAt: $0.int64(at: 3), bytes: $0.blob(at: 4))
    }
  }
}

import ExamModel
import SQLite
import SyncProtocol

/// A scope's row.
struct ScopeRow: Hashable {
  var id: ID128
  var cursor = Cursor.start
  var count: UInt64 = 0
  var digest = ScopeDigest.empty
  /// Version up to which pages of an unfinished delta are staged; 0 for none.
  var staged: UInt64 = 0
  var stagedIsReset = false
}

/// Reading and writing scopes and their records. No decisions.
struct ScopeTable {
  let connection: Connection

  func rows() throws(ExamStoreError) -> [ScopeRow] {
    var rows: [ScopeRow] = []
    try connection.forEachRow(
      "SELECT id, epoch, version, count, digest, staged, staged_reset FROM scope ORDER BY id"
    ) { (row) throws(ExamStoreError) in rows.append(try Self.row(row)) }
    return rows
  }

  func row(_ scope: ID128) throws(ExamStoreError) -> ScopeRow? {
    var found: ScopeRow?
    try connection.forEachRow(
      "SELECT id, epoch, version, count, digest, staged, staged_reset FROM scope WHERE id = ?1",
      binding: { (statement) throws(SQLiteError) in try statement.bind(scope, at: 1) },
      { (row) throws(ExamStoreError) in found = try Self.row(row) })
    return found
  }

  private static func row(_ row: Statement) throws(ExamStoreError) -> ScopeRow {
    ScopeRow(
      id: try row.id(at: 0),
      cursor: Cursor(epoch: row.uint64(bitPatternAt: 1), version: row.uint64(bitPatternAt: 2)),
      count: try row.sequence(at: 3), digest: ScopeDigest(sum: try row.digest(at: 4)),
      staged: row.uint64(bitPatternAt: 5), stagedIsReset: row.bool(at: 6))
  }

  func write(_ row: ScopeRow) throws(SQLiteError) {
    let sql = """
      INSERT OR REPLACE INTO scope(id, epoch, version, count, digest, staged, staged_reset)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
      """
    try connection.run(sql) { (statement) throws(SQLiteError) in
      try statement.bind(row.id, at: 1)
      try statement.bind(bitPattern: row.cursor.epoch, at: 2)
      try statement.bind(bitPattern: row.cursor.version, at: 3)
      try statement.bind(Int64(clamping: row.count), at: 4)
      try statement.bind(row.digest.sum, at: 5)
      try statement.bind(bitPattern: row.staged, at: 6)
      try statement.bind(row.stagedIsReset, at: 7)
    }
  }

  // MARK: - Records

  func record(_ scope: ID128, _ collection: String, _ key: String) throws(ExamStoreError) -> Record? {
    var found: Record?
    try connection.forEachRow(
      "SELECT collection, key, version, body FROM record WHERE scope = ?1 AND collection = ?2 AND key = ?3",
      binding: { (statement) throws(SQLiteError) in
        try statement.bind(scope, at: 1)
        try statement.bind(collection, at: 2)
        try statement.bind(key, at: 3)
      }, { (row) throws(ExamStoreError) in found = Self.record(row) })
    return found
  }

  func records(
    _ scope: ID128, _ collection: String, keyPrefix: String = "", _ body: (Record) throws(ExamStoreError) -> Void
  ) throws(ExamStoreError) {
    // Every key that begins with the prefix lies between it and it with the greatest character after it.
    try connection.forEachRow(
      """
      SELECT collection, key, version, body FROM record
      WHERE scope = ?1 AND collection = ?2 AND key BETWEEN ?3 AND ?4 ORDER BY key
      """,
      binding: { (statement) throws(SQLiteError) in
        try statement.bind(scope, at: 1)
        try statement.bind(collection, at: 2)
        try statement.bind(keyPrefix, at: 3)
        try statement.bind(keyPrefix + "\u{10FFFF}", at: 4)
      }, { (row) throws(ExamStoreError) in try body(Self.record(row)) })
  }

  func allRecords(
    _ scope: ID128, _ body: (Record) throws(ExamStoreError) -> Void
  ) throws(ExamStoreError) {
    try connection.forEachRow(
      "SELECT collection, key, version, body FROM record WHERE scope = ?1",
      binding: { (statement) throws(SQLiteError) in try statement.bind(scope, at: 1) },
      { (row) throws(ExamStoreError) in try body(Self.record(row)) })
  }

  private static func record(_ row: Statement) -> Record {
    Record(
      collection: row.text(at: 0), key: row.text(at: 1), version: row.uint64(bitPatternAt: 2), body: row.blob(at: 3))
  }

  func put(_ record: Record, in scope: ID128) throws(SQLiteError) {
    try connection.run(
      "INSERT OR REPLACE INTO record(scope, collection, key, version, body) VALUES (?1, ?2, ?3, ?4, ?5)"
    ) { (statement) throws(SQLiteError) in
      try Self.bind(record, scope, to: statement)
    }
  }

  func delete(_ record: Record, in scope: ID128) throws(SQLiteError) {
    try connection.run("DELETE FROM record WHERE scope = ?1 AND collection = ?2 AND key = ?3") {
      (statement) throws(SQLiteError) in
      try statement.bind(scope, at: 1)
      try statement.bind(record.collection, at: 2)
      try statement.bind(record.key, at: 3)
    }
  }

  func deleteRecords(of scope: ID128) throws(SQLiteError) {
    try connection.run("DELETE FROM record WHERE scope = ?1") { (statement) throws(SQLiteError) in
      try statement.bind(scope, at: 1)
    }
  }

  // MARK: - Staging

  /// A record that is sent twice overwrites itself.
  func stage(_ record: Record, in scope: ID128) throws(SQLiteError) {
    let sql = """
      INSERT OR REPLACE INTO staged_record(scope, collection, key, version, body, deleted)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6)
      """
    try connection.run(sql) { (statement) throws(SQLiteError) in
      try Self.bind(record, scope, to: statement)
      try statement.bind(record.isDeleted, at: 6)
    }
  }

  func staged(_ scope: ID128) throws(ExamStoreError) -> [Record] {
    var records: [Record] = []
    try connection.forEachRow(
      "SELECT collection, key, version, body, deleted FROM staged_record WHERE scope = ?1",
      binding: { (statement) throws(SQLiteError) in try statement.bind(scope, at: 1) },
      { (row) throws(ExamStoreError) in
        var record = Self.record(row)
        record.isDeleted = row.bool(at: 4)
        records.append(record)
      })
    return records
  }

  func clearStaging(of scope: ID128) throws(SQLiteError) {
    try connection.run("DELETE FROM staged_record WHERE scope = ?1") { (statement) throws(SQLiteError) in
      try statement.bind(scope, at: 1)
    }
  }

  private static func bind(_ record: Record, _ scope: ID128, to statement: Statement) throws(SQLiteError) {
    try statement.bind(scope, at: 1)
    try statement.bind(record.collection, at: 2)
    try statement.bind(record.key, at: 3)
    try statement.bind(bitPattern: record.version, at: 4)
    try statement.bind(record.body, at: 5)
  }

  // MARK: - Verification

  /// Finds scopes whose records are not those that their digest counts, and takes their cursors back to the start: the
  /// next delta replaces them, and until then the old records serve.
  func takeBackDamaged() throws(ExamStoreError) -> [ID128] {
    var damaged: [ID128] = []
    for row in try rows() where row.cursor != .start {
      var digest = ScopeDigest.empty
      var count: UInt64 = 0
      try allRecords(row.id) { (record) throws(ExamStoreError) in
        digest.add(record)
        count += 1
      }
      if digest == row.digest, count == row.count { continue }
      damaged.append(row.id)
    }
    guard !damaged.isEmpty else { return [] }
    do throws(SQLiteError) {
      try connection.transaction { () throws(SQLiteError) in
        for scope in damaged {
          try write(ScopeRow(id: scope))
          try clearStaging(of: scope)
        }
      }
    } catch { throw .running(error) }
    return damaged
  }
}

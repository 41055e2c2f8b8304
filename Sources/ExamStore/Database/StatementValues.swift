import ExamModel
import SQLite

/// The project's own value types as columns.
extension Statement {
  func bind(_ id: ID128, at index: Int) throws(SQLiteError) {
    var words = (id.high.bigEndian, id.low.bigEndian)
    try withUnsafeBytes(of: &words) { (bytes) throws(SQLiteError) in try bind(bytes.bytes, at: index) }
  }

  func bind(_ id: ID128?, at index: Int) throws(SQLiteError) {
    if let id { try bind(id, at: index) } else { try bindNull(at: index) }
  }

  func bind(_ digest: Digest256, at index: Int) throws(SQLiteError) {
    var words = (
      digest.words[0].bigEndian, digest.words[1].bigEndian, digest.words[2].bigEndian, digest.words[3].bigEndian
    )
    try withUnsafeBytes(of: &words) { (bytes) throws(SQLiteError) in try bind(bytes.bytes, at: index) }
  }

  func bind(_ digest: Digest256?, at index: Int) throws(SQLiteError) {
    if let digest { try bind(digest, at: index) } else { try bindNull(at: index) }
  }

  /// Throws ``ExamStoreError/Code/damaged`` where the column does not hold 16 bytes.
  func id(at index: Int) throws(ExamStoreError) -> ID128 {
    guard let id = withBlob(at: index, { ID128($0) }) else { throw .damaged("an identifier does not have 16 bytes") }
    return id
  }

  func optionalID(at index: Int) throws(ExamStoreError) -> ID128? {
    isNull(at: index) ? nil : try id(at: index)
  }

  /// Throws ``ExamStoreError/Code/damaged`` where the column does not hold 32 bytes.
  func digest(at index: Int) throws(ExamStoreError) -> Digest256 {
    guard let digest = withBlob(at: index, { Digest256($0) }) else { throw .damaged("a digest does not have 32 bytes") }
    return digest
  }

  func optionalDigest(at index: Int) throws(ExamStoreError) -> Digest256? {
    isNull(at: index) ? nil : try digest(at: index)
  }

  /// A sequence or a count: never below zero.
  func sequence(at index: Int) throws(ExamStoreError) -> UInt64 {
    guard let value = UInt64(exactly: int64(at: index)) else { throw .damaged("a sequence is below zero") }
    return value
  }

  func number32(at index: Int) throws(ExamStoreError) -> UInt32 {
    guard let value = UInt32(exactly: int64(at: index)) else { throw .damaged("a number is out of range") }
    return value
  }
}

extension Connection {
  /// Runs a query, binding first; every failure of SQLite goes through `mapping`.
  func forEachRow(
    _ sql: String, mapping: (SQLiteError) -> ExamStoreError = ExamStoreError.running,
    binding: (Statement) throws(SQLiteError) -> Void = { (_) throws(SQLiteError) in },
    _ body: (Statement) throws(ExamStoreError) -> Void
  ) throws(ExamStoreError) {
    let statement: Statement
    do throws(SQLiteError) {
      statement = try cached(sql)
      try binding(statement)
    } catch { throw mapping(error) }
    try statement.forEachRow(mapping: mapping, body)
  }

  /// Runs one statement that changes something, inside a transaction.
  func run(
    _ sql: String, _ binding: (Statement) throws(SQLiteError) -> Void = { (_) throws(SQLiteError) in }
  ) throws(SQLiteError) {
    try withStatement(sql) { (statement) throws(SQLiteError) in
      try binding(statement)
      try statement.run()
    }
  }
}

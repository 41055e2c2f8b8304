import SQLite
import Testing

@Suite struct StatementTests {
  let folder: TemporaryFolder
  let connection: Connection

  init() throws {
    folder = try TemporaryFolder()
    connection = try Connection(path: folder.file())
    try connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v ANY) STRICT")
  }

  private func roundTrip<Value>(
    _ bind: (Statement) throws(SQLiteError) -> Void, _ read: (Statement) -> Value
  ) throws -> (Value, ColumnType) {
    try connection.execute("DELETE FROM t")
    let insert = try connection.cached("INSERT INTO t(id, v) VALUES (1, ?1)")
    try bind(insert)
    try insert.run()
    return try connection.cached("SELECT v FROM t").onlyRow { (row) throws(SQLiteError) in
      let type = row.columnType(at: 0)
      return (read(row), type)
    }
  }

  @Test(arguments: [0, 1, -1, Int64.max, .min]) func integers(value: Int64) throws {
    let (got, type) = try roundTrip({ (s) throws(SQLiteError) in try s.bind(value, at: 1) }, { $0.int64(at: 0) })
    #expect(got == value)
    #expect(type == .integer)
    let (int, _) = try roundTrip({ (s) throws(SQLiteError) in try s.bind(Int(value), at: 1) }, { $0.int(at: 0) })
    #expect(int == Int(value))
  }

  @Test(arguments: [0, 1, UInt64.max, 1 << 63]) func bitPatterns(value: UInt64) throws {
    let (got, _) = try roundTrip(
      { (s) throws(SQLiteError) in try s.bind(bitPattern: value, at: 1) }, { $0.uint64(bitPatternAt: 0) })
    #expect(got == value)
  }

  @Test(arguments: [0.1, -0.0, .infinity, .leastNonzeroMagnitude, 1e300]) func doubles(value: Double) throws {
    let (got, _) = try roundTrip({ (s) throws(SQLiteError) in try s.bind(value, at: 1) }, { $0.double(at: 0) })
    #expect(got == value)
  }

  @Test func booleans() throws {
    for value in [true, false] {
      let (got, _) = try roundTrip({ (s) throws(SQLiteError) in try s.bind(value, at: 1) }, { $0.bool(at: 0) })
      #expect(got == value)
    }
  }

  @Test(arguments: ["", "a", "甲状腺功能亢进", "e\u{301}", "🩺👩🏽‍⚕️", "a\0b", "\0", String(repeating: "长", count: 5000)])
  func texts(value: String) throws {
    let (got, type) = try roundTrip({ (s) throws(SQLiteError) in try s.bind(value, at: 1) }, { $0.text(at: 0) })
    #expect(Array(got.utf8) == Array(value.utf8))
    #expect(type == .text)
  }

  @Test(arguments: [[], [0], [0, 1, 0, 255], [UInt8](repeating: 7, count: 100_000)]) func blobs(value: [UInt8]) throws {
    let (got, type) = try roundTrip({ (s) throws(SQLiteError) in try s.bind(value, at: 1) }, { $0.blob(at: 0) })
    #expect(got == value)
    #expect(type == .blob)
    let (span, spanType) = try roundTrip(
      { (s) throws(SQLiteError) in try s.bind(value.span, at: 1) }, { $0.withBlob(at: 0) { [UInt8]($0) } })
    #expect(span == value)
    #expect(spanType == .blob)
    let (slice, _) = try roundTrip(
      { (s) throws(SQLiteError) in try s.bind(([9] + value).dropFirst(), at: 1) }, { $0.blob(at: 0) })
    #expect(slice == value)
  }

  private enum Nothing: CaseIterable { case plain, int64, int, text, blob, double, bitPattern }

  @Test(arguments: Nothing.allCases) private func nothingIsNull(kind: Nothing) throws {
    let (isNull, type) = try roundTrip(
      { (s) throws(SQLiteError) in
        switch kind {
        case .plain: try s.bindNull(at: 1)
        case .int64: try s.bind(nil as Int64?, at: 1)
        case .int: try s.bind(nil as Int?, at: 1)
        case .text: try s.bind(nil as String?, at: 1)
        case .blob: try s.bind(nil as [UInt8]?, at: 1)
        case .double: try s.bind(nil as Double?, at: 1)
        case .bitPattern: try s.bind(bitPattern: nil, at: 1)
        }
      }, { $0.isNull(at: 0) && $0.optionalText(at: 0) == nil })
    #expect(isNull)
    #expect(type == .null)
  }

  @Test func borrowedBytesAreStoredAndLetGo() throws {
    let insert = try connection.prepare("INSERT INTO t(id, v) VALUES (?1, ?2)")
    for id in 1...3 {
      let payload = [UInt8](repeating: UInt8(id), count: 60)
      try insert.bind(id, at: 1)
      try insert.withBound(payload.span.bytes, at: 2) { (statement) throws(SQLiteError) in try statement.run() }
    }
    try insert.bind(4, at: 1)
    try insert.run()
    #expect(try connection.values("SELECT hex(v) FROM t WHERE id < 4").map(\.count) == [120, 120, 120])
    #expect(try connection.value("SELECT typeof(v) FROM t WHERE id = 4") == "null")
  }

  @Test func wrongUseIsAnError() throws {
    let statement = try connection.prepare("SELECT ?1")
    #expect(try failure { try statement.bind(1, at: 2) }.code == .outOfRange)
    #expect(try failure { try statement.bind(1, at: 0) }.code == .outOfRange)
    #expect(try statement.step())
    #expect(try failure { try statement.bind(1, at: 1) }.code == .misuse)
    statement.reset()
    try statement.bind(1, at: 1)
    #expect(statement.int(at: 99) == 0)
    #expect(statement.parameterCount == 1)
    #expect(statement.isReadOnly)
  }

  @Test(arguments: ["", "  -- nothing\n", "SELECT 1; SELECT 2", "SELECT 1;;SELECT", "SELECT\0 1"])
  func prepareTakesExactlyOneStatement(sql: String) throws {
    let code = try failure { _ = try connection.prepare(sql) }.code
    #expect(code == .misuse || code == .error)
  }

  @Test func trailingCommentsAreFine() throws {
    #expect(try connection.value("SELECT 5; -- that is all\n ; /* really */") == "5")
  }

  @Test func scriptRunsEveryStatementAndStopsAtTheFirstError() throws {
    try connection.execute("-- 注释\nINSERT INTO t VALUES (1, '一');;\nINSERT INTO t VALUES (2, 'zwei'); -- end")
    #expect(try connection.values("SELECT v FROM t ORDER BY id") == ["一", "zwei"])
    let error = try failure {
      try connection.execute("INSERT INTO t VALUES (3, 3); INSERT INTO nowhere VALUES (1); DELETE FROM t")
    }
    #expect(error.message == "no such table: nowhere")
    #expect(try connection.count("t") == 3)
    #expect(connection.changes == 1)
    #expect(connection.lastInsertRowID == 3)
    #expect(connection.totalChanges == 3)
  }

  @Test func rowHelpers() throws {
    try connection.execute("INSERT INTO t VALUES (1, 10), (2, 20)")
    let query = try connection.prepare("SELECT id, v FROM t WHERE id >= ?1 ORDER BY id")
    try query.bind(1, at: 1)
    #expect(query.columnCount == 2)
    #expect(query.columnName(at: 1) == "v")
    #expect(try query.firstRow { (row) throws(SQLiteError) in row.int(at: 1) } == 10)
    #expect(
      try failure { _ = try query.onlyRow { (row) throws(SQLiteError) in row.int(at: 1) } }.code == .unexpectedRowCount)
    try query.bind(3, at: 1)
    #expect(try query.firstRow { (row) throws(SQLiteError) in row.int(at: 1) } == nil)
    #expect(
      try failure { _ = try query.onlyRow { (row) throws(SQLiteError) in row.int(at: 1) } }.code == .unexpectedRowCount)
    #expect(try connection.integer("SELECT sum(v) FROM t") == 30)
  }

  @Test func errorOfARowBodyPassesThroughAndResets() throws {
    try connection.execute("INSERT INTO t VALUES (1, 10), (2, 20)")
    let query = try connection.prepare("SELECT id FROM t")
    var seen = 0
    #expect(throws: Refusal(reason: "row 2")) {
      try query.forEachRow(mapping: { $0 as any Error }) { row in
        seen += 1
        if row.int(at: 0) == 2 { throw Refusal(reason: "row 2") }
      }
    }
    #expect(seen == 2)
    #expect(throws: Refusal(reason: "first")) {
      try query.firstRow(mapping: { $0 as any Error }) { _ in throw Refusal(reason: "first") }
    }
    // A query left open would hold the WAL: only a reset statement lets a truncating checkpoint through.
    #expect(try connection.checkpoint(.truncate).isComplete)
    #expect(query.rowsStepped == 3)
  }
}

import SQLite
import Testing

@Suite struct StatementCacheTests {
  let folder: TemporaryFolder
  let connection: Connection

  init() throws {
    folder = try TemporaryFolder()
    connection = try Connection(path: folder.file())
    try connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT UNIQUE) STRICT")
  }

  private let insertion = "INSERT INTO t(id, v) VALUES (?1, ?2)"

  @Test func sameTextGivesTheSameStatementOnceItIsFree() throws {
    let first = ObjectIdentifier(try connection.cached(insertion))
    #expect(ObjectIdentifier(try connection.cached(insertion)) == first)
    #expect(connection.total(.runs) == 0)
  }

  @Test func heldStatementIsNotShared() throws {
    try connection.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    let sql = "SELECT id FROM t ORDER BY id"
    var pairs: [String] = []
    let outer = try connection.cached(sql)
    try outer.forEachRow { (row) throws(SQLiteError) in
      let inner = try connection.cached(sql)
      try inner.forEachRow { (other) throws(SQLiteError) in pairs.append("\(row.int(at: 0))\(other.int(at: 0))") }
    }
    #expect(pairs == ["11", "12", "21", "22"])
  }

  @Test func failedStepLeavesTheStatementReady() throws {
    func insert(_ id: Int, _ text: String) throws {
      let statement = try connection.cached(insertion)
      try statement.bind(id, at: 1)
      try statement.bind(text, at: 2)
      try statement.run()
    }
    try insert(1, "a")
    let error = try failure { try insert(2, "a") }
    #expect(error.code == .constraintUnique)
    #expect(error.sql == insertion)
    try insert(2, "b")
    #expect(try connection.values("SELECT v FROM t ORDER BY id") == ["a", "b"])
  }

  @Test func throwingBodyResetsAndClears() throws {
    try connection.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    let query = "SELECT v FROM t WHERE id >= ?1"
    let error = try failure {
      try connection.withStatement(query) { (statement) throws(SQLiteError) in
        try statement.bind(1, at: 1)
        #expect(try statement.step())
        throw SQLiteError(code: .error, message: "the body gives up")
      }
    }
    #expect(error.message == "the body gives up")
    #expect(try connection.checkpoint(.truncate).isComplete)
    let rows = try connection.withStatement(query) { (statement) throws(SQLiteError) in try statement.step() }
    #expect(!rows, "a binding of the use before must not be there any more")
  }

  @Test func leftOpenStatementIsResetWhenTakenAgain() throws {
    try connection.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    func firstID() throws -> Int {
      let statement = try connection.cached("SELECT id FROM t ORDER BY id")
      _ = try statement.step()
      return statement.int(at: 0)
    }
    #expect(try firstID() == 1)
    #expect(try firstID() == 1)
  }

  @Test func moreStatementsThanTheCacheHolds() throws {
    for number in 0..<600 {
      let value = try connection.withStatement("SELECT \(number)") { (statement) throws(SQLiteError) in
        #expect(try statement.step())
        return statement.int(at: 0)
      }
      #expect(value == number)
    }
    try connection.close()
  }

  @Test func schemaChangeIsSeenByCachedStatements() throws {
    let count = "SELECT * FROM t"
    #expect(try connection.withStatement(count) { (statement) throws(SQLiteError) in statement.columnCount } == 2)
    try connection.execute("ALTER TABLE t ADD COLUMN w INTEGER; INSERT INTO t VALUES (1, 'a', 9)")
    let value = try connection.withStatement(count) { (statement) throws(SQLiteError) in
      try statement.step() ? statement.int(at: 2) : -1
    }
    #expect(value == 9)
  }
}

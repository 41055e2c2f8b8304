import SQLite
import Testing

@Suite struct TransactionTests {
  let folder: TemporaryFolder
  let connection: Connection

  init() throws {
    folder = try TemporaryFolder()
    connection = try Connection(path: folder.file())
    try connection.execute(
      """
      CREATE TABLE parent(id INTEGER PRIMARY KEY) STRICT;
      CREATE TABLE child(id INTEGER PRIMARY KEY, parent INTEGER NOT NULL
        REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED) STRICT;
      """)
  }

  @Test(arguments: [TransactionMode.deferred, .immediate, .exclusive]) func commits(mode: TransactionMode) throws {
    let result = try connection.transaction(mode) { () throws(SQLiteError) -> String in
      #expect(connection.isInTransaction)
      try connection.execute("INSERT INTO parent VALUES (1)")
      return "done"
    }
    #expect(result == "done")
    #expect(!connection.isInTransaction)
    try connection.close()
    #expect(try Connection(path: folder.file()).count("parent") == 1)
  }

  @Test func errorOfSQLiteRollsBack() throws {
    let error = try failure {
      try connection.transaction { () throws(SQLiteError) in
        try connection.execute("INSERT INTO parent VALUES (1); INSERT INTO parent VALUES (1)")
      }
    }
    #expect(error.code == .constraintPrimaryKey)
    #expect(!connection.isInTransaction)
    #expect(try connection.count("parent") == 0)
  }

  @Test func errorOfTheProgramRollsBackAndPassesThrough() throws {
    #expect(throws: Refusal(reason: "no")) {
      try connection.transaction(mapping: { Refusal(reason: $0.message) }) { () throws(Refusal) in
        do throws(SQLiteError) {
          try connection.execute("INSERT INTO parent VALUES (1)")
        } catch { throw Refusal(reason: error.message) }
        throw Refusal(reason: "no")
      }
    }
    #expect(try connection.count("parent") == 0)
    #expect(throws: Refusal.self) {
      try connection.transaction(mapping: { $0 }) {
        try connection.execute("INSERT INTO parent VALUES (1)")
        throw Refusal(reason: "untyped")
      }
    }
    #expect(try connection.count("parent") == 0)
  }

  @Test func failedCommitRollsBackAndThrows() throws {
    let error = try failure {
      try connection.transaction { () throws(SQLiteError) in
        try connection.execute("INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 99)")
      }
    }
    #expect(error.code == .constraintForeignKey)
    #expect(error.sql == "COMMIT")
    #expect(!connection.isInTransaction)
    #expect(try connection.count("parent") == 0)
    try connection.transaction { () throws(SQLiteError) in try connection.execute("INSERT INTO parent VALUES (1)") }
    #expect(try connection.count("parent") == 1)
  }

  @Test func nestingIsAnError() throws {
    let error = try failure {
      try connection.transaction { () throws(SQLiteError) in
        try connection.execute("INSERT INTO parent VALUES (1)")
        try connection.transaction { () throws(SQLiteError) in }
      }
    }
    #expect(error.code == .wrongTransactionState)
    #expect(error.message.contains("use a savepoint"))
    #expect(try connection.count("parent") == 0)
    try connection.execute("BEGIN")
    #expect(try failure { try connection.transaction {} }.code == .wrongTransactionState)
  }

  @Test func closingInsideIsAnError() throws {
    try connection.transaction { () throws(SQLiteError) in
      #expect(throws: SQLiteError.self) { try connection.close() }
      try connection.execute("INSERT INTO parent VALUES (1)")
    }
    #expect(try connection.count("parent") == 1)
  }

  @Test func savepointUndoesOnlyItsPart() throws {
    try connection.transaction { () throws(SQLiteError) in
      try connection.execute("INSERT INTO parent VALUES (1)")
      do throws(SQLiteError) {
        try connection.savepoint("push_1") { () throws(SQLiteError) in
          try connection.execute("INSERT INTO parent VALUES (2); INSERT INTO parent VALUES (2)")
        }
      } catch { #expect(error.code == .constraintPrimaryKey) }
      try connection.savepoint("push_2") { () throws(SQLiteError) in
        try connection.execute("INSERT INTO parent VALUES (3)")
        try connection.savepoint("inner") { () throws(SQLiteError) in
          try connection.execute("INSERT INTO parent VALUES (4)")
        }
      }
    }
    #expect(try connection.values("SELECT id FROM parent") == ["1", "3", "4"])
  }

  @Test func savepointNeedsATransactionAndAName() throws {
    #expect(try failure { try connection.savepoint("a") {} }.code == .wrongTransactionState)
    for name in ["", "1a", "a b", "a;DROP TABLE parent", "表"] {
      let error = try failure {
        try connection.transaction { () throws(SQLiteError) in try connection.savepoint(name) {} }
      }
      #expect(error.code == .misuse)
    }
  }

  @Test func transactionThatWasEndedInsideIsReported() throws {
    let error = try failure {
      try connection.transaction { () throws(SQLiteError) in
        try connection.execute("INSERT INTO parent VALUES (1); ROLLBACK")
      }
    }
    #expect(error.code == .abortRollback)
    #expect(try connection.count("parent") == 0)
  }

  @Test func uncommittedWorkIsGoneAfterReopening() throws {
    try connection.execute("BEGIN IMMEDIATE; INSERT INTO parent VALUES (7)")
    let copy = folder.file("copy.db")
    for suffix in ["", "-wal"] { try write(try bytes(of: folder.file() + suffix), to: copy + suffix) }
    #expect(try Connection(path: copy).count("parent") == 0)
    try connection.execute("COMMIT")
    for suffix in ["", "-wal"] { try write(try bytes(of: folder.file() + suffix), to: copy + suffix) }
    #expect(try Connection(path: copy).count("parent") == 1)
  }
}

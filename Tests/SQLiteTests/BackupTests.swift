import SQLite
import Testing

@Suite struct BackupTests {
  let folder: TemporaryFolder
  let connection: Connection

  init() throws {
    folder = try TemporaryFolder()
    connection = try Connection(path: folder.file())
    try connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT) STRICT")
    try addRows(2000)
  }

  private func addRows(_ count: Int) throws(SQLiteError) {
    try connection.transaction { () throws(SQLiteError) in
      let insert = try connection.cached("INSERT INTO t(body) VALUES (?1)")
      for number in 0..<count {
        try insert.bind("answer \(number) " + String(repeating: "x", count: 200), at: 1)
        try insert.run()
      }
    }
  }

  private func content(_ connection: Connection) throws -> [String] {
    try connection.values("SELECT id || ' ' || body FROM t ORDER BY id")
  }

  @Test func copyEqualsTheSourceThoughItIsWrittenMeanwhile() throws {
    var steps = 0
    try connection.backup(to: folder.file("copy.db"), pagesPerStep: 20) { (progress) throws(SQLiteError) in
      steps += 1
      guard !progress.isFinished, steps % 3 == 0 else { return }
      try addRows(5)
      try connection.transaction { () throws(SQLiteError) in
        try connection.execute("UPDATE t SET body = 'changed' WHERE id = \(steps)")
      }
    }
    #expect(steps > 5)
    let copy = try Connection(path: folder.file("copy.db"))
    #expect(try copy.integrityCheck().isEmpty)
    #expect(try content(copy) == content(connection))
    #expect(try copy.integer("SELECT count(*) FROM t WHERE body = 'changed'") > 0)
  }

  @Test func progressCountsDown() throws {
    let backup = try Backup(of: connection, to: folder.file("copy.db"))
    let first = try backup.step(pages: 10)
    #expect(first.totalPages > 50)
    #expect(first.remainingPages == first.totalPages - 10)
    let last = try backup.step(pages: .max)
    #expect(last.isFinished && last.remainingPages == 0)
    #expect(try failure { _ = try backup.step(pages: 1) }.message.contains("has ended"))
    backup.cancel()
    #expect(try folder.names().contains("copy.db"))
  }

  @Test func openTransactionIsBusyAndTheBackupGoesOnAfterIt() throws {
    let backup = try Backup(of: connection, to: folder.file("copy.db"))
    _ = try backup.step(pages: 1)
    try connection.transaction { () throws(SQLiteError) in
      try connection.execute("DELETE FROM t WHERE id = 1")
      #expect(throws: SQLiteError.self) { _ = try backup.step(pages: 1) }
    }
    #expect(try backup.step(pages: .max).isFinished)
    #expect(try Connection(path: folder.file("copy.db")).count("t") == 1999)
  }

  @Test func sourceStaysOpenWhileItIsCopied() throws {
    var backup: Backup? = try Backup(of: connection, to: folder.file("copy.db"))
    #expect(try backup?.step(pages: 1).isFinished == false)
    let error = try failure { try connection.close() }
    #expect(error.message.hasSuffix("a backup of it is running"))
    backup = nil
    try connection.close()
  }

  @Test func existingFileIsNeverReplaced() throws {
    try write([1, 2, 3], to: folder.file("copy.db"))
    let error = try failure { try connection.backup(to: folder.file("copy.db")) }
    #expect(error.code == .fileExists)
    #expect(error.message.hasSuffix("choose another name for the backup"))
    #expect(try bytes(of: folder.file("copy.db")) == [1, 2, 3])
  }

  @Test func missingFolderIsNamed() throws {
    #expect(try failure { try connection.backup(to: folder.file("none/copy.db")) }.code == .cantOpen)
  }

  @Test func abandonedBackupLeavesNoFile() throws {
    let before = try folder.names()
    let error = try failure {
      try connection.backup(to: folder.file("copy.db"), pagesPerStep: 10) { (_) throws(SQLiteError) in
        throw SQLiteError(code: .interrupted, message: "stopped by the operator")
      }
    }
    #expect(error.code == .interrupted)
    #expect(try folder.names() == before)
    var backup: Backup? = try Backup(of: connection, to: folder.file("copy.db"))
    _ = try backup?.step(pages: 10)
    backup = nil
    #expect(try folder.names() == before)
  }

  @Test func copyIsAFileOfTheSameSchema() throws {
    let schema = Schema(
      applicationID: 9, migrations: [SchemaMigration(version: 1, name: "one", sql: "CREATE TABLE a(b) STRICT")])
    let strict = Schema(
      applicationID: 9, migrations: [SchemaMigration(version: 1, name: "one", sql: "CREATE TABLE a(b ANY) STRICT")])
    let source = try Connection(path: folder.file("source.db"))
    #expect(try failure { try source.migrate(to: schema) }.message.contains("missing datatype"))
    try source.migrate(to: strict)
    try source.backup(to: folder.file("copy.db"))
    try Connection(path: folder.file("copy.db"), options: .durableReader).verify(strict)
  }
}

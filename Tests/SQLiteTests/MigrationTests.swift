import SQLite
import Testing

@Suite struct MigrationTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private static let first = SchemaMigration(
    version: 1, name: "journal",
    sql: """
      CREATE TABLE entry(position INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL) STRICT;
      CREATE INDEX entry_body ON entry(body);
      """)
  private static let second = SchemaMigration(
    version: 2, name: "heads",
    sql: "CREATE TABLE head(journal TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
      + "INSERT INTO head SELECT 'only', count(*) FROM entry;")
  private let old = Schema(applicationID: 0x4558_414D, migrations: [first])
  private let new = Schema(applicationID: 0x4558_414D, migrations: [first, second])

  private func edit(_ sql: String) throws {
    let connection = try Connection(path: folder.file())
    try connection.execute(sql)
    try connection.close()
  }

  @Test func newFileGetsEverything() throws {
    let connection = try Connection(path: folder.file())
    #expect(try connection.migrate(to: new) == MigrationOutcome(versionBefore: 0, versionNow: 2))
    #expect(try connection.applicationID() == 0x4558_414D)
    #expect(try connection.schemaVersion() == 2)
    #expect(try connection.migrate(to: new) == MigrationOutcome(versionBefore: 2, versionNow: 2))
    try connection.verify(new)
  }

  @Test func olderFileKeepsItsRows() throws {
    let connection = try Connection(path: folder.file())
    try connection.migrate(to: old)
    try connection.execute("INSERT INTO entry(body) VALUES (x'01'), (x'02')")
    #expect(try failure { try connection.verify(new) }.message.contains("has to be migrated first"))
    #expect(try connection.migrate(to: new) == MigrationOutcome(versionBefore: 1, versionNow: 2))
    #expect(try connection.value("SELECT count FROM head") == "2")
    #expect(try connection.count("entry") == 2)
  }

  @Test func newerFileIsRefused() throws {
    let connection = try Connection(path: folder.file())
    try connection.migrate(to: new)
    let error = try failure { try connection.migrate(to: old) }
    #expect(error.code == .newerSchema)
    #expect(error.message.contains("schema version 2, this program knows up to 1); update this program"))
    #expect(try connection.schemaVersion() == 2)
  }

  @Test func foreignFilesAreRefusedUnchanged() throws {
    for sql in ["PRAGMA application_id = 77", "CREATE TABLE somebody(a)", "PRAGMA user_version = 1"] {
      let other = try TemporaryFolder()
      let connection = try Connection(path: other.file())
      try connection.execute(sql)
      try connection.checkpoint(.truncate)
      let before = try bytes(of: other.file())
      let error = try failure { try connection.migrate(to: new) }
      #expect(error.code == .foreignFile)
      #expect(error.message.contains("belongs to another program"))
      try connection.close()
      #expect(try bytes(of: other.file()) == before)
    }
  }

  @Test(arguments: [
    ("CREATE TRIGGER sly AFTER INSERT ON entry BEGIN DELETE FROM entry; END", "unknown trigger sly"),
    ("CREATE VIEW sly AS SELECT * FROM entry", "unknown view sly"),
    ("CREATE TABLE sly(a)", "unknown table sly"),
    ("CREATE INDEX sly ON entry(position, body)", "unknown index sly"),
    ("CREATE VIRTUAL TABLE sly USING fts5(a)", "unknown table sly, unknown table sly_config"),
    ("DROP INDEX entry_body", "missing index entry_body"),
    ("ALTER TABLE entry ADD COLUMN extra TEXT", "changed table entry"),
    ("DROP TABLE head; CREATE TABLE head(a)", "changed table head"),
    ("ANALYZE", "unknown table sqlite_stat1"),
    ("PRAGMA user_version = 0", "it has schema version 0, which never existed"),
  ])
  func editedFilesAreRefused(sql: String, named: String) throws {
    try Connection(path: folder.file()).migrate(to: new)
    try edit(sql)
    let connection = try Connection(path: folder.file())
    for attempt in [{ _ = try connection.migrate(to: self.new) }, { try connection.verify(self.new) }] {
      let error = try failure(attempt)
      #expect(error.code == .editedSchema)
      #expect(error.message.contains(named), "\(error.message)")
      #expect(error.message.hasSuffix("restore a backup"))
    }
  }

  @Test func editedOldFileIsRefusedBeforeItIsMigrated() throws {
    try Connection(path: folder.file()).migrate(to: old)
    try edit("CREATE TABLE head(a)")
    let connection = try Connection(path: folder.file())
    #expect(try failure { try connection.migrate(to: new) }.code == .editedSchema)
    #expect(try connection.schemaVersion() == 1)
  }

  @Test(arguments: [
    ("CREATE TABLE a(x); CREATE TABLE b(", "incomplete input"),
    ("CREATE TABLE a(x); COMMIT; CREATE TABLE b(x)", "rolled back"),
    ("CREATE TABLE a(x); BEGIN", "cannot start a transaction"),
    (
      "CREATE TABLE a(x INTEGER PRIMARY KEY, y REFERENCES a DEFERRABLE INITIALLY DEFERRED); INSERT INTO a VALUES(1, 2)",
      "refers to a row that does not exist"
    ),
  ])
  func brokenMigrationIsNamed(sql: String, words: String) throws {
    let broken = Schema(
      applicationID: 5, migrations: [SchemaMigration(version: 1, name: "broken", sql: sql)])
    let connection = try Connection(path: folder.file())
    let error = try failure { try connection.migrate(to: broken) }
    #expect(error.message.contains("migration 1 (broken)") && error.message.contains(words), "\(error.message)")
    #expect(!connection.isInTransaction)
    #expect(try connection.schemaVersion() == 0)
    #expect(try connection.applicationID() == 0)
  }

  @Test func failedSecondMigrationLeavesTheFirst() throws {
    let connection = try Connection(path: folder.file())
    let bad = SchemaMigration(version: 2, name: "bad", sql: "CREATE TABLE head(a); CREATE TABLE entry(b)")
    let error = try failure {
      try connection.migrate(to: Schema(applicationID: 0x4558_414D, migrations: [Self.first, bad]))
    }
    #expect(error.message.contains("table entry already exists"))
    #expect(try connection.schemaVersion() == 1)
    #expect(try connection.migrate(to: new) == MigrationOutcome(versionBefore: 1, versionNow: 2))
  }

  @Test func readerVerifiesAndDoesNotMigrate() throws {
    try Connection(path: folder.file()).migrate(to: old)
    let reader = try Connection(path: folder.file(), options: .durableReader)
    #expect(try reader.migrate(to: old) == MigrationOutcome(versionBefore: 1, versionNow: 1))
    let error = try failure { try reader.migrate(to: new) }
    #expect(error.code == .readOnly)
    #expect(error.message.contains("open it for writing once"))
  }

  @Test func wrongListsAreRefused() throws {
    let connection = try Connection(path: folder.file())
    let wrong = [
      Schema(applicationID: 0, migrations: [Self.first]),
      Schema(applicationID: 1, migrations: []),
      Schema(applicationID: 1, migrations: [Self.second, Self.first]),
      Schema(applicationID: 1, migrations: [SchemaMigration(version: 0, name: "zero", sql: "SELECT 1")]),
    ]
    for schema in wrong { #expect(try failure { try connection.migrate(to: schema) }.code == .misuse) }
  }
}

import ExamModel
import SQLite
import ServerCore
import Testing

@testable import ServerStoreSQLite

/// A file that an earlier version made opens, and what it has no column for is *not noted*.
@Suite struct StoreMigrationTests {
  @Test func theFirstFormIsBroughtUpToDate() throws {
    let folder = try TestFolder()
    let path = folder.path("first.sqlite")
    let current = ServerSchema.schema
    let first = Schema(applicationID: current.applicationID, migrations: Array(current.migrations.prefix(1)))
    let old = try Connection(path: path)
    try old.migrate(to: first)
    try old.execute(
      """
      INSERT INTO journals VALUES(1, zeroblob(16), x'00000000000000000000000000000002', zeroblob(16), 1, 4,
        zeroblob(32), 3, 0, 0, 77);
      INSERT INTO attempts(id, exam, candidate, number, record, seal_ordinal, sealed)
        VALUES(x'00000000000000000000000000000002', zeroblob(16), zeroblob(16), 'n', x'', 0, 0);
      """)
    try old.close()
    let store = try SQLiteServerStore(path: path)
    let attempt = ID128(high: 0, low: 2)
    let journal = try #require(try store.journals(attempt: attempt).first)
    #expect(journal.openedAt == 0 && journal.sequence == 4 && journal.contactAt == 77)
    #expect(try store.connection.integer("SELECT count(*) FROM attempts WHERE started_at IS NULL") == 1)
    #expect(try store.runningAttempts(after: nil, limit: 10).isEmpty)
    try store.close()
    // The second opening finds nothing to do and the schema as it must be.
    try SQLiteServerStore(path: path).close()
  }
}

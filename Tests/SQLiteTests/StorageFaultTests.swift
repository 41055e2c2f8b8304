import CSQLite
import SQLite
import Testing

@Suite(.serialized) struct StorageFaultTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    #expect(FaultyDisk.register() == SQLITE_OK)
    FaultyDisk.repair()
  }

  private func open() throws -> Connection {
    var options = ConnectionOptions.durable
    options.vfsName = FaultyDisk.name
    return try Connection(path: folder.file(), options: options)
  }

  private func insert(_ id: Int, into connection: Connection) throws(SQLiteError) {
    try connection.transaction { () throws(SQLiteError) in
      try connection.execute("INSERT INTO t VALUES (\(id))")
    }
  }

  @Test func everyDurableCommitIsSynced() throws {
    let connection = try open()
    try connection.execute("CREATE TABLE t(a)")
    let before = FaultyDisk.syncs
    for id in 1...5 { try insert(id, into: connection) }
    #expect(FaultyDisk.syncs - before >= 5)
  }

  @Test func failedSyncIsAStorageFaultThatStopsTheConnection() throws {
    var connection: Connection? = try open()
    try connection?.execute("CREATE TABLE t(a)")
    try insert(1, into: #require(connection))
    FaultyDisk.syncResult = SQLITE_IOERR | 4 << 8
    let error = try failure { try insert(2, into: #require(connection)) }
    #expect(error.code == .ioErrFsync)
    #expect(error.isStorageFault && !error.isDiskFull)
    #expect(error.sql == "COMMIT")
    #expect(connection?.isInTransaction == false)
    #expect(connection?.storageFault == error)

    // The disk works again, as it does after Linux has dropped the pages: nothing more may be taken all the same.
    FaultyDisk.repair()
    let refused = try failure { try insert(3, into: #require(connection)) }
    #expect(refused.code == .storageFaultEarlier)
    #expect(refused.isStorageFault)
    #expect(refused.message.contains("SQLITE_IOERR_FSYNC"))
    connection = nil

    let reopened = try open()
    #expect(try reopened.quickCheck().isEmpty)
    let rows = try reopened.values("SELECT a FROM t ORDER BY a")
    #expect(rows == ["1"] || rows == ["1", "2"], "1 was acknowledged; 2 failed and may be there; 3 was refused")
    try insert(4, into: reopened)
  }

  @Test func failedWriteIsAStorageFault() throws {
    let connection = try open()
    try connection.execute("CREATE TABLE t(a)")
    FaultyDisk.writeResult = SQLITE_IOERR | 3 << 8
    let error = try failure { try insert(1, into: connection) }
    FaultyDisk.repair()
    #expect(error.code == .ioErrWrite)
    #expect(error.isStorageFault)
    #expect(error.description.contains("the disk failed"))
    #expect(try connection.count("t") == 0)
  }

  @Test func fullDiskOfTheSystemLosesNothingAndGoesOnAfterwards() throws {
    let connection = try open()
    try connection.execute("CREATE TABLE t(a)")
    try insert(1, into: connection)
    FaultyDisk.writeResult = SQLITE_FULL
    let error = try failure { try insert(2, into: connection) }
    #expect(error.code == .full)
    #expect(error.isDiskFull && !error.isStorageFault)
    #expect(error.description.contains("free space on the disk"))
    FaultyDisk.repair()
    try insert(3, into: connection)
    #expect(try connection.values("SELECT a FROM t ORDER BY a") == ["1", "3"])
    #expect(try connection.integrityCheck().isEmpty)
  }

  @Test func failedBackupLeavesNoFileAndDoesNotTouchTheSource() throws {
    let connection = try open()
    try connection.execute("CREATE TABLE t(a)")
    try insert(1, into: connection)
    let before = try folder.names()
    FaultyDisk.syncResult = SQLITE_IOERR | 4 << 8
    let error = try failure { try connection.backup(to: folder.file("copy.db")) }
    FaultyDisk.repair()
    #expect(error.code == .ioErrFsync)
    #expect(try folder.names() == before)
    #expect(connection.storageFault == nil)
    try insert(2, into: connection)
    try connection.backup(to: folder.file("copy.db"))
  }
}

@Suite struct DiskFullTests {
  @Test func fullFileKeepsWhatWasSavedAndEndsTheTransaction() throws {
    let folder = try TemporaryFolder()
    let connection = try Connection(path: folder.file())
    try connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB)")
    try connection.execute("PRAGMA max_page_count = 20")
    var saved = 0
    let insert = try connection.cached("INSERT INTO t(body) VALUES (zeroblob(3000))")
    let error = try failure {
      while true {
        try connection.transaction { () throws(SQLiteError) in try insert.run() }
        saved += 1
      }
    }
    #expect(error.isDiskFull)
    #expect(saved > 5)
    #expect(try connection.count("t") == Int64(saved))
    #expect(!connection.isInTransaction)

    let second = try failure {
      try connection.transaction { () throws(SQLiteError) in
        try connection.execute("DELETE FROM t WHERE id = 1")
        do throws(SQLiteError) {
          while true { try insert.run() }
        } catch { #expect(error.isDiskFull) }
        // SQLite has rolled back by itself; without a guard this row would be saved alone.
        try connection.execute("UPDATE t SET body = NULL WHERE id = 2")
      }
    }
    #expect(second.code == .abortRollback)
    #expect(try connection.count("t") == Int64(saved))
    #expect(try connection.integer("SELECT count(*) FROM t WHERE body IS NULL") == 0)

    let caught = try failure {
      try connection.transaction { () throws(SQLiteError) in
        do throws(SQLiteError) {
          while true { try insert.run() }
        } catch { #expect(error.isDiskFull) }
      }
    }
    #expect(caught.code == .abortRollback)
    try connection.close()
    #expect(try Connection(path: folder.file()).count("t") == Int64(saved))
  }

  @Test func fullInsideASavepointReportsTheFullDisk() throws {
    let folder = try TemporaryFolder()
    let connection = try Connection(path: folder.file())
    try connection.execute("CREATE TABLE t(body BLOB); PRAGMA max_page_count = 10")
    let error = try failure {
      try connection.transaction { () throws(SQLiteError) in
        try connection.savepoint("part") { () throws(SQLiteError) in
          let insert = try connection.cached("INSERT INTO t(body) VALUES (zeroblob(3000))")
          while true { try insert.run() }
        }
      }
    }
    #expect(error.code == .full)
    #expect(!connection.isInTransaction)
    #expect(try connection.count("t") == 0)
  }
}

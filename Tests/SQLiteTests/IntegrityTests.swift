import SQLite
import Testing

@Suite struct IntegrityTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    let connection = try Connection(path: folder.file())
    try connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT) STRICT; CREATE INDEX i ON t(body)")
    try connection.transaction { () throws(SQLiteError) in
      let insert = try connection.cached("INSERT INTO t(body) VALUES (?1)")
      for number in 0..<3000 {
        try insert.bind("answer \(number)", at: 1)
        try insert.run()
      }
    }
    try connection.close()
  }

  private func damage(page: Int, _ edit: (inout ArraySlice<UInt8>) -> Void) throws {
    var file = try bytes(of: folder.file())
    var slice = file[(page - 1) * 4096..<page * 4096]
    edit(&slice)
    file.replaceSubrange((page - 1) * 4096..<page * 4096, with: slice)
    try write(file, to: folder.file())
  }

  @Test func soundFileHasNoProblems() throws {
    let connection = try Connection(path: folder.file())
    #expect(try connection.quickCheck().isEmpty)
    #expect(try connection.integrityCheck().isEmpty)
  }

  @Test(arguments: [4, 5, 8]) func flippedPageHeaderIsFound(page: Int) throws {
    try damage(page: page) { slice in for index in slice.indices.prefix(12) { slice[index] ^= 0xFF } }
    let connection = try Connection(path: folder.file())
    #expect(try !connection.quickCheck().isEmpty)
    #expect(try connection.quickCheck(maximumProblems: 1).count == 1)
    let error = try failure {
      _ = try connection.value("SELECT count(*) FROM t NOT INDEXED WHERE body <> ''")
      _ = try connection.value("SELECT count(*) FROM t INDEXED BY i WHERE body <> ''")
    }
    #expect(error.code.primary == .corrupt)
    #expect(error.isStorageFault)
    #expect(try failure { try connection.transaction {} }.code == .storageFaultEarlier)
  }

  @Test func cutFileIsNotOpened() throws {
    let file = try bytes(of: folder.file())
    try write(Array(file.prefix(file.count / 2 / 4096 * 4096)), to: folder.file())
    let error = try failure { _ = try Connection(path: folder.file()) }
    #expect(error.code.primary == .corrupt)
    #expect(error.description.contains("restore the newest backup"))
  }

  @Test func wrongIndexIsFoundByTheFullCheckOnly() throws {
    let pageOfIndex = try Connection(path: folder.file())
      .integer("SELECT rootpage FROM sqlite_master WHERE name = 'i'")
    #expect(pageOfIndex > 1)
    // One letter of an entry inside an index leaf: the page stays well formed, the entry belongs to no row.
    var file = try bytes(of: folder.file())
    let needle = Array("answer 2999".utf8)
    let places = file.indices.dropLast(needle.count).filter { Array(file[$0..<$0 + needle.count]) == needle }
    #expect(places.count == 2)
    file[try #require(places.last) + 7] = UInt8(ascii: "3")
    try write(file, to: folder.file())
    let connection = try Connection(path: folder.file())
    #expect(try connection.quickCheck().isEmpty)
    #expect(try !connection.integrityCheck().isEmpty)
  }

  @Test func checkpointEmptiesTheWAL() throws {
    var options = ConnectionOptions.durable
    options.walAutocheckpointPages = 0
    let connection = try Connection(path: folder.file(), options: options)
    try connection.execute("UPDATE t SET body = body || '!'")
    let passive = try connection.checkpoint(.passive)
    #expect(passive.walFrames > 10 && passive.isComplete)
    try connection.checkpoint(.truncate)
    #expect(try bytes(of: folder.file() + "-wal").isEmpty)
    let error = try failure {
      try connection.transaction { () throws(SQLiteError) in
        try connection.execute("DELETE FROM t")
        try connection.checkpoint(.passive)
      }
    }
    #expect(error.code == .locked)
    #expect(try connection.count("t") == 3000)
  }
}

@Suite struct CounterTests {
  @Test func workOfAnIndexedReadDoesNotGrowWithTheTable() throws {
    let folder = try TemporaryFolder()
    let connection = try Connection(path: folder.file())
    try connection.execute(
      "CREATE TABLE t(id INTEGER PRIMARY KEY, version INTEGER) STRICT; CREATE INDEX v ON t(version)")
    func delta(rows: Int) throws -> (steps: Int, scanned: Int, rows: Int) {
      try connection.execute(
        """
        DELETE FROM t;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(rows))
        INSERT INTO t SELECT i, i FROM n
        """)
      let query = try connection.prepare("SELECT id FROM t WHERE version > ?1 ORDER BY version")
      try query.bind(rows - 10, at: 1)
      try query.run()
      return (query.counter(.virtualMachineSteps), query.counter(.fullScanSteps), query.rowsStepped)
    }
    let small = try delta(rows: 100)
    let large = try delta(rows: 20_000)
    #expect(small == large)
    #expect(large.rows == 10 && large.scanned == 0)
    let scan = try connection.prepare("SELECT count(*) FROM t WHERE id + 0 > 5")
    try scan.run()
    #expect(scan.counter(.fullScanSteps, resets: true) == 19_999)
    #expect(scan.counter(.fullScanSteps) == 0)
    #expect(scan.counter(.runs) == 1)
    #expect(connection.total(.runs) == 1)
  }

  @Test func connectionCounters() throws {
    let folder = try TemporaryFolder()
    let connection = try Connection(path: folder.file())
    try connection.execute("CREATE TABLE t(a)")
    #expect(try connection.status(.pageCacheWrites, resets: true) > 0)
    #expect(try connection.status(.pageCacheWrites) == 0)
    #expect(try connection.status(.schemaBytes) > 0)
    #expect(try connection.sizeBytes() == 2 * 4096)
  }
}

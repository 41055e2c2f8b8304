import SQLite
import Testing

@Suite struct ErrorTests {
  @Test func familiesMatchTheirMembers() {
    func family(_ code: ResultCode) -> String {
      switch code {
      case .ioErrFsync: "fsync"
      case .ioErr: "io"
      case .full: "full"
      case .busy: "busy"
      case .constraint: "constraint"
      default: "other"
      }
    }
    #expect(family(.ioErrFsync) == "fsync")
    #expect(family(.ioErrWrite) == "io")
    #expect(family(.busySnapshot) == "busy")
    #expect(family(.constraintUnique) == "constraint")
    #expect(family(.editedSchema) == "other")
    #expect(ResultCode.ioErrFsync.primary == .ioErr)
    #expect(ResultCode.foreignFile.primary == .foreignFile)
  }

  @Test(arguments: [
    (ResultCode.ioErrFsync, "SQLITE_IOERR_FSYNC"), (.full, "SQLITE_FULL"), (.notADatabase, "SQLITE_NOTADB"),
    (.constraintUnique, "SQLITE_CONSTRAINT_UNIQUE"), (.foreignFile, "FOREIGN_FILE"),
    (ResultCode(rawValue: 10 | 30 << 8), "SQLITE_IOERR_30"), (ResultCode(rawValue: 200), "SQLITE_200"),
  ])
  func codesHaveTheNamesOfTheDocumentation(code: ResultCode, name: String) {
    #expect(code.description == name)
  }

  @Test func numbersAreSQLites() {
    #expect(ResultCode.ioErrFsync.rawValue == 1034)
    #expect(ResultCode.constraintUnique.rawValue == 2067)
    #expect(ResultCode.readOnlyFileMoved.rawValue == 1032)
  }

  @Test func faultsAreToldFromOtherErrors() {
    func error(_ code: ResultCode, system: Int32 = 0) -> SQLiteError {
      SQLiteError(code: code, message: "m", systemErrorNumber: system)
    }
    let faults: [ResultCode] = [.ioErr, .ioErrFsync, .corrupt, .corruptIndex, .notADatabase, .readOnlyFileMoved]
    for code in faults { #expect(error(code).isStorageFault) }
    for code in [ResultCode.busy, .full, .constraint, .misuse, .readOnly, .ioErrOutOfMemory, .cantOpen] {
      #expect(!error(code).isStorageFault)
    }
    #expect(error(.full).isDiskFull)
    #expect(error(.ioErrWrite, system: 28).isDiskFull)
    #expect(!error(.ioErrWrite, system: 5).isDiskFull)
    #expect(!error(.cantOpen, system: 28).isDiskFull)
  }

  @Test func descriptionTellsWhatToDo() {
    let error = SQLiteError(
      code: .full, message: "database or disk is full", sql: "INSERT INTO t VALUES (?1)", systemErrorNumber: 28)
    #expect(
      error.description
        == "database or disk is full [SQLITE_FULL, system error 28]; free space on the disk, then try again; "
        + "what was saved before is safe (in: INSERT INTO t VALUES (?1))")
    let long = SQLiteError(code: .error, message: "m", sql: String(repeating: "x", count: 5000))
    #expect(long.description.count < 400)
  }

  @Test func boundValuesStayOutOfErrors() throws {
    let folder = try TemporaryFolder()
    let connection = try Connection(path: folder.file())
    try connection.execute("CREATE TABLE t(a TEXT UNIQUE, b INTEGER) STRICT")
    let insert = try connection.prepare("INSERT INTO t VALUES (?1, 1)")
    try insert.bind("the secret answer", at: 1)
    try insert.run()
    let error = try failure { try insert.run() }
    #expect(error.message == "UNIQUE constraint failed: t.a")
    #expect(!error.description.contains("secret"))
  }

  @Test func wrongSQLIsExplained() throws {
    let folder = try TemporaryFolder()
    let connection = try Connection(path: folder.file())
    let error = try failure { _ = try connection.prepare("SELEC 1") }
    #expect(error.message == "near \"SELEC\": syntax error")
    #expect(error.sql == "SELEC 1")
    #expect(error.code == .error)
  }
}

@Suite struct LibraryVersionTests {
  @Test(arguments: [
    (LibraryVersion(3, 6, 23), false), (LibraryVersion(3, 7, 0), true), (LibraryVersion(3, 40, 1), true),
    (LibraryVersion(3, 44, 5), true), (LibraryVersion(3, 44, 6), false), (LibraryVersion(3, 50, 6), true),
    (LibraryVersion(3, 50, 7), false), (LibraryVersion(3, 51, 2), true), (LibraryVersion(3, 51, 3), false),
    (LibraryVersion(3, 53, 0), false),
  ])
  func resetBug(version: LibraryVersion, expected: Bool) {
    #expect(version.hasWALResetBug == expected)
    #expect((version.note != nil) == expected)
  }

  @Test func linkedVersionIsTheOneThatAnswers() throws {
    let folder = try TemporaryFolder()
    let connection = try Connection(path: folder.file())
    #expect(try connection.value("SELECT sqlite_version()") == Connection.libraryVersion.description)
  }
}

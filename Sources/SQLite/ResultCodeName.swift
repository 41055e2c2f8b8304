extension ResultCode: CustomStringConvertible {
  private static let primaryNames: [Int32: String] = [
    1: "SQLITE_ERROR", 2: "SQLITE_INTERNAL", 3: "SQLITE_PERM", 4: "SQLITE_ABORT", 5: "SQLITE_BUSY",
    6: "SQLITE_LOCKED", 7: "SQLITE_NOMEM", 8: "SQLITE_READONLY", 9: "SQLITE_INTERRUPT", 10: "SQLITE_IOERR",
    11: "SQLITE_CORRUPT", 12: "SQLITE_NOTFOUND", 13: "SQLITE_FULL", 14: "SQLITE_CANTOPEN", 15: "SQLITE_PROTOCOL",
    17: "SQLITE_SCHEMA", 18: "SQLITE_TOOBIG", 19: "SQLITE_CONSTRAINT", 20: "SQLITE_MISMATCH", 21: "SQLITE_MISUSE",
    22: "SQLITE_NOLFS", 23: "SQLITE_AUTH", 25: "SQLITE_RANGE", 26: "SQLITE_NOTADB",
  ]

  private static let ownNames: [ResultCode: String] = [
    .settingRefused: "SETTING_REFUSED", .foreignFile: "FOREIGN_FILE", .newerSchema: "NEWER_SCHEMA",
    .editedSchema: "EDITED_SCHEMA", .wrongTransactionState: "WRONG_TRANSACTION_STATE",
    .storageFaultEarlier: "STORAGE_FAULT_EARLIER", .unexpectedRowCount: "UNEXPECTED_ROW_COUNT",
    .fileExists: "FILE_EXISTS",
  ]

  private static let extendedNames: [ResultCode: String] = [
    .abortRollback: "ROLLBACK", .busyRecovery: "RECOVERY", .busySnapshot: "SNAPSHOT", .ioErrRead: "READ",
    .ioErrShortRead: "SHORT_READ", .ioErrWrite: "WRITE", .ioErrFsync: "FSYNC", .ioErrDirectoryFsync: "DIR_FSYNC",
    .ioErrTruncate: "TRUNCATE", .ioErrFileSize: "FSTAT", .ioErrDelete: "DELETE", .ioErrOutOfMemory: "NOMEM",
    .ioErrAccess: "ACCESS", .ioErrLock: "LOCK", .ioErrClose: "CLOSE", .ioErrSharedMemoryOpen: "SHMOPEN",
    .ioErrSharedMemorySize: "SHMSIZE", .ioErrSharedMemoryMap: "SHMMAP", .ioErrData: "DATA",
    .ioErrCorruptFileSystem: "CORRUPTFS", .corruptIndex: "INDEX", .readOnlyFileMoved: "DBMOVED",
    .readOnlyDirectory: "DIRECTORY", .constraintCheck: "CHECK", .constraintForeignKey: "FOREIGNKEY",
    .constraintNotNull: "NOTNULL", .constraintPrimaryKey: "PRIMARYKEY", .constraintTrigger: "TRIGGER",
    .constraintUnique: "UNIQUE", .constraintRowID: "ROWID", .constraintDataType: "DATATYPE",
  ]

  /// The name in SQLite's documentation, such as `SQLITE_IOERR_FSYNC`; fit for a metric's label.
  public var description: String {
    if rawValue < 0 { return Self.ownNames[self] ?? "CODE_\(rawValue)" }
    guard let family = Self.primaryNames[primary.rawValue] else { return "SQLITE_\(rawValue)" }
    if self == primary { return family }
    return family + "_" + (Self.extendedNames[self] ?? String(rawValue >> 8))
  }
}

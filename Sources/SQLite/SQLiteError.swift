import CSQLite

/// Why a call into the store failed, and what a person can do about it.
///
/// Values bound to a statement never appear in an error: they may be a candidate's answers.
public struct SQLiteError: Error, Hashable, Sendable {
  /// The extended result code; match it with `switch error.code { case .full: … case .ioErr: … }`.
  public let code: ResultCode
  /// What happened, in the words of SQLite or of this wrapper.
  public let message: String
  /// The statement that failed, with its placeholders; `nil` if there was none.
  public let sql: String?
  /// The operating system's error number behind an I/O error; zero if there is none.
  public let systemErrorNumber: Int32

  public init(code: ResultCode, message: String, sql: String? = nil, systemErrorNumber: Int32 = 0) {
    self.code = code
    self.message = message
    self.sql = sql
    self.systemErrorNumber = systemErrorNumber
  }

  /// The disk, the quota or the page limit is exhausted. What was committed before stays committed.
  public var isDiskFull: Bool {
    if case .full = code { return true }
    guard case .ioErr = code else { return false }
    return systemErrorNumber == csqlite_errno_no_space || systemErrorNumber == csqlite_errno_quota
  }

  /// The file can no longer be trusted to keep what it is given: stop acknowledging, close, open again and verify.
  ///
  /// After a failed `fsync` the kernel may have dropped the pages while reporting success to the next `fsync`
  /// (Rebello et al., USENIX ATC 2020), so a retry on the same handle proves nothing.
  public var isStorageFault: Bool {
    switch code {
    case .ioErrOutOfMemory: false
    case .ioErr, .corrupt, .notADatabase, .readOnlyFileMoved, .storageFaultEarlier: true
    default: false
    }
  }
}

extension SQLiteError: CustomStringConvertible {
  private static let longestShownSQL = 300

  public var description: String {
    var text = "\(message) [\(code)"
    if systemErrorNumber != 0 { text += ", system error \(systemErrorNumber)" }
    text += "]"
    if let advice { text += "; \(advice)" }
    if let sql { text += " (in: \(sql.prefix(Self.longestShownSQL)))" }
    return text
  }

  /// What a person can do next; `nil` where the message says it already or only a programmer can help.
  public var advice: String? {
    if isDiskFull { return "free space on the disk, then try again; what was saved before is safe" }
    return switch code {
    case .busy, .locked: "another process has the file open; close that process, then try again"
    case .corrupt: "keep a copy of the file and its -wal, then restore the newest backup"
    case .notADatabase: "the file is not an SQLite database; check the path or restore a backup"
    case .cantOpen: "check that the folder exists and that this user may write to it"
    case .readOnly: "check the permissions of the file and of its folder"
    case .ioErrOutOfMemory, .outOfMemory: "free memory, then try again"
    case .ioErr: "the disk failed; close the program, check the disk, then open the store again"
    default: nil
    }
  }
}

extension SQLiteError {
  /// The error that `database` reports for its latest call. Read before any other call on that handle.
  static func latest(of database: OpaquePointer?, code: Int32, sql: String? = nil) -> SQLiteError {
    guard let database else {
      return SQLiteError(code: ResultCode(rawValue: code), message: String(cString: sqlite3_errstr(code)), sql: sql)
    }
    let result = ResultCode(rawValue: code)
    // A misuse is detected before SQLite touches the handle, which then still holds the error of an earlier call.
    let described = sqlite3_extended_errcode(database) == code
    let words = String(cString: described ? sqlite3_errmsg(database) : sqlite3_errstr(code))
    let systemError: Int32
    switch result {
    case .ioErr, .full, .cantOpen: systemError = sqlite3_system_errno(database)
    default: systemError = 0
    }
    return SQLiteError(code: result, message: words, sql: sql, systemErrorNumber: systemError)
  }

  static func misuse(_ message: String, sql: String? = nil) -> SQLiteError {
    SQLiteError(code: .misuse, message: message, sql: sql)
  }
}

/// A result code of SQLite, extended where SQLite extends it, or one of this wrapper's own (negative).
///
/// A primary code matches every extended code of its family in a pattern: `case .ioErr` also catches `.ioErrFsync`.
/// Source: sqlite.org/rescode.html.
public struct ResultCode: RawRepresentable, Hashable, Sendable {
  public let rawValue: Int32

  public init(rawValue: Int32) {
    self.rawValue = rawValue
  }

  /// An extended code of `family`.
  private init(_ family: ResultCode, _ detail: Int32) {
    self.init(rawValue: family.rawValue | detail << 8)
  }

  /// The family of an extended code; itself for a primary code and for the wrapper's own codes.
  public var primary: ResultCode {
    rawValue < 0 ? self : ResultCode(rawValue: rawValue & 0xff)
  }

  public static func ~= (pattern: ResultCode, code: ResultCode) -> Bool {
    pattern == code || pattern == code.primary
  }
}

// MARK: - SQLite's codes

extension ResultCode {
  public static let error = ResultCode(rawValue: 1)
  public static let internalFault = ResultCode(rawValue: 2)
  public static let permission = ResultCode(rawValue: 3)
  public static let abort = ResultCode(rawValue: 4)
  public static let busy = ResultCode(rawValue: 5)
  public static let locked = ResultCode(rawValue: 6)
  public static let outOfMemory = ResultCode(rawValue: 7)
  public static let readOnly = ResultCode(rawValue: 8)
  public static let interrupted = ResultCode(rawValue: 9)
  public static let ioErr = ResultCode(rawValue: 10)
  public static let corrupt = ResultCode(rawValue: 11)
  public static let full = ResultCode(rawValue: 13)
  public static let cantOpen = ResultCode(rawValue: 14)
  public static let lockProtocol = ResultCode(rawValue: 15)
  public static let schemaChanged = ResultCode(rawValue: 17)
  public static let tooBig = ResultCode(rawValue: 18)
  public static let constraint = ResultCode(rawValue: 19)
  public static let mismatch = ResultCode(rawValue: 20)
  public static let misuse = ResultCode(rawValue: 21)
  public static let outOfRange = ResultCode(rawValue: 25)
  public static let notADatabase = ResultCode(rawValue: 26)

  public static let abortRollback = ResultCode(.abort, 2)
  public static let busyRecovery = ResultCode(.busy, 1)
  public static let busySnapshot = ResultCode(.busy, 2)
  public static let ioErrRead = ResultCode(.ioErr, 1)
  public static let ioErrShortRead = ResultCode(.ioErr, 2)
  public static let ioErrWrite = ResultCode(.ioErr, 3)
  public static let ioErrFsync = ResultCode(.ioErr, 4)
  public static let ioErrDirectoryFsync = ResultCode(.ioErr, 5)
  public static let ioErrTruncate = ResultCode(.ioErr, 6)
  public static let ioErrFileSize = ResultCode(.ioErr, 7)
  public static let ioErrDelete = ResultCode(.ioErr, 10)
  public static let ioErrOutOfMemory = ResultCode(.ioErr, 12)
  public static let ioErrAccess = ResultCode(.ioErr, 13)
  public static let ioErrLock = ResultCode(.ioErr, 15)
  public static let ioErrClose = ResultCode(.ioErr, 16)
  public static let ioErrSharedMemoryOpen = ResultCode(.ioErr, 18)
  public static let ioErrSharedMemorySize = ResultCode(.ioErr, 19)
  public static let ioErrSharedMemoryMap = ResultCode(.ioErr, 21)
  public static let ioErrData = ResultCode(.ioErr, 32)
  public static let ioErrCorruptFileSystem = ResultCode(.ioErr, 33)
  public static let corruptIndex = ResultCode(.corrupt, 3)
  public static let readOnlyFileMoved = ResultCode(.readOnly, 4)
  public static let readOnlyDirectory = ResultCode(.readOnly, 6)
  public static let constraintCheck = ResultCode(.constraint, 1)
  public static let constraintForeignKey = ResultCode(.constraint, 3)
  public static let constraintNotNull = ResultCode(.constraint, 5)
  public static let constraintPrimaryKey = ResultCode(.constraint, 6)
  public static let constraintTrigger = ResultCode(.constraint, 7)
  public static let constraintUnique = ResultCode(.constraint, 8)
  public static let constraintRowID = ResultCode(.constraint, 10)
  public static let constraintDataType = ResultCode(.constraint, 12)
}

// MARK: - The wrapper's own codes

extension ResultCode {
  /// A pragma, a switch or a limit did not take the wanted value when the file was opened.
  public static let settingRefused = ResultCode(rawValue: -1)
  /// The file's `application_id` belongs to another program.
  public static let foreignFile = ResultCode(rawValue: -2)
  /// The file's `user_version` is newer than this program knows.
  public static let newerSchema = ResultCode(rawValue: -3)
  /// The file's schema is not the one that its migrations make: somebody edited the file.
  public static let editedSchema = ResultCode(rawValue: -4)
  /// `transaction` inside a transaction, or `savepoint` outside one: a mistake in the calling program.
  public static let wrongTransactionState = ResultCode(rawValue: -5)
  /// A transaction was asked for after a storage fault; the connection has to be closed and opened again.
  public static let storageFaultEarlier = ResultCode(rawValue: -6)
  /// A query that must give exactly one row gave none or several.
  public static let unexpectedRowCount = ResultCode(rawValue: -7)
  /// The target of a backup exists already.
  public static let fileExists = ResultCode(rawValue: -8)
}

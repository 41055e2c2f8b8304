import CSQLite

/// One connection to one database file: synchronous, without a clock, without a policy.
///
/// **Rule**: one owner uses a connection, from one thread at a time. SQLite is opened without its own mutex
/// (`SQLITE_OPEN_NOMUTEX`), so two threads inside at once corrupt memory. The type is not `Sendable`; an actor or a
/// serial thread confines it.
///
/// **Rule**: never open and close the same file by other means in the same process: POSIX drops the locks of all
/// handles when any of them is closed (sqlite.org/howtocorrupt.html, 2.2). Copy with
/// ``backup(to:pagesPerStep:progress:)``.
public final class Connection {
  let handle: DatabaseHandle
  let statements: StatementCache
  /// The path as given to `init`.
  public let path: String
  public let options: ConnectionOptions

  /// Opens `path` and applies `options`, reading every setting back.
  ///
  /// Throws `.cantOpen` for a missing file or folder, `.busy` if another process holds the file, `.notADatabase` or
  /// `.corrupt` for a damaged one, `.settingRefused` naming the setting, the wanted and the found value, and
  /// `.readOnly` if the file may not be written but should be. An existing file is not changed before it passed.
  public init(path: String, options: ConnectionOptions = .durable) throws(SQLiteError) {
    let pointer = try Self.open(path: path, options: options)
    handle = DatabaseHandle(pointer: pointer)
    statements = StatementCache()
    self.path = path
    self.options = options
    try configure()
  }

  private static func open(path: String, options: ConnectionOptions) throws(SQLiteError) -> OpaquePointer {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw .misuse("the path of a database must not be empty and must not contain a zero byte")
    }
    guard !(options.isReadOnly && options.lockingMode == .exclusive) else {
      throw .misuse("a read-only connection cannot take the exclusive lock; use the options durableReader")
    }
    guard sqlite3_threadsafe() != 0 else {
      throw .misuse("the SQLite library was built without thread safety (SQLITE_THREADSAFE=0); install another build")
    }
    var flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    if options.isReadOnly {
      flags |= SQLITE_OPEN_READONLY
    } else {
      flags |= SQLITE_OPEN_READWRITE | (options.createsIfMissing ? SQLITE_OPEN_CREATE : 0)
    }
    // Debian builds with SQLITE_USE_URI, which would read options out of a file name that starts with "file:".
    let name = path.hasPrefix("file:") ? "./" + path : path
    var pointer: OpaquePointer?
    let code = sqlite3_open_v2(name, &pointer, flags, options.vfsName)
    guard code == SQLITE_OK, let pointer else {
      let error = SQLiteError.latest(of: pointer, code: code)
      sqlite3_close_v2(pointer)
      throw SQLiteError(
        code: error.code, message: "cannot open \(path): \(error.message)", systemErrorNumber: error.systemErrorNumber)
    }
    return pointer
  }

  /// Closes the file; a last checkpoint folds the WAL into it. Without this call `deinit` closes.
  ///
  /// Throws `.misuse` and stays open while a statement from ``prepare(_:)`` or a ``Backup`` is still alive.
  public func close() throws(SQLiteError) {
    guard let pointer = handle.pointer else { return }
    guard !handle.isInTransaction else {
      throw SQLiteError(code: .wrongTransactionState, message: "close inside a transaction")
    }
    let held = handle.liveStatements - statements.count
    guard held == 0 else {
      let words = held == 1 ? "1 statement of this program is" : "\(held) statements of this program are"
      throw .misuse("cannot close \(path): \(words) still held")
    }
    guard handle.liveBackups == 0 else { throw .misuse("cannot close \(path): a backup of it is running") }
    statements.finalizeAll()
    let code = sqlite3_close(pointer)
    guard code == SQLITE_OK else { throw handle.failure(code, sql: nil) }
    handle.pointer = nil
  }

  /// True while a transaction is open, however it was begun.
  public var isInTransaction: Bool {
    handle.pointer.map { sqlite3_get_autocommit($0) == 0 } ?? false
  }

  /// The first error of this connection after which nothing may be acknowledged; `nil` while it is healthy.
  /// From then on ``transaction(_:_:)`` refuses; reading goes on, as far as it can.
  public var storageFault: SQLiteError? { handle.storageFault }

  func openPointer() throws(SQLiteError) -> OpaquePointer {
    guard let pointer = handle.pointer else { throw .misuse("the connection to \(path) is closed") }
    return pointer
  }
}

@available(*, unavailable, message: "one owner confines a connection; see its documentation")
extension Connection: Sendable {}

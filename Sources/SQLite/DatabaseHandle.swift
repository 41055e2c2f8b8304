import CSQLite

/// The C connection and what its statements must know of it.
///
/// Statements hold it, so that `sqlite3_close` always comes after the last `sqlite3_finalize`.
final class DatabaseHandle {
  /// `nil` after `Connection.close()`.
  var pointer: OpaquePointer?
  /// True between BEGIN and COMMIT of `Connection.transaction`.
  var isInTransaction = false
  /// Statements that are not finalized, those in the cache included.
  var liveStatements = 0
  /// Backups that read from this connection.
  var liveBackups = 0
  /// The first error after which nothing written here may be acknowledged.
  var storageFault: SQLiteError?

  init(pointer: OpaquePointer) {
    self.pointer = pointer
  }

  deinit {
    sqlite3_close_v2(pointer)
  }

  /// Makes the error of the latest failed call, and remembers it if it is a storage fault.
  func failure(_ code: Int32, sql: @autoclosure () -> String?) -> SQLiteError {
    let error = SQLiteError.latest(of: pointer, code: code, sql: sql())
    if storageFault == nil, error.isStorageFault { storageFault = error }
    return error
  }
}

import CSQLite

/// A prepared statement. It belongs to its connection's owner and, like the connection, to one thread at a time.
///
/// After ``step()`` gave `false` or threw, the statement is reset already and can be bound and run again; only a query
/// that is left before its last row needs ``reset()``, because until then it holds a read transaction open.
public final class Statement {
  /// `nil` after the connection was closed; the C functions answer a null statement with an error or a null value.
  var pointer: OpaquePointer?
  let handle: DatabaseHandle
  /// Rows given by ``step()`` since the statement was prepared.
  public private(set) var rowsStepped = 0

  /// False only if every placeholder is NULL.
  var hasBindings = false

  init(pointer: OpaquePointer, handle: DatabaseHandle) {
    self.pointer = pointer
    self.handle = handle
    handle.liveStatements += 1
  }

  deinit {
    finalize()
  }

  func finalize() {
    guard let pointer else { return }
    sqlite3_finalize(pointer)
    self.pointer = nil
    handle.liveStatements -= 1
  }

  /// The text of the statement, with its placeholders.
  public var sql: String {
    pointer.flatMap { sqlite3_sql($0) }.map { String(cString: $0) } ?? ""
  }

  /// Runs up to the next row: `true` if there is one, `false` at the end. On an error the statement is reset.
  ///
  /// Throws `.abortRollback` if SQLite has rolled back the transaction around it by itself, as it does on a full disk:
  /// going on would commit each further statement alone.
  public func step() throws(SQLiteError) -> Bool {
    if handle.isInTransaction, sqlite3_get_autocommit(handle.pointer) != 0 { throw lostTransaction() }
    let code = sqlite3_step(pointer)
    if code == SQLITE_ROW {
      rowsStepped &+= 1
      return true
    }
    guard code == SQLITE_DONE else {
      let error = failure(code)
      sqlite3_reset(pointer)
      throw error
    }
    sqlite3_reset(pointer)
    return false
  }

  /// Runs the statement to its end, ignoring rows.
  public func run() throws(SQLiteError) {
    while try step() {}
  }

  /// Leaves a query before its end. Bindings stay. Never fails: the error of the last step was thrown by that step.
  public func reset() {
    sqlite3_reset(pointer)
  }

  /// Binds NULL everywhere.
  public func clearBindings() {
    guard pointer != nil else { return }
    sqlite3_clear_bindings(pointer)
    hasBindings = false
  }

  /// Resets and clears, as between two users of a cached statement.
  func recycle() {
    sqlite3_reset(pointer)
    if hasBindings { clearBindings() }
  }

  /// How many placeholders there are.
  public var parameterCount: Int { Int(sqlite3_bind_parameter_count(pointer)) }

  /// True if the statement cannot change the file.
  public var isReadOnly: Bool { sqlite3_stmt_readonly(pointer) != 0 }

  func failure(_ code: Int32) -> SQLiteError {
    guard pointer != nil else { return .misuse("the connection of this statement is closed") }
    return handle.failure(code, sql: sql)
  }

  private func lostTransaction() -> SQLiteError {
    SQLiteError(
      code: .abortRollback, message: "the transaction was rolled back by an earlier error; nothing of it was saved",
      sql: sql)
  }
}

@available(*, unavailable, message: "a statement stays with the owner of its connection")
extension Statement: Sendable {}

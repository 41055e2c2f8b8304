import CSQLite

/// Whole queries. All of these reset the statement when they are done, also if `body` throws. The forms with `mapping`
/// are for bodies that throw another error than ``SQLiteError``.
extension Statement {
  /// Runs the query and calls `body` for each row. `body` must not step or reset this statement.
  public func forEachRow(_ body: (Statement) throws(SQLiteError) -> Void) throws(SQLiteError) {
    defer { reset() }
    while try step() { try body(self) }
  }

  public func forEachRow<Failure: Error>(
    mapping: (SQLiteError) -> Failure, _ body: (Statement) throws(Failure) -> Void
  ) throws(Failure) {
    defer { reset() }
    while try step(mapping: mapping) { try body(self) }
  }

  /// Runs the query and reads its first row; `nil` if there is none.
  public func firstRow<Value>(_ body: (Statement) throws(SQLiteError) -> Value) throws(SQLiteError) -> Value? {
    defer { reset() }
    return try step() ? try body(self) : nil
  }

  public func firstRow<Value, Failure: Error>(
    mapping: (SQLiteError) -> Failure, _ body: (Statement) throws(Failure) -> Value
  ) throws(Failure) -> Value? {
    defer { reset() }
    return try step(mapping: mapping) ? try body(self) : nil
  }

  /// Runs the query and reads its only row. Throws `.unexpectedRowCount` for no row or several.
  public func onlyRow<Value>(_ body: (Statement) throws(SQLiteError) -> Value) throws(SQLiteError) -> Value {
    defer { reset() }
    guard try step() else {
      throw SQLiteError(code: .unexpectedRowCount, message: "one row was expected, there is none", sql: sql)
    }
    let value = try body(self)
    guard try !step() else {
      throw SQLiteError(code: .unexpectedRowCount, message: "one row was expected, there are several", sql: sql)
    }
    return value
  }

  private func step<Failure: Error>(mapping: (SQLiteError) -> Failure) throws(Failure) -> Bool {
    do throws(SQLiteError) { return try step() } catch { throw mapping(error) }
  }
}

import CSQLite

extension Connection {
  /// Compiles one statement. Throws `.error` with SQLite's explanation for wrong SQL, `.misuse` for none or several.
  public func prepare(_ sql: String) throws(SQLiteError) -> Statement {
    try prepare(sql, flags: 0)
  }

  /// The statement for `sql` out of the connection's cache, reset and without bindings.
  ///
  /// Two holders never share a statement: while one is held elsewhere (an outer loop, say), a second request for the
  /// same text gets a statement of its own. So let go of it after use, or keep it and do not ask again.
  public func cached(_ sql: String) throws(SQLiteError) -> Statement {
    if let statement = statements.take(sql) { return statement }
    let statement = try prepare(sql, flags: UInt32(SQLITE_PREPARE_PERSISTENT))
    if !statements.contains(sql) { statements.insert(statement, for: sql) }
    return statement
  }

  /// Runs `body` with the cached statement and resets it afterwards, also if `body` throws.
  public func withStatement<Value>(
    _ sql: String, _ body: (Statement) throws(SQLiteError) -> Value
  ) throws(SQLiteError) -> Value {
    let statement = try cached(sql)
    defer { statement.recycle() }
    return try body(statement)
  }

  /// Runs every statement of `script`, ignoring rows. Stops at the first error; what ran before it stays, unless a
  /// transaction around it rolls back.
  public func execute(_ script: String) throws(SQLiteError) {
    var rest = Substring(script)
    while !rest.isEmpty {
      let (statement, consumed) = try compile(rest, flags: 0)
      rest = consumed
      guard let statement else { continue }
      while try statement.step() {}
    }
  }

  /// The first column of the only row of `sql`. Throws `.unexpectedRowCount` for no row or several.
  public func integer(_ sql: String) throws(SQLiteError) -> Int64 {
    let statement = try prepare(sql)
    return try statement.onlyRow { (row) throws(SQLiteError) in row.int64(at: 0) }
  }

  private func prepare(_ sql: String, flags: UInt32) throws(SQLiteError) -> Statement {
    let (first, rest) = try compile(Substring(sql), flags: flags)
    guard let first else { throw .misuse("there is no statement in this text", sql: sql) }
    var tail = rest
    while !tail.isEmpty {
      let (second, remaining) = try compile(tail, flags: 0)
      guard second == nil else { throw .misuse("prepare takes one statement, this text has more", sql: sql) }
      tail = remaining
    }
    return first
  }

  /// Compiles the first statement of `text`; gives it, or `nil` for a comment or nothing, and the text after it.
  private func compile(_ text: Substring, flags: UInt32) throws(SQLiteError) -> (Statement?, Substring) {
    let database = try openPointer()
    var source = text
    var statement: OpaquePointer?
    var consumed = 0
    guard !text.utf8.contains(0) else { throw .misuse("SQL must not contain a zero byte; bind the value instead") }
    let code = source.withUTF8 { (bytes) -> Int32 in
      bytes.withMemoryRebound(to: CChar.self) { characters -> Int32 in
        var tail: UnsafePointer<CChar>?
        let code = sqlite3_prepare_v3(
          database, characters.baseAddress, Int32(clamping: characters.count), flags, &statement, &tail)
        if let tail, let start = characters.baseAddress { consumed = tail - start }
        return code
      }
    }
    guard code == SQLITE_OK else { throw handle.failure(code, sql: String(text)) }
    let rest = source.utf8.dropFirst(consumed)
    return (statement.map { Statement(pointer: $0, handle: handle) }, Substring(rest))
  }
}

import CSQLite

/// Placeholders count from 1, as in SQL. Each call throws `.outOfRange` for an index that the statement does not have,
/// `.tooBig` for a value over `ConnectionLimits.valueLengthBytes`, `.misuse` in the middle of a query.
extension Statement {
  public func bind(_ value: Int64, at index: Int) throws(SQLiteError) {
    try check(sqlite3_bind_int64(pointer, Int32(truncatingIfNeeded: index), value))
  }

  public func bind(_ value: Int, at index: Int) throws(SQLiteError) {
    try bind(Int64(value), at: index)
  }

  public func bind(_ value: Bool, at index: Int) throws(SQLiteError) {
    try bind(value ? 1 as Int64 : 0, at: index)
  }

  /// Stores the 64 bits of `value`. SQLite sees a signed integer: equality holds, order does not above 2⁶³ − 1.
  public func bind(bitPattern value: UInt64, at index: Int) throws(SQLiteError) {
    try bind(Int64(bitPattern: value), at: index)
  }

  /// SQLite stores a NaN as NULL.
  public func bind(_ value: Double, at index: Int) throws(SQLiteError) {
    try check(sqlite3_bind_double(pointer, Int32(truncatingIfNeeded: index), value))
  }

  /// Binds UTF-8 text, zero bytes included.
  public func bind(_ value: String, at index: Int) throws(SQLiteError) {
    var text = value
    let code = text.withUTF8 { bytes in
      bytes.withMemoryRebound(to: CChar.self) { characters in
        csqlite_bind_text_copied(
          pointer, Int32(truncatingIfNeeded: index), characters.baseAddress, UInt64(characters.count))
      }
    }
    try check(code)
  }

  public func bind(_ value: [UInt8], at index: Int) throws(SQLiteError) {
    try check(value.withUnsafeBytes { copy($0, at: index) })
  }

  public func bind(_ value: ArraySlice<UInt8>, at index: Int) throws(SQLiteError) {
    try check(value.withUnsafeBytes { copy($0, at: index) })
  }

  /// Binds a copy, which SQLite makes; see ``bind(borrowing:at:)`` for none.
  public func bind(_ value: RawSpan, at index: Int) throws(SQLiteError) {
    try check(value.withUnsafeBytes { copy($0, at: index) })
  }

  /// Binds a copy, which SQLite makes; see ``bind(borrowing:at:)`` for none.
  public func bind(_ value: Span<UInt8>, at index: Int) throws(SQLiteError) {
    try bind(value.bytes, at: index)
  }

  /// Binds bytes without a copy. **They must stay where they are until the statement is run and bound anew or its
  /// bindings are cleared**; ``withBound(_:at:_:)`` keeps that promise by its shape.
  public func bind(borrowing bytes: UnsafeRawBufferPointer, at index: Int) throws(SQLiteError) {
    try check(
      csqlite_bind_blob_borrowed(
        pointer, Int32(truncatingIfNeeded: index), bytes.baseAddress, UInt64(bytes.count)))
  }

  /// Binds bytes without a copy while `body` runs; then resets the statement and binds NULL in their place.
  public func withBound<Value>(
    _ bytes: RawSpan, at index: Int, _ body: (Statement) throws(SQLiteError) -> Value
  ) throws(SQLiteError) -> Value {
    try bytes.withUnsafeBytes { (raw) throws(SQLiteError) -> Value in
      try bind(borrowing: raw, at: index)
      defer {
        sqlite3_reset(pointer)
        sqlite3_bind_null(pointer, Int32(truncatingIfNeeded: index))
      }
      return try body(self)
    }
  }

  public func bindNull(at index: Int) throws(SQLiteError) {
    try check(sqlite3_bind_null(pointer, Int32(truncatingIfNeeded: index)))
  }

  public func bind(_ value: Int64?, at index: Int) throws(SQLiteError) {
    if let value { try bind(value, at: index) } else { try bindNull(at: index) }
  }

  public func bind(_ value: Int?, at index: Int) throws(SQLiteError) {
    if let value { try bind(value, at: index) } else { try bindNull(at: index) }
  }

  public func bind(bitPattern value: UInt64?, at index: Int) throws(SQLiteError) {
    if let value { try bind(bitPattern: value, at: index) } else { try bindNull(at: index) }
  }

  public func bind(_ value: Double?, at index: Int) throws(SQLiteError) {
    if let value { try bind(value, at: index) } else { try bindNull(at: index) }
  }

  public func bind(_ value: String?, at index: Int) throws(SQLiteError) {
    if let value { try bind(value, at: index) } else { try bindNull(at: index) }
  }

  public func bind(_ value: [UInt8]?, at index: Int) throws(SQLiteError) {
    if let value { try bind(value, at: index) } else { try bindNull(at: index) }
  }

  private func copy(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Int32 {
    csqlite_bind_blob_copied(pointer, Int32(truncatingIfNeeded: index), bytes.baseAddress, UInt64(bytes.count))
  }

  @inline(__always)
  private func check(_ code: Int32) throws(SQLiteError) {
    hasBindings = true
    if code != SQLITE_OK { throw failure(code) }
  }
}

import CSQLite

/// Columns of the row that ``Statement/step()`` stands on, counted from 0. Without a row, and for a column that the
/// query does not have, the readers give NULL's value. SQLite converts between types; tables declared `STRICT`
/// never need it to.
extension Statement {
  public var columnCount: Int { Int(sqlite3_column_count(pointer)) }

  public func columnName(at index: Int) -> String {
    pointer.flatMap { sqlite3_column_name($0, Int32(truncatingIfNeeded: index)) }.map { String(cString: $0) } ?? ""
  }

  /// How the value is stored. Ask before any reader: a reader that converts changes the answer.
  public func columnType(at index: Int) -> ColumnType {
    ColumnType(rawValue: sqlite3_column_type(pointer, Int32(truncatingIfNeeded: index))) ?? .null
  }

  public func isNull(at index: Int) -> Bool {
    sqlite3_column_type(pointer, Int32(truncatingIfNeeded: index)) == SQLITE_NULL
  }

  /// NULL gives 0.
  public func int64(at index: Int) -> Int64 {
    sqlite3_column_int64(pointer, Int32(truncatingIfNeeded: index))
  }

  /// NULL gives 0.
  public func int(at index: Int) -> Int {
    Int(truncatingIfNeeded: int64(at: index))
  }

  /// True for anything but 0 and NULL.
  public func bool(at index: Int) -> Bool {
    int64(at: index) != 0
  }

  /// The 64 bits that `bind(bitPattern:at:)` stored.
  public func uint64(bitPatternAt index: Int) -> UInt64 {
    UInt64(bitPattern: int64(at: index))
  }

  /// NULL gives 0.
  public func double(at index: Int) -> Double {
    sqlite3_column_double(pointer, Int32(truncatingIfNeeded: index))
  }

  /// NULL gives the empty string. Bytes that are not UTF-8 become U+FFFD; read ``blob(at:)`` where that matters.
  public func text(at index: Int) -> String {
    let column = Int32(truncatingIfNeeded: index)
    guard let start = sqlite3_column_text(pointer, column) else { return "" }
    // The count belongs to the representation made by the call before it.
    let count = Int(sqlite3_column_bytes(pointer, column))
    return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  /// A copy of the bytes; NULL gives none.
  public func blob(at index: Int) -> [UInt8] {
    withBlob(at: index) { [UInt8]($0) }
  }

  /// The bytes of a blob or text without a copy. They are valid only inside `body`, which must not step or reset.
  public func withBlob<Value, Failure: Error>(
    at index: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let column = Int32(truncatingIfNeeded: index)
    let start = sqlite3_column_blob(pointer, column)
    let count = start == nil ? 0 : Int(sqlite3_column_bytes(pointer, column))
    return try body(UnsafeRawBufferPointer(start: start, count: count))
  }

  public func optionalInt64(at index: Int) -> Int64? { isNull(at: index) ? nil : int64(at: index) }
  public func optionalDouble(at index: Int) -> Double? { isNull(at: index) ? nil : double(at: index) }
  public func optionalText(at index: Int) -> String? { isNull(at: index) ? nil : text(at: index) }
  public func optionalBlob(at index: Int) -> [UInt8]? { isNull(at: index) ? nil : blob(at: index) }
}

/// The storage classes of SQLite, by their numbers.
public enum ColumnType: Int32, Sendable {
  case integer = 1
  case real = 2
  case text = 3
  case blob = 4
  case null = 5
}

import SQLite

extension ExamStore {
  /// A small value under a name of the caller's, such as `last-exam-code-try`; `nil` if there is none.
  public func setting(_ name: String) throws(ExamStoreError) -> [UInt8]? {
    try settings.value(of: SettingTable.prefix + name)
  }

  /// Keeps a small value durably; `nil` removes it. Names of up to 64 bytes, values of up to 64 KiB.
  public func setSetting(_ name: String, to value: [UInt8]?) throws(ExamStoreError) {
    guard (1...64).contains(name.utf8.count), !name.utf8.contains(0) else {
      throw .badArgument("A setting's name has 1 to 64 bytes and no null character.")
    }
    guard (value?.count ?? 0) <= SettingTable.valueBytes else {
      throw .badArgument("A setting's value has at most \(SettingTable.valueBytes) bytes.")
    }
    try transact { () throws(SQLiteError) in try settings.set(SettingTable.prefix + name, to: value) }
  }

  private var settings: SettingTable { SettingTable(connection: connection) }
}

struct SettingTable {
  let connection: Connection
  /// Keeps the caller's names apart from the store's own.
  static let prefix = "app."
  static let valueBytes = 64 * 1024

  func value(of name: String) throws(ExamStoreError) -> [UInt8]? {
    var value: [UInt8]?
    try connection.forEachRow(
      "SELECT value FROM setting WHERE name = ?1",
      binding: { (statement) throws(SQLiteError) in try statement.bind(name, at: 1) },
      { (row) throws(ExamStoreError) in value = row.blob(at: 0) })
    return value
  }

  func set(_ name: String, to value: [UInt8]?) throws(SQLiteError) {
    guard let value else {
      return try connection.run("DELETE FROM setting WHERE name = ?1") { (statement) throws(SQLiteError) in
        try statement.bind(name, at: 1)
      }
    }
    try connection.run("INSERT OR REPLACE INTO setting(name, value) VALUES (?1, ?2)") {
      (statement) throws(SQLiteError) in
      try statement.bind(name, at: 1)
      try statement.bind(value, at: 2)
    }
  }
}

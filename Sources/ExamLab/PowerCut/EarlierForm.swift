import SQLite
import SyncCore

/// A store's file as the version before wrote it: an update has to bring it up to date, wherever the power goes
/// meanwhile (I26).
enum EarlierForm {
  case phone
  case server

  /// What the last migration made, taken away again.
  private var statements: String {
    switch self {
    case .phone: "DROP TABLE secret;"
    case .server:
      """
      DROP TABLE time_proofs;
      DROP TABLE extensions;
      DROP INDEX attempts_running;
      ALTER TABLE attempts DROP COLUMN overdue_at;
      ALTER TABLE attempts DROP COLUMN start_code;
      ALTER TABLE attempts DROP COLUMN started_at;
      ALTER TABLE journals DROP COLUMN opened_at;
      """
    }
  }

  /// One opening in sixteen is the first after an update; half of these come after a kill of the version before.
  ///
  /// - Returns: whether that left its log; `nil` for an opening like any other.
  static func drawn(_ decisions: Decisions, node: UInt16) -> Bool? {
    let choice = decisions.next(.update, node: node) { generator in
      let lot = generator.next() % 32
      return lot < 2 ? 1 + Int64(lot) : 0
    }
    return choice == 0 ? nil : choice == 2
  }

  /// The schema version that is left.
  private var version: Int { 1 }

  /// An opening that is the first after an update: what it finds wrong is a finding of I26.
  func update(_ path: String, on disk: VirtualDisk, leavesLog: Bool, _ open: () throws -> Void) throws {
    try takeBack(path, on: disk, leavesLog: leavesLog)
    do { try open() } catch let finding as PowerCutFinding {
      throw PowerCutFinding("I26", "after an update, \(finding)")
    }
  }

  /// Brings a file that no process has open into this form.
  ///
  /// - Parameter leavesLog: whether the version before was killed, and its log waits for the next opening.
  /// - Throws: `SQLiteError` as a connection does.
  func takeBack(_ path: String, on disk: VirtualDisk, leavesLog: Bool) throws {
    var options = ConnectionOptions.durable
    options.vfsName = disk.vfsName
    let connection = try Connection(path: path, options: options)
    try connection.transaction(.immediate) { () throws(SQLiteError) in
      try connection.execute(statements)
      try connection.execute("PRAGMA user_version = \(version)")
    }
    guard leavesLog else { return try connection.close() }
    disk.kill()
    try? connection.close()
    disk.restart()
  }
}

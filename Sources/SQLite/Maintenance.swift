import CSQLite

/// `sqlite3_wal_checkpoint_v2` (sqlite.org/c3ref/wal_checkpoint_v2.html).
public enum CheckpointMode: Int32, Sendable {
  /// As much as is possible without waiting.
  case passive = 0
  /// All frames.
  case full = 1
  /// All frames, and the next write starts the WAL from its beginning.
  case restart = 2
  /// All frames, and the WAL is cut to zero bytes.
  case truncate = 3
}

/// What a checkpoint found and did, in WAL frames (one frame is one page).
public struct CheckpointResult: Hashable, Sendable {
  public let walFrames: Int
  public let checkpointedFrames: Int

  public var isComplete: Bool { walFrames == checkpointedFrames }
}

extension Connection {
  /// Copies the WAL into the database file. Throws `.busy` if a reader or a writer is in the way, `.locked` inside a
  /// transaction. On a file without a WAL both counts are 0.
  @discardableResult
  public func checkpoint(_ mode: CheckpointMode) throws(SQLiteError) -> CheckpointResult {
    let pointer = try openPointer()
    var total: Int32 = 0
    var done: Int32 = 0
    let code = sqlite3_wal_checkpoint_v2(pointer, "main", mode.rawValue, &total, &done)
    guard code == SQLITE_OK else { throw handle.failure(code, sql: nil) }
    return CheckpointResult(walFrames: Int(max(total, 0)), checkpointedFrames: Int(max(done, 0)))
  }

  /// After a storage fault: closing this connection checkpoints nothing, so that the next opening recovers from what
  /// the WAL really holds. `SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE` (sqlite.org/c3ref/c_dbconfig_defensive.html).
  public func abandonLog() {
    guard let pointer = handle.pointer else { return }
    var now: Int32 = 0
    _ = csqlite_set_switch(pointer, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, &now)
  }

  /// Checks every page, but not that indexes agree with their tables. Gives what is wrong, at most
  /// `maximumProblems` lines; empty for a sound file. Reads the whole file.
  public func quickCheck(maximumProblems: Int = 100) throws(SQLiteError) -> [String] {
    try problems("PRAGMA quick_check(\(max(1, maximumProblems)))")
  }

  /// Checks every page, every index entry and every constraint. Gives what is wrong, at most `maximumProblems` lines;
  /// empty for a sound file. Takes several times as long as ``quickCheck(maximumProblems:)``.
  public func integrityCheck(maximumProblems: Int = 100) throws(SQLiteError) -> [String] {
    try problems("PRAGMA integrity_check(\(max(1, maximumProblems)))")
  }

  /// Copies what the log holds into the file and syncs it. For every opening, before anything is shown.
  ///
  /// After a kill the log may hold commits that are in the system's cache only; after a sync that failed they are even
  /// taken for clean there, and no later sync writes them (Rebello et al., USENIX ATC 2020). What is appended behind
  /// them would be lost with them at a power cut. Their pages are written anew here, into the file, and the next
  /// commit begins the log from its start. A full disk is no reason not to open.
  public func settleLog() throws(SQLiteError) {
    do throws(SQLiteError) { try checkpoint(.passive) } catch {
      guard error.isDiskFull else { throw error }
    }
  }

  /// A file so broken that the check itself fails on it is a finding, not a failure of the check. A page that the disk
  /// did not give is no finding: it throws `.ioErrRead`.
  private func problems(_ sql: String) throws(SQLiteError) -> [String] {
    var lines: [String] = []
    do throws(SQLiteError) {
      try prepare(sql).forEachRow { (row) throws(SQLiteError) in lines.append(row.text(at: 0)) }
    } catch {
      switch error.code {
      case .corrupt, .notADatabase: lines.append(error.message)
      default: throw error
      }
    }
    // The check names a page that could not be read in the same list as one that was read and is wrong.
    if let unread = lines.first(where: Self.namesUnreadPage) {
      let error = SQLiteError(code: .ioErrRead, message: "\(path) could not be read to its end: \(unread)", sql: sql)
      if handle.storageFault == nil { handle.storageFault = error }
      throw error
    }
    return lines == ["ok"] ? [] : lines
  }

  /// The words of `checkTreePage` and `checkList` in SQLite's btree.c, where the pager gave no page. A number that no
  /// page can have is found before, and has other words.
  private static func namesUnreadPage(_ line: String) -> Bool {
    if line.contains("failed to get page ") { return true }
    let marker = "unable to get the page. error code="
    guard let range = line.firstRange(of: marker), let code = Int32(line[range.upperBound...].prefix(while: \.isNumber))
    else { return false }
    switch ResultCode(rawValue: code) {
    case .ioErr, .outOfMemory: return true
    default: return false
    }
  }

  /// Rows changed by the latest INSERT, UPDATE or DELETE, without those of triggers and foreign key actions.
  public var changes: Int {
    handle.pointer.map { Int(sqlite3_changes64($0)) } ?? 0
  }

  /// Rows changed since the connection was opened, with those of triggers.
  public var totalChanges: Int {
    handle.pointer.map { Int(sqlite3_total_changes64($0)) } ?? 0
  }

  /// The row id of the latest INSERT into a table that has one; 0 before any.
  public var lastInsertRowID: Int64 {
    handle.pointer.map { sqlite3_last_insert_rowid($0) } ?? 0
  }
}

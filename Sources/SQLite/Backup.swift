import CSQLite

/// How far a backup is, in pages of the source as it was at the latest step.
public struct BackupProgress: Hashable, Sendable {
  public let totalPages: Int
  public let remainingPages: Int
  public let isFinished: Bool
}

/// A copy of a live database, made in steps between which the source may be written
/// (sqlite.org/backup.html). Writes through the source connection reach the copy too, so the copy is the source as it
/// is at the last step. The source's transaction, if any, has to end before the next step.
public final class Backup {
  private let source: Connection
  private var destination: Connection?
  private var pointer: OpaquePointer?
  public let path: String

  /// Starts a copy into the new file `path`, through the VFS of `source`.
  ///
  /// Throws `.fileExists` if there is such a file: a backup never replaces another one.
  public init(of source: Connection, to path: String) throws(SQLiteError) {
    let sourcePointer = try source.openPointer()
    var exists: Int32 = 0
    let code = csqlite_file_exists(source.options.vfsName, path, &exists)
    guard code == SQLITE_OK else {
      throw SQLiteError(
        code: ResultCode(rawValue: code),
        message: "cannot look for \(path): \(String(cString: sqlite3_errstr(code)))")
    }
    guard exists == 0 else {
      throw SQLiteError(code: .fileExists, message: "\(path) exists already; choose another name for the backup")
    }
    self.source = source
    self.path = path
    do throws(SQLiteError) {
      let destination = try Connection(path: path, options: Self.options(vfsName: source.options.vfsName))
      guard let pointer = sqlite3_backup_init(destination.handle.pointer, "main", sourcePointer, "main") else {
        throw destination.handle.failure(sqlite3_extended_errcode(destination.handle.pointer), sql: nil)
      }
      self.destination = destination
      self.pointer = pointer
      source.handle.liveBackups += 1
    } catch {
      _ = csqlite_delete_file(source.options.vfsName, path)
      throw error
    }
  }

  deinit {
    cancel()
  }

  /// Copies up to `pages` pages (at least one). The last step returns after the copy was synced and closed.
  ///
  /// `.busy` and `.locked` mean that the source is in a transaction: step again after it. Any other error ends the
  /// backup and removes the incomplete file.
  public func step(pages: Int) throws(SQLiteError) -> BackupProgress {
    guard let pointer else { throw .misuse("the backup to \(path) has ended") }
    let code = sqlite3_backup_step(pointer, Int32(clamping: max(1, pages)))
    switch code {
    case SQLITE_OK, SQLITE_DONE: break
    default:
      let error = failure(code)
      switch error.code {
      case .busy, .locked: break
      default: cancel()
      }
      throw error
    }
    let progress = BackupProgress(
      totalPages: Int(sqlite3_backup_pagecount(pointer)), remainingPages: Int(sqlite3_backup_remaining(pointer)),
      isFinished: code == SQLITE_DONE)
    if progress.isFinished { try complete() }
    return progress
  }

  /// Ends the backup and removes the incomplete file; without effect on a finished one.
  public func cancel() {
    guard pointer != nil else { return }
    _ = finish()
    destination = nil
    _ = csqlite_delete_file(source.options.vfsName, path)
  }

  private func complete() throws(SQLiteError) {
    let code = finish()
    let error = code == SQLITE_OK ? nil : failure(code)
    let closing = destination
    destination = nil
    do throws(SQLiteError) {
      if let error { throw error }
      try closing?.close()
    } catch {
      _ = csqlite_delete_file(source.options.vfsName, path)
      throw error
    }
  }

  private func finish() -> Int32 {
    let code = sqlite3_backup_finish(pointer)
    pointer = nil
    source.handle.liveBackups -= 1
    return code
  }

  private func failure(_ code: Int32) -> SQLiteError {
    let detail = SQLiteError.latest(of: destination?.handle.pointer, code: code)
    return SQLiteError(
      code: detail.code, message: "the backup to \(path) failed: \(detail.message)",
      systemErrorNumber: detail.systemErrorNumber)
  }

  /// `synchronous=EXTRA` also syncs the folder, so that the file's name survives a power cut with its content.
  private static func options(vfsName: String?) -> ConnectionOptions {
    var options = ConnectionOptions()
    options.vfsName = vfsName
    options.journalMode = .delete
    options.synchronous = .extra
    options.lockingMode = .normal
    options.pageSizeBytes = nil
    return options
  }
}

@available(*, unavailable, message: "a backup stays with the owner of its source")
extension Backup: Sendable {}

extension Connection {
  /// Copies the database into the new file `path`, `pagesPerStep` pages at a time. Between the steps `progress` is
  /// called and may write through this connection; an error of it ends the backup and removes the unfinished file.
  public func backup(
    to path: String, pagesPerStep: Int = 256,
    progress: (BackupProgress) throws(SQLiteError) -> Void = { (_) throws(SQLiteError) in }
  ) throws(SQLiteError) {
    let backup = try Backup(of: self, to: path)
    defer { backup.cancel() }
    while true {
      let state = try backup.step(pages: pagesPerStep)
      try progress(state)
      if state.isFinished { return }
    }
  }
}

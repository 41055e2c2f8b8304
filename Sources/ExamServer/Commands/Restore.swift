import Foundation
import SQLite
import SyncProtocol

extension DataDirectory {
  /// Puts a backup in the store's place. A running store is refused; the store that was there is kept beside it.
  ///
  /// - Returns: where the old store is now; `nil` if there was none.
  public func restore(from backup: String, clock: ServerClock = ServerClock()) throws -> String? {
    guard isInitialized else {
      throw CommandError(.unreachable, "\(path) holds no server. Put its identity.key there first, or run init.")
    }
    let lock = try DirectoryLock(self)
    // What comes from a backup is verified before it is used.
    defer { lock.release(isSound: false) }
    guard let bytes = FileSystem.size(backup) else {
      throw CommandError(.unreachable, "There is no backup \(backup). Check the path.")
    }
    let fresh = "\(path)/restoring.sqlite"
    FileSystem.remove(fresh)
    try FileManager.default.copyItem(atPath: backup, toPath: fresh)
    do {
      var options = ConnectionOptions.durable
      options.createsIfMissing = false
      options.convertsJournalMode = true
      let connection = try Connection(path: fresh, options: options)
      let problems = try connection.quickCheck()
      guard problems.isEmpty else {
        throw CommandError(.damaged, "\(backup) (\(bytes) bytes) is damaged: \(problems[0]). Take another backup.")
      }
      try connection.close()
    } catch let error as SQLiteError {
      for suffix in ["", "-wal", "-shm"] { FileSystem.remove(fresh + suffix) }
      throw CommandError(.damaged, "\(backup) is no backup of a store: \(error). Take another one.")
    } catch {
      for suffix in ["", "-wal", "-shm"] { FileSystem.remove(fresh + suffix) }
      throw error
    }
    var kept: String?
    if FileSystem.size(store) != nil {
      let aside = "\(path)/store-before-restore-\(clock.now).sqlite"
      for suffix in ["-wal", "-shm", ""] where FileSystem.size(store + suffix) != nil {
        try FileManager.default.moveItem(atPath: store + suffix, toPath: aside + suffix)
      }
      kept = aside
    }
    try FileManager.default.moveItem(atPath: fresh, toPath: store)
    try FileSystem.synchronizeDirectory(path)
    return kept
  }
}

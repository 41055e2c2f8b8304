import CSQLite

/// The library as a whole, for all connections of the process.
public enum Library {
  /// Turns off SQLite's counting of memory, and with it a lock around each of its allocations: for programs in which
  /// many threads have connections of their own. Nothing of ours reads those counts.
  ///
  /// - Returns: `false` if the process had a connection already; then nothing was changed.
  @discardableResult
  public static func countNoMemory() -> Bool { csqlite_count_no_memory() == SQLITE_OK }
}

import SQLite

/// The exact SQL of a save, in its order, between `BEGIN IMMEDIATE` and `COMMIT`.
///
/// A benchmark runs the same statements from C over ``tables`` with the pragmas of ``pragmas``; a save through this
/// module takes at most 1.3 times as long.
public enum SaveStatements {
  public static let begin = "BEGIN IMMEDIATE"

  /// 1 journal number, 2 sequence, 3 body, 4 chain head after the entry (32 bytes).
  public static let insertEntry = "INSERT INTO entry(journal, sequence, body, head) VALUES (?1, ?2, ?3, ?4)"

  /// 1 attempt (16 bytes), 2 item, 3 canonical value or NULL, 4 flag, 5 journal number, 6 sequence. Only for entries
  /// that concern an item's answer.
  public static let upsertAnswer = """
    INSERT INTO answer(attempt, item, value, flag, journal, sequence) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (attempt, item) DO UPDATE SET
      value = excluded.value, flag = excluded.flag, journal = excluded.journal, sequence = excluded.sequence
    """

  /// 1 journal number, 2 last sequence, 3 head (32 bytes), 4 boot id, 5 boot milliseconds, 6 wall milliseconds,
  /// 7 remaining milliseconds (4 to 7 may be NULL), 8 MAC of the row (16 bytes).
  public static let updateJournal = """
    UPDATE journal SET last = ?2, head = ?3, boot = ?4, boot_ms = ?5, wall_ms = ?6, remaining_ms = ?7, mac = ?8
    WHERE number = ?1
    """

  public static let commit = "COMMIT"

  /// The tables that a save touches, and all others of the store.
  public static var tables: String { StoreSchema.main.migrations.map(\.sql).joined(separator: "\n") }

  /// What a benchmark sets on its own connection, in this order.
  public static let pragmas = [
    "PRAGMA locking_mode = exclusive", "PRAGMA page_size = 4096", "PRAGMA journal_mode = wal",
    "PRAGMA synchronous = full", "PRAGMA foreign_keys = 1", "PRAGMA cell_size_check = 1", "PRAGMA temp_store = 2",
    "PRAGMA mmap_size = 0", "PRAGMA cache_size = -8192", "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA secure_delete = 1",
  ]
}

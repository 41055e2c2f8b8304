import Foundation

/// In which order entries reach bare SQLite, and by what they are found again.
enum BaselineRowOrder: String, CaseIterable, Sendable {
  /// One from each phone in turn, as phones answer: a commit of 100 rows holds those of 100 phones. The yardstick of
  /// the bars.
  case oneFromEachPhone = "100 rows a commit, one from each phone in turn, keyed"
  /// Already gathered by ten, as pushes of ten bring them: ten rows fall on one page.
  case pushesOfTen = "100 rows a commit in the order of pushes of ten, keyed"
  /// Nothing but the order of arrival: the rows could not be found again by journal.
  case appendOnly = "100 rows a commit, appended without a key"

  var entriesInTurn: Int { self == .oneFromEachPhone ? 1 : 10 }
}

/// Entries as rows of bare SQLite, from C.
struct RowBaseline {
  let folder: String
  let phones: Int
  let rows: Int

  static let rowsPerCommit = 100

  /// The pragmas of the server's store.
  private static let pragmas = [
    "PRAGMA locking_mode = exclusive", "PRAGMA page_size = 4096", "PRAGMA journal_mode = wal",
    "PRAGMA synchronous = full", "PRAGMA foreign_keys = 1", "PRAGMA cell_size_check = 1", "PRAGMA temp_store = 2",
    "PRAGMA mmap_size = 0", "PRAGMA cache_size = -8192", "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA secure_delete = 1",
  ]

  /// Rows a second, into a file that is made anew.
  func rowsPerSecond(_ order: BaselineRowOrder, bodies: [[UInt8]]) throws -> Double {
    let key = order == .appendOnly ? ") STRICT" : ", PRIMARY KEY (journal, sequence)) STRICT, WITHOUT ROWID"
    let table =
      "CREATE TABLE entry(journal INTEGER NOT NULL, sequence INTEGER NOT NULL, body BLOB NOT NULL" + key
    let database = try BaselineDatabase(path: "\(folder)/rows.db", scripts: Self.pragmas + [table])
    try database.prepareRows([
      "BEGIN IMMEDIATE", "INSERT INTO entry(journal, sequence, body) VALUES (?1, ?2, ?3)", "COMMIT",
    ])
    var list = BaselineRows()
    var turn = 0
    while list.count < rows {
      for phone in 1...phones where list.count < rows {
        for place in 0..<order.entriesInTurn where list.count < rows {
          let sequence = turn * order.entriesInTurn + place + 1
          list.append(journal: Int64(phone), sequence: Int64(sequence), body: bodies[list.count % bodies.count])
        }
      }
      turn += 1
    }
    return Double(rows) / (try database.store(list, rowsPerCommit: Self.rowsPerCommit))
  }
}

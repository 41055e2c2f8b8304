import CSQLite

/// What SQLite counts for each statement (sqlite.org/c3ref/c_stmtstatus_counter.html).
public enum StatementCounter: Int32, Sendable, CaseIterable {
  /// Rows visited by a full table scan: not 0 means that an index is missing.
  case fullScanSteps = 1
  case sorts = 2
  /// Rows put into indexes that SQLite made for this run.
  case automaticIndexRows = 3
  /// Instructions of the virtual machine. The same count means the same work, row for row.
  case virtualMachineSteps = 4
  case reprepares = 5
  case runs = 6
}

/// What SQLite counts for a connection (sqlite.org/c3ref/c_dbstatus_options.html).
public enum ConnectionCounter: Int32, Sendable {
  case pageCacheBytes = 1
  case schemaBytes = 2
  case statementBytes = 3
  case pageCacheHits = 7
  case pageCacheMisses = 8
  case pageCacheWrites = 9
  case pageCacheSpills = 12
}

extension Statement {
  /// The counter since the statement was prepared or last read with `resets`.
  public func counter(_ counter: StatementCounter, resets: Bool = false) -> Int {
    guard let pointer else { return 0 }
    return Int(sqlite3_stmt_status(pointer, counter.rawValue, resets ? 1 : 0))
  }
}

extension Connection {
  /// The sum of `counter` over all statements of the connection: the work of everything that ran on cached ones.
  public func total(_ counter: StatementCounter, resets: Bool = false) -> Int {
    guard let database = handle.pointer else { return 0 }
    var sum = 0
    var statement = sqlite3_next_stmt(database, nil)
    while let current = statement {
      sum += Int(sqlite3_stmt_status(current, counter.rawValue, resets ? 1 : 0))
      statement = sqlite3_next_stmt(database, current)
    }
    return sum
  }

  /// A counter of the connection. `resets` sets the ones that count events to 0; sizes are not affected.
  public func status(_ counter: ConnectionCounter, resets: Bool = false) throws(SQLiteError) -> Int {
    let pointer = try openPointer()
    var current: Int32 = 0
    var highest: Int32 = 0
    let code = sqlite3_db_status(pointer, counter.rawValue, &current, &highest, resets ? 1 : 0)
    guard code == SQLITE_OK else { throw handle.failure(code, sql: nil) }
    return Int(current)
  }

  /// Bytes of the database file as SQLite sees it, pages in the WAL included.
  public func sizeBytes() throws(SQLiteError) -> Int64 {
    try integer("PRAGMA page_count") * integer("PRAGMA page_size")
  }
}

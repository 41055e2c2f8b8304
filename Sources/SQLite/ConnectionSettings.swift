import CSQLite

extension Connection {
  /// Applies and verifies everything in `options`, in the order SQLite needs.
  func configure() throws(SQLiteError) {
    try applySwitches()
    try applyLimits()
    try set("busy_timeout", options.busyTimeoutMilliseconds)
    try set("trusted_schema", 0)
    try set("cell_size_check", 1)
    try set("temp_store", 2)
    try set("foreign_keys", options.foreignKeys ? 1 : 0)
    try set("fullfsync", options.fullFsync ? 1 : 0)
    try set("checkpoint_fullfsync", options.fullFsync ? 1 : 0)
    // Before the first access to the file: a WAL opened in normal mode keeps its index in shared memory.
    try set("locking_mode", options.lockingMode.rawValue)
    try set("cache_size", -options.cacheSizeKiB)
    // A VFS that cannot map memory reports nothing, which is what is wanted.
    try set("mmap_size", 0, acceptsSilence: true)
    // A new file becomes a WAL database through a rollback journal. EXTRA makes the removal of that journal durable:
    // if it came back after a power cut, it would roll the file back to nothing.
    try set("synchronous", Synchronous.extra.rawValue)
    try applyFileSettings()
    try set("synchronous", options.synchronous.rawValue)
    try set("wal_autocheckpoint", options.walAutocheckpointPages)
    try set("journal_size_limit", options.journalSizeLimitBytes)
    try set("secure_delete", options.secureDelete ? 1 : 0)
  }

  /// What is kept in the file itself: set on a new file, verified on an existing one.
  private func applyFileSettings() throws(SQLiteError) {
    if !options.isReadOnly, sqlite3_db_readonly(handle.pointer, "main") != 0 {
      throw SQLiteError(code: .readOnly, message: "\(path) may only be read")
    }
    if let size = options.pageSizeBytes, !options.isReadOnly {
      try execute("PRAGMA page_size = \(size)")
    }
    let isNew = try integer("PRAGMA page_count") == 0
    let mode = options.journalMode.rawValue
    if !options.isReadOnly, isNew || options.convertsJournalMode {
      try set("journal_mode", mode)
    } else {
      try verify("journal_mode", mode)
    }
    if let size = options.pageSizeBytes { try verify("page_size", String(size)) }
    try verify("encoding", "utf-8")
  }

  private func applySwitches() throws(SQLiteError) {
    let switches: [(name: String, option: Int32, on: Int32)] = [
      ("SQLITE_DBCONFIG_DEFENSIVE", SQLITE_DBCONFIG_DEFENSIVE, 1),
      ("SQLITE_DBCONFIG_TRUSTED_SCHEMA", SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
      ("SQLITE_DBCONFIG_WRITABLE_SCHEMA", SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0),
      ("SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION", SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0),
      ("SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER", SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0),
      ("SQLITE_DBCONFIG_DQS_DML", SQLITE_DBCONFIG_DQS_DML, 0),
      ("SQLITE_DBCONFIG_DQS_DDL", SQLITE_DBCONFIG_DQS_DDL, 0),
    ]
    for (name, option, on) in switches {
      var now: Int32 = -1
      let code = csqlite_set_switch(handle.pointer, option, on, &now)
      guard code == SQLITE_OK else { throw handle.failure(code, sql: nil) }
      guard now == on else { throw refused("switch \(name)", wanted: String(on), got: String(now)) }
    }
  }

  private func applyLimits() throws(SQLiteError) {
    let limits = options.limits
    let wanted: [(name: String, limit: Int32, value: Int)] = [
      ("SQLITE_LIMIT_LENGTH", SQLITE_LIMIT_LENGTH, limits.valueLengthBytes),
      ("SQLITE_LIMIT_SQL_LENGTH", SQLITE_LIMIT_SQL_LENGTH, limits.sqlLengthBytes),
      ("SQLITE_LIMIT_COLUMN", SQLITE_LIMIT_COLUMN, limits.columns),
      ("SQLITE_LIMIT_EXPR_DEPTH", SQLITE_LIMIT_EXPR_DEPTH, limits.expressionDepth),
      ("SQLITE_LIMIT_COMPOUND_SELECT", SQLITE_LIMIT_COMPOUND_SELECT, limits.compoundSelectTerms),
      ("SQLITE_LIMIT_VDBE_OP", SQLITE_LIMIT_VDBE_OP, limits.virtualMachineInstructions),
      ("SQLITE_LIMIT_FUNCTION_ARG", SQLITE_LIMIT_FUNCTION_ARG, limits.functionArguments),
      ("SQLITE_LIMIT_ATTACHED", SQLITE_LIMIT_ATTACHED, limits.attachedFiles),
      ("SQLITE_LIMIT_LIKE_PATTERN_LENGTH", SQLITE_LIMIT_LIKE_PATTERN_LENGTH, limits.likePatternLengthBytes),
      ("SQLITE_LIMIT_VARIABLE_NUMBER", SQLITE_LIMIT_VARIABLE_NUMBER, limits.variables),
      ("SQLITE_LIMIT_TRIGGER_DEPTH", SQLITE_LIMIT_TRIGGER_DEPTH, limits.triggerDepth),
      ("SQLITE_LIMIT_WORKER_THREADS", SQLITE_LIMIT_WORKER_THREADS, limits.workerThreads),
    ]
    for (name, limit, value) in wanted {
      sqlite3_limit(handle.pointer, limit, Int32(clamping: value))
      let now = Int(sqlite3_limit(handle.pointer, limit, -1))
      guard now == value else { throw refused("limit \(name)", wanted: String(value), got: String(now)) }
    }
  }

  private func set(_ pragma: String, _ value: some CustomStringConvertible, acceptsSilence: Bool = false)
    throws(SQLiteError)
  {
    try execute("PRAGMA \(pragma) = \(value)")
    try verify(pragma, value.description, acceptsSilence: acceptsSilence)
  }

  private func verify(_ pragma: String, _ wanted: String, acceptsSilence: Bool = false) throws(SQLiteError) {
    let statement = try prepare("PRAGMA \(pragma)")
    let got = try statement.step() ? statement.text(at: 0) : nil
    if got == nil, acceptsSilence { return }
    guard got?.lowercased() == wanted else {
      throw refused("PRAGMA \(pragma)", wanted: wanted, got: got ?? "nothing")
    }
  }

  private func refused(_ setting: String, wanted: String, got: String) -> SQLiteError {
    SQLiteError(
      code: .settingRefused,
      message: "\(path) was not opened: \(setting) must be \(wanted) but is \(got)")
  }
}

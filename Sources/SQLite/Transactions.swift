import CSQLite

#if PlantedBugs
  import Planted
#endif

/// `BEGIN DEFERRED`, `BEGIN IMMEDIATE`, `BEGIN EXCLUSIVE`.
public enum TransactionMode: Sendable {
  /// Takes the write lock at the first write; that write can then fail with `.busy`.
  case deferred
  /// Takes the write lock at once.
  case immediate
  case exclusive

  fileprivate var sql: String {
    switch self {
    case .deferred: "BEGIN DEFERRED"
    case .immediate: "BEGIN IMMEDIATE"
    case .exclusive: "BEGIN EXCLUSIVE"
    }
  }
}

extension Connection {
  /// Runs `body` in a transaction and commits it. When this returns under ``ConnectionOptions/durable``, what `body`
  /// wrote survives a power cut; when it throws, nothing of it was saved.
  ///
  /// An error of `body` or of COMMIT rolls back. Throws `.wrongTransactionState` inside another transaction (use
  /// ``savepoint(_:_:)`` there) and `.storageFaultEarlier` after a storage fault on this connection.
  ///
  /// After `.ioErrFsync` from COMMIT the transaction may still be found in the file when it is opened again: the pages
  /// were written and only the proof failed. A caller must accept both outcomes then.
  public func transaction<Value>(
    _ mode: TransactionMode = .immediate, _ body: () throws(SQLiteError) -> Value
  ) throws(SQLiteError) -> Value {
    try transaction(mode, mapping: { $0 }, body)
  }

  /// The same for a `body` that throws another error; `mapping` wraps the errors of BEGIN and COMMIT in it.
  public func transaction<Value, Failure: Error>(
    _ mode: TransactionMode = .immediate, mapping: (SQLiteError) -> Failure, _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    do throws(SQLiteError) { try begin(mode) } catch { throw mapping(error) }
    let value: Value
    do throws(Failure) { value = try body() } catch {
      rollBack()
      throw error
    }
    do throws(SQLiteError) { try commit() } catch { throw mapping(error) }
    return value
  }

  /// Runs `body` so that its failure undoes only what it did, inside a transaction.
  ///
  /// `name` is a letter followed by letters, digits and underscores. Throws `.wrongTransactionState` outside one.
  public func savepoint<Value>(
    _ name: String, _ body: () throws(SQLiteError) -> Value
  ) throws(SQLiteError) -> Value {
    try savepoint(name, mapping: { $0 }, body)
  }

  /// The same for a `body` that throws another error; `mapping` wraps the errors of the savepoint itself in it.
  public func savepoint<Value, Failure: Error>(
    _ name: String, mapping: (SQLiteError) -> Failure, _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    do throws(SQLiteError) { try openSavepoint(name) } catch { throw mapping(error) }
    let value: Value
    do throws(Failure) { value = try body() } catch {
      do throws(SQLiteError) { try undoSavepoint(name) } catch { throw mapping(error) }
      throw error
    }
    do throws(SQLiteError) { try cached("RELEASE \(name)").run() } catch {
      // Without the release the outer transaction would commit what this one is about to report as failed.
      do throws(SQLiteError) { try undoSavepoint(name) } catch { throw mapping(error) }
      throw mapping(error)
    }
    return value
  }

  private func begin(_ mode: TransactionMode) throws(SQLiteError) {
    let pointer = try openPointer()
    var latched = handle.storageFault
    #if PlantedBugs
      if planted(.deviceFsyncRetried) { latched = nil }
    #endif
    if let fault = latched {
      throw SQLiteError(
        code: .storageFaultEarlier,
        message: "\(path) failed earlier and takes nothing more: \(fault.message) [\(fault.code)]; "
          + "close it, open it again and verify it",
        systemErrorNumber: fault.systemErrorNumber)
    }
    guard sqlite3_get_autocommit(pointer) != 0, !handle.isInTransaction else {
      throw SQLiteError(
        code: .wrongTransactionState, message: "a transaction is open already; use a savepoint inside it")
    }
    try cached(mode.sql).run()
    handle.isInTransaction = true
  }

  private func commit() throws(SQLiteError) {
    guard isInTransaction else {
      handle.isInTransaction = false
      throw SQLiteError(
        code: .abortRollback,
        message: "the transaction was rolled back by an error inside it that was caught; nothing of it was saved")
    }
    do throws(SQLiteError) {
      let statement = try cached("COMMIT")
      handle.isInTransaction = false
      try statement.run()
    } catch {
      rollBack()
      throw error
    }
  }

  /// Ends the transaction without its changes. SQLite may have done so already, for example on a full disk.
  private func rollBack() {
    handle.isInTransaction = false
    guard isInTransaction else { return }
    do throws(SQLiteError) { try cached("ROLLBACK").run() } catch {
      // A connection that can neither commit nor roll back is lost; the next BEGIN must say so.
      if handle.storageFault == nil { handle.storageFault = error }
    }
  }

  private func openSavepoint(_ name: String) throws(SQLiteError) {
    let characters = name.utf8
    let isWord = characters.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
    }
    guard let first = characters.first, isWord, !(0x30...0x39).contains(first) else {
      throw .misuse("a savepoint's name is a letter followed by letters, digits and underscores")
    }
    guard isInTransaction else {
      throw SQLiteError(code: .wrongTransactionState, message: "a savepoint needs a transaction around it")
    }
    try cached("SAVEPOINT \(name)").run()
  }

  private func undoSavepoint(_ name: String) throws(SQLiteError) {
    guard isInTransaction else { return }
    try cached("ROLLBACK TO \(name)").run()
    try cached("RELEASE \(name)").run()
  }
}

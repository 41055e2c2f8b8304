import Crypto
import ExamModel
import SQLite
import SyncProtocol

#if PlantedBugs
  import Planted
#endif

/// The tables and transactions of one candidate's device.
///
/// **Rule**: what a call returned is on the disk. Every save is one transaction (entry, current answer, chain head)
/// under WAL and `synchronous=FULL`, so it survives a power cut from the moment of the return (I1, I3).
///
/// **Rule**: after a storage fault nothing more is saved. Each further save throws
/// ``ExamStoreError/Code/storageFailed`` until ``reopen(at:)``, or a new store, has read and verified the file (I27).
///
/// Synchronous, without network, clock or tasks: time comes in as ``DeviceInstant``, randomness as a generator, the
/// disk as a VFS and ``StoreFiles``. One owner uses a store, from one thread at a time; an actor confines it.
public final class ExamStore {
  /// Of the database file. Beside it stand `<path>.lock`, `<path>.reserve`, `<path>-blobs`, SQLite's `-wal` files
  /// and, after a failure of the disk, `<path>.fault`, and after damage, `<path>.quarantined-…`.
  public let path: String
  /// What the last opening found.
  public private(set) var report: OpenReport

  let setup: StoreSetup
  var randomness: any RandomNumberGenerator
  var connection: Connection
  var device: DeviceIdentity?
  var memories: [ID128: AttemptMemory]
  var fault: ExamStoreError?
  var blobs: BlobTable?
  var cachedTerms: [ID128: AttemptTerms] = [:]
  private(set) var isReserveSpent = false
  private var lock: (any StoreLock)?

  /// Opens the store at `path` or makes it, verifies it whole, and appends an *open* entry to each live journal.
  ///
  /// A file that fails verification is renamed aside, never deleted; its journals are carried over into a new store as
  /// far as they can be read, and ``report`` says so.
  ///
  /// - Parameters:
  ///   - vfs: the name of a registered SQLite VFS; `nil` for the system's.
  ///   - files: must act on the same disk as the VFS.
  ///   - appVersion: the build, such as `3.4.2`, for the *open* entries.
  ///   - vault: wraps the device's secrets; `nil` leaves them as they are. A store that was made without one is wrapped
  ///     at this opening; one that was made with one opens with it only.
  ///   - randomness: of keys, journal ids and nonces; cryptographically secure in a real app.
  /// - Throws: ``ExamStoreError/Code/secretsLocked`` if the vault is missing or cannot be used;
  ///   ``ExamStoreError/Code/storeInUse`` if another process has the store;
  ///   ``ExamStoreError/Code/newerStore`` and ``ExamStoreError/Code/foreignStore`` for files that are left as they are;
  ///   ``ExamStoreError/Code/storageFailed`` if the disk does not work.
  public init(
    path: String, vfs: String? = nil, files: any StoreFiles = SystemFiles(), appVersion: String = "",
    vault: (any StoreVault)? = nil,
    randomness: any RandomNumberGenerator = SystemRandomNumberGenerator(), at instant: DeviceInstant
  ) throws(ExamStoreError) {
    setup = StoreSetup(path: path, vfs: vfs, files: files, appVersion: appVersion, vault: vault)
    self.path = path
    self.randomness = randomness
    let lock = try files.lock(setup.lockPath)
    self.lock = lock
    do throws(ExamStoreError) {
      let opened = try StoreOpening.open(setup, randomness: &self.randomness, at: instant)
      connection = opened.connection
      device = opened.contents.device
      memories = opened.contents.memories
      report = opened.report
    } catch {
      lock.release()
      throw error
    }
    do throws(ExamStoreError) {
      try wrapSecrets()
      try appendOpenings(at: instant)
      files.reserve(setup.reservePath, byteCount: StoreSetup.reserveBytes)
    } catch {
      close()
      throw error
    }
  }

  /// A store over a connection that nobody else knows yet: for salvage.
  init(
    building connection: Connection, contents: StoreContents, setup: StoreSetup, randomness: any RandomNumberGenerator
  ) {
    self.setup = setup
    self.path = setup.path
    self.randomness = randomness
    self.connection = connection
    device = contents.device
    memories = contents.memories
    report = OpenReport(isNew: true)
  }

  /// Closes the file and opens and verifies it again: the only way on after ``ExamStoreError/Code/storageFailed``.
  /// On failure the store stays closed, and a later call may succeed.
  @discardableResult
  public func reopen(at instant: DeviceInstant) throws(ExamStoreError) -> OpenReport {
    closeConnections()
    if lock == nil { lock = try setup.files.lock(setup.lockPath) }
    let opened = try StoreOpening.open(setup, randomness: &randomness, at: instant)
    connection = opened.connection
    device = opened.contents.device
    memories = opened.contents.memories
    report = opened.report
    cachedTerms = [:]
    cachedRowKey = nil
    fault = nil
    isReserveSpent = false
    try appendOpenings(at: instant)
    setup.files.reserve(setup.reservePath, byteCount: StoreSetup.reserveBytes)
    return opened.report
  }

  /// Closes the file and lets go of the lock. Every later save is refused as ``ExamStoreError/Code/closed``.
  public func close() {
    closeConnections()
    lock?.release()
    lock = nil
  }

  deinit {
    lock?.release()
  }

  /// The first failure of the storage since the last opening; `nil` while all is well.
  public var storageFailure: ExamStoreError? { fault }

  /// The reserve on the disk was given up to save the last answers: free some space now.
  public var isStorageLow: Bool { isReserveSpent }

  private func closeConnections() {
    blobs?.close()
    blobs = nil
    // After a failure the log stays as it is, and the next opening finds what it really holds: removed, it could come
    // back after a power cut, with a transaction that was called failed and was not there in between.
    if connection.storageFault != nil { connection.abandonLog() }
    // A failed close loses nothing: what was committed is in the file or in its WAL.
    try? connection.close()
    fault = ExamStoreError(.closed, "The store was closed. Open it again.")
  }

  // MARK: - Transactions

  func requireWritable() throws(ExamStoreError) {
    if let fault { throw fault }
  }

  /// Runs `body` in one transaction. On a full disk the reserve is given up and `body` runs once more, so it must not
  /// change anything but the database.
  func transact<Value>(_ body: () throws(SQLiteError) -> Value) throws(ExamStoreError) -> Value {
    try requireWritable()
    do throws(SQLiteError) { return try connection.transaction(.immediate, body) } catch {
      guard error.isDiskFull, giveUpReserve() else { throw failed(error) }
    }
    do throws(SQLiteError) { return try connection.transaction(.immediate, body) } catch { throw failed(error) }
  }

  /// The same for a `body` that reads, decides and may refuse; then everything is rolled back.
  func transactChecked<Value>(_ body: () throws(ExamStoreError) -> Value) throws(ExamStoreError) -> Value {
    try requireWritable()
    do throws(ExamStoreError) {
      return try connection.transaction(.immediate, mapping: ExamStoreError.running, body)
    } catch {
      throw note(error)
    }
  }

  func failed(_ error: SQLiteError) -> ExamStoreError {
    note(ExamStoreError.running(error))
  }

  /// Remembers the first error after which nothing may be acknowledged.
  private func note(_ error: ExamStoreError) -> ExamStoreError {
    #if PlantedBugs
      if planted(.deviceFsyncRetried) { return error }
    #endif
    guard let storageFault = connection.storageFault else {
      if error.code == .storageFailed, fault == nil { latch(error) }
      return error
    }
    let failure = ExamStoreError(
      .storageFailed, ExamStoreError.running(storageFault).message, underlying: storageFault)
    if fault == nil { latch(failure) }
    return failure
  }

  private func latch(_ failure: ExamStoreError) {
    fault = failure
    setup.noteFault()
  }

  private func giveUpReserve() -> Bool {
    guard connection.storageFault == nil, !isReserveSpent, setup.files.exists(setup.reservePath) else { return false }
    setup.files.remove(setup.reservePath)
    isReserveSpent = true
    return true
  }

  // MARK: - Parts

  var tables: AttemptTables { AttemptTables(connection: connection) }

  func journals() throws(ExamStoreError) -> JournalTable {
    JournalTable(connection: connection, key: try rowKey())
  }

  func memory(of attempt: ID128) throws(ExamStoreError) -> AttemptMemory {
    guard let memory = memories[attempt] else { throw .notJoined(attempt) }
    return memory
  }

  private var cachedRowKey: HMAC<SHA256>?

  /// Derived once for each opening.
  private func rowKey() throws(ExamStoreError) -> HMAC<SHA256> {
    if let cachedRowKey { return cachedRowKey }
    guard let device else { throw .noIdentity }
    let key = JournalTable.macKey(seed: device.signingKey.seed)
    cachedRowKey = key
    return key
  }
}

@available(*, unavailable, message: "one owner confines a store; see its documentation")
extension ExamStore: Sendable {}

import ExamModel
import SyncProtocol

#if PlantedBugs
  import Planted
#endif

/// What one transaction did so far; thrown away when it fails.
struct BatchWork {
  var changedScopes: Set<ID128> = []
  var journals: [JournalMemory] = []
  var attempts: [AttemptMemory] = []
  var waiting: [ID128: AttemptMemory] = [:]
  var root: RootStoreRow?
  var audit: AuditRow?
  var sessionChanges: [ID128: SessionEntry?] = [:]
  /// Something beside attempts and scopes changed in memory.
  var touchedGlobals = false
  var operatorsChanged = false
  var wrote = false
  /// Instants that were taken off the list of deadlines.
  var dueTaken: [DueList.Entry] = []
  var extendedAttempts = 0
  var proofs: [TimeProofRow] = []
  var counters = ServerCounters()
}

/// Counts since the start.
struct ServerCounters {
  var entries: UInt64 = 0
  var pushes: UInt64 = 0
  /// Pushes that were judged as a whole.
  var plainPushes: UInt64 = 0
  var duplicates: UInt64 = 0
  var kept: UInt64 = 0
  var diverged: UInt64 = 0
  var commits: UInt64 = 0
  var failedCommits: UInt64 = 0
  var clockSteps: UInt64 = 0

  mutating func add(_ other: ServerCounters) {
    entries += other.entries
    pushes += other.pushes
    plainPushes += other.plainPushes
    duplicates += other.duplicates
    kept += other.kept
    diverged += other.diverged
    clockSteps += other.clockSteps
  }
}

extension ServerCore {
  func touch(_ memory: AttemptMemory) {
    guard !memory.isTouched else { return }
    memory.isTouched = true
    work.attempts.append(memory)
  }

  func put(_ body: [UInt8], scope: ID128, _ collection: String, _ key: String) throws {
    if try scopes.put(body, scope: scope, collection: collection, key: key, store) {
      work.changedScopes.insert(scope)
    }
  }

  /// Leaves a tombstone, if there is a live record.
  func delete(scope: ID128, _ collection: String, _ key: String) throws {
    if try scopes.delete(scope: scope, collection: collection, key: key, store) {
      work.changedScopes.insert(scope)
    }
  }

  /// Everything that is written once at the end of a transaction.
  func flush() throws {
    for journal in work.journals.sorted(by: { $0.row.number < $1.row.number }) {
      try store.update(journal: journal.row)
    }
    for proof in work.proofs { try store.insert(timeProof: proof) }
    for memory in work.attempts where memory.isRowDirty { try store.save(attempt: memory.row) }
    try scopes.flush(store)
    if time - savedTime >= Self.timeSavedEveryMilliseconds {
      var bytes: [UInt8] = []
      bytes.appendBigEndian(time)
      try store.setValue(bytes, for: .serverTime)
    }
  }

  static let timeSavedEveryMilliseconds: Int64 = 1_000

  func committed() {
    if time - savedTime >= Self.timeSavedEveryMilliseconds { savedTime = time }
    for journal in work.journals { journal.isDirty = false }
    for memory in work.attempts {
      memory.isTouched = false
      memory.isRowDirty = false
    }
    scopes.committed()
    if let root = work.root { newestRoot = root }
    if let audit = work.audit { newestAudit = audit }
    if !work.sessionChanges.isEmpty { sessions.apply(work.sessionChanges) }
    counters.add(work.counters)
    counters.commits += 1
    work = BatchWork()
  }

  /// Forgets what a failed transaction did in memory.
  func rolledBack() {
    let failed = work
    work = BatchWork()
    counters.failedCommits += 1
    #if PlantedBugs
      if planted(.rollbackKeepsMemory) { return }
    #endif
    for memory in failed.attempts { cache.drop(memory) }
    for journal in failed.journals { cache.drop(journal.attempt) }
    for due in failed.dueTaken { deadlines.lower(due.id, to: due.at) }
    scopes.rolledBack()
    deltaPages.removeAll()
    if failed.touchedGlobals {
      // A store that cannot even be read answers every call with its error until it is opened again.
      try? loadGlobals()
    }
  }
}

import ExamModel
import SyncProtocol

#if PlantedBugs
  import Planted
#endif

/// A scope in memory: its row and its epochs.
struct ScopeMemory {
  var row: ScopeRow
  var epochs: [ScopeEpochRow]
}

/// Writes records and hands out their versions. Everything happens inside the batch's transaction; rows of scopes are
/// written once, at its end.
struct ScopeBook {
  private(set) var scopes: [ID128: ScopeMemory] = [:]
  private(set) var dirty: Set<ID128> = []
  /// Every opening of the store, by the epoch's value.
  var epochOrdinals: [UInt64: Int64] = [:]
  var currentOrdinal: Int64 = 0
  #if PlantedBugs
    /// Has its version, and is not in the store yet.
    private var commitsLate: [ID128: Record] = [:]
  #endif
  private static let scopesInMemory = 50_000

  mutating func scope(_ id: ID128, _ store: any ServerStore) throws -> ScopeMemory {
    if let found = scopes[id] { return found }
    let row =
      try store.scope(id) ?? ScopeRow(id: id, version: 0, count: 0, digest: .empty, horizon: 0)
    let found = ScopeMemory(row: row, epochs: try store.scopeEpochs(of: id))
    scopes[id] = found
    return found
  }

  /// Writes a record's new body with the scope's next version; the same body again changes nothing.
  ///
  /// - Returns: whether anything changed.
  @discardableResult
  mutating func put(
    _ body: [UInt8], scope id: ID128, collection: String, key: String, _ store: any ServerStore
  ) throws -> Bool {
    guard body.count <= Limits.recordBytes else {
      throw Problem(.tooLarge, "A record has at most \(Limits.recordBytes) bytes. Make the text shorter.")
    }
    let old = try store.record(scope: id, collection: collection, key: key)
    if let old, !old.isDeleted, old.body == body { return false }
    try replace(
      old, with: Record(collection: collection, key: key, version: 0, body: body), scope: id, store)
    return true
  }

  /// Leaves a tombstone, if there is a live record.
  ///
  /// - Returns: whether anything changed.
  @discardableResult
  mutating func delete(scope id: ID128, collection: String, key: String, _ store: any ServerStore) throws -> Bool {
    guard let old = try store.record(scope: id, collection: collection, key: key), !old.isDeleted else { return false }
    try replace(
      old, with: Record(collection: collection, key: key, version: 0, body: [], isDeleted: true), scope: id, store)
    return true
  }

  /// Removes the tombstones up to a version; cursors below it start anew.
  mutating func purge(scope id: ID128, through version: UInt64, _ store: any ServerStore) throws {
    var memory = try scope(id, store)
    try store.purgeTombstones(scope: id, through: version)
    memory.row.horizon = max(memory.row.horizon, min(version, memory.row.version))
    scopes[id] = memory
    dirty.insert(id)
  }

  private mutating func replace(
    _ old: Record?, with new: Record, scope id: ID128, _ store: any ServerStore
  ) throws {
    var memory = try scope(id, store)
    var record = new
    record.version = memory.row.version + 1
    if memory.epochs.last?.epochOrdinal != currentOrdinal {
      let began = ScopeEpochRow(epochOrdinal: currentOrdinal, firstVersion: record.version)
      try store.insert(scopeEpoch: began, of: id)
      memory.epochs.append(began)
    }
    var isCounted = true
    #if PlantedBugs
      if planted(.tombstoneNotCounted), record.isDeleted { isCounted = false }
    #endif
    if let old, !old.isDeleted, isCounted {
      memory.row.digest.remove(old)
      memory.row.count -= 1
    }
    if !record.isDeleted {
      memory.row.digest.add(record)
      memory.row.count += 1
    }
    memory.row.version = record.version
    #if PlantedBugs
      if planted(.versionOutsideLock) {
        if let late = commitsLate.removeValue(forKey: id) { try store.save(record: late, scope: id) }
        if record.version.isMultiple(of: 3) {
          commitsLate[id] = record
          scopes[id] = memory
          dirty.insert(id)
          return
        }
      }
    #endif
    try store.save(record: record, scope: id)
    scopes[id] = memory
    dirty.insert(id)
  }

  /// The last version that an epoch gave in a scope; `nil` for an epoch that this store never had.
  func lastVersion(of epoch: UInt64, in scope: ScopeMemory) -> UInt64? {
    guard let ordinal = epochOrdinals[epoch] else { return nil }
    guard let next = scope.epochs.first(where: { $0.epochOrdinal > ordinal }) else { return scope.row.version }
    return next.firstVersion - 1
  }

  mutating func flush(_ store: any ServerStore) throws {
    // In the order of ids: the same batch makes the same file.
    for id in dirty.sorted() {
      if let memory = scopes[id] { try store.save(scope: memory.row) }
    }
  }

  mutating func committed() {
    dirty.removeAll(keepingCapacity: true)
    if scopes.count > Self.scopesInMemory { scopes.removeAll() }
  }

  mutating func rolledBack() {
    for id in dirty { scopes[id] = nil }
    dirty.removeAll()
  }
}

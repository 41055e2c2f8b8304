public import ExamModel
import SQLite
public import SyncProtocol
import SyncWire

#if PlantedBugs
  import Planted
#endif

/// What became of a page of a delta.
public enum DeltaOutcome: Hashable, Sendable {
  /// Kept beside the scope until its checkpoint comes; ask again with this cursor.
  case staged(ScopeCursor)
  /// The scope is now what it was on the server at the checkpoint.
  case applied(ScopeCursor, collections: Set<String>)
  /// It starts from another cursor than the stored one, such as an answer to an older question. Nothing was changed.
  case dropped(ScopeCursor)
  /// Count or digest do not fit. Everything staged was thrown away, the old records serve on. Ask for a reset with
  /// ``ExamStore/requestReset(of:)``, at most once per `Limits.digestRepairIntervalMilliseconds`.
  case mismatched(ScopeCursor)
}

extension ExamStore {
  /// Every scope's cursor, for the next request; `scopes` that are not held yet begin at the start.
  public func cursors(of scopes: [ID128]) throws(ExamStoreError) -> [ScopeCursor] {
    let table = ScopeTable(connection: connection)
    var cursors: [ScopeCursor] = []
    for scope in scopes { cursors.append(Self.cursor(try table.row(scope) ?? ScopeRow(id: scope))) }
    return cursors
  }

  /// The scopes that this device holds.
  public var heldScopes: [ID128] {
    get throws(ExamStoreError) { try ScopeTable(connection: connection).rows().map(\.id) }
  }

  /// Count and digest of a scope at its cursor; `nil` if it is not held, or is waiting for a reset.
  public func checkpoint(of scope: ID128) throws(ExamStoreError) -> Checkpoint? {
    guard let row = try ScopeTable(connection: connection).row(scope), row.cursor != .start else { return nil }
    return Checkpoint(count: row.count, digest: row.digest)
  }

  /// Takes one page of a delta: stages it, or, at the checkpoint, applies everything staged with it: records **and**
  /// cursor in one transaction, verified against count and digest.
  ///
  /// A delta that resets, or that begins at the start, replaces the scope. Journals are never touched.
  public func store(_ delta: Delta) throws(ExamStoreError) -> DeltaOutcome {
    try Self.validate(delta)
    let table = ScopeTable(connection: connection)
    let row = try table.row(delta.scope) ?? ScopeRow(id: delta.scope)
    guard delta.from == row.cursor else { return .dropped(Self.cursor(row)) }
    guard let checkpoint = delta.checkpoint else { return try stage(delta, row, table) }
    #if PlantedBugs
      if planted(.cursorSavedBeforeRecords) {
        var early = row
        early.cursor = delta.to
        early.count = checkpoint.count
        early.digest = checkpoint.digest
        let written = early
        try transact { () throws(SQLiteError) in try table.write(written) }
      }
    #endif
    do throws(ExamStoreError) {
      let applied = try transactChecked { () throws(ExamStoreError) in
        try apply(delta, checkpoint, row, table)
      }
      if Self.changesTerms(applied, of: delta, row) {
        cachedTerms = [:]
        refreshVoids()
      }
      return applied
    } catch {
      guard error.code == Self.digestDiffers else { throw error }
      var cleared = row
      cleared.staged = 0
      cleared.stagedIsReset = false
      try transact { () throws(SQLiteError) in
        try table.clearStaging(of: delta.scope)
        try table.write(cleared)
      }
      return .mismatched(Self.cursor(cleared))
    }
  }

  /// Forgets a scope's cursor so that the server sends it anew. The records serve on until that delta's checkpoint.
  @discardableResult
  public func requestReset(of scope: ID128) throws(ExamStoreError) -> ScopeCursor {
    let table = ScopeTable(connection: connection)
    let row = ScopeRow(id: scope)
    try transact { () throws(SQLiteError) in
      try table.clearStaging(of: scope)
      try table.write(row)
    }
    return Self.cursor(row)
  }

  /// What ``terms(_:)`` is made of.
  private static let collectionsOfTerms: Set<String> = [
    ScopeCollection.attempt, ScopeCollection.exam, ScopeCollection.grant, ScopeCollection.void,
    ScopeCollection.unlock, ScopeCollection.reopen,
  ]

  /// Whether the terms have to be read anew. A scope that was replaced may lack what no record of the delta names.
  private static func changesTerms(_ outcome: DeltaOutcome, of delta: Delta, _ row: ScopeRow) -> Bool {
    guard case .applied(_, let collections) = outcome, !delta.isReset, delta.from != .start, !row.stagedIsReset else {
      return true
    }
    return !collections.isDisjoint(with: collectionsOfTerms)
  }

  private static let digestDiffers = ExamStoreError.Code(rawValue: "digest-differs")

  private static func cursor(_ row: ScopeRow) -> ScopeCursor {
    ScopeCursor(scope: row.id, cursor: row.cursor, staged: row.staged)
  }

  private static func validate(_ delta: Delta) throws(ExamStoreError) {
    for record in delta.records {
      guard (1...Limits.collectionBytes).contains(record.collection.utf8.count),
        (1...Limits.keyBytes).contains(record.key.utf8.count), record.body.count <= Limits.recordBytes,
        !record.collection.utf8.contains(0), !record.key.utf8.contains(0)
      else {
        throw .badArgument("A record of scope \(delta.scope) is over the protocol's limits. The delta was not taken.")
      }
    }
  }

  /// Whether a page goes on with what is staged. A reset that starts again from below replaces it.
  private func continues(_ delta: Delta, _ row: ScopeRow) -> Bool {
    guard row.staged > 0 else { return false }
    if delta.isReset, !row.stagedIsReset { return false }
    return delta.records.first.map { $0.version > row.staged } ?? true
  }

  private func stage(_ delta: Delta, _ row: ScopeRow, _ table: ScopeTable) throws(ExamStoreError) -> DeltaOutcome {
    var next = row
    let goesOn = continues(delta, row)
    next.stagedIsReset = delta.isReset || (goesOn && row.stagedIsReset)
    next.staged = delta.to.version
    let kept = next
    try transact { () throws(SQLiteError) in
      if !goesOn { try table.clearStaging(of: delta.scope) }
      for record in delta.records { try table.stage(record, in: delta.scope) }
      try table.write(kept)
    }
    return .staged(Self.cursor(kept))
  }

  private func apply(
    _ delta: Delta, _ checkpoint: Checkpoint, _ row: ScopeRow, _ table: ScopeTable
  ) throws(ExamStoreError) -> DeltaOutcome {
    let goesOn = continues(delta, row)
    let replaces = delta.isReset || delta.from == .start || (goesOn && row.stagedIsReset)
    var next = ScopeRow(id: row.id, cursor: delta.to)
    if !replaces {
      next.count = row.count
      next.digest = row.digest
    }
    var latest: [RecordPlace: Record] = [:]
    for record in goesOn ? try table.staged(delta.scope) : [] { latest[RecordPlace(record)] = record }
    for record in delta.records { latest[RecordPlace(record)] = record }
    var deletes = replaces
    #if PlantedBugs
      if planted(.resetKeepsOldRecords) { deletes = false }
    #endif
    if deletes { try writing { () throws(SQLiteError) in try table.deleteRecords(of: delta.scope) } }
    // In the order of versions: the same delta makes the same file.
    for record in latest.values.sorted(by: { $0.version < $1.version }) {
      if !replaces, let old = try table.record(delta.scope, record.collection, record.key) {
        next.digest.remove(old)
        next.count = next.count > 0 ? next.count - 1 : 0
      }
      if !record.isDeleted {
        next.digest.add(record)
        next.count += 1
      }
      try writing { () throws(SQLiteError) in
        if record.isDeleted {
          if !replaces { try table.delete(record, in: delta.scope) }
        } else {
          try table.put(record, in: delta.scope)
        }
      }
    }
    guard next.count == checkpoint.count, next.digest == checkpoint.digest else {
      throw ExamStoreError(Self.digestDiffers, "The scope's digest does not fit.")
    }
    let written = next
    try writing { () throws(SQLiteError) in
      try table.clearStaging(of: delta.scope)
      try table.write(written)
    }
    try keepVoids(latest.values.filter { $0.collection == ScopeCollection.void && !$0.isDeleted })
    return .applied(Self.cursor(next), collections: Set(latest.keys.map(\.collection)))
  }

  private struct RecordPlace: Hashable {
    var collection: String
    var key: String

    init(_ record: Record) {
      collection = record.collection
      key = record.key
    }
  }

  private func writing(_ body: () throws(SQLiteError) -> Void) throws(ExamStoreError) {
    do throws(SQLiteError) { try body() } catch { throw .running(error) }
  }

  /// Voids only grow (I17): one that was seen stays, even if a later delta lacks it.
  private func keepVoids(_ records: [Record]) throws(ExamStoreError) {
    for record in records {
      guard let void = try? NumberedRecord(wire: record.body), memories[void.attempt] != nil else { continue }
      try writing { () throws(SQLiteError) in try tables.insertVoid(void.number, attempt: void.attempt) }
    }
  }

  private func refreshVoids() {
    for memory in memories.values {
      guard let voids = try? terms(memory.attempt).voids, !voids.isSubset(of: memory.voids) else { continue }
      memory.voids.formUnion(voids)
      memory.fold.void(voids)
    }
  }
}

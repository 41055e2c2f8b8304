public import ExamModel
import SQLite
public import ServerCore
public import SyncProtocol

extension SQLiteServerStore: ServerStore {
  public func transaction(_ body: () throws -> Void) throws {
    do {
      try connection.transaction(.immediate, mapping: { StoreError($0) as any Error }, body)
    } catch let error as SQLiteError {
      throw StoreError(error)
    }
  }

  public func value(_ name: StoreValue) throws -> [UInt8]? {
    try first("SELECT bytes FROM store_values WHERE name = ?", { try $0.bind(name.rawValue, at: 1) }) { $0.blob(at: 0) }
  }

  public func setValue(_ bytes: [UInt8], for name: StoreValue) throws {
    try run("INSERT INTO store_values VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET bytes = excluded.bytes") {
      try $0.bind(name.rawValue, at: 1)
      try $0.bind(bytes, at: 2)
    }
  }

  public func epochs() throws -> [EpochRow] {
    try all("SELECT ordinal, epoch, opened_at FROM epochs ORDER BY ordinal") {
      EpochRow(ordinal: $0.int64(at: 0), epoch: $0.uint64(bitPatternAt: 1), openedAt: $0.int64(at: 2))
    }
  }

  public func insert(epoch: EpochRow) throws {
    try run("INSERT INTO epochs VALUES(?, ?, ?)") {
      try $0.bind(epoch.ordinal, at: 1)
      try $0.bind(bitPattern: epoch.epoch, at: 2)
      try $0.bind(epoch.openedAt, at: 3)
    }
  }

  public func scope(_ id: ID128) throws -> ScopeRow? {
    try first("SELECT version, count, digest, horizon FROM scopes WHERE id = ?", { try $0.bind(id, at: 1) }) {
      ScopeRow(
        id: id, version: $0.uint64(bitPatternAt: 0), count: $0.uint64(bitPatternAt: 1),
        digest: ScopeDigest(sum: try $0.digest(at: 2)), horizon: $0.uint64(bitPatternAt: 3))
    }
  }

  public func save(scope: ScopeRow) throws {
    try run(
      """
      INSERT INTO scopes VALUES(?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET version = excluded.version,
      count = excluded.count, digest = excluded.digest, horizon = excluded.horizon
      """
    ) {
      try $0.bind(scope.id, at: 1)
      try $0.bind(bitPattern: scope.version, at: 2)
      try $0.bind(bitPattern: scope.count, at: 3)
      try $0.bind(scope.digest.sum, at: 4)
      try $0.bind(bitPattern: scope.horizon, at: 5)
    }
  }

  public func scopeEpochs(of scope: ID128) throws -> [ScopeEpochRow] {
    try all(
      "SELECT epoch_ordinal, first_version FROM scope_epochs WHERE scope = ? ORDER BY epoch_ordinal",
      { try $0.bind(scope, at: 1) }
    ) { ScopeEpochRow(epochOrdinal: $0.int64(at: 0), firstVersion: $0.uint64(bitPatternAt: 1)) }
  }

  public func insert(scopeEpoch: ScopeEpochRow, of scope: ID128) throws {
    try run("INSERT INTO scope_epochs VALUES(?, ?, ?)") {
      try $0.bind(scope, at: 1)
      try $0.bind(scopeEpoch.epochOrdinal, at: 2)
      try $0.bind(bitPattern: scopeEpoch.firstVersion, at: 3)
    }
  }

  public func record(scope: ID128, collection: String, key: String) throws -> Record? {
    try first(
      "SELECT version, deleted, body FROM records WHERE scope = ? AND collection = ? AND key = ?",
      {
        try $0.bind(scope, at: 1)
        try $0.bind(collection, at: 2)
        try $0.bind(key, at: 3)
      }
    ) {
      Record(
        collection: collection, key: key, version: $0.uint64(bitPatternAt: 0), body: $0.blob(at: 2),
        isDeleted: $0.bool(at: 1))
    }
  }

  public func save(record: Record, scope: ID128) throws {
    try run(
      """
      INSERT INTO records(scope, collection, key, version, deleted, body) VALUES(?, ?, ?, ?, ?, ?)
      ON CONFLICT(scope, collection, key) DO UPDATE SET version = excluded.version, deleted = excluded.deleted,
      body = excluded.body
      """
    ) {
      try $0.bind(scope, at: 1)
      try $0.bind(record.collection, at: 2)
      try $0.bind(record.key, at: 3)
      try $0.bind(bitPattern: record.version, at: 4)
      try $0.bind(record.isDeleted, at: 5)
      try $0.bind(record.body, at: 6)
    }
  }

  public func records(scope: ID128, above version: UInt64, visit: (Record) -> Bool) throws {
    try each(
      """
      SELECT collection, key, version, deleted, body FROM records WHERE scope = ? AND version > ? ORDER BY version
      """,
      {
        try $0.bind(scope, at: 1)
        try $0.bind(Int64(clamping: version), at: 2)
      }
    ) {
      visit(
        Record(
          collection: $0.text(at: 0), key: $0.text(at: 1), version: $0.uint64(bitPatternAt: 2), body: $0.blob(at: 4),
          isDeleted: $0.bool(at: 3)))
    }
  }

  public func records(scope: ID128, collection: String) throws -> [Record] {
    try all(
      "SELECT key, version, body FROM records WHERE scope = ? AND collection = ? AND deleted = 0 ORDER BY key",
      {
        try $0.bind(scope, at: 1)
        try $0.bind(collection, at: 2)
      }
    ) {
      Record(collection: collection, key: $0.text(at: 0), version: $0.uint64(bitPatternAt: 1), body: $0.blob(at: 2))
    }
  }

  public func purgeTombstones(scope: ID128, through version: UInt64) throws {
    try run("DELETE FROM records WHERE scope = ? AND version <= ? AND deleted = 1") {
      try $0.bind(scope, at: 1)
      try $0.bind(Int64(clamping: version), at: 2)
    }
  }
}

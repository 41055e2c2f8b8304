/// One step of a schema: SQL that takes a file from the version before it to `version`.
///
/// A published migration never changes; a new one is added. Avoid `ALTER TABLE … RENAME`: the text it leaves in
/// `sqlite_master`, which is compared at open, differs between versions of SQLite.
public struct SchemaMigration: Sendable {
  /// From 1, ascending; kept in the file as `PRAGMA user_version`.
  public let version: Int32
  /// What it brings, for error messages.
  public let name: String
  /// Statements without BEGIN, COMMIT and pragmas; they run in one transaction.
  public let sql: String

  public init(version: Int32, name: String, sql: String) {
    self.version = version
    self.name = name
    self.sql = sql
  }
}

/// Which file this is, and every step that led to its present form.
public struct Schema: Sendable {
  /// Kept in the file as `PRAGMA application_id` (sqlite.org/pragma.html#pragma_application_id); not zero.
  public let applicationID: Int32
  public let migrations: [SchemaMigration]

  public init(applicationID: Int32, migrations: [SchemaMigration]) {
    self.applicationID = applicationID
    self.migrations = migrations
  }

  /// The version after the last migration; 0 without any.
  public var newestVersion: Int32 { migrations.last?.version ?? 0 }

  func validate() throws(SQLiteError) {
    guard applicationID != 0 else { throw .misuse("a schema needs an application id other than zero") }
    var previous: Int32 = 0
    for migration in migrations {
      guard migration.version > previous else {
        throw .misuse("migration \(migration.version) (\(migration.name)) must have a version above \(previous)")
      }
      previous = migration.version
    }
    guard previous > 0 else { throw .misuse("a schema needs at least one migration") }
  }

  /// The objects of a file at `version`, found by running the migrations in memory, once in a process for each schema.
  func objects(at version: Int32, limits: ConnectionLimits) throws(SQLiteError) -> Set<SchemaObject> {
    let steps = migrations.filter { $0.version <= version }.map(\.sql)
    if let known = SchemaShelf.objects(of: steps) { return known }
    var options = ConnectionOptions()
    options.journalMode = .memory
    options.lockingMode = .normal
    options.limits = limits
    let memory = try Connection(path: ":memory:", options: options)
    for step in steps { try memory.execute(step) }
    let objects = Set(try memory.schemaObjects())
    SchemaShelf.keep(objects, of: steps)
    return objects
  }
}

/// What a migration run did: equal versions if there was nothing to do, 0 as the first for a new file.
public struct MigrationOutcome: Hashable, Sendable {
  public let versionBefore: Int32
  public let versionNow: Int32

  public init(versionBefore: Int32, versionNow: Int32) {
    self.versionBefore = versionBefore
    self.versionNow = versionNow
  }
}

/// A row of `sqlite_master`, without the page number.
struct SchemaObject: Hashable {
  let type: String
  let name: String
  let table: String
  let sql: String

  var label: String { "\(type) \(name)" }
}

import CSQLite

#if PlantedBugs
  import Planted
#endif

extension Connection {
  /// Makes the file's schema the newest one: a new file gets every migration, an older one those it lacks, each in a
  /// transaction of its own, so that a stop in between leaves a valid older version.
  ///
  /// Before anything is changed, throws `.foreignFile` for another program's file, `.newerSchema` for a file of a
  /// newer program, `.editedSchema` naming the objects if tables, indexes, triggers or views are not exactly those of
  /// the migrations, and `.readOnly` if migrations are due on a read-only connection.
  @discardableResult
  public func migrate(to schema: Schema) throws(SQLiteError) -> MigrationOutcome {
    let before = try identify(as: schema)
    try verifyObjects(of: schema, at: before)
    let due = schema.migrations.filter { $0.version > before }
    guard due.isEmpty || !options.isReadOnly else {
      throw SQLiteError(
        code: .readOnly,
        message: "\(path) has schema version \(before) and needs \(schema.newestVersion); open it for writing once")
    }
    for migration in due { try apply(migration, of: schema) }
    if !due.isEmpty { try verifyObjects(of: schema, at: schema.newestVersion) }
    return MigrationOutcome(versionBefore: before, versionNow: schema.newestVersion)
  }

  /// Checks what ``migrate(to:)`` checks, and that nothing is left to migrate. Changes nothing.
  public func verify(_ schema: Schema) throws(SQLiteError) {
    let version = try identify(as: schema)
    try verifyObjects(of: schema, at: version)
    guard version == schema.newestVersion else {
      throw SQLiteError(
        code: .editedSchema,
        message: "\(path) has schema version \(version), not \(schema.newestVersion); it has to be migrated first")
    }
  }

  /// `PRAGMA application_id`.
  public func applicationID() throws(SQLiteError) -> Int32 {
    Int32(truncatingIfNeeded: try integer("PRAGMA application_id"))
  }

  /// `PRAGMA user_version`, the version of the last migration.
  public func schemaVersion() throws(SQLiteError) -> Int32 {
    Int32(truncatingIfNeeded: try integer("PRAGMA user_version"))
  }

  func schemaObjects() throws(SQLiteError) -> [SchemaObject] {
    var objects: [SchemaObject] = []
    let statement = try prepare("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")
    try statement.forEachRow { (row) throws(SQLiteError) in
      objects.append(
        SchemaObject(type: row.text(at: 0), name: row.text(at: 1), table: row.text(at: 2), sql: row.text(at: 3)))
    }
    return objects
  }

  /// The file's schema version, once it is known to be a file of `schema`; 0 for an empty file.
  private func identify(as schema: Schema) throws(SQLiteError) -> Int32 {
    try schema.validate()
    let application = try applicationID()
    let version = try schemaVersion()
    if application == 0, version == 0, try integer("SELECT count(*) FROM sqlite_master") == 0 { return 0 }
    guard application == schema.applicationID else {
      throw SQLiteError(
        code: .foreignFile,
        message: "\(path) belongs to another program (application id \(application), not \(schema.applicationID)); "
          + "choose another file")
    }
    guard version <= schema.newestVersion else {
      throw SQLiteError(
        code: .newerSchema,
        message: "\(path) was written by a newer program (schema version \(version), this program knows up to "
          + "\(schema.newestVersion)); update this program")
    }
    guard schema.migrations.contains(where: { $0.version == version }) else {
      throw edited("it has schema version \(version), which never existed")
    }
    return version
  }

  private func verifyObjects(of schema: Schema, at version: Int32) throws(SQLiteError) {
    let expected = version == 0 ? [] : try schema.objects(at: version, limits: options.limits)
    let list = try schemaObjects()
    let found = Set(list)
    guard found != expected || list.count != expected.count else { return }
    let expectedLabels = Set(expected.map(\.label))
    let foundLabels = Set(list.map(\.label))
    var differences = foundLabels.subtracting(expectedLabels).sorted().map { "unknown \($0)" }
    differences += expectedLabels.subtracting(foundLabels).sorted().map { "missing \($0)" }
    let changed = Set(found.subtracting(expected).map(\.label)).intersection(expectedLabels)
    differences += changed.sorted().map { "changed \($0)" }
    throw edited(differences.isEmpty ? "an object is listed twice" : differences.joined(separator: ", "))
  }

  private func apply(_ migration: SchemaMigration, of schema: Schema) throws(SQLiteError) {
    #if PlantedBugs
      if planted(.updateNamedBeforeMade), migration.version > 1 {
        try execute("PRAGMA user_version = \(migration.version)")
      }
    #endif
    do throws(SQLiteError) {
      try transaction(.immediate) { () throws(SQLiteError) in
        try execute(migration.sql)
        try execute("PRAGMA application_id = \(schema.applicationID)")
        try execute("PRAGMA user_version = \(migration.version)")
        try refuseBrokenReferences()
      }
    } catch {
      throw SQLiteError(
        code: error.code,
        message: "migration \(migration.version) (\(migration.name)) of \(path) failed and changed nothing: "
          + error.message,
        sql: error.sql, systemErrorNumber: error.systemErrorNumber)
    }
  }

  private func refuseBrokenReferences() throws(SQLiteError) {
    let table = try prepare("PRAGMA foreign_key_check").firstRow { (row) throws(SQLiteError) in row.text(at: 0) }
    guard let table else { return }
    throw SQLiteError(
      code: .constraintForeignKey, message: "a row of table \(table) refers to a row that does not exist")
  }

  private func edited(_ difference: String) -> SQLiteError {
    SQLiteError(
      code: .editedSchema,
      message: "\(path) was changed by somebody else: \(difference); restore a backup")
  }
}

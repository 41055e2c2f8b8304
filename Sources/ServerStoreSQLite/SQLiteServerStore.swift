import ExamModel
public import SQLite
import ServerCore
import SyncProtocol

#if PlantedBugs
  import Planted
#endif

/// The server's embedded store: one SQLite file in the ``ConnectionOptions/durable`` form.
///
/// **Rule**: one owner, one thread, as for every connection.
public final class SQLiteServerStore {
  /// For maintenance: backups, checkpoints, counters.
  public let connection: Connection
  var insertSegment: Statement?
  var updateJournal: Statement?

  /// Opens the file, or makes it: every setting is read back, every page checked, the schema verified and migrated.
  ///
  /// - Parameters:
  ///   - maximumPages: pages that the file may have; `nil` for no limit of its own.
  ///   - renewLog: ``RenewedLog``, or what does the same on another disk.
  public init(
    path: String, options: ConnectionOptions = .durable, maximumPages: Int? = nil,
    renewLog: (String) throws -> Void = RenewedLog.renew
  ) throws {
    try renewLog(path + "-wal")
    do {
      #if PlantedBugs
        var options = options
        if planted(.serverSynchronousNormal) { options.synchronous = .normal }
      #endif
      connection = try Connection(path: path, options: options)
      let problems = try connection.quickCheck()
      guard problems.isEmpty else {
        throw StoreError(
          .fault, "\(path) is damaged (\(problems[0])); keep a copy of it and restore the newest backup")
      }
      try connection.migrate(to: ServerSchema.schema)
      try connection.settleLog()
      if let maximumPages { try connection.execute("PRAGMA max_page_count = \(maximumPages)") }
      insertSegment = try connection.prepare(
        """
        INSERT INTO segments(id, previous, journal, first, count, lease, received_at, head_before, head_after, bytes)
        VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
      updateJournal = try connection.prepare(
        """
        UPDATE journals SET sequence = ?, head = ?, last_segment = ?, superseded = ?, kept = ?, contact_at = ?
        WHERE number = ?
        """)
    } catch let error as SQLiteError {
      throw StoreError(error)
    }
  }

  /// Folds the WAL into the file and closes it.
  public func close() throws {
    insertSegment = nil
    updateJournal = nil
    do { try connection.close() } catch { throw StoreError(error) }
  }

  // MARK: Plumbing

  func run(_ sql: String, _ bind: (Statement) throws -> Void) throws {
    try guarded {
      let statement = try connection.cached(sql)
      defer { statement.clearBindings() }
      try bind(statement)
      try statement.run()
    }
  }

  func each(_ sql: String, _ bind: (Statement) throws -> Void, _ visit: (Statement) throws -> Bool) throws {
    try guarded {
      let statement = try connection.cached(sql)
      defer {
        statement.reset()
        statement.clearBindings()
      }
      try bind(statement)
      while try statement.step() {
        guard try visit(statement) else { return }
      }
    }
  }

  func all<Row>(
    _ sql: String, _ bind: (Statement) throws -> Void = { _ in }, _ read: (Statement) throws -> Row
  ) throws -> [Row] {
    var rows: [Row] = []
    try each(sql, bind) { statement in
      rows.append(try read(statement))
      return true
    }
    return rows
  }

  func first<Row>(
    _ sql: String, _ bind: (Statement) throws -> Void = { _ in }, _ read: (Statement) throws -> Row
  ) throws -> Row? {
    var row: Row?
    try each(sql, bind) { statement in
      row = try read(statement)
      return false
    }
    return row
  }

  func guarded<Value>(_ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as SQLiteError {
      throw StoreError(error)
    }
  }
}

extension StoreError {
  init(_ error: SQLiteError) {
    let kind: Kind = error.isDiskFull ? .full : error.isStorageFault ? .fault : .failed
    self.init(kind, error.description)
  }
}

/// The project's values in columns. A blob of a wrong length means a damaged or edited file.
extension Statement {
  func bind(_ id: ID128, at index: Int) throws {
    var words = (id.high.bigEndian, id.low.bigEndian)
    try withUnsafeBytes(of: &words) { try bind($0.bytes, at: index) }
  }

  func bind(_ digest: Digest256, at index: Int) throws {
    var words = (
      digest.words[0].bigEndian, digest.words[1].bigEndian, digest.words[2].bigEndian, digest.words[3].bigEndian
    )
    try withUnsafeBytes(of: &words) { try bind($0.bytes, at: index) }
  }

  func id(at index: Int) throws -> ID128 {
    guard let id = withBlob(at: index, { ID128($0) }) else { throw damaged(index) }
    return id
  }

  func digest(at index: Int) throws -> Digest256 {
    guard let digest = withBlob(at: index, { Digest256($0) }) else { throw damaged(index) }
    return digest
  }

  func damaged(_ index: Int) -> StoreError {
    StoreError(.fault, "column \(columnName(at: index)) holds what it cannot hold; restore the newest backup")
  }
}

import CBaseline
import Foundation

/// The C baseline over a database file that is made anew.
///
/// Confined to the thread that made it.
final class BaselineDatabase {
  private let baseline: OpaquePointer

  init(path: String, scripts: [String]) throws {
    for file in [path, path + "-wal", path + "-shm"] { try? FileManager.default.removeItem(atPath: file) }
    guard let baseline = Self.withStrings(scripts, { cbaseline_open(path, $0, Int32(scripts.count)) }) else {
      throw RoomError("there is no memory for a database")
    }
    self.baseline = baseline
    if let message = cbaseline_message(baseline) { throw RoomError("\(path): \(String(cString: message))") }
  }

  deinit { cbaseline_close(baseline) }

  func prepareSave(_ statements: [String]) throws {
    try check(Self.withStrings(statements) { cbaseline_prepare_save(baseline, $0) })
  }

  func prepareRows(_ statements: [String]) throws {
    try check(Self.withStrings(statements) { cbaseline_prepare_rows(baseline, $0) })
  }

  /// Nanoseconds of one save.
  func save(_ values: BaselineSave) throws -> UInt64 {
    var nanoseconds: UInt64 = 0
    let code = values.withPointer { cbaseline_save(baseline, $0, &nanoseconds) }
    try check(code)
    return nanoseconds
  }

  /// Nanoseconds of one upsert in a transaction of its own.
  func commitRow(_ values: BaselineSave) throws -> UInt64 {
    var nanoseconds: UInt64 = 0
    let code = values.withPointer { cbaseline_commit_row(baseline, $0, &nanoseconds) }
    try check(code)
    return nanoseconds
  }

  /// Seconds that storing the rows takes.
  func store(_ rows: BaselineRows, rowsPerCommit: Int) throws -> Double {
    var nanoseconds: UInt64 = 0
    let code = rows.withPointer { pointer, count in
      cbaseline_store_rows(baseline, pointer, Int64(count), Int64(rowsPerCommit), &nanoseconds)
    }
    try check(code)
    return Double(nanoseconds) / 1_000_000_000
  }

  private func check(_ code: Int32) throws {
    guard code != 0 else { return }
    throw RoomError(
      "SQLite from C failed with \(code): \(cbaseline_message(baseline).map { String(cString: $0) } ?? "")")
  }

  private static func withStrings<Value>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Value
  ) -> Value {
    let copies = strings.map { strdup($0) }
    defer { copies.forEach { free($0) } }
    let pointers = copies.map { UnsafePointer($0) }
    return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
  }
}

/// The values of one save, of the same sizes as a real one's.
struct BaselineSave {
  var journal: Int64 = 1
  var sequence: Int64
  var body: [UInt8]
  var head: [UInt8]
  var attempt: [UInt8]
  var item: String
  var value: [UInt8]
  var boot: [UInt8]
  var bootMilliseconds: Int64
  var wallMilliseconds: Int64
  var remainingMilliseconds: Int64
  var mac: [UInt8]

  fileprivate func withPointer(_ call: (UnsafePointer<CBaselineSave>) -> Int32) -> Int32 {
    // One block of memory: nested closures for eight arrays would hide what is done.
    let parts = [body, head, attempt, Array(item.utf8) + [0], value, boot, mac]
    let bytes = parts.flatMap(\.self)
    return bytes.withUnsafeBytes { block in
      var offset = 0
      let places = parts.map { part in
        defer { offset += part.count }
        return block.baseAddress! + offset
      }
      var save = CBaselineSave()
      save.journal = journal
      save.sequence = sequence
      save.body = places[0]
      save.body_length = Int32(body.count)
      save.head = places[1]
      save.attempt = places[2]
      save.item = places[3].assumingMemoryBound(to: CChar.self)
      save.value = places[4]
      save.value_length = Int32(value.count)
      save.boot = places[5]
      save.boot_milliseconds = bootMilliseconds
      save.wall_milliseconds = wallMilliseconds
      save.remaining_milliseconds = remainingMilliseconds
      save.mac = places[6]
      return call(&save)
    }
  }
}

/// Entries that are to be stored as rows, in the order in which they arrive.
struct BaselineRows {
  private(set) var bytes: [UInt8] = []
  private var rows: [(journal: Int64, sequence: Int64, body: Range<Int>)] = []

  var count: Int { rows.count }

  mutating func append(journal: Int64, sequence: Int64, body: [UInt8]) {
    rows.append((journal, sequence, bytes.count..<bytes.count + body.count))
    bytes += body
  }

  fileprivate func withPointer<Value>(_ call: (UnsafePointer<CBaselineRow>?, Int) -> Value) -> Value {
    bytes.withUnsafeBytes { block in
      let list = rows.map { row in
        CBaselineRow(
          journal: row.journal, sequence: row.sequence, body: block.baseAddress! + row.body.lowerBound,
          body_length: Int32(row.body.count))
      }
      return list.withUnsafeBufferPointer { call($0.baseAddress, $0.count) }
    }
  }
}

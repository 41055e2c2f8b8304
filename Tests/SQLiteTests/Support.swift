import Foundation
import SQLite
import Testing

/// A folder of its own for one test, removed afterwards.
final class TemporaryFolder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("sqlite-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  func file(_ name: String = "store.db") -> String { path + "/" + name }

  func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
}

func bytes(of path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

func write(_ bytes: [UInt8], to path: String) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}

/// Runs `body` and gives the error it must throw.
func failure(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) throws -> SQLiteError {
  try #require(throws: SQLiteError.self, sourceLocation: sourceLocation) { try body() }
}

extension Connection {
  /// The first column of the first row as text, the word NULL for no row.
  func value(_ sql: String) throws(SQLiteError) -> String {
    try prepare(sql).firstRow { (row) throws(SQLiteError) in row.text(at: 0) } ?? "NULL"
  }

  func values(_ sql: String) throws(SQLiteError) -> [String] {
    var result: [String] = []
    try prepare(sql).forEachRow { (row) throws(SQLiteError) in result.append(row.text(at: 0)) }
    return result
  }

  func count(_ table: String) throws(SQLiteError) -> Int64 {
    try integer("SELECT count(*) FROM \(table)")
  }
}

/// What the transaction tests throw from inside.
struct Refusal: Error, Equatable {
  var reason: String
}

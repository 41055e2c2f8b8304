import ExamModel
package import SyncWire

import struct Foundation.Data
import class Foundation.JSONDecoder
import class Foundation.JSONEncoder

/// Looks at an entry without judging it.
enum EntryPeek {
  static func isSeal(_ body: [UInt8]) -> Bool {
    (try? Entry(wire: body)).map { isSeal($0.kind) } ?? false
  }

  static func isSeal(_ kind: EntryKind) -> Bool {
    if case .seal = kind { return true }
    return false
  }

  /// Where a journal goes on from, if this is its opening.
  static func predecessor(_ entry: Entry) -> JournalPosition? {
    if case .open(let opening) = entry.kind { return opening.predecessor }
    return nil
  }
}

extension PackedPush {
  /// Whether one of the entries is a seal.
  package var holdsSeal: Bool {
    guard plain == nil else { return false }
    return !bodies.allBodies { !EntryPeek.isSeal(Array($0)) }
  }
}

/// Rows that hold lists keep them as JSON: read seldom, and readable in a pinch.
enum StoredJSON {
  static func encode(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return Array(try encoder.encode(value))
  }

  static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      throw StoreError(.fault, "A stored list cannot be read; restore a backup.")
    }
  }
}

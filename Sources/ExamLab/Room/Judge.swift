import Foundation

/// Compares what each candidate meant to answer with what the server exports. It reads files only, and knows nothing
/// of the client: neither its store nor its code.
struct Judge {
  /// A line of `server.jsonl`.
  struct ServerLine: Codable, Sendable, Equatable {
    var candidate: String
    var item: String
    var value: String
    var journal: String
    var sequence: Int
  }

  struct Verdict: Codable, Sendable {
    var answers = 0
    /// Confirmed as saved, and not on the server.
    var lost: [String] = []
    /// On the server with another value.
    var wrong: [String] = []
    /// The same entry of a journal twice.
    var doubled: [String] = []
    /// Confirmed as saved, and missing from a later status of the phone.
    var missing: [String] = []

    var isClean: Bool { lost.isEmpty && wrong.isEmpty && doubled.isEmpty && missing.isEmpty }
  }

  /// By candidate and item: the values that the server may show. Several only where an intention was refused or never
  /// answered.
  private var expected: [String: [String: Set<String>]] = [:]

  /// Reads `intended.jsonl`.
  init(intentions: [Intention]) {
    for intention in intentions {
      var items = expected[intention.candidate] ?? [:]
      switch intention.kind {
      case .intend: items[intention.item, default: [""]].insert(intention.value)
      case .confirm: items[intention.item] = [intention.value]
      case .refuse where intention.isRepeated != true:
        // Refused: what stood before stands.
        items[intention.item]?.remove(intention.value)
        if items[intention.item]?.isEmpty == true { items[intention.item] = [intention.value] }
      case .refuse:
        // The first sending may have been saved before the process was killed: either is right.
        break
      }
      expected[intention.candidate] = items
    }
  }

  func compare(_ server: [ServerLine], journals: [JournalLine]) -> Verdict {
    var verdict = Verdict()
    var shown: [String: [String: String]] = [:]
    for line in server { shown[line.candidate, default: [:]][line.item] = line.value }
    for (candidate, items) in expected.sorted(by: { $0.key < $1.key }) {
      for (item, values) in items.sorted(by: { $0.key < $1.key }) {
        let value = shown[candidate]?[item] ?? ""
        if !value.isEmpty { verdict.answers += 1 }
        guard !values.contains(value) else { continue }
        let text = "\(candidate) \(item): meant “\(values.sorted().joined(separator: "” or “"))”, server “\(value)”"
        if value.isEmpty { verdict.lost.append(text) } else { verdict.wrong.append(text) }
      }
      for item in Set((shown[candidate] ?? [:]).keys).subtracting(items.keys).sorted() {
        verdict.wrong.append("\(candidate) \(item): never answered, server “\(shown[candidate]?[item] ?? "")”")
      }
    }
    var seen: Set<JournalLine> = []
    for line in journals where !seen.insert(line).inserted {
      verdict.doubled.append("journal \(line.journal) holds entry \(line.sequence) twice")
    }
    return verdict
  }
}

/// One entry in the server's export of journals.
struct JournalLine: Hashable, Sendable {
  var journal: String
  var sequence: Int
}

/// Reads files of JSON lines.
enum JSONLines {
  static func read<Value: Decodable>(_ type: Value.Type, path: String) throws -> [Value] {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw RoomError("\(path) cannot be read")
    }
    return try text.split(separator: "\n").map { line in
      do {
        return try JSONDecoder().decode(Value.self, from: Data(line.utf8))
      } catch {
        throw RoomError("\(path): not a line of this file: \(line.prefix(120))")
      }
    }
  }
}

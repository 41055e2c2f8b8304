import Foundation
import Testing

/// The specification says what the code does: its tables are compared with the sources, its bytes with the vectors.
@Suite struct ProtocolDocumentTests {
  private func read(_ path: String) throws -> String {
    try #require(Checkout.text(path), "\(path) is missing.")
  }

  private func lines(of path: String, from start: String, to end: String) throws -> [String] {
    let lines = try read(path).components(separatedBy: "\n")
    let first = try #require(lines.firstIndex { $0.contains(start) }, "\(path) has no \(start) any more.")
    let count = try #require(lines[(first + 1)...].firstIndex { $0 == end }, "\(path): \(start) does not end.")
    return Array(lines[(first + 1)..<count])
  }

  @Test func everyLimitStandsInTheTable() throws {
    let specification = try read("Protocol/README.md")
    var checked = 0
    for line in try read("Sources/SyncProtocol/Limits.swift").components(separatedBy: "\n") {
      let words = line.split(separator: " ")
      guard words.starts(with: ["public", "static", "let"]), words.count > 3, let equals = words.firstIndex(of: "=")
      else { continue }
      let name = snakeCase(words[3].prefix { $0 != ":" })
      let value = try product(words[(equals + 1)...].joined())
      #expect(specification.contains("\n| `\(name)` | \(grouped(value)) |"), "\(name) = \(grouped(value)) is missing")
      checked += 1
    }
    #expect(checked > 40)
  }

  private func snakeCase(_ name: Substring) -> String {
    name.reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : String($1) }
  }

  private func product(_ text: String) throws -> Int {
    try text.split(separator: "*").reduce(1) { result, factor in
      result * (try #require(Int(factor.replacing("_", with: "")), "\(factor) is no number"))
    }
  }

  private func grouped(_ value: Int) -> String {
    var text = ""
    for (index, digit) in String(value).reversed().enumerated() {
      if index > 0, index.isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return String(text.reversed())
  }

  @Test func everyProblemStandsInTheTableWithItsStatus() throws {
    let specification = try read("Protocol/README.md")
    let source = "Sources/SyncProtocol/Messages/Problem.swift"
    var types: [String: String] = [:]
    for line in try lines(of: source, from: "public enum Kind", to: "  }") {
      let words = line.split(separator: " ")
      guard words.first == "case", let name = words.dropFirst().first else { continue }
      let plain = String(name.replacing("`", with: ""))
      types[plain] = line.split(separator: "\"").dropFirst().first.map(String.init) ?? plain
    }
    #expect(types.count > 20)
    var checked: Set<String> = []
    for line in try lines(of: source, from: "public var status: Int", to: "  }") where line.contains("case .") {
      let parts = line.split(separator: ":")
      let status = try #require(parts.last).drop { $0 == " " }
      for name in parts[0].split(whereSeparator: { $0 == "," || $0 == " " }) where name.hasPrefix(".") {
        let kind = String(name.dropFirst())
        let type = try #require(types[kind], "\(kind) is no kind")
        #expect(specification.contains("\n| `\(type)` | \(status) |"), "\(type), \(status) is missing")
        checked.insert(kind)
      }
    }
    #expect(checked == Set(types.keys))
  }

  @Test func everyReasonStandsInTheTable() throws {
    let specification = try read("Protocol/README.md")
    let source = "Sources/ExamModel/Attempt/AttemptState.swift"
    var numbers: [String: String] = [:]
    var names: [String: String] = [:]
    for line in try lines(of: source, from: "public enum KeptReason", to: "}") {
      let words = line.split(separator: " ")
      guard words.first == "case", words.count > 2 else { continue }
      if words.count == 4, words[2] == "=" {
        numbers[String(words[1])] = String(words[3])
      } else if words[1].hasPrefix(".") {
        names[String(words[1].dropFirst().dropLast())] = String(words[2].dropFirst().dropLast())
      }
    }
    #expect(numbers.count >= 15 && numbers.keys == names.keys)
    for (reason, number) in numbers {
      let name = try #require(names[reason])
      #expect(specification.contains("\n| \(number) | \(name) |"), "reason \(number), \(name) is missing")
    }
  }

  @Test func everySignatureContextIsNamed() throws {
    let specification = try read("Protocol/README.md")
    let source = "Sources/SyncProtocol/Cryptography/Signatures.swift"
    let contexts = try lines(of: source, from: "public enum SignatureContext", to: "}")
      .compactMap { $0.split(separator: "\"").dropFirst().first }
    #expect(contexts.count >= 7)
    for context in contexts { #expect(specification.contains("`\(context)`"), "\(context) is missing") }
  }

  @Test func theBytesOfTheExampleAreThoseOfTheVectors() throws {
    let vectors = try Checkout.paths(under: "Protocol/vectors").filter { $0.hasSuffix(".json") }.map(read).joined()
    let words = try read("Protocol/README.md").split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    let bytes = words.filter { $0.utf8.count >= 12 && $0.allSatisfy { "0123456789abcdef".contains($0) } }
    #expect(bytes.count > 20)
    for word in bytes { #expect(vectors.contains(word), "\(word) stands in no vector") }
    for line in try read("Protocol/README.md").components(separatedBy: "\n") where line.hasPrefix("Authorization: E") {
      if line.contains("<") { continue }
      #expect(vectors.contains(line.dropFirst("Authorization: ".count)), "\(line) stands in no vector")
    }
  }

  @Test func everyVectorIsExplained() throws {
    let text = try read("Protocol/vectors/README.md")
    let vectors = Checkout.paths(under: "Protocol/vectors").filter { $0.hasSuffix(".json") }
    #expect(vectors.count >= 7)
    for path in vectors {
      let name = try #require(path.split(separator: "/").last)
      #expect(text.contains("`\(name)`"), "\(name) is not explained")
    }
  }

  @Test func everyMessageAndRecordIsInTheSchemaAndTheText() throws {
    let specification = try read("Protocol/README.md")
    let schema = try read("Protocol/examsync.proto")
    for message in [
      "LoginRequest", "SessionRequest", "SignedBytes", "SessionGrant", "ServerCard", "JoinRequest", "JoinReply",
      "SyncRequest", "SyncResponse", "Entry", "SealStatement", "Receipt", "ReceiptStatement", "RootStatement",
      "ExamRecord", "PaperRecord", "KeyRecord", "AnnouncementRecord", "ProfileRecord", "AttemptRecord",
      "UnlockRecord", "VoidRecord", "GrantRecord", "ReopenRecord", "DispositionRecord", "AnswersRecord",
      "PaperManifest", "StructureMessage",
    ] {
      #expect(schema.contains("message \(message) {"), "\(message) is not in the schema")
      #expect(specification.contains(message), "\(message) is not in the specification")
    }
  }
}

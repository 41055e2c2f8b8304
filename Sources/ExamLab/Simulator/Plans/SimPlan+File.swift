import Foundation

extension SimPlan {
  private struct Head: Codable {
    var plan: Int
    var build: String
    var seed: UInt64
    var options: [String: String]
    var violated: [String]
    var digest: String
    /// So that a file that was cut short is not taken for a whole one.
    var decisions: Int
  }

  private struct Line: Codable {
    var at: String
    var value: Int64
  }

  /// The plan as a file: a line that says what it is, then one line for each choice.
  package var fileText: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let head = Head(
      plan: Self.version, build: build, seed: seed, options: options, violated: violated.map(\.description),
      digest: digest, decisions: decisions.count)
    var text = Self.encode(head, encoder)
    text += "\n"
    for decision in decisions {
      text += "{\"at\":\"\(decision.label.text)\",\"value\":\(decision.value)}\n"
    }
    return text
  }

  private static func encode(_ head: Head, _ encoder: JSONEncoder) -> String {
    guard let data = try? encoder.encode(head) else { preconditionFailure("a plan's head could not be encoded") }
    return String(decoding: data, as: UTF8.self)
  }

  /// Reads a plan's text.
  ///
  /// - Throws: ``SimPlanError`` with the line and what is wrong with it.
  package init(fileText text: String) throws {
    guard text.utf8.count <= Self.byteLimit else {
      throw SimPlanError("The file is too large for a plan: more than \(Self.byteLimit) bytes.")
    }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let decoder = JSONDecoder()
    guard let first = lines.first, !first.isEmpty else { throw SimPlanError("The file is empty.") }
    guard let head = try? decoder.decode(Head.self, from: Data(first.utf8)) else {
      throw SimPlanError(line: 1, "This is no plan: the first line has to name its form, seed and options.")
    }
    guard head.plan == Self.version else {
      throw SimPlanError(
        line: 1,
        "The plan has form \(head.plan), and this build reads form \(Self.version). Use the build that wrote it.")
    }
    var violated: [Invariant] = []
    for name in head.violated {
      guard let invariant = Invariant(name) else { throw SimPlanError(line: 1, "There is no invariant \(name).") }
      violated.append(invariant)
    }
    self.init(
      seed: head.seed, options: head.options, violated: violated, digest: head.digest, build: head.build,
      decisions: try Self.decisions(lines.dropFirst(), decoder))
    guard decisions.count == head.decisions else {
      throw SimPlanError(
        "The plan names \(head.decisions) choices and has \(decisions.count): the file was cut short or edited.")
    }
  }

  private static func decisions(_ lines: ArraySlice<Substring>, _ decoder: JSONDecoder) throws -> [Decision] {
    var decisions: [Decision] = []
    var labels: Set<DecisionLabel> = []
    for (offset, line) in lines.enumerated() where !line.isEmpty {
      let number = offset + 2
      guard decisions.count < decisionLimit else {
        throw SimPlanError(line: number, "A plan has at most \(decisionLimit) choices.")
      }
      guard let parsed = try? decoder.decode(Line.self, from: Data(line.utf8)) else {
        throw SimPlanError(line: number, "A choice looks like {\"at\":\"request/64/17\",\"value\":3}.")
      }
      guard let label = DecisionLabel(parsed.at) else {
        throw SimPlanError(line: number, "There is no choice \(parsed.at): write concern, node and index.")
      }
      guard parsed.value != 0 else {
        throw SimPlanError(line: number, "The value 0 is the default of every choice. Leave the line out.")
      }
      guard labels.insert(label).inserted else {
        throw SimPlanError(line: number, "The choice \(parsed.at) is there twice.")
      }
      decisions.append(Decision(label, parsed.value))
    }
    return decisions
  }

  /// - Throws: ``SimPlanError`` for a file that is not there or is no plan.
  package init(path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw SimPlanError("There is no file \(path), or it cannot be read.")
    }
    guard data.count <= Self.byteLimit else {
      throw SimPlanError("The file is too large for a plan: more than \(Self.byteLimit) bytes.")
    }
    try self.init(fileText: String(decoding: data, as: UTF8.self))
  }

  package func write(to path: String) throws {
    try Data(fileText.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
  }
}

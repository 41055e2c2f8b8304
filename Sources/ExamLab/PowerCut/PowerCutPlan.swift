import Foundation

/// One life that failed, or is to be run again: its seed and every choice that was made in it.
///
/// Written as JSON lines: a head, then a choice a line, so that a line can be taken out by hand.
package struct PowerCutPlan: Hashable, Sendable {
  /// What is cut, a phone's store or a server's, or damaged while nothing runs.
  package enum Lane: String, Codable, Sendable, CaseIterable {
    case phone, server, phoneDamage, serverDamage

    package static let cuts: [Lane] = [.phone, .server]
  }

  package var lane: Lane
  package var seed: UInt64
  package var life: UInt64
  package var decisions: [Decision]

  private struct Head: Codable {
    var plan: String
    var version: Int
    var lane: Lane
    var seed: UInt64
    var life: UInt64
  }

  private struct Line: Codable {
    var concern: String
    var node: UInt16
    var index: UInt32
    var value: Int64
  }

  private static let kind = "powercut"

  package init(lane: Lane, seed: UInt64, life: UInt64, decisions: [Decision]) {
    self.lane = lane
    self.seed = seed
    self.life = life
    self.decisions = decisions
  }

  /// Reads a plan. Throws ``RoomError`` naming the line that cannot be read.
  package init(text: String) throws {
    let lines = text.split(whereSeparator: \.isNewline)
    let decoder = JSONDecoder()
    guard let first = lines.first, let head = try? decoder.decode(Head.self, from: Data(first.utf8)),
      head.plan == Self.kind, head.version == 1
    else { throw RoomError("The first line is not the head of a power-cut plan of version 1.") }
    let concerns = Dictionary(uniqueKeysWithValues: Concern.allCases.map { ("\($0)", $0) })
    let decisions = try lines.enumerated().dropFirst().map { offset, text in
      guard let line = try? decoder.decode(Line.self, from: Data(text.utf8)), let concern = concerns[line.concern]
      else { throw RoomError("Line \(offset + 1) of the plan is not a choice.") }
      return Decision(DecisionLabel(concern, node: line.node, index: line.index), line.value)
    }
    self.init(lane: head.lane, seed: head.seed, life: head.life, decisions: decisions)
  }

  package func text() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    var lines = [
      try encoder.encode(Head(plan: Self.kind, version: 1, lane: lane, seed: seed, life: life))
    ]
    for decision in decisions {
      let label = decision.label
      lines.append(
        try encoder.encode(
          Line(concern: "\(label.concern)", node: label.node, index: label.index, value: decision.value)))
    }
    return lines.map { String(decoding: $0, as: UTF8.self) + "\n" }.joined()
  }
}

/// A run as data: every choice that was not the default, and what the run was.
///
/// A seed alone says something else after the next change of the code; a plan usually still says the same, because
/// choices are taken by their labels, and those that nobody asks for have no effect.
package struct SimPlan: Hashable, Sendable {
  /// Of the file's form.
  package static let version = 1
  /// Choices that a file may hold, and bytes.
  package static let decisionLimit = 500_000
  package static let byteLimit = 64 * 1024 * 1024

  /// The build that wrote it, such as a commit; empty if nobody knows.
  package var build: String
  package var seed: UInt64
  /// Names and values of what the run was started with, such as `candidates` and `5`.
  package var options: [String: String]
  /// The invariants that were violated.
  package var violated: [Invariant]
  /// The digest of the run's history; empty if nobody knows.
  package var digest: String
  package var decisions: [Decision]

  package init(
    seed: UInt64, options: [String: String] = [:], violated: [Invariant] = [], digest: String = "", build: String = "",
    decisions: [Decision]
  ) {
    self.seed = seed
    self.options = options
    self.violated = violated
    self.digest = digest
    self.build = build
    self.decisions = decisions
  }

  /// The value of an option that is a number; `nil` if it is not there, or is none.
  package func number(_ option: String) -> Int? { options[option].flatMap { Int($0) } }
}

/// Why a plan could not be read.
package struct SimPlanError: Error, Hashable, CustomStringConvertible {
  /// From 1; 0 for the file as a whole.
  package var line: Int
  package var message: String

  package init(line: Int = 0, _ message: String) {
    self.line = line
    self.message = message
  }

  package var description: String { line == 0 ? message : "Line \(line) of the plan: \(message)" }
}

extension DecisionLabel {
  /// `request/64/17`: the concern, the node and the index.
  package var text: String { "\(concern)/\(node)/\(index)" }

  package init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, let concern = Concern.allCases.first(where: { "\($0)" == parts[0] }),
      let node = UInt16(parts[1]), let index = UInt32(parts[2])
    else { return nil }
    self.init(concern, node: node, index: index)
  }
}

import Foundation

/// Runs one seed again in a process of its own: what differs there depends on something that is no choice, such as the
/// order of a set, an address or a clock, and could not be replayed.
package struct SeedDoubleCheck: Sendable {
  /// The command `exam-lab`, with its path.
  let command: String
  let timeoutMilliseconds: Int

  package init(command: String, timeoutMilliseconds: Int = 300_000) {
    self.command = command
    self.timeoutMilliseconds = timeoutMilliseconds
  }

  /// Whether a campaign runs this seed twice: one in each hundred, and not always one that is divisible by four, which
  /// decides the framing of bodies.
  static func covers(_ seed: UInt64) -> Bool { seed % 100 == (seed / 100 * 37 + 1) % 100 }

  /// The digest that another process comes to.
  ///
  /// - Throws: an error in words if the command could not be run or printed no digest.
  package func digest(of options: SimOptions) throws -> String {
    let lines = try ChildProcess.run(
      [command] + Self.arguments(for: options), errorFile: "/dev/null", timeoutMilliseconds: timeoutMilliseconds)
    guard let digest = lines.last(where: { !$0.isEmpty }), digest.count == 32, digest.allSatisfy(\.isHexDigit) else {
      throw SimPlanError("\(command) simulate printed no digest of seed \(options.seed).")
    }
    return digest
  }

  /// Whether another process comes to the same.
  package func agrees(with outcome: SimOutcome) throws -> Bool {
    try digest(of: outcome.options) == "\(outcome.digest)"
  }

  static func arguments(for options: SimOptions) -> [String] {
    var arguments = [
      "simulate", "--one", "\(options.seed)", "--print-digest", "--candidates", "\(options.candidates)", "--questions",
      "\(options.questions)",
    ]
    if options.isCalm { arguments.append("--calm") }
    if let drill = options.drill { arguments += ["--drill", drill.rawValue] }
    for nemesis in options.nemeses { arguments += ["--nemesis", nemesis.rawValue] }
    return arguments
  }
}

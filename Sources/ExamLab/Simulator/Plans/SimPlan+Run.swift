extension SimPlan {
  /// What a run was, with its choices and what was wrong with it.
  package init(_ outcome: SimOutcome, build: String = "") {
    let options = outcome.options
    var named = [
      "candidates": "\(options.candidates)", "questions": "\(options.questions)",
      "deflates": options.deflates ? "1" : "0",
    ]
    if !options.nemeses.isEmpty { named["nemeses"] = options.nemeses.map(\.rawValue).joined(separator: ",") }
    if options.isCalm { named["calm"] = "1" }
    if let drill = options.drill { named["drill"] = drill.rawValue }
    if let end = options.networkEndsAt { named["networkEndsAt"] = "\(end)" }
    self.init(
      seed: options.seed, options: named, violated: outcome.verdict.invariants, digest: "\(outcome.digest)",
      build: build, decisions: outcome.decisions)
  }

  /// The run that this plan is of.
  ///
  /// - Throws: ``SimPlanError`` for an option that this build does not know, or a value out of range.
  package func simOptions() throws -> SimOptions {
    var made = SimOptions(seed: seed)
    made.plan = decisions
    for (name, value) in options.sorted(by: { $0.key < $1.key }) {
      switch name {
      case "candidates": made.candidates = try Self.number(name, value, SimOptions.candidateLimits)
      case "questions": made.questions = try Self.number(name, value, SimOptions.questionLimits)
      case "deflates": made.deflates = try Self.number(name, value, 0...1) == 1
      case "calm": made.isCalm = try Self.number(name, value, 0...1) == 1
      case "networkEndsAt": made.networkEndsAt = Int64(try Self.number(name, value, 0...1_000_000_000_000))
      case "drill":
        guard let drill = SimDrill(rawValue: value) else {
          throw SimPlanError(line: 1, "There is no drill \(value) in this build.")
        }
        made.drill = drill
      case "nemeses":
        made.nemeses = try value.split(separator: ",").map { word in
          guard let kind = NemesisKind(rawValue: String(word)) else {
            throw SimPlanError(line: 1, "There is no nemesis \(word) in this build.")
          }
          return kind
        }
      default: throw SimPlanError(line: 1, "This build knows no option \(name). Use the build that wrote the plan.")
      }
    }
    return made
  }

  private static func number(_ name: String, _ value: String, _ range: ClosedRange<Int>) throws -> Int {
    guard let number = Int(value), range.contains(number) else {
      throw SimPlanError(
        line: 1,
        "The option \(name) is \(value); it has to be a number from \(range.lowerBound) to \(range.upperBound).")
    }
    return number
  }
}

extension Shrinker {
  /// Shrinks plans of whole simulated exams.
  package static func ofExams(runLimit: Int = 2_000) -> Shrinker {
    Shrinker(runLimit: runLimit, lowerable: ["candidates": 1, "questions": 1]) { plan in
      // A smaller plan that cannot be run at all is not the failure that is looked for.
      guard let options = try? plan.simOptions(), let outcome = try? SimRun.run(options) else {
        return PlanResult(violations: [])
      }
      return PlanResult(violations: outcome.violations, taken: outcome.decisions)
    }
  }
}

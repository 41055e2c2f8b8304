import Foundation

/// A campaign of runs: which seeds, and how.
public struct SimulationSettings: Sendable {
  public var firstSeed: UInt64 = 1
  public var lastSeed: UInt64 = 100
  public var candidates = 5
  public var questions = 60
  public var isCalm = false
  public var threads = 2
  public var outputFolder: String?
  public var showsProgress = true
  /// The command that makes single runs in processes of their own; `nil` for none.
  public var ownCommand: String?
  /// Print every event of each run.
  public var showsEvents = false
  var nemeses: [NemesisKind] = []

  public init() {}

  public static var nemesisNames: String { NemesisKind.allCases.map(\.rawValue).joined(separator: ", ") }

  /// - Throws: a text for a person, for anything but `A..B`.
  public mutating func take(seeds text: String) throws {
    let parts = text.components(separatedBy: "..").compactMap { UInt64($0) }
    guard parts.count == 2, parts[0] <= parts[1] else {
      throw SimulationError("Write the seeds as 1..1000, the smaller one first.")
    }
    (firstSeed, lastSeed) = (parts[0], parts[1])
  }

  /// - Throws: a text for a person, for a name that is none.
  public mutating func take(nemeses names: [String]) throws {
    nemeses = try names.map { name in
      guard let kind = NemesisKind(rawValue: name) else {
        throw SimulationError("There is no nemesis \(name). Choose from: \(Self.nemesisNames).")
      }
      return kind
    }
  }

  package func options(_ seed: UInt64) -> SimOptions {
    var options = SimOptions(seed: seed)
    options.candidates = min(max(candidates, SimOptions.candidateLimits.lowerBound), SimOptions.candidateLimits.upperBound)
    options.questions = min(max(questions, SimOptions.questionLimits.lowerBound), SimOptions.questionLimits.upperBound)
    options.isCalm = isCalm
    options.nemeses = nemeses
    return options
  }
}

/// What a person did wrong, and what to do instead.
public struct SimulationError: Error, CustomStringConvertible {
  public var description: String

  init(_ description: String) {
    self.description = description
  }
}

/// Makes runs and says what was found.
public struct Simulation: Sendable {
  let settings: SimulationSettings

  public init(_ settings: SimulationSettings) {
    self.settings = settings
  }

  /// One run.
  public func one(_ seed: UInt64, digestOnly: Bool) throws -> (text: String, isGood: Bool) {
    let outcome = try SimRun.run(settings.options(seed))
    if digestOnly { return ("\(outcome.digest)", true) }
    if settings.showsEvents {
      for event in outcome.history { print(event.trueMilliseconds, event.node.name, event.fact) }
    }
    var text = "seed \(seed): \(outcome.history.count) events, digest \(outcome.digest), "
    text += "\(outcome.virtualMilliseconds / 1_000) virtual s, \(outcome.counts), \(outcome.faults.total) faults\n"
    for violation in outcome.violations { text += "\(violation)\n" }
    return (text, outcome.violations.isEmpty)
  }

  /// - Returns: whether nothing was found.
  public func run() throws -> Bool {
    var good = true
    let start = Date()
    for seed in settings.firstSeed...settings.lastSeed {
      let (text, isGood) = try one(seed, digestOnly: false)
      if !isGood || settings.lastSeed - settings.firstSeed < 5 { print(text) }
      good = good && isGood
    }
    let passed = Date().timeIntervalSince(start)
    print("\(Double(settings.lastSeed - settings.firstSeed + 1) / passed) exams/s")
    return good
  }
}

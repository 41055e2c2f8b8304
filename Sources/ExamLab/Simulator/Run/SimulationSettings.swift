import SyncCore

/// A campaign of runs: which seeds, and how.
public struct SimulationSettings: Sendable {
  public var firstSeed: UInt64 = 1
  public var lastSeed: UInt64 = 100
  public var candidates = 5
  public var questions = 60
  /// Each seed draws its exam's size, instead of ``candidates`` and ``questions``.
  public var drawsSizes = false
  /// Draw no faults.
  public var isCalm = false
  public var threads = 2
  /// Where the report is written; `nil` for none.
  public var outputFolder: String?
  public var showsProgress = true
  /// The command that makes single runs in processes of their own; `nil` for none.
  public var ownCommand: String?
  /// Print every event of each run.
  public var showsEvents = false
  var nemeses: [NemesisKind] = []
  /// Instead of everything else that makes an exam.
  var drill: SimDrill?

  public init() {}

  public static var drillNames: String { SimDrill.allCases.map(\.rawValue).joined(separator: ", ") }

  public static var nemesisNames: String { NemesisKind.allCases.map(\.rawValue).joined(separator: ", ") }

  /// - Throws: a text for a person, for anything but `A..B`.
  public mutating func take(seeds text: String) throws {
    let parts = text.split(separator: ".", omittingEmptySubsequences: true).compactMap { UInt64($0) }
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

  /// - Throws: a text for a person, for a name that is none.
  public mutating func take(drill name: String) throws {
    guard let drill = SimDrill(rawValue: name) else {
      throw SimulationError("There is no drill \(name). Choose from: \(Self.drillNames).")
    }
    self.drill = drill
  }

  package func options(_ seed: UInt64) -> SimOptions {
    if let drill { return SimOptions(seed: seed, drill: drill) }
    func within(_ number: Int, _ limits: ClosedRange<Int>) -> Int {
      min(max(number, limits.lowerBound), limits.upperBound)
    }
    var options = SimOptions(seed: seed)
    let size = size(seed)
    options.candidates = within(size.candidates, SimOptions.candidateLimits)
    options.questions = within(size.questions, SimOptions.questionLimits)
    options.isCalm = isCalm
    options.nemeses = nemeses
    return options
  }

  /// Candidates and questions of a seed's exam. Few sizes, because an exam of each is published once and kept: of
  /// sixteen seeds one has five candidates with sixty questions each, one four with forty.
  func size(_ seed: UInt64) -> (candidates: Int, questions: Int) {
    guard drawsSizes else { return (candidates, questions) }
    var generator = SeededGenerator(seed: seed ^ 0x73_697A_6573)
    return switch generator.next() % 16 {
    case 0: (5, 60)
    case 1: (4, 40)
    case 2...5: (2, 30)
    default: (3, 20)
    }
  }

  /// What repeats one run.
  func command(for seed: UInt64) -> String {
    if let drill { return "exam-lab simulate --one \(seed) --drill \(drill.rawValue)" }
    let size = size(seed)
    var text = "exam-lab simulate --one \(seed) --candidates \(size.candidates) --questions \(size.questions)"
    if isCalm { text += " --calm" }
    for nemesis in nemeses { text += " --nemesis \(nemesis.rawValue)" }
    return text
  }
}

/// What a person did wrong, and what to do instead.
public struct SimulationError: Error, CustomStringConvertible {
  public var description: String

  init(_ description: String) {
    self.description = description
  }
}

/// What `exam-lab bench` can measure.
public enum BenchMeasure: String, Codable, Sendable, CaseIterable {
  case save, server, wire, open, delta, idle
}

/// One bar and what was measured against it.
public struct BenchBar: Codable, Sendable, Equatable {
  public enum Direction: String, Codable, Sendable {
    case atMost = "at-most"
    case atLeast = "at-least"
  }

  public enum Outcome: String, Codable, Sendable {
    case met
    case notMet = "not-met"
    /// Nothing that counts was measured; the note says why.
    case notMeasured = "not-measured"
  }

  public var name: String
  public var unit: String
  public var direction: Direction
  public var bar: Double
  /// What is hoped for beyond the bar.
  public var aim: Double?
  /// One value for each run that counts.
  public var runs: [Double]
  public var note: String?

  public init(
    _ name: String, unit: String, _ direction: Direction, bar: Double, aim: Double? = nil, runs: [Double],
    note: String? = nil
  ) {
    self.name = name
    self.unit = unit
    self.direction = direction
    self.bar = bar
    self.aim = aim
    self.runs = runs
    self.note = note
  }

  /// The median of the runs.
  public var measured: Double? { BenchStatistics.median(runs) }

  public var outcome: Outcome {
    guard let measured else { return .notMeasured }
    return reaches(bar, with: measured) ? .met : .notMet
  }

  /// Whether the aim beyond the bar was reached as well; `nil` without an aim or a measurement.
  public var reachesAim: Bool? {
    guard let aim, let measured else { return nil }
    return reaches(aim, with: measured)
  }

  private func reaches(_ limit: Double, with value: Double) -> Bool {
    switch direction {
    case .atMost: value <= limit
    case .atLeast: value >= limit
    }
  }
}

extension BenchBar {
  private enum CodingKeys: String, CodingKey {
    case name, unit, direction, bar, aim, runs, note, measured, outcome
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      try fields.decode(String.self, forKey: .name), unit: try fields.decode(String.self, forKey: .unit),
      try fields.decode(Direction.self, forKey: .direction), bar: try fields.decode(Double.self, forKey: .bar),
      aim: try fields.decodeIfPresent(Double.self, forKey: .aim),
      runs: try fields.decode([Double].self, forKey: .runs),
      note: try fields.decodeIfPresent(String.self, forKey: .note))
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(name, forKey: .name)
    try fields.encode(unit, forKey: .unit)
    try fields.encode(direction, forKey: .direction)
    try fields.encode(bar, forKey: .bar)
    try fields.encodeIfPresent(aim, forKey: .aim)
    try fields.encode(runs, forKey: .runs)
    try fields.encodeIfPresent(note, forKey: .note)
    try fields.encodeIfPresent(measured, forKey: .measured)
    try fields.encode(outcome, forKey: .outcome)
  }
}

/// An absolute value that stands beside the bars: true of one machine on one day.
public struct BenchFigure: Codable, Sendable, Equatable {
  public var name: String
  public var unit: String
  /// The median of the runs.
  public var value: Double
  public var runs: [Double]

  /// - Parameter runs: at least one value; without any there is no figure.
  public init?(_ name: String, unit: String, runs: [Double]) {
    guard let value = BenchStatistics.median(runs) else { return nil }
    self.name = name
    self.unit = unit
    self.value = value
    self.runs = runs
  }
}

/// One measure with its bars and figures.
public struct BenchResult: Codable, Sendable, Equatable {
  public var measure: BenchMeasure
  public var bars: [BenchBar]
  public var figures: [BenchFigure]
  /// How it was measured, what was left out and why.
  public var notes: [String]
  public var seconds: Double

  public init(
    _ measure: BenchMeasure, bars: [BenchBar] = [], figures: [BenchFigure?] = [], notes: [String] = [],
    seconds: Double = 0
  ) {
    self.measure = measure
    self.bars = bars
    self.figures = figures.compactMap(\.self)
    self.notes = notes
    self.seconds = seconds
  }
}

/// Everything that one call of `exam-lab bench` measured.
public struct BenchReport: Codable, Sendable, Equatable {
  /// Where it was measured: absolute figures mean nothing elsewhere.
  public struct Machine: Codable, Sendable, Equatable {
    public var processors: Int
    public var model: String
    public var kernel: String
    public var sqlite: String
    public var isReleaseBuild: Bool
  }

  public var takenAt: String
  public var machine: Machine
  public var runs: Int
  public var isQuick: Bool
  public var results: [BenchResult]

  public init(takenAt: String, machine: Machine, runs: Int, isQuick: Bool, results: [BenchResult]) {
    self.takenAt = takenAt
    self.machine = machine
    self.runs = runs
    self.isQuick = isQuick
    self.results = results
  }

  public var bars: [BenchBar] { results.flatMap(\.bars) }
  /// Every bar that was measured is met.
  public var isMet: Bool { !bars.contains { $0.outcome == .notMet } }
}

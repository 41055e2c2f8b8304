import Foundation
import Glibc

/// What a soak is asked for.
public struct SoakOptions: Sendable {
  /// Where `soak.json` and `soak.html` are. A soak that is there goes on.
  public var outputFolder: String
  /// Everything random comes from it; a soak that goes on keeps its own.
  public var seed: UInt64 = 20_261_121
  /// Which code this is: the last commit that changed it, with `-dirty` if it has changed since.
  public var commit = "unknown"
  /// The command line, for the report.
  public var command = ""
  /// Stops after so many slices; `nil` for when all is done.
  public var slices: Int?
  /// Starts no further slice after so many minutes; `nil` for when all is done.
  public var minutes: Double?

  public init(outputFolder: String) {
    self.outputFolder = outputFolder
  }

  var stateFile: String { "\(outputFolder)/soak.json" }
}

/// Makes the runs of several lanes in slices, unattended, and goes on where it was stopped, however it was.
public final class SoakRunner {
  private let options: SoakOptions
  private let lanes: [any SoakLane]
  private var state: SoakState

  /// Reads the state of the soak that is in the folder, or begins one.
  public init(_ options: SoakOptions, lanes: [any SoakLane]) throws {
    guard !lanes.isEmpty else { throw RoomError("a soak needs a lane") }
    self.options = options
    self.lanes = lanes
    try FileManager.default.createDirectory(atPath: options.outputFolder, withIntermediateDirectories: true)
    let now = Self.now
    state = try SoakState.read(options.stateFile) ?? SoakState(seed: options.seed, now: now)
    guard state.seed == options.seed else {
      throw RoomError(
        "\(options.stateFile) is a soak of seed \(state.seed): give --seed \(state.seed) to go on, or another folder")
    }
  }

  /// Makes slices until all is done or the limit is reached: always one of the lane that has come least far.
  ///
  /// - Returns: whether nothing has failed so far.
  public func run(_ report: (_ line: String) -> Void) throws -> Bool {
    let start = ContinuousClock.now
    var slices = 0
    while let lane = next() {
      if let limit = options.slices, slices >= limit { break }
      if let minutes = options.minutes, ContinuousClock.now - start > .seconds(minutes * 60) { break }
      let first = state.lanes[lane.name]?.runs ?? 0
      let begun = ContinuousClock.now
      let result = try lane.run(first..<min(first + lane.sliceRuns, lane.target))
      ProcessMemory.giveBack()
      state.add(
        result, to: lane.name, seconds: Self.seconds(ContinuousClock.now - begun),
        residentBytes: ProcessMemory.residentBytes(of: getpid()), commit: options.commit, now: Self.now)
      try state.write(options.stateFile)
      try page.write(toFile: "\(options.outputFolder)/soak.html", atomically: true, encoding: .utf8)
      slices += 1
      report(line(lane))
      result.failures.forEach { report("  ! \($0)") }
    }
    return state.lanes.values.allSatisfy { $0.failureCount == 0 }
  }

  /// The lane that has come least far, or `nil` when all are done.
  private func next() -> (any SoakLane)? {
    lanes.filter { (state.lanes[$0.name]?.runs ?? 0) < $0.target }.min { share($0) < share($1) }
  }

  private func share(_ lane: any SoakLane) -> Double {
    Double(state.lanes[lane.name]?.runs ?? 0) / Double(max(1, lane.target))
  }

  // MARK: - The report

  /// The table that is printed at the end.
  public var table: String {
    var lines = lanes.map { "  " + line($0) }
    lines.append("  \(RuleOfThree.source)")
    let commits = Set(lanes.flatMap { state.lanes[$0.name]?.commits ?? [] }).sorted()
    lines.append(
      "  commit \(commits.joined(separator: " and ")), \(state.startedAt) to \(state.updatedAt), seed \(state.seed)")
    lines.append("  \(options.command)")
    return lines.joined(separator: "\n")
  }

  private func line(_ lane: any SoakLane) -> String {
    let done = state.lanes[lane.name] ?? SoakState.Lane()
    let words = RuleOfThree.words(failures: done.failureCount, runs: done.runs)
    return "\(lane.name): \(words) of \(Digits.grouped(lane.target)), "
      + String(format: "%.0f s, ", done.seconds) + Self.memory(done.memory)
  }

  /// Whether memory grows: its median over the first and over the last quarter of the samples.
  static func memory(_ samples: [SoakState.MemorySample]) -> String {
    let values = samples.map { Double($0.residentBytes) / 1_048_576 }
    let quarter = max(1, values.count / 4)
    guard let early = Quantile.of(Array(values.prefix(quarter)), 0.5), let most = values.max(),
      let late = Quantile.of(Array(values.suffix(quarter)), 0.5)
    else { return "no memory sampled" }
    return String(format: "memory %.1f MiB early, %.1f MiB late, %.1f MiB at most", early, late, most)
  }

  private var page: String {
    let failures = state.lanes.values.reduce(0) { $0 + $1.failureCount }
    let runs = state.lanes.values.reduce(0) { $0 + $1.runs }
    let rows = lanes.map { lane in
      let done = state.lanes[lane.name] ?? SoakState.Lane()
      return [
        lane.name, Digits.grouped(done.runs), Digits.grouped(lane.target),
        RuleOfThree.words(failures: done.failureCount, runs: done.runs),
        String(format: "%.0f s", done.seconds), done.commits.joined(separator: ", "),
      ]
    }
    let curves = lanes.map { lane in
      let samples = state.lanes[lane.name]?.memory ?? []
      return "<h2>\(LabPage.escape(lane.name)): memory</h2><p>\(Self.memory(samples))</p>\(Self.curve(samples))"
    }.joined()
    let lines = state.lanes.sorted { $0.key < $1.key }.flatMap { name, lane in lane.failures.map { "\(name): \($0)" } }
    return LabPage.html(
      title: "ExamSync: soak",
      headline: "\(Digits.grouped(failures)) failures in \(Digits.grouped(runs)) runs", isGood: failures == 0,
      subtitle: "\(state.startedAt) to \(state.updatedAt), seed \(state.seed), \(options.command)",
      body: """
        \(LabPage.list(lines, style: "problems"))
        \(LabPage.table(["lane", "runs", "of", "failures", "time", "commits"], rows))
        <p class="note">\(LabPage.escape(RuleOfThree.source)): after n runs without a failure the rate of failures is
        below 3/n with 95 % confidence, if the runs are independent and drawn alike.</p>
        \(curves)
        """)
  }

  /// Resident memory over the runs, both from zero.
  private static func curve(_ samples: [SoakState.MemorySample]) -> String {
    guard samples.count > 1, let last = samples.last?.runs, let most = samples.map(\.residentBytes).max() else {
      return ""
    }
    let points = samples.map { sample in
      String(
        format: "%.1f,%.1f", Double(sample.runs) / Double(max(1, last)) * 900,
        90 - Double(sample.residentBytes) / Double(max(1, most)) * 80)
    }
    let highest = String(format: "%.0f MiB", Double(most) / 1_048_576)
    return """
      <svg width="980" height="112" role="img" aria-label="resident memory over the runs">
      <path d="M0 10H900M0 90H900"/><polyline points="\(points.joined(separator: " "))"/>
      <text x="908" y="14">\(highest)</text><text x="908" y="94">0 MiB</text>
      <text x="0" y="108">0 runs</text><text x="900" y="108" text-anchor="end">\(Digits.grouped(last)) runs</text></svg>
      """
  }

  private static var now: String { ISO8601DateFormatter().string(from: Date()) }

  private static func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
  }
}

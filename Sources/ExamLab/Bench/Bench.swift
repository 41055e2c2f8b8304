public import Foundation

/// `exam-lab bench`: measures what the project promises about speed, against yardsticks of the same run.
public struct Bench {
  private let options: BenchOptions

  /// With more than that the figures say more of the other programs than of this one.
  private static let othersLimitPercent = 10.0
  private static let disturbed = """
    THE MACHINE WAS BUSY with other programs: one thread of a yardstick loses more of its time to them than a server \
    of several. Measure again on a quiet machine.
    """

  public init(_ options: BenchOptions) throws {
    try options.validate()
    self.options = options
  }

  /// Measures, and writes `bench.json` and `bench.html` into the output folder. Blocks its thread.
  ///
  /// - Throws: ``RoomError`` where a measure cannot be carried out at all.
  public func run() throws -> BenchReport {
    signal(SIGPIPE, SIG_IGN)
    try FileManager.default.createDirectory(atPath: options.outputFolder, withIntermediateDirectories: true)
    let context = BenchContext(options)
    var results: [BenchResult] = []
    for measure in BenchMeasure.allCases where options.measures.contains(measure) {
      let start = MonotonicNanoseconds.now
      let watch = ProcessorWatch()
      var result = try Self.result(of: measure, context)
      result.seconds = Double(MonotonicNanoseconds.now - start) / 1_000_000_000
      let others = watch.othersShare(processors: context.processors) * 100
      result.figures += [BenchFigure("other programs' share of the processors", unit: "%", runs: [others])]
        .compactMap(\.self)
      if others > Self.othersLimitPercent { result.notes.append(Self.disturbed) }
      results.append(result)
    }
    try? FileManager.default.removeItem(atPath: "\(options.outputFolder)/work")
    let report = BenchReport(
      takenAt: ISO8601DateFormatter().string(from: Date()), machine: .own, runs: options.runs,
      isQuick: options.isQuick, results: results)
    try write(report)
    return report
  }

  /// The report as a table for a terminal.
  public static func table(_ report: BenchReport) -> String { BenchTable(report: report).text }

  /// The report as one JSON object.
  public static func json(_ report: BenchReport) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(report)
  }

  private static func result(of measure: BenchMeasure, _ context: BenchContext) throws -> BenchResult {
    switch measure {
    case .save: try SaveBench(context: context).run()
    case .server: try ServerBench(context: context).run()
    case .wire: try WireBench(context: context).run()
    case .open: try OpenBench(context: context).run()
    case .delta: try DeltaBench(context: context).run()
    case .idle: try IdleBench(context: context).run()
    }
  }

  private func write(_ report: BenchReport) throws {
    try Self.json(report).write(to: URL(fileURLWithPath: "\(options.outputFolder)/bench.json"))
    try BenchPage(report: report).html.write(
      toFile: "\(options.outputFolder)/bench.html", atomically: true, encoding: .utf8)
  }
}

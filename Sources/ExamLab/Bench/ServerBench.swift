import Foundation

/// Pushes over real loopback HTTP against the endpoint that does nothing, and against bare SQLite.
struct ServerBench {
  let context: BenchContext

  /// Over this share of all processors the generator itself is what was measured.
  static let generatorLimit = 0.45
  /// Runs that did not count are repeated so often at most.
  static let spareRuns = 3

  static let sizes = [1, 10, 100]

  func run() throws -> BenchResult {
    let folder = try context.makeFolder("server")
    context.progress("server: \(context.sizes.connections) phones log in")
    var lane = try ServerLane(context: context, folder: folder)
    defer { lane.room.server.kill() }
    try lane.calibrate()
    var series = ServerSeries()
    var left = context.runs + Self.spareRuns
    while series.counted < context.runs && left > 0 {
      left -= 1
      context.progress("server: run \(series.counted + 1) of \(context.runs)")
      series.take(try lane.round(), processors: context.processors)
    }
    var notes = [
      "\(context.sizes.connections) kept-alive connections, \(context.sizes.replaySeconds) s a replay after "
        + "\(context.sizes.warmupSeconds) s of warming up; one generator thread replays pre-encoded bytes.",
      "Every response was checked in full afterwards: MAC, verdict, sequence, chain head, nothing kept aside.",
      "Bars compare with rows keyed by (journal, sequence), one from each phone in turn, 100 in a commit; the other "
        + "orders are printed beside it.",
      "The server used \(BenchTable.number(lane.responseBytes)) bytes of body for an acknowledgement; the empty "
        + "endpoint answered with as many.",
    ]
    if series.discarded > 0 {
      notes.append("\(series.discarded) runs did not count: the generator used over 45 % on the empty endpoint.")
    }
    if context.options.tracesSystemCalls { notes.append(try lane.traceSyncs(folder: folder)) }
    notes.append(try lane.checkAfterKill())
    return BenchResult(.server, bars: series.bars, figures: series.figures, notes: notes)
  }
}

/// What one interleaved run measured.
struct ServerRound {
  var nothing: ReplayOutcome
  /// By answers a push.
  var pushes: [Int: ReplayOutcome]
  var rows: [BaselineRowOrder: Double]
}

/// The runs that count, and what they add up to.
struct ServerSeries {
  private(set) var rounds: [ServerRound] = []
  private(set) var discarded = 0
  private var shares: [Double] = []
  private var processors = 1

  var counted: Int { rounds.count }

  mutating func take(_ round: ServerRound, processors: Int) {
    self.processors = processors
    let share = round.nothing.generatorShare(processors: processors)
    shares.append(share * 100)
    if share > ServerBench.generatorLimit { discarded += 1 } else { rounds.append(round) }
  }

  private func answers(_ size: Int) -> [Double] {
    rounds.map { ($0.pushes[size]?.perSecond ?? 0) * Double(size) }
  }

  var bars: [BenchBar] {
    let note = rounds.isEmpty ? "no run counted: the generator used over 45 % of the processors" : nil
    let rows = rounds.map { $0.rows[.oneFromEachPhone] ?? 0 }
    let percent = BenchStatistics.ratios(answers(1), to: rounds.map(\.nothing.perSecond)).map { $0 * 100 }
    return [
      BenchBar(
        "pushes of one ÷ requests of the empty endpoint", unit: "%", .atLeast, bar: 35, aim: 45, runs: percent,
        note: note),
      BenchBar(
        "entries a second in pushes of ten ÷ rows of bare SQLite", unit: "×", .atLeast, bar: 2, aim: 3,
        runs: BenchStatistics.ratios(answers(10), to: rows), note: note),
      BenchBar(
        "entries a second in pushes of a hundred ÷ rows of bare SQLite", unit: "×", .atLeast, bar: 8,
        runs: BenchStatistics.ratios(answers(100), to: rows), note: note),
    ]
  }

  var figures: [BenchFigure?] {
    var figures: [BenchFigure?] = [
      BenchFigure("empty endpoint", unit: "requests/s", runs: rounds.map(\.nothing.perSecond)),
      BenchFigure("empty endpoint, p50", unit: "ms", runs: rounds.map(\.nothing.latency.medianMilliseconds)),
      BenchFigure("empty endpoint, p99", unit: "ms", runs: rounds.map(\.nothing.latency.p99Milliseconds)),
      BenchFigure("generator's share of the processors, empty endpoint", unit: "%", runs: shares),
      BenchFigure(
        "server's share, empty endpoint", unit: "%",
        runs: rounds.map { $0.nothing.serverShare(processors: processors) * 100 }),
    ]
    for size in ServerBench.sizes {
      let outcomes = rounds.compactMap { $0.pushes[size] }
      figures += [
        BenchFigure("pushes of \(size)", unit: "requests/s", runs: outcomes.map(\.perSecond)),
        BenchFigure("pushes of \(size)", unit: "answers/s", runs: answers(size)),
        BenchFigure("pushes of \(size), p50", unit: "ms", runs: outcomes.map(\.latency.medianMilliseconds)),
        BenchFigure("pushes of \(size), p99", unit: "ms", runs: outcomes.map(\.latency.p99Milliseconds)),
        BenchFigure(
          "generator's share, pushes of \(size)", unit: "%",
          runs: outcomes.map { $0.generatorShare(processors: processors) * 100 }),
        BenchFigure(
          "server's share, pushes of \(size)", unit: "%",
          runs: outcomes.map { $0.serverShare(processors: processors) * 100 }),
      ]
    }
    for order in BaselineRowOrder.allCases {
      figures.append(
        BenchFigure("bare SQLite, \(order.rawValue)", unit: "rows/s", runs: rounds.compactMap { $0.rows[order] }))
    }
    return figures
  }
}

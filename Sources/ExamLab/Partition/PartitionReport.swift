import Foundation

/// What the partition runs showed: `partition.json`.
public struct PartitionReport: Codable, Sendable {
  var seed: UInt64
  var phones: Int
  var seconds: Double
  var outcomes: [PartitionOutcome]

  public init(_ campaign: PartitionCampaign, _ outcomes: [PartitionOutcome], seconds: Double) {
    seed = campaign.options.seed
    phones = campaign.options.phones
    self.seconds = seconds
    self.outcomes = outcomes
  }

  public var isClean: Bool { outcomes.allSatisfy(\.isClean) }

  private static let head = ["fault", "runs", "not clean", "confirmed", "lost", "heal: median / p99 / most"]

  private var rows: [(cells: [String], fault: PartitionFault)] {
    PartitionFault.allCases.compactMap { fault in
      let own = outcomes.filter { $0.fault == fault }
      guard !own.isEmpty else { return nil }
      return (Self.cells(fault.title, own.map(\.comparison), notClean: own.count { !$0.isClean }), fault)
    }
  }

  private static func cells(_ title: String, _ runs: [KillOutcome], notClean: Int) -> [String] {
    [
      title, "\(runs.count)", "\(notClean)", "\(runs.reduce(0) { $0 + $1.confirmed })",
      "\(runs.reduce(0) { $0 + $1.lost.count })", Quantile.words(runs.compactMap(\.healMilliseconds).map(Double.init)),
    ]
  }

  private var problems: [String] {
    outcomes.filter { !$0.isClean }.flatMap { outcome in
      outcome.comparison.problems.map { "run \(outcome.comparison.run) (\(outcome.fault.title)): \($0)" }
    }
  }

  /// The table that is printed.
  public var table: String {
    let all = Self.cells("together", outcomes.map(\.comparison), notClean: outcomes.count { !$0.isClean })
    var lines = ([Self.head] + rows.map(\.cells) + [all]).map { cells in
      zip(cells, [36, 7, 10, 10, 6, 28]).map { cell, width in
        cell + String(repeating: " ", count: max(1, width - cell.count))
      }.joined()
    }.map { "  " + $0 }
    lines.append(
      String(format: "  %.0f s, \(phones) phones, seed \(seed). Nobody types after the heal; ", seconds)
        + "both sides have to be equal within \(PartitionRun.boundMilliseconds / 1000) s.")
    lines.append("  What a public suite saw with the same faults (\(PublishedFigures.source)):")
    lines += rows.map { "    \($0.fault.title): \(PublishedFigures.statement($0.fault))" }
    lines.append("  \(PublishedFigures.caveat)")
    lines += problems.prefix(40).map { "  ! \($0)" }
    return lines.joined(separator: "\n")
  }

  /// Writes `partition.json` and `partition.html`.
  public func write(to folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try encoder.encode(self).write(to: URL(fileURLWithPath: "\(folder)/partition.json"))
    try html.write(toFile: "\(folder)/partition.html", atomically: true, encoding: .utf8)
  }

  private var html: String {
    let notClean = outcomes.count { !$0.isClean }
    return LabPage.html(
      title: "ExamSync: partitions", headline: "\(notClean) of \(outcomes.count) partition runs not clean",
      isGood: isClean, subtitle: String(format: "%.0f s, %d phones, seed %@", seconds, phones, "\(seed)"),
      body: """
        \(LabPage.list(Array(problems.prefix(200)), style: "problems"))
        \(LabPage.table(
          Self.head + ["what a public suite saw in another system"],
          rows.map { $0.cells + [PublishedFigures.statement($0.fault)] }))
        <p class="note">Source of the last column: \(LabPage.escape(PublishedFigures.source)).
        \(LabPage.escape(PublishedFigures.caveat))</p>
        <p class="note">Each run: phones in the middle of an exam type without pause behind a proxy; twice, one to all
        of them are struck for 50 to 450 ms (in one run of twenty, for 3 to 18 s), and the server extends everybody’s
        time meanwhile. After the last heal nobody types. A run is clean if within
        \(PartitionRun.boundMilliseconds / 1000) s every phone has nothing pending and knows the later bell, no
        confirmed answer is missing anywhere, and every phone shows exactly what the server exports.</p>
        """)
  }
}

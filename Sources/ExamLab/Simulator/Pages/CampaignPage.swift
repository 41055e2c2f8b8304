/// What a campaign of many seeds gave, as a page shows it.
package struct CampaignReport: Sendable {
  package struct Failure: Sendable {
    package var seed: UInt64
    package var violations: [Violation]
    /// What repeats it.
    package var command: String
    /// What making the plan smaller gave; empty if nobody tried.
    package var shrunk: String

    package init(seed: UInt64, violations: [Violation], command: String, shrunk: String = "") {
      self.seed = seed
      self.violations = violations
      self.command = command
      self.shrunk = shrunk
    }
  }

  /// Such as `1..20000`.
  package var seeds = ""
  package var build = ""
  package var runs = 0
  /// How many candidates an exam has and how many questions each of them, in words.
  package var sizes = ""
  package var seconds = 0.0
  package var virtualMilliseconds: Int64 = 0
  /// Further figures for tiles, by name.
  package var figures: [(name: String, value: String)] = []
  package var faults: [(name: String, count: Int)] = []
  package var checked: [Invariant: Int] = [:]
  package var probes: [(name: String, count: UInt64)] = []
  package var failures: [Failure] = []
  /// Seeds that were run again in a process of their own, and those that came out different.
  package var doubleChecks = 0
  package var doubleCheckFailures: [UInt64] = []

  package init() {}
}

/// A campaign on one page.
package struct CampaignPage {
  let report: CampaignReport

  package init(_ report: CampaignReport) {
    self.report = report
  }

  package var html: String {
    let failed = report.failures.count
    return PageStyle.page(
      title: "ExamSync: simulated exams",
      heading: "\(PageStyle.count(report.runs)) simulated exams: "
        + (failed == 0 ? "nothing violated" : "\(PageStyle.count(failed)) failing seeds"),
      body: """
        <p>Seeds \(report.seeds) · \(report.sizes)\
        \(report.build.isEmpty ? "" : " · build \(RoomPage.escape(report.build))")</p>
        <div class="tiles">\(tiles)</div>
        \(doubleChecks)
        \(report.failures.isEmpty ? "" : "<h2>Failures</h2>" + report.failures.prefix(50).map(failure).joined())
        <h2>Invariants</h2><table>
        <tr><th></th><th>name</th><th>statement</th><th>how</th><th class="n">checked</th></tr>
        \(Invariants.table.map(invariant).joined())</table>
        <h2>Faults</h2><table>\(faults)</table>
        <h2>Rare branches</h2>\(probes)
        """)
  }

  private var tiles: String {
    let hours = Double(report.virtualMilliseconds) / 3_600_000
    let seconds = max(0.001, report.seconds)
    var tiles = [
      PageStyle.tile("exams", PageStyle.count(report.runs)),
      PageStyle.tile("failing seeds", PageStyle.count(report.failures.count), isGood: report.failures.isEmpty),
      PageStyle.tile("exams a second", Self.decimal(Double(report.runs) / seconds)),
      PageStyle.tile("virtual hours", PageStyle.count(Int(hours))),
      PageStyle.tile("virtual hours a second", Self.decimal(hours / seconds)),
      PageStyle.tile("faults", PageStyle.count(report.faults.reduce(0) { $0 + $1.count })),
      PageStyle.tile("checks", PageStyle.count(report.checked.values.reduce(0, +))),
      PageStyle.tile(
        "the same in a second process",
        "\(report.doubleChecks - report.doubleCheckFailures.count)/\(report.doubleChecks)",
        isGood: report.doubleCheckFailures.isEmpty),
    ]
    tiles += report.figures.map { PageStyle.tile($0.name, $0.value) }
    return tiles.joined()
  }

  private var doubleChecks: String {
    guard !report.doubleCheckFailures.isEmpty else { return "" }
    let seeds = report.doubleCheckFailures.prefix(20).map(String.init).joined(separator: ", ")
    return "<p class=\"bad\">Not the same in a second process: seeds \(seeds). A replay of these proves nothing.</p>"
  }

  private func failure(_ failure: CampaignReport.Failure) -> String {
    let violations = failure.violations.prefix(3).map { violation in
      "<b class=\"bad\">\(violation.invariant) \(Invariants.row(violation.invariant).name)</b> "
        + "\(ShortNames.time(violation.trueMilliseconds)) \(violation.node.name): \(RoomPage.escape(violation.what)); "
        + "<span class=\"soft\">expected</span> \(RoomPage.escape(violation.expected)), "
        + "<span class=\"soft\">found</span> \(RoomPage.escape(violation.found))"
    }
    let more = failure.violations.count > 3 ? "<br>and \(failure.violations.count - 3) more" : ""
    let shrunk = failure.shrunk.isEmpty ? "" : "<br><span class=\"soft\">\(RoomPage.escape(failure.shrunk))</span>"
    return "<div class=\"failure\">Seed \(failure.seed)<br>\(violations.joined(separator: "<br>"))\(more)\(shrunk)<br>"
      + "<code>\(RoomPage.escape(failure.command))</code></div>"
  }

  private func invariant(_ row: InvariantRow) -> String {
    let count = report.checked[row.invariant] ?? 0
    let violated = report.failures.contains { $0.violations.contains { $0.invariant == row.invariant } }
    let (how, shown): (String, String) =
      switch row.decision {
      case .judged(let how):
        (
          how,
          violated
            ? "<b class=\"bad\">violated</b> \(PageStyle.count(count))"
            : count == 0 ? "<span class=\"warn\">never</span>" : PageStyle.count(count)
        )
      case .elsewhere(let why): (why, "<span class=\"soft\">not here</span>")
      }
    return "<tr><td>\(row.invariant)</td><td>\(row.name)</td><td>\(RoomPage.escape(row.statement))</td>"
      + "<td class=\"soft\">\(RoomPage.escape(how))</td><td class=\"n\">\(shown)</td></tr>"
  }

  private var faults: String {
    let most = report.faults.map(\.count).max() ?? 0
    return report.faults.sorted { ($1.count, $0.name) < ($0.count, $1.name) }.map { fault in
      "<tr><td>\(RoomPage.escape(fault.name))</td><td>"
        + PageStyle.bar(Double(fault.count) / Double(max(1, most)), style: "share")
        + "</td><td class=\"n\">\(PageStyle.count(fault.count))</td></tr>"
    }.joined()
  }

  private var probes: String {
    let never = report.probes.filter { $0.count == 0 }.map(\.name)
    let reached = report.probes.filter { $0.count > 0 }
    func chips(_ texts: [String]) -> String {
      "<ul class=\"chips\">" + texts.map { "<li>\(RoomPage.escape($0))</li>" }.joined() + "</ul>"
    }
    let missing =
      never.isEmpty
      ? "<p class=\"good\">Every one was reached.</p>"
      : "<p class=\"warn\">Never reached: what these guard was not tried.</p>\(chips(never))"
    return missing + "<p>Reached</p>" + chips(reached.map { "\($0.name) \(PageStyle.count($0.count))" })
  }

  private static func decimal(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    return "\(PageStyle.count(tenths / 10)).\(tenths % 10)"
  }
}

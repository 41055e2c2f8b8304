import Foundation

/// What a campaign gave so far.
struct SimulationTotals: Sendable {
  private let settings: SimulationSettings
  private let startedAt = Date()
  private(set) var runs = 0
  private(set) var virtualMilliseconds: Int64 = 0
  private(set) var counts = SimCounts()
  private(set) var decisions = 0
  private(set) var faults = FaultCounts()
  private(set) var probes = SimProbeSums()
  private(set) var checked: [Invariant: Int] = [:]
  /// Seeds that could not be run, or came out different elsewhere.
  var failures: [String] = []
  private(set) var found: [CampaignReport.Failure] = []
  var doubleChecks = 0

  init(_ settings: SimulationSettings) {
    self.settings = settings
  }

  mutating func add(_ outcome: SimOutcome, kept: FailureFolder.Kept? = nil) {
    runs += 1
    virtualMilliseconds += outcome.virtualMilliseconds
    counts.add(outcome.counts)
    decisions += outcome.decisions.count
    faults.add(outcome.faults)
    probes.add(outcome.probes)
    for (invariant, count) in outcome.verdict.checked { checked[invariant, default: 0] += count }
    guard let first = outcome.violations.first else { return }
    let command = kept?.command ?? settings.command(for: outcome.options.seed)
    found.append(
      CampaignReport.Failure(
        seed: outcome.options.seed, violations: outcome.violations, command: command, shrunk: kept?.shrunk ?? ""))
    let more = outcome.violations.count - 1
    failures.append(
      "seed \(outcome.options.seed): \(first)" + (more > 0 ? " (and \(more) more)" : "") + "\n    \(command)"
        + (kept.map { $0.shrunk.isEmpty ? "" : "\n    \($0.shrunk)" } ?? ""))
  }

  private var seconds: Double { max(0.001, Date().timeIntervalSince(startedAt)) }

  /// For the page.
  var report: CampaignReport {
    var report = CampaignReport()
    report.seeds = "\(settings.firstSeed)..\(settings.lastSeed)"
    report.runs = runs
    report.sizes =
      settings.drawsSizes
      ? "mixed sizes" : "\(settings.candidates) candidates × \(settings.questions) questions each"
    report.seconds = seconds
    report.virtualMilliseconds = virtualMilliseconds
    report.figures = [
      (name: "exchanges", value: "\(counts.exchanges)"), (name: "saves", value: "\(counts.saves)"),
      (name: "choices", value: "\(decisions)"),
    ]
    report.faults = faults.rows.sorted { $0.name < $1.name }.map { (name: $0.name, count: $0.count) }
    report.checked = checked
    report.probes = zip(SimProbeSums.names, probes.counts).map { (name: $0, count: $1) }
    report.failures = found.sorted { $0.seed < $1.seed }
    report.doubleChecks = doubleChecks
    return report
  }

  var progressLine: String {
    "\(runs) exams, \(rate(Double(runs) / seconds)) exams/s, \(failures.count) failures"
  }

  var text: String {
    let hours = Double(virtualMilliseconds) / 3_600_000
    let speed = "\(rate(Double(runs) / seconds)) exams/s, \(rate(hours / seconds)) virtual hours/s"
    let families = faults.rows.sorted { $0.name < $1.name }.map { "\($0.name) \($0.count)" }
    let invariants = checked.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    let unreached = probes.unreached
    var lines = ["", "\(runs) exams in \(rate(seconds)) s: \(speed), \(rate(hours)) virtual hours"]
    lines.append("\(counts.exchanges) exchanges, \(counts.saves) saves, \(counts.commits) commits")
    lines.append("\(decisions) choices, \(faults.total) faults: " + families.joined(separator: ", "))
    lines.append("checked: " + invariants.joined(separator: ", "))
    lines.append("never reached: " + (unreached.isEmpty ? "nothing" : unreached.joined(separator: ", ")))
    lines.append("run again in another process: \(doubleChecks)")
    lines.append(failures.isEmpty ? "no violations" : "\(failures.count) failing seeds:")
    lines += failures.sorted().prefix(40).map { "  " + $0 }
    return lines.joined(separator: "\n")
  }

  private func rate(_ number: Double) -> String { String(format: "%.1f", number) }
}

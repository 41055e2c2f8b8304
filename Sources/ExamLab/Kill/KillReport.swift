import Foundation

/// What a campaign showed: `kill.json`.
public struct KillReport: Codable, Sendable {
  /// Points of the first script of a kind; later scripts have others.
  struct Points: Codable, Sendable {
    var first: Int
    /// Calls that the tracer cannot tell from another thread's.
    var shadowed: Int
  }

  /// One kind's row.
  struct Row: Sendable {
    var title: String
    var runs = 0
    /// Where the fault came: the call and what it was about.
    var struck: [String: Int] = [:]
    var missed = 0
    var confirmed = 0
    var lost = 0
    var wrong = 0
    var failures = 0
    var opens: [Double] = []
    var heals: [Double] = []
    var notes: [String] = []
  }

  var seed: UInt64
  var seconds: Double
  var skipped: [String]
  var points: [String: Points]
  var outcomes: [KillOutcome]

  /// What SIGKILL can show and what it cannot.
  public static let caveat =
    "SIGKILL shows the death of a process and not the loss of power: the system still holds what was written, so a "
    + "missing sync of the disk can never be found this way."

  public var isClean: Bool { outcomes.allSatisfy(\.isClean) }

  /// Lines for each run that was not clean.
  var problems: [String] {
    outcomes.filter { !$0.isClean }.flatMap { outcome in
      outcome.problems.map { "run \(outcome.run) (\(outcome.lane.rawValue), \(outcome.point ?? "no fault")): \($0)" }
    }
  }

  var rows: [(lane: KillLaneName, row: Row)] {
    KillLaneName.allCases.compactMap { lane in
      let own = outcomes.filter { $0.lane == lane }
      guard !own.isEmpty else { return nil }
      var row = Row(title: lane.title)
      for outcome in own {
        row.runs += 1
        row.confirmed += outcome.confirmed
        row.lost += outcome.lost.count
        row.wrong += outcome.wrong.count
        row.failures += outcome.failures.count
        if let point = outcome.point { row.struck[point, default: 0] += 1 } else { row.missed += 1 }
        if let open = outcome.openMilliseconds { row.opens.append(open) }
        if let heal = outcome.healMilliseconds { row.heals.append(Double(heal)) }
      }
      return (lane, row)
    }
  }

  /// The table that is printed.
  public var table: String {
    var lines = [Self.columns(["kind", "runs", "struck", "places", "confirmed", "lost", "wrong", "failed"])]
    for (_, row) in rows { lines.append(Self.columns(Self.cells(row))) }
    var total = Row(title: "together")
    for (_, row) in rows {
      total.runs += row.runs
      total.missed += row.missed
      total.struck.merge(row.struck, uniquingKeysWith: +)
      total.confirmed += row.confirmed
      total.lost += row.lost
      total.wrong += row.wrong
      total.failures += row.failures
    }
    lines.append(Self.columns(Self.cells(total)))
    lines.append(String(format: "  %.0f s, seed \(seed). ", seconds) + Self.caveat)
    lines += skipped
    lines += problems.prefix(40).map { "  ! \($0)" }
    return lines.joined(separator: "\n")
  }

  static func cells(_ row: Row) -> [String] {
    [
      row.title, "\(row.runs)", "\(row.runs - row.missed)", "\(row.struck.count)", "\(row.confirmed)", "\(row.lost)",
      "\(row.wrong)", "\(row.failures)",
    ]
  }

  private static func columns(_ cells: [String]) -> String {
    let widths = [38, 7, 7, 7, 10, 5, 6, 7]
    return zip(cells, widths).enumerated().map { index, pair in
      let space = String(repeating: " ", count: max(0, pair.1 - pair.0.count))
      return index == 0 ? "  \(pair.0)\(space)" : " \(space)\(pair.0)"
    }.joined()
  }

  /// Writes `kill.json` and `kill.html`.
  public func write(to folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try encoder.encode(self).write(to: URL(fileURLWithPath: "\(folder)/kill.json"))
    try KillPage(report: self).html.write(toFile: "\(folder)/kill.html", atomically: true, encoding: .utf8)
  }
}

/// Order statistics of a few measured values.
enum Quantile {
  /// The value below which the share lies; `nil` of nothing.
  static func of(_ values: [Double], _ share: Double) -> Double? {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return nil }
    return sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
  }

  /// Median, 99th percentile and greatest, in milliseconds.
  static func words(_ values: [Double]) -> String {
    guard let median = of(values, 0.5), let late = of(values, 0.99), let most = values.max() else { return "–" }
    return String(format: "%.0f / %.0f / %.0f ms", median, late, most)
  }
}

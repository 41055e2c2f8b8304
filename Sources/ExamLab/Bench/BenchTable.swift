import Foundation

/// The report as a person reads it on a terminal.
struct BenchTable {
  let report: BenchReport

  var text: String {
    var lines = [
      "",
      "exam-lab bench, \(report.takenAt), \(report.machine.processors) × \(report.machine.model), SQLite "
        + "\(report.machine.sqlite), medians of \(report.runs) runs",
    ]
    if !report.machine.isReleaseBuild { lines.append("A DEBUG BUILD: the figures mean nothing.") }
    if report.isQuick { lines.append("QUICK: too short for figures that can be compared.") }
    for result in report.results {
      lines.append("")
      lines.append("\(result.measure.rawValue) (\(Self.number(result.seconds)) s)")
      lines += bars(result.bars)
      lines += figures(result.figures)
      lines += result.notes.map { "    · \($0)" }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func bars(_ bars: [BenchBar]) -> [String] {
    let width = bars.map(\.name.count).max() ?? 0
    return bars.map { bar in
      let measured = bar.measured.map { Self.number($0) + " " + bar.unit } ?? "–"
      let aim = bar.aim.map { ", aim \(Self.number($0))" } ?? ""
      let note = bar.note.map { "  (\($0))" } ?? ""
      return "  \(Self.word(bar))  \(Self.pad(bar.name, width))  \(Self.pad(measured, 14))"
        + "\(Self.sign(bar)) \(Self.number(bar.bar)) \(bar.unit)\(aim)\(note)"
    }
  }

  private func figures(_ figures: [BenchFigure]) -> [String] {
    let width = figures.map(\.name.count).max() ?? 0
    return figures.map { "    \(Self.pad($0.name, width))  \(Self.number($0.value)) \($0.unit)" }
  }

  static func word(_ bar: BenchBar) -> String {
    switch bar.outcome {
    case .met: bar.reachesAim == true ? "met, aim too" : "met         "
    case .notMet: "NOT MET     "
    case .notMeasured: "not measured"
    }
  }

  static func sign(_ bar: BenchBar) -> String { bar.direction == .atMost ? "≤" : "≥" }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// Three digits that mean something, and thousands apart.
  static func number(_ value: Double) -> String {
    let magnitude = abs(value)
    if magnitude >= 1_000 { return Digits.grouped(Int(value.rounded())) }
    if magnitude >= 100 || value == value.rounded() { return String(format: "%.0f", value) }
    if magnitude >= 10 { return String(format: "%.1f", value) }
    return String(format: magnitude >= 0.1 ? "%.2f" : "%.4f", value)
  }
}

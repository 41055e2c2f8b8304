import Foundation

/// The report as one self-contained page.
struct BenchPage {
  let report: BenchReport

  var html: String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
    <title>ExamSync: how fast</title>
    <style>\(Self.style)</style></head><body>
    <h1>How fast: \(headline)</h1>
    <p>\(RoomPage.escape(subtitle))</p>
    \(warnings)
    <div class="tiles">\(report.bars.map(tile).joined())</div>
    \(report.results.map(section).joined(separator: "\n"))
    <p class="note">Ratios come from measurements that alternate within one run; the medians of the runs count.
    Absolute figures are true of this machine on this day. The line under a bar's name shows each run; the mark is
    the bar.</p>
    </body></html>
    """
  }

  private var headline: String {
    let measured = report.bars.filter { $0.outcome != .notMeasured }
    let met = measured.filter { $0.outcome == .met }.count
    return "\(met) of \(measured.count) bars met"
  }

  private var subtitle: String {
    "\(report.takenAt) · \(report.machine.processors) × \(report.machine.model) · \(report.machine.kernel) · SQLite "
      + "\(report.machine.sqlite) · \(report.runs) interleaved runs"
  }

  private var warnings: String {
    var lines: [String] = []
    if !report.machine.isReleaseBuild { lines.append("This is a debug build: the figures mean nothing.") }
    if report.isQuick { lines.append("A quick run: too short for figures that can be compared.") }
    return lines.map { "<p class=\"problems\">\($0)</p>" }.joined()
  }

  private func tile(_ bar: BenchBar) -> String {
    let measured = bar.measured.map { "\(BenchTable.number($0)) \(RoomPage.escape(bar.unit))" } ?? "–"
    let style = bar.outcome == .notMet ? " bad" : ""
    return "<div class=\"tile\(style)\"><b>\(measured)</b><span>\(RoomPage.escape(bar.name))</span></div>"
  }

  private func section(_ result: BenchResult) -> String {
    let bars = result.bars.map(row).joined()
    let figures = result.figures.map { figure in
      "<tr><td>\(RoomPage.escape(figure.name))</td><td class=\"n\">\(BenchTable.number(figure.value)) "
        + "\(RoomPage.escape(figure.unit))</td></tr>"
    }.joined()
    let notes = result.notes.map { "<li>\(RoomPage.escape($0))</li>" }.joined()
    return """
      <h2>\(result.measure.rawValue)</h2>
      <table><tr><th>bar</th><th>measured</th><th></th><th>asked</th><th>aim</th><th></th></tr>\(bars)</table>
      <table class="figures">\(figures)</table><ul class="note">\(notes)</ul>
      """
  }

  private func row(_ bar: BenchBar) -> String {
    let measured = bar.measured.map { BenchTable.number($0) + " " + RoomPage.escape(bar.unit) } ?? "–"
    let outcome =
      switch bar.outcome {
      case .met: "<td class=\"good\">met\(bar.reachesAim == true ? ", aim too" : "")</td>"
      case .notMet: "<td class=\"bad\">not met</td>"
      case .notMeasured: "<td>not measured</td>"
      }
    let note = bar.note.map { "<br><span class=\"soft\">\(RoomPage.escape($0))</span>" } ?? ""
    return "<tr><td>\(RoomPage.escape(bar.name))\(note)</td><td class=\"n\">\(measured)</td><td>\(strip(bar))</td>"
      + "<td class=\"n\">\(BenchTable.sign(bar)) \(BenchTable.number(bar.bar))</td>"
      + "<td class=\"n\">\(bar.aim.map(BenchTable.number) ?? "")</td>\(outcome)</tr>"
  }

  /// Each run as a dot on a line from zero, with the bar and the aim as marks.
  private func strip(_ bar: BenchBar) -> String {
    let width = 220.0
    let most = max(bar.runs.max() ?? 0, bar.bar, bar.aim ?? 0) * 1.08
    guard most > 0 else { return "" }
    func x(_ value: Double) -> String { String(format: "%.1f", 4 + value / most * (width - 8)) }
    let dots = bar.runs.map {
      "<circle cx=\"\(x($0))\" cy=\"9\" r=\"3\"><title>\(BenchTable.number($0))</title></circle>"
    }
    let marks = [(bar.bar, "bar"), (bar.aim, "aim")].compactMap { value, style in
      value.map { "<line class=\"\(style)\" x1=\"\(x($0))\" x2=\"\(x($0))\" y1=\"1\" y2=\"17\"/>" }
    }
    return
      "<svg width=\"\(Int(width))\" height=\"18\" role=\"img\" aria-label=\"each run\"><line class=\"base\" x1=\"4\" "
      + "x2=\"\(width - 4)\" y1=\"9\" y2=\"9\"/>\(marks.joined())\(dots.joined())</svg>"
  }

  private static let style = """
    :root{--bg:#fcfcfb;--ink:#1c2024;--soft:#6b7280;--line:#e3e5e8;--good:#1a7f52;--bad:#c62f2f;--dot:#3b6fb5}
    @media(prefers-color-scheme:dark){:root{--bg:#15181b;--ink:#e8eaed;--soft:#9aa3ad;--line:#2a2f35;--good:#5ec798;
    --bad:#f07a70;--dot:#7fb0ee}}
    body{font:15px/1.5 system-ui,sans-serif;background:var(--bg);color:var(--ink);margin:32px auto;max-width:1100px;
    padding:0 16px}h1{font-size:24px;margin:0}h2{font-size:18px;margin:28px 0 6px}p{color:var(--soft);margin:6px 0}
    .tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(190px,1fr));gap:8px;margin:16px 0}
    .tile{border:1px solid var(--line);border-radius:8px;padding:10px 12px}.tile b{display:block;font-size:22px;
    font-variant-numeric:tabular-nums}.tile span,.soft{color:var(--soft);font-size:13px}
    .tile.bad b,.bad{color:var(--bad)}
    .good{color:var(--good)}.problems{color:var(--bad)}table{border-collapse:collapse;width:100%}
    th{text-align:left;color:var(--soft);font-weight:500;font-size:13px}td,th{border-bottom:1px solid var(--line);
    padding:5px 10px 5px 0;vertical-align:top}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
    .figures{width:auto;margin-top:8px;color:var(--soft);font-size:13px}circle{fill:var(--dot)}
    svg .base{stroke:var(--line)}svg .bar{stroke:var(--bad)}svg .aim{stroke:var(--good);stroke-dasharray:2 2}
    .note{font-size:13px;color:var(--soft);max-width:90ch}
    """
}

import Foundation

/// A campaign's report as one self-contained page.
struct KillPage {
  let report: KillReport

  var html: String {
    LabPage.html(
      title: "ExamSync: processes killed", headline: headline, isGood: report.isClean,
      subtitle: String(format: "%d runs in %.0f s, seed %@", report.outcomes.count, report.seconds, "\(report.seed)"),
      body: """
        <p>\(LabPage.escape(KillReport.caveat))</p>
        \(LabPage.list(report.skipped, style: "problems"))
        \(LabPage.list(Array(report.problems.prefix(200)), style: "problems"))
        \(overview)
        \(report.rows.map { section($0.lane, $0.row) }.joined())
        <p class="note">Each run is a copy of one stage: a real server, and phones in the middle of an exam. What a
        candidate means is written to a file before the phone hears of it. After the fault the phone is started again
        without it; everything that it had confirmed has to be in its status, the journal must not have forked, a sync
        with a real server has to finish, and the server's export has to hold the same answers as the phone. At most
        the one save that was under way may be there in addition. A fault counts as struck where the trace shows it.
        </p>
        """)
  }

  private var headline: String {
    let lost = report.outcomes.reduce(0) { $0 + $1.lost.count }
    let confirmed = report.outcomes.reduce(0) { $0 + $1.confirmed }
    return "\(lost) of \(confirmed) confirmed answers lost in \(report.outcomes.count) runs"
  }

  private var overview: String {
    LabPage.table(
      ["kind", "runs", "struck", "places", "confirmed", "lost", "wrong", "failed", "reopening: median / p99 / most"],
      report.rows.map { KillReport.cells($0.row) + [Quantile.words($0.row.opens)] })
  }

  private func section(_ lane: KillLaneName, _ row: KillReport.Row) -> String {
    let places = row.struck.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    var text = "<h2>\(LabPage.escape(row.title))</h2>"
    if let points = report.points[lane.rawValue] {
      text +=
        "<p>The first script has \(points.first) points; \(points.shadowed) more calls cannot be told from another "
      text += "thread’s by the tracer. \(row.missed) runs ended before their point.</p>"
    }
    if !row.heals.isEmpty {
      text += "<p>From the end of the fault until nothing was pending: \(Quantile.words(row.heals)) "
      text += "(median / p99 / most).</p>"
    }
    return text + LabPage.table(["where", "runs"], places.map { [$0.key, "\($0.value)"] })
  }
}

/// What the laboratory's pages have in common.
enum LabPage {
  static func html(title: String, headline: String, isGood: Bool, subtitle: String, body: String) -> String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
    <title>\(escape(title))</title><style>\(style)</style></head><body>
    <h1 class="\(isGood ? "good" : "bad")">\(escape(headline))</h1>
    <p>\(escape(subtitle))</p>
    \(body)
    </body></html>
    """
  }

  /// The first column is text, the others are figures.
  static func table(_ head: [String], _ rows: [[String]]) -> String {
    let header = head.map { "<th>\(escape($0))</th>" }.joined()
    let body = rows.map { row in
      "<tr>"
        + row.enumerated().map { index, cell in
          "<td\(index == 0 ? "" : " class=\"n\"")>\(escape(cell))</td>"
        }.joined() + "</tr>"
    }.joined(separator: "\n")
    return "<table><tr>\(header)</tr>\(body)</table>"
  }

  static func list(_ lines: [String], style: String) -> String {
    guard !lines.isEmpty else { return "" }
    return "<ul class=\"\(style)\">" + lines.map { "<li>\(escape($0))</li>" }.joined() + "</ul>"
  }

  static func escape(_ text: String) -> String { RoomPage.escape(text) }

  private static let style = """
    :root{--bg:#fcfcfb;--ink:#1c2024;--soft:#6b7280;--line:#e3e5e8;--good:#1a7f52;--bad:#c62f2f}
    @media(prefers-color-scheme:dark){:root{--bg:#15181b;--ink:#e8eaed;--soft:#9aa3ad;--line:#2a2f35;--good:#5ec798;
    --bad:#f07a70}}
    body{font:15px/1.5 system-ui,sans-serif;background:var(--bg);color:var(--ink);margin:32px auto;max-width:1100px;
    padding:0 16px}h1{font-size:24px;margin:0}h2{font-size:18px;margin:28px 0 6px}p{margin:6px 0;max-width:90ch}
    .good{color:var(--good)}.bad,.problems{color:var(--bad)}.note{font-size:13px;color:var(--soft)}
    table{border-collapse:collapse;margin:10px 0}th{text-align:left;color:var(--soft);font-weight:500;font-size:13px}
    td,th{border-bottom:1px solid var(--line);padding:5px 14px 5px 0;vertical-align:top}
    .n{text-align:right;font-variant-numeric:tabular-nums}svg text{fill:var(--soft);font-size:11px}
    svg path{fill:none;stroke:var(--line)}svg polyline{fill:none;stroke:var(--good);stroke-width:1.5}
    """
}

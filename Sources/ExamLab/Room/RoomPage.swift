import Foundation

/// The timeline page: one lane for each candidate, self-contained, viewable without a network.
struct RoomPage {
  let results: RoomResults

  private static let laneHeight = 30.0
  private static let width = 1120.0

  private var first: Int {
    min(results.exam.opensAt, results.events.map(\.atMilliseconds).min() ?? results.exam.opensAt)
  }
  private var last: Int {
    max(results.exam.bellAt, results.events.map(\.atMilliseconds).max() ?? results.exam.bellAt) + 500
  }

  var html: String {
    let summary = results.summary
    let lanes = results.phones.enumerated().map { index, pair in lane(pair.phone, pair.tally, row: index) }
    let height = Double(results.phones.count) * Self.laneHeight + 46
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
      <title>ExamSync: a room of phones</title>
      <style>\(Self.style)</style></head><body>
      <h1>A room of \(summary.candidates) phones: \(summary.passed ? "nothing lost" : "FAILED")</h1>
      <p>\(Self.escape(summary.paper)) · seed \(summary.seed)</p>
      <div class="tiles">\(tiles(summary))</div>
      \(problems(summary))
      <p class="legend"><span class="k up"></span>network up <span class="k down"></span>network down
      <span class="k pend"></span>entries pending <span class="k locked"></span>locked
      <b class="kill">✕</b> killed <b class="seal">◆</b> sealed <b class="receipt">●</b> receipt</p>
      <div class="scroll"><svg viewBox="0 0 \(Self.width + 190) \(height)" width="\(Self.width + 190)"
        height="\(height)" role="img" aria-label="Timeline of each candidate">
      \(axis(height))
      \(lanes.joined(separator: "\n"))
      </svg></div>
      <p class="note">SIGKILL shows process death, not power loss: the operating system keeps what was written.
      The judge reads intended.jsonl (written before each command) and server.jsonl (the server's export).</p>
      </body></html>
      """
  }

  private func tiles(_ summary: RoomSummary) -> String {
    let bell = summary.secondsFromBellToLastReceipt.map { String(format: "%.1f s", $0) } ?? "–"
    let values: [(String, String, Bool)] = [
      ("answers on the server", "\(summary.answers)", true), ("lost", "\(summary.lost.count)", summary.lost.isEmpty),
      ("missing after a restart", "\(summary.missing.count)", summary.missing.isEmpty),
      ("wrong", "\(summary.wrong.count)", summary.wrong.isEmpty),
      ("doubled", "\(summary.doubled.count)", summary.doubled.isEmpty),
      ("receipts verified", "\(summary.receipts)/\(summary.candidates)", summary.receipts == summary.candidates),
      ("bell to last receipt", bell, true), ("phones killed", "\(summary.clientKills)×", true),
      ("server killed", "\(summary.serverKills)×", true), ("networks lost", "\(summary.networkCuts)×", true),
      ("replies lost", "\(summary.repliesLost)", true), ("requests doubled", "\(summary.duplicates)", true),
    ]
    return values.map { name, value, isGood in
      "<div class=\"tile\(isGood ? "" : " bad")\"><b>\(value)</b><span>\(name)</span></div>"
    }.joined()
  }

  private func problems(_ summary: RoomSummary) -> String {
    let lines = summary.lost + summary.missing + summary.wrong + summary.doubled + summary.failures
    guard !lines.isEmpty else { return "" }
    return "<ul class=\"problems\">"
      + lines.prefix(200).map { "<li>\(Self.escape($0))</li>" }.joined() + "</ul>"
  }

  // MARK: - Drawing

  private func x(_ instant: Int) -> Double {
    let share = Double(min(max(instant, first), last) - first) / Double(max(1, last - first))
    return 170 + share * Self.width
  }

  private func axis(_ height: Double) -> String {
    var parts: [String] = []
    for second in stride(from: 0, through: (last - first) / 1000, by: 10) {
      let place = x(first + second * 1000)
      parts.append("<text class=\"tick\" x=\"\(place)\" y=\"12\">\(second) s</text>")
    }
    let marks: [(Int, String, String)] =
      [(results.exam.opensAt, "opens", "mark"), (results.exam.bellAt, "bell", "mark")]
      + results.events.filter { $0.kind == .serverKill }.map { ($0.atMilliseconds, "server killed", "mark bad") }
    for (instant, text, style) in marks {
      let place = x(instant)
      parts.append(
        "<line class=\"\(style)\" x1=\"\(place)\" x2=\"\(place)\" y1=\"18\" y2=\"\(height)\"/>"
          + "<text class=\"tick\" x=\"\(place + 3)\" y=\"26\">\(text)</text>")
    }
    return parts.joined(separator: "\n")
  }

  private func lane(_ phone: Phone, _ tally: PhoneTally, row: Int) -> String {
    let top = 32 + Double(row) * Self.laneHeight
    let events = results.events.filter { $0.candidate == phone.name }
    var parts = ["<text class=\"name\" x=\"0\" y=\"\(top + 15)\">\(phone.name)</text>"]
    let link = Self.escape(String(phone.plan.link.profile.name.prefix(16)))
    parts.append("<text class=\"link\" x=\"66\" y=\"\(top + 15)\">\(link)</text>")
    parts.append(bar(first, last, top: top + 18, height: 4, style: "up"))
    for (from, until) in outages(phone.name) {
      parts.append(bar(from, until, top: top + 18, height: 4, style: "down"))
    }
    for (from, until) in spans(events, from: .lock, to: .unlock) {
      parts.append(bar(from, until, top: top + 2, height: 15, style: "locked"))
    }
    parts.append(pending(events, top: top))
    for event in events {
      if let mark = mark(event, y: top + 14) { parts.append(mark) }
    }
    return parts.joined(separator: "\n")
  }

  private func bar(_ from: Int, _ until: Int, top: Double, height: Double, style: String) -> String {
    let left = x(from)
    let width = max(1, x(until) - left)
    return String(
      format: "<rect class=\"%@\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", style, left, top, width,
      height)
  }

  /// Entries pending over time, as the phone's own status told it.
  private func pending(_ events: [PhoneEvent], top: Double) -> String {
    let samples = events.compactMap { event in event.pending.map { (event.atMilliseconds, $0) } }
    guard samples.count > 1 else { return "" }
    let most = max(10, samples.map(\.1).max() ?? 10)
    let points = samples.map { instant, count in
      String(format: "%.1f,%.1f", x(instant), top + 17 - 14 * Double(count) / Double(most))
    }
    let start = String(format: "%.1f,%.1f", x(samples[0].0), top + 17)
    let end = String(format: "%.1f,%.1f", x(samples[samples.count - 1].0), top + 17)
    return "<polygon class=\"pend\" points=\"\(start) \(points.joined(separator: " ")) \(end)\"/>"
  }

  private func mark(_ event: PhoneEvent, y: Double) -> String? {
    let symbol: (String, String)
    switch event.kind {
    case .kill: symbol = ("✕", "kill")
    case .sealed: symbol = ("◆", "seal")
    case .receipt: symbol = ("●", "receipt")
    case .missing: symbol = ("!", "kill")
    default: return nil
    }
    let title = Self.escape(
      "\(event.kind.rawValue) at \((event.atMilliseconds - first) / 1000) s \(event.detail ?? "")")
    return String(
      format: "<text class=\"%@\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%@<title>%@</title></text>", symbol.1,
      x(event.atMilliseconds), y, symbol.0, title)
  }

  private func outages(_ link: String) -> [(Int, Int)] {
    var result: [(Int, Int)] = []
    var since: Int?
    for event in results.network where event.link == link {
      switch event.kind {
      case .linkDown: since = since ?? event.monotonicMilliseconds
      case .linkUp, .linkReady:
        if let start = since { result.append((start, event.monotonicMilliseconds)) }
        since = nil
      default: break
      }
    }
    if let since { result.append((since, last)) }
    return result
  }

  private func spans(_ events: [PhoneEvent], from: PhoneEvent.Kind, to: PhoneEvent.Kind) -> [(Int, Int)] {
    var result: [(Int, Int)] = []
    var since: Int?
    for event in events {
      if event.kind == from { since = event.atMilliseconds }
      if event.kind == to, let start = since {
        result.append((start, event.atMilliseconds))
        since = nil
      }
    }
    return result
  }

  static func escape(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
  }

  private static let style = """
    :root{--bg:#fcfcfb;--ink:#1c2024;--soft:#6b7280;--line:#e3e5e8;--good:#1a7f52;--bad:#c62f2f;--up:#bfe3d0;
    --down:#e06a5a;--pend:#f0b64c;--lock:#d9cdf2}
    @media(prefers-color-scheme:dark){:root{--bg:#15181b;--ink:#e8eaed;--soft:#9aa3ad;--line:#2a2f35;--good:#5ec798;
    --bad:#f07a70;--up:#23513b;--down:#b04a3d;--pend:#a87a22;--lock:#3f3560}}
    body{font:15px/1.5 system-ui,sans-serif;background:var(--bg);color:var(--ink);margin:32px auto;max-width:1330px;
    padding:0 16px}h1{font-size:24px;margin:0}p{color:var(--soft);margin:6px 0}
    .tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:8px;margin:16px 0}
    .tile{border:1px solid var(--line);border-radius:8px;padding:10px 12px}.tile b{display:block;font-size:22px;
    font-variant-numeric:tabular-nums}.tile span{color:var(--soft);font-size:13px}.tile.bad b{color:var(--bad)}
    .problems{color:var(--bad)}.scroll{overflow-x:auto}svg text{fill:var(--ink);font-size:11px}
    svg .tick,svg .link{fill:var(--soft);font-size:10px}svg .mark{stroke:var(--soft);stroke-dasharray:2 3}
    svg .mark.bad{stroke:var(--bad)}.up{fill:var(--up);background:var(--up)}.down{fill:var(--down);
    background:var(--down)}.pend{fill:var(--pend);background:var(--pend)}.locked{fill:var(--lock);
    background:var(--lock)}svg .kill,.kill{fill:var(--bad);color:var(--bad)}svg .seal,.seal{fill:var(--ink)}
    svg .receipt,.receipt{fill:var(--good);color:var(--good)}.legend .k{display:inline-block;width:14px;height:8px;
    margin:0 4px 0 12px;border-radius:2px}.note{font-size:13px;max-width:80ch}
    """
}

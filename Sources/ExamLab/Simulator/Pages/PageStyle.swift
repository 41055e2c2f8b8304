import Foundation

/// What the simulator's pages share: colours for light and dark, tiles and tables. No network, no script.
enum PageStyle {
  static func page(title: String, heading: String, body: String) -> String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
    <title>\(RoomPage.escape(title))</title>
    <style>\(css)</style></head><body>
    <h1>\(RoomPage.escape(heading))</h1>
    \(body)
    </body></html>
    """
  }

  static func tile(_ name: String, _ value: String, isGood: Bool = true) -> String {
    "<div class=\"tile\(isGood ? "" : " bad")\"><b>\(RoomPage.escape(value))</b>"
      + "<span>\(RoomPage.escape(name))</span></div>"
  }

  /// With thin spaces between thousands.
  static func count(_ number: some BinaryInteger) -> String { Digits.grouped(number, by: "\u{202F}") }

  /// A horizontal bar of a share from 0 to 1.
  static func bar(_ share: Double, style: String) -> String {
    let width = 160.0
    return String(
      format: "<svg width=\"%.0f\" height=\"12\" aria-hidden=\"true\"><rect class=\"track\" x=\"0\" y=\"3\" "
        + "width=\"%.0f\" height=\"6\" rx=\"3\"/><rect class=\"%@\" x=\"0\" y=\"3\" width=\"%.1f\" height=\"6\" "
        + "rx=\"3\"/></svg>", width, width, style, max(share > 0 ? 3 : 0, min(1, share) * width))
  }

  static let css = """
    :root{--bg:#fcfcfb;--ink:#1c2024;--soft:#6b7280;--line:#e3e5e8;--good:#1a7f52;--bad:#c62f2f;--up:#bfe3d0;
    --down:#e06a5a;--warn:#b06a00;--lock:#d9cdf2;--bar:#3b6fb5}
    @media(prefers-color-scheme:dark){:root{--bg:#15181b;--ink:#e8eaed;--soft:#9aa3ad;--line:#2a2f35;--good:#5ec798;
    --bad:#f07a70;--up:#23513b;--down:#b04a3d;--warn:#e0a24a;--lock:#3f3560;--bar:#7fb0ee}}
    body{font:15px/1.5 system-ui,sans-serif;background:var(--bg);color:var(--ink);margin:32px auto;max-width:1330px;
    padding:0 16px}h1{font-size:24px;margin:0}h2{font-size:18px;margin:28px 0 6px}p{color:var(--soft);margin:6px 0}
    .tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:8px;margin:16px 0}
    .tile{border:1px solid var(--line);border-radius:8px;padding:10px 12px}.tile b{display:block;font-size:22px;
    font-variant-numeric:tabular-nums}.tile span,.soft{color:var(--soft);font-size:13px}
    .tile.bad b,.bad{color:var(--bad)}.good{color:var(--good)}.warn{color:var(--warn)}
    table{border-collapse:collapse;width:100%}th{text-align:left;color:var(--soft);font-weight:500;font-size:13px}
    td,th{border-bottom:1px solid var(--line);padding:4px 12px 4px 0;vertical-align:top}
    .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
    code{font:13px/1.5 ui-monospace,monospace}pre{font:12px/1.5 ui-monospace,monospace;overflow-x:auto;
    border:1px solid var(--line);border-radius:8px;padding:12px}.failure{border-left:3px solid var(--bad);
    padding-left:12px;margin:12px 0}.chips{display:flex;flex-wrap:wrap;gap:6px;padding:0;list-style:none}
    .chips li{border:1px solid var(--line);border-radius:12px;padding:1px 10px;font-size:13px}
    .scroll{overflow-x:auto}svg text{fill:var(--ink);font-size:11px}svg .tick{fill:var(--soft);font-size:10px}
    svg .track{fill:var(--line)}svg .share{fill:var(--bar)}svg .up{fill:var(--up)}svg .down{fill:var(--down)}
    svg .off{fill:var(--soft);opacity:.35}svg .lock{fill:var(--lock)}svg .grid{stroke:var(--line)}
    svg .wrong{stroke:var(--bad);stroke-width:1.5}svg .wrongtext{fill:var(--bad);font-weight:600}
    svg .save{stroke:var(--bar);stroke-width:1}svg .ack{stroke:var(--good);stroke-width:1}
    svg .dead,.dead{fill:var(--bad);color:var(--bad)}svg .disk,.disk{fill:var(--warn);color:var(--warn)}
    svg .seal,.seal{fill:var(--ink)}svg .receipt,.receipt{fill:var(--good);color:var(--good)}
    .legend b{margin-left:12px}.swatch{display:inline-block;width:14px;height:8px;margin:0 4px 0 12px;border-radius:2px}
    """
}

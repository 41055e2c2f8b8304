import Foundation

/// Prints the table and writes `summary.json` and `report.html`.
struct RoomReport {
  let results: RoomResults
  let serverExit: Int32

  func write(to folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try encoder.encode(results.summary).write(to: URL(fileURLWithPath: "\(folder)/summary.json"))
    try RoomPage(results: results).html.write(toFile: "\(folder)/report.html", atomically: true, encoding: .utf8)
    print(table(folder))
  }

  private func table(_ folder: String) -> String {
    let summary = results.summary
    let bell = summary.secondsFromBellToLastReceipt.map { String(format: "%.1f s", $0) } ?? "a receipt is missing"
    var rows: [(String, String)] = [
      ("paper", summary.paper),
      ("candidates", "\(summary.candidates) phones, each a process of its own (seed \(summary.seed))"),
      ("answers", "\(summary.answers) on the server, \(summary.saves) saves confirmed on the phones"),
      ("kills", "\(summary.clientKills) of phones, \(summary.serverKills) of the server (SIGKILL)"),
      (
        "cuts",
        "\(summary.networkCuts) networks lost, \(summary.repliesLost) replies lost after the commit, "
          + "\(summary.duplicates) requests doubled, \(summary.truncations) replies cut short"
      ),
      ("locks", "\(summary.locks), opened by code or by the server"),
      ("lost", "\(summary.lost.count + summary.missing.count)"), ("wrong", "\(summary.wrong.count)"),
      ("doubled", "\(summary.doubled.count)"),
      ("receipts", "\(summary.receipts)/\(summary.candidates) verified with nothing but the server's key"),
      ("bell to last receipt", bell),
      ("slowest reopening", String(format: "%.1f ms", summary.slowestOpenMilliseconds)),
    ]
    if serverExit != 0 { rows.append(("server", "ended with \(serverExit) instead of 0")) }
    let width = rows.map(\.0.count).max() ?? 0
    var text = rows.map { name, value in
      "  " + name + String(repeating: " ", count: width - name.count + 2) + value
    }
    let details = summary.lost + summary.missing + summary.wrong + summary.doubled + summary.failures
    text += details.prefix(20).map { "  ! \($0)" }
    text.append("")
    text.append(
      results.isClean
        ? "  PASSED: not a single answer was lost, wrong or doubled."
        : "  FAILED: see the lines above, and the files in \(folder).")
    text.append("  SIGKILL shows process death, not power loss. Timeline: \(folder)/report.html")
    return "\n" + text.joined(separator: "\n")
  }
}

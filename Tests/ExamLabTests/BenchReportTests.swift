import Foundation
import Testing

@testable import ExamLab

@Suite struct BenchReportTests {
  private static let machine = BenchReport.Machine(
    processors: 2, model: "A <processor>", kernel: "6.1", sqlite: "3.40.1", isReleaseBuild: true)

  private static func report(_ bars: [BenchBar], isQuick: Bool = false) -> BenchReport {
    BenchReport(
      takenAt: "2026-11-21T10:00:00Z", machine: machine, runs: 3, isQuick: isQuick,
      results: [
        BenchResult(
          .save, bars: bars, figures: [BenchFigure("a figure", unit: "ms", runs: [3, 1, 2])], notes: ["a <note>"],
          seconds: 12)
      ])
  }

  @Test(arguments: [
    (BenchBar.Direction.atMost, [1.2, 1.1, 1.9], BenchBar.Outcome.met),
    (.atMost, [1.3], .met), (.atMost, [1.4, 1.31, 1.0], .notMet), (.atLeast, [1.3, 1.2, 1.4], .met),
    (.atLeast, [1.29], .notMet), (.atLeast, [], .notMeasured),
  ])
  func theMedianOfTheRunsMeetsTheBarOrNot(
    direction: BenchBar.Direction, runs: [Double], expected: BenchBar.Outcome
  ) {
    let bar = BenchBar("a bar", unit: "×", direction, bar: 1.3, runs: runs)
    #expect(bar.outcome == expected)
    #expect(Self.report([bar]).isMet == (expected != .notMet))
  }

  @Test func theAimIsToldApartFromTheBar() {
    let bar = BenchBar("pushes", unit: "%", .atLeast, bar: 35, aim: 45, runs: [40])
    #expect(bar.outcome == .met)
    #expect(bar.reachesAim == false)
    #expect(BenchBar("pushes", unit: "%", .atLeast, bar: 35, aim: 45, runs: [45]).reachesAim == true)
    #expect(BenchBar("pushes", unit: "%", .atLeast, bar: 35, runs: [45]).reachesAim == nil)
  }

  @Test func noValueMakesNoFigure() {
    #expect(BenchFigure("none", unit: "ms", runs: []) == nil)
    #expect(BenchResult(.wire, figures: [BenchFigure("none", unit: "ms", runs: [])]).figures.isEmpty)
  }

  @Test func theReportSurvivesJSON() throws {
    let report = Self.report([
      BenchBar("a", unit: "×", .atMost, bar: 1.3, aim: 1.1, runs: [1.2, 1.25], note: "why"),
      BenchBar("b", unit: "ms", .atMost, bar: 30, runs: []),
    ])
    let data = try Bench.json(report)
    #expect(try JSONDecoder().decode(BenchReport.self, from: data) == report)
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let results = try #require(object["results"] as? [[String: Any]])
    let bars = try #require(results[0]["bars"] as? [[String: Any]])
    #expect(bars[0]["outcome"] as? String == "met")
    #expect(bars[0]["measured"] as? Double == 1.225)
    #expect(bars[1]["outcome"] as? String == "not-measured")
    #expect(bars[1]["measured"] == nil)
  }

  @Test func theTableSaysBarAimMeasuredAndOutcome() {
    let text = Bench.table(
      Self.report([
        BenchBar("pushes of one", unit: "%", .atLeast, bar: 35, aim: 45, runs: [36, 34, 38]),
        BenchBar("a save", unit: "×", .atMost, bar: 1.3, runs: [1.5]),
        BenchBar("idle", unit: "KB", .atMost, bar: 20, runs: [], note: "SKIPPED: too few files"),
      ]))
    #expect(text.contains("met           pushes of one  36 %          ≥ 35 %, aim 45"))
    #expect(text.contains("NOT MET       a save         1.50 ×        ≤ 1.30 ×"))
    #expect(text.contains("not measured  idle           –             ≤ 20 KB  (SKIPPED: too few files)"))
    #expect(text.contains("a figure  2 ms"))
  }

  @Test(arguments: [
    (0.0, "0"), (0.01234, "0.0123"), (0.5, "0.50"), (12.34, "12.3"), (123.4, "123"), (1_234_567, "1,234,567"),
    (30, "30"),
  ])
  func numbersAreShort(value: Double, expected: String) {
    #expect(BenchTable.number(value) == expected)
  }

  @Test func thePageIsWholeAndEscaped() {
    let page = BenchPage(report: Self.report([BenchBar("a < b", unit: "×", .atMost, bar: 1.3, runs: [1.5, 1.2])])).html
    #expect(page.contains("0 of 1 bars met"))
    #expect(page.contains("a &lt; b") && page.contains("a &lt;note&gt;") && page.contains("A &lt;processor&gt;"))
    #expect(!page.contains("a < b"))
    #expect(page.count { $0 == "\n" } > 10 && page.hasSuffix("</html>"))
    for outside in ["http://", "https://", "src=", "@import"] { #expect(!page.contains(outside)) }
    #expect(page.components(separatedBy: "<circle").count == 3)
  }

  @Test func quickAndDebugRunsSaySo() {
    let bar = BenchBar("a", unit: "×", .atMost, bar: 1, runs: [1])
    #expect(Bench.table(Self.report([bar], isQuick: true)).contains("QUICK"))
    #expect(!Bench.table(Self.report([bar])).contains("QUICK"))
    var debug = Self.report([bar])
    debug.machine.isReleaseBuild = false
    #expect(Bench.table(debug).contains("DEBUG"))
    #expect(BenchPage(report: debug).html.contains("debug build"))
  }

  @Test func measuresAreReadByName() throws {
    #expect(try BenchMeasure.list(parsing: "server,save,server") == [.server, .save])
    #expect(throws: RoomError.self) { try BenchMeasure.list(parsing: "save,speed") }
  }

  @Test func optionsThatMeanNothingAreRefused() {
    var options = BenchOptions(binaries: "/nowhere", outputFolder: "/nowhere")
    options.runs = 0
    #expect(throws: RoomError.self) { try Bench(options) }
    options.runs = 1
    options.measures = []
    #expect(throws: RoomError.self) { try Bench(options) }
  }
}

import ExamModel
import ExamStore
import Foundation
import Testing

@testable import ExamLab

/// Stories and pages of runs.
@Suite struct SimPageTests {
  private func case8() throws -> (history: [HistoryEvent], violations: [Violation]) {
    var broken = try JudgedCase.good.get()
    broken.append(.phone(0), .killed)
    broken.append(.phone(0), .diskFault(what: "an fsync failed <once>"))
    broken.append(.phone(0), .opened(isNew: false, quarantined: false))
    broken.append(.world, .nemesis(name: "wifi-flap", begins: true))
    broken.append(.phone(1), .linkDown)
    broken.append(.server(0), .serverRestored(fromTrueMilliseconds: 4_000))
    broken.append(.world, .nemesis(name: "wifi-flap", begins: false))
    broken.append(.phone(0), .shown(item: "q2", value: .options(["b"])))
    let verdict = SimJudge.judge(broken.history, broken.world)
    return (broken.history, verdict.violations)
  }

  @Test func theStoryTellsWhatMattersAndMarksTheViolation() throws {
    let (history, violations) = try case8()
    #expect(violations.map(\.invariant) == [.i4])
    let story = Story(history: history, violations: violations).lines
    let all = Story(history: history, violations: violations, showsAll: true).lines
    #expect(story.count < all.count)
    let text = story.joined(separator: "\n")
    #expect(text.contains(">>> I4 (no-resurrect): an older answer to item q2"))
    #expect(text.contains("saved q2 = “c” (entry"))
    #expect(text.contains("is killed") && text.contains("disk: an fsync failed") && text.contains("restored"))
    #expect(story.contains { $0.contains("… ") && $0.hasSuffix("events") })
    #expect(all.count == history.count + 3 * violations.count)
  }

  @Test func namesMeanTheSameInBothStories() throws {
    let (history, violations) = try case8()
    let story = Story(history: history, violations: violations).lines.filter { !$0.contains("…") }
    let all = Set(Story(history: history, violations: violations, showsAll: true).lines)
    for line in story { #expect(all.contains(line)) }
  }

  @Test(arguments: [(Int64(0), "0:00:00.000"), (3_723_004, "1:02:03.004"), (-90, "-0:00:00.090")])
  func virtualTimeIsReadable(_ milliseconds: Int64, _ text: String) {
    #expect(ShortNames.time(milliseconds) == text)
  }

  @Test func theTimelineShowsEachNodeAndTheViolation() throws {
    let (history, violations) = try case8()
    let plan = SimPlan(seed: 8, violated: [.i4], decisions: [])
    let page = TimelinePage(
      plan: plan, history: history, violations: violations, command: "exam-lab replay plan.jsonl"
    ).html
    for text in ["phone 0", "phone 1", "server 0", "I4 no-resurrect", "wifi-flap", "exam-lab replay plan.jsonl"] {
      #expect(page.contains(text), "\(text)")
    }
    #expect(page.contains("&lt;once&gt;") && !page.contains("<once>"))
    try expectSelfContained(page)
    let svg = Timeline(history: history, violations: violations).svg
    #expect(svg.components(separatedBy: "class=\"dead\"").count == 2)
    #expect(svg.contains("class=\"seal\"") && svg.contains("class=\"receipt\"") && svg.contains("class=\"wrong\""))
  }

  @Test func theCampaignPageTellsOfEveryInvariantAndOfWhatWasNotReached() throws {
    let (_, violations) = try case8()
    var report = CampaignReport()
    report.seeds = "1..200"
    report.runs = 200
    report.sizes = "5 candidates × 60 questions each"
    report.seconds = 2
    report.virtualMilliseconds = 7_200_000
    report.faults = [("request lost", 900), ("power cut", 12)]
    report.checked = [.i1: 12_000, .i4: 500]
    report.probes = [("seal race reached", 0), ("sync resumed", 7)]
    report.failures = [.init(seed: 77, violations: violations, command: "exam-lab replay out/77.jsonl")]
    report.doubleChecks = 2
    let page = CampaignPage(report).html
    for row in Invariants.table { #expect(page.contains("<td>\(row.name)</td>"), "\(row.name)") }
    #expect(page.contains("Never reached") && page.contains("seal race reached"))
    #expect(page.contains("exam-lab replay out/77.jsonl") && page.contains("Seed 77"))
    #expect(page.contains("12\u{202F}000") && page.contains("100.0"))
    #expect(page.contains("1 failing seeds") || page.contains("1 failing seed"))
    try expectSelfContained(page)
  }

  private func expectSelfContained(_ page: String) throws {
    for word in ["<script", "src=", "@import", "url(", "href="] { #expect(!page.contains(word), "\(word)") }
    #expect(page.contains("prefers-color-scheme:dark"))
    let folder = ProcessInfo.processInfo.environment["EXAMSYNC_PAGE_FOLDER"]
    if let folder {
      let name = page.contains("Rare branches") ? "campaign.html" : "timeline.html"
      try Data(page.utf8).write(to: URL(fileURLWithPath: folder).appendingPathComponent(name))
    }
  }
}

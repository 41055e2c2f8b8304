import Foundation
import Testing

@testable import ExamLab

/// Plans of real runs: recorded, written, read, run again, made smaller.
@Suite struct SimReplayTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("replay-\(UUID().uuidString)").path

  private func options(_ seed: UInt64) -> SimOptions {
    var options = SimOptions(seed: seed)
    options.candidates = 2
    options.questions = 8
    return options
  }

  /// The network ends for good: a failure that is planted in the run and not in the code.
  private func failing(_ seed: UInt64) throws -> SimOutcome {
    var options = options(seed)
    options.networkEndsAt = 120_000
    return try SimRun.run(options)
  }

  @Test func aRunFromItsPlanIsTheSameRun() throws {
    let outcome = try SimRun.run(options(11))
    let plan = try SimPlan(fileText: SimPlan(outcome).fileText)
    let again = try SimRun.run(try plan.simOptions())
    #expect("\(again.digest)" == plan.digest)
    #expect(again.history.count == outcome.history.count)
    #expect(plan.decisions == outcome.decisions)
  }

  @Test func anOptionThatNobodyKnowsIsRefused() throws {
    var plan = SimPlan(try SimRun.run(options(12)))
    plan.options["gravity"] = "9"
    #expect(throws: SimPlanError.self) { _ = try plan.simOptions() }
    plan.options = ["candidates": "900"]
    #expect(throws: SimPlanError.self) { _ = try plan.simOptions() }
    plan.options = ["nemeses": "kill-loop,flood"]
    #expect(throws: SimPlanError.self) { _ = try plan.simOptions() }
  }

  @Test func aRealFailureIsKeptShrunkAndReplayed() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let outcome = try failing(13)
    #expect(outcome.verdict.invariants.contains(.i24))
    let kept = try FailureFolder(path: folder, build: "test", runLimit: 60).keep(outcome)
    let small = try SimPlan(path: try #require(kept.smallPlanPath))
    #expect(small.decisions.count <= outcome.decisions.count && small.violated.count == 1)
    #expect(kept.shrunk.contains("→"))
    var replay = PlanReplay.Options()
    replay.tellsStory = true
    replay.page = "\(folder)/again.html"
    let answer = try PlanReplay(path: try #require(kept.smallPlanPath)).run(replay)
    #expect(answer.isSame && answer.isViolated)
    #expect(answer.text.contains("The digest is the same") && answer.text.contains(">>> "))
    #expect(FileManager.default.fileExists(atPath: "\(folder)/again.html"))
    #expect(FileManager.default.fileExists(atPath: kept.pagePath))
  }

  @Test func anEditedPlanSaysThatItIsAnotherRun() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var plan = SimPlan(try failing(14))
    plan.digest = String(repeating: "0", count: 32)
    try plan.write(to: "\(folder)/edited.jsonl")
    let answer = try PlanReplay(path: "\(folder)/edited.jsonl").run(PlanReplay.Options())
    #expect(answer.isSame && answer.text.contains("The digest differs"))
    #expect(throws: SimPlanError.self) { _ = try PlanReplay(path: "\(folder)/none.jsonl") }
  }

  @Test func theSecondProcessIsAskedForTheSameRun() {
    var chosen = options(15)
    chosen.isCalm = true
    chosen.nemeses = [.killLoop]
    let seeds = (0..<400).filter { SeedDoubleCheck.covers(UInt64($0)) }
    #expect(seeds.count == 4 && Set(seeds.map { $0 / 100 }).count == 4 && Set(seeds.map { $0 % 4 }).count == 4)
    let text = SeedDoubleCheck.arguments(for: chosen).joined(separator: " ")
    #expect(
      text == "simulate --one 15 --print-digest --candidates 2 --questions 8 --calm --nemesis kill-loop")
    #expect(throws: (any Error).self) { try SeedDoubleCheck(command: "/bin/echo").digest(of: chosen) }
  }
}

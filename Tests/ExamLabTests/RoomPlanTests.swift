import ExamModel
import Foundation
import PaperImport
import Testing

@testable import ExamLab

@Suite struct RoomPlanTests {
  private static let sample = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("SampleData/medical-zh").path

  private func planner(seed: UInt64 = 1) throws -> RoomPlanner {
    var options = RoomOptions(sample: Self.sample, binaries: "", outputFolder: "")
    options.seed = seed
    return RoomPlanner(paper: try PaperImporter.load(Self.sample).paper, options: options)
  }

  @Test func theSameSeedMakesTheSameRoom() throws {
    let (one, other, another) = (try planner().plan(3), try planner().plan(3), try planner(seed: 2).plan(3))
    #expect("\(one.steps)" == "\(other.steps)" && one.kills == other.kills)
    #expect("\(one.steps)" != "\(another.steps)")
  }

  @Test func everyDrawnAnswerIsOneThatThePaperTakes() throws {
    let planner = try planner()
    var count = 0
    for index in 0..<12 {
      for step in planner.plan(index).steps {
        guard case .answer(let item, let value) = step.action else { continue }
        try planner.paper.validate(answer: try planner.paper.canonicalAnswer(value, for: item), for: item)
        #expect(try planner.paper.canonicalAnswer(value, for: item) == value)
        count += 1
      }
    }
    #expect(count > 12 * 70)
  }

  @Test func everythingIsDoneBeforeTheBell() throws {
    for index in 0..<12 {
      let plan = try planner().plan(index)
      #expect(plan.steps.allSatisfy { $0.at < 45_000 - 1_000 })
      #expect(zip(plan.steps, plan.steps.dropFirst()).allSatisfy { $0.at <= $1.at + 1_000 })
      #expect((2...3).contains(plan.kills.count) && (0...1000).contains(plan.submitsBeforeBell))
    }
  }

  @Test(arguments: [(0, 45), (501, 45), (4, 7), (4, 601)])
  func nonsenseIsRefused(candidates: Int, seconds: Int) {
    var options = RoomOptions(sample: Self.sample, binaries: "", outputFolder: "")
    options.candidates = candidates
    options.examSeconds = seconds
    #expect(throws: RoomError.self) { try options.validate() }
  }
}

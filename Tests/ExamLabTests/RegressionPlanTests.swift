import Foundation
import Testing

@testable import ExamLab

/// Plans of runs that once violated something: each names a fault that was fixed, and has to stay clean.
@Suite struct RegressionPlanTests {
  static let plans = Bundle.module.paths(forResourcesOfType: "jsonl", inDirectory: "Plans").sorted()

  @Test func thereArePlans() {
    #expect(!Self.plans.isEmpty)
  }

  @Test(arguments: plans) func nothingIsViolatedAnyMore(path: String) throws {
    let plan = try SimPlan(path: path)
    #expect(!plan.violated.isEmpty)
    let outcome = try SimRun.run(try plan.simOptions())
    #expect(outcome.violations.isEmpty, "\(outcome.violations.map(\.description))")
  }
}

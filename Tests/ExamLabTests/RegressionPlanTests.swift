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

  /// Plans of faults that are known and not mended yet: whoever mends one moves its plan to the others.
  static let openPlans = Bundle.module.paths(forResourcesOfType: "jsonl", inDirectory: "Plans/Open").sorted()

  @Test(arguments: openPlans) func isKnownAndOpen(path: String) throws {
    let plan = try SimPlan(path: path)
    let outcome = try SimRun.run(try plan.simOptions())
    withKnownIssue("\(plan.violated) is open") {
      #expect(outcome.violations.isEmpty, "\(outcome.violations.map(\.description))")
    }
  }
}

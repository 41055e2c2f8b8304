import SyncCore
import Testing

@testable import ExamLab

/// Shrinking, on runs whose cause of failure is known.
@Suite struct ShrinkerTests {
  private func label(_ concern: Concern, _ index: UInt32, node: UInt16 = 64) -> DecisionLabel {
    DecisionLabel(concern, node: node, index: index)
  }

  /// A thousand choices over all concerns and five nodes.
  private func plan(seed: UInt64 = 1) -> SimPlan {
    var generator = SeededGenerator(seed: seed)
    var decisions: [Decision] = []
    for index in 0..<1_000 as Range<UInt32> {
      let concern = Concern.allCases[Int(index) % Concern.allCases.count]
      let node = UInt16(64 + index % 5)
      decisions.append(Decision(DecisionLabel(concern, node: node, index: index), generator.number(in: 1...1_000)))
    }
    return SimPlan(
      seed: seed, options: ["candidates": "5", "questions": "60"], violated: [.i8], decisions: decisions)
  }

  private func violation(_ invariant: Invariant) -> Violation {
    Violation(invariant, 0, .world, "planted", expected: "nothing", found: "it")
  }

  /// Fails when all of `needed` are there.
  private func failing(on needed: [Decision], as invariant: Invariant = .i8) -> (SimPlan) -> PlanResult {
    { plan in
      let values = Dictionary(plan.decisions.map { ($0.label, $0.value) }) { first, _ in first }
      let fails = needed.allSatisfy { (values[$0.label] ?? 0) >= min($0.value, 40) }
      return PlanResult(violations: fails ? [violation(invariant)] : [])
    }
  }

  @Test func onlyWhatIsNeededIsLeft() throws {
    let plan = plan()
    let needed = [plan.decisions[17], plan.decisions[500], plan.decisions[503], plan.decisions[999]]
    let (small, report) = try #require(Shrinker(run: failing(on: needed)).shrink(plan))
    #expect(small.decisions.map(\.label) == needed.map(\.label).sorted())
    #expect(report.before == 1_000 && report.after == 4 && !report.isCutShort)
    #expect(report.runs < 500, "\(report.runs)")
    // Numbers are halved as long as it still fails.
    for decision in small.decisions { #expect(decision.value < 80, "\(decision)") }
    #expect(small.options == ["candidates": "1", "questions": "1"])
  }

  @Test func whatIsLeftStillFailsInTheSameWay() throws {
    let plan = plan(seed: 3)
    let needed = [plan.decisions[100], plan.decisions[101]]
    var last: [Violation] = []
    // Without both it fails in another way, which must not be taken for the same.
    let run: (SimPlan) -> PlanResult = { plan in
      let result = failing(on: needed)(plan)
      return result.violations.isEmpty ? PlanResult(violations: [violation(.i1)]) : result
    }
    let (small, report) = try #require(Shrinker(run: run).shrink(plan))
    last = run(small).violations
    #expect(report.invariant == .i8 && small.violated == [.i8])
    #expect(last.map(\.invariant) == [.i8] && small.decisions.count == 2)
  }

  @Test func choicesThatNobodyAsksForGoWithoutARun() throws {
    let plan = plan(seed: 4)
    let needed = [plan.decisions[7]]
    let run: (SimPlan) -> PlanResult = { plan in
      var result = failing(on: needed)(plan)
      result.taken = plan.decisions.filter { $0.label.index < 10 }
      return result
    }
    let (small, report) = try #require(Shrinker(run: run).shrink(plan))
    #expect(small.decisions.map(\.label) == [needed[0].label])
    #expect(report.runs < 60, "\(report.runs)")
  }

  @Test func aPlanThatViolatesNothingIsNotShrunk() {
    #expect(Shrinker { _ in PlanResult(violations: []) }.shrink(plan()) == nil)
  }

  @Test func aFailureThatNeedsNoChoiceEndsWithNone() throws {
    let (small, _) = try #require(Shrinker { _ in PlanResult(violations: [violation(.i8)]) }.shrink(plan()))
    #expect(small.decisions.isEmpty)
  }

  @Test func theNumberOfRunsIsBounded() throws {
    var runs = 0
    // Every choice is needed, so nothing can be cut.
    let plan = plan()
    let shrinker = Shrinker(runLimit: 50) { smaller in
      runs += 1
      return PlanResult(violations: smaller.decisions.count == plan.decisions.count ? [violation(.i8)] : [])
    }
    let (small, report) = try #require(shrinker.shrink(plan))
    #expect(runs == 50 && report.runs == 50 && report.isCutShort)
    #expect(small.decisions.count == 1_000)
  }

  @Test func negativeNumbersShrinkTowardsMinusOne() throws {
    let far = Decision(label(.clock, 3), -86_400_000)
    let plan = SimPlan(seed: 1, decisions: [far])
    let shrinker = Shrinker { smaller in
      let value = smaller.decisions.first?.value ?? 0
      return PlanResult(violations: value <= -1_000 ? [violation(.i16)] : [])
    }
    let (small, _) = try #require(shrinker.shrink(plan))
    let value = try #require(small.decisions.first?.value)
    #expect((-2_000 ... -1_000).contains(value))
  }
}

/// What one run of a plan gave, as far as shrinking needs it.
package struct PlanResult: Sendable {
  package var violations: [Violation]
  /// The choices that the run asked for and that were not the default: the others can go at once. `nil` if unknown.
  package var taken: [Decision]?

  package init(violations: [Violation], taken: [Decision]? = nil) {
    self.violations = violations
    self.taken = taken
  }
}

/// Makes a failing plan small: fewer choices, smaller numbers, the same invariant violated.
///
/// A plan is cut in four ways, in this order: whole concerns, then ever smaller parts of what is left (Zeller's ddmin),
/// then the numbers, then the order. Each cut is kept only if the run still violates the same invariant.
package struct Shrinker {
  package struct Report: Hashable, Sendable {
    package var invariant: Invariant
    package var before: Int
    package var after: Int
    package var runs: Int
    /// The limit of runs was reached before nothing more could be cut.
    package var isCutShort: Bool

    package var text: String {
      "\(before) → \(after) choices in \(runs) runs for \(invariant)" + (isCutShort ? ", cut short" : "")
    }
  }

  /// Plans with at most this many choices are what a person can read.
  package static let readableCount = 30

  private let run: (SimPlan) -> PlanResult
  private let runLimit: Int
  /// Options whose number may be lowered, with the smallest value that makes sense.
  private let lowerable: [String: Int]

  package init(
    runLimit: Int = 2_000, lowerable: [String: Int] = ["candidates": 1, "questions": 1],
    run: @escaping (SimPlan) -> PlanResult
  ) {
    self.run = run
    self.runLimit = runLimit
    self.lowerable = lowerable
  }

  /// - Returns: `nil` if the plan violates nothing. The plan that is returned was run, and violated the invariant.
  package func shrink(_ plan: SimPlan) -> (plan: SimPlan, report: Report)? {
    let first = run(plan)
    let found = Set(first.violations.map(\.invariant))
    guard let invariant = plan.violated.first(where: found.contains) ?? found.min() else { return nil }
    var work = ShrinkWork(plan: plan, invariant: invariant, runLimit: runLimit, runs: 1, run: run)
    work.plan.violated = [invariant]
    work.keepOnlyTaken(of: first)
    var size = Int.max
    // Smaller numbers can make further choices needless, so all of it is done until nothing changes any more.
    while work.weight < size, !work.isExhausted {
      size = work.weight
      work.dropConcerns()
      work.dropParts()
      work.lowerOptions(lowerable)
      work.lowerValues()
    }
    work.sortDecisions()
    return (
      work.plan,
      Report(
        invariant: invariant, before: plan.decisions.count, after: work.plan.decisions.count, runs: work.runs,
        isCutShort: work.isExhausted)
    )
  }
}

/// A plan that is being cut.
private struct ShrinkWork {
  var plan: SimPlan
  let invariant: Invariant
  let runLimit: Int
  var runs: Int
  let run: (SimPlan) -> PlanResult

  var isExhausted: Bool { runs >= runLimit }

  /// Falls with every cut that was kept.
  var weight: Int {
    plan.decisions.reduce(plan.decisions.count * 64) { $0 + (Int64.bitWidth - $1.value.magnitude.leadingZeroBitCount) }
      + plan.options.values.compactMap { Int($0) }.reduce(0) { $0 + min($1, 1_000_000) }
  }

  /// Runs a smaller plan and takes it if it still fails in the same way.
  private mutating func take(_ change: (inout SimPlan) -> Void) -> Bool {
    guard !isExhausted else { return false }
    var smaller = plan
    change(&smaller)
    guard smaller != plan else { return false }
    runs += 1
    let result = run(smaller)
    guard result.violations.contains(where: { $0.invariant == invariant }) else { return false }
    plan = smaller
    keepOnlyTaken(of: result)
    return true
  }

  /// Choices that the run did not ask for have no effect: no run is needed to drop them.
  mutating func keepOnlyTaken(of result: PlanResult) {
    guard let taken = result.taken else { return }
    let labels = Set(taken.map(\.label))
    plan.decisions.removeAll { !labels.contains($0.label) }
  }

  /// Whole families of faults, then the families of single nodes.
  mutating func dropConcerns() {
    for concern in Concern.allCases where plan.decisions.contains(where: { $0.label.concern == concern }) {
      _ = take { $0.decisions.removeAll { $0.label.concern == concern } }
    }
    for node in Set(plan.decisions.map(\.label.node)).sorted() {
      _ = take { $0.decisions.removeAll { $0.label.node == node } }
      for concern in Concern.allCases
      where plan.decisions.contains(where: { $0.label.concern == concern && $0.label.node == node }) {
        _ = take { $0.decisions.removeAll { $0.label.concern == concern && $0.label.node == node } }
      }
    }
  }

  /// Leaves out halves, quarters, eighths … and at last single choices.
  mutating func dropParts() {
    var parts = 2
    while plan.decisions.count > 1, !isExhausted {
      let size = max(1, (plan.decisions.count + parts - 1) / parts)
      var start = 0
      var hasCut = false
      while start < plan.decisions.count, !isExhausted {
        let range = start..<min(start + size, plan.decisions.count)
        if take({ $0.decisions.removeSubrange(range) }) {
          // What came after has moved up to the same place.
          hasCut = true
        } else {
          start = range.upperBound
        }
      }
      if hasCut {
        parts = max(2, parts - 1)
      } else if size == 1 {
        return
      } else {
        parts = min(parts * 2, plan.decisions.count)
      }
    }
    if plan.decisions.count == 1 { _ = take { $0.decisions = [] } }
  }

  mutating func lowerOptions(_ lowerable: [String: Int]) {
    for (name, least) in lowerable.sorted(by: { $0.key < $1.key }) {
      while let value = plan.number(name), value > least {
        let middle = least + (value - least) / 2
        guard
          take({ $0.options[name] = "\(least)" }) || take({ $0.options[name] = "\(middle)" })
            || take({ $0.options[name] = "\(value - 1)" })
        else { break }
      }
    }
  }

  /// Each value towards 1 or -1: the smallest thing that is not the default.
  mutating func lowerValues() {
    var index = 0
    while index < plan.decisions.count, !isExhausted {
      let label = plan.decisions[index].label
      while let place = plan.decisions.firstIndex(where: { $0.label == label }) {
        let value = plan.decisions[place].value
        guard value != 1, value != -1 else { break }
        let least = value.signum()
        let middle = value / 2
        guard
          take({ $0.decisions[place].value = least })
            || (middle != least && take({ $0.decisions[place].value = middle }))
        else { break }
      }
      index += 1
    }
  }

  /// The order in a file means nothing to a run; sorted, two plans can be compared.
  mutating func sortDecisions() {
    plan.decisions.sort { $0.label < $1.label }
  }
}

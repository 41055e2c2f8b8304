import Foundation

/// Keeps what is needed to see a failure again: the plan as it was, a smaller one, and a page.
package struct FailureFolder: Sendable {
  /// A folder; made when the first failure comes.
  let path: String
  /// Which build writes, such as a commit; empty if nobody knows.
  let build: String
  /// Runs that shrinking one failure may take; 0 for no shrinking.
  let runLimit: Int

  package init(path: String, build: String = "", runLimit: Int = 600) {
    self.path = path
    self.build = build
    self.runLimit = runLimit
  }

  /// What is in the folder of one failure.
  package struct Kept: Sendable {
    package var planPath: String
    /// `nil` where nothing was made smaller.
    package var smallPlanPath: String?
    package var pagePath: String
    /// Such as `812 → 9 choices in 140 runs for I8`; empty if nothing was made smaller.
    package var shrunk: String
    /// What shows the failure again.
    package var command: String
  }

  /// Writes a failing run. The same seed written twice is written over.
  package func keep(_ outcome: SimOutcome) throws -> Kept {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let plan = SimPlan(outcome, build: build)
    let base = "\(path)/seed-\(plan.seed)"
    try plan.write(to: "\(base).plan.jsonl")
    var kept = Kept(
      planPath: "\(base).plan.jsonl", pagePath: "\(base).html", shrunk: "",
      command: "exam-lab replay \(base).plan.jsonl --story")
    var shown = (plan: plan, outcome: outcome)
    if runLimit > 0, let (small, report) = Shrinker.ofExams(runLimit: runLimit).shrink(plan) {
      var written = small
      let run = try SimRun.run(try small.simOptions())
      written.digest = "\(run.digest)"
      try written.write(to: "\(base).small.plan.jsonl")
      kept.smallPlanPath = "\(base).small.plan.jsonl"
      kept.command = "exam-lab replay \(base).small.plan.jsonl --story"
      kept.shrunk = report.text
      shown = (written, run)
    }
    let page = TimelinePage(
      plan: shown.plan, history: shown.outcome.history, violations: shown.outcome.violations, command: kept.command)
    try Data(page.html.utf8).write(to: URL(fileURLWithPath: kept.pagePath), options: .atomic)
    return kept
  }
}

import Foundation

/// Runs a plan again, and tells what happened.
public struct PlanReplay: Sendable {
  public struct Options: Sendable {
    /// Print the story.
    public var tellsStory = false
    /// Every event, and not only those that matter around the violations.
    public var showsAll = false
    /// What everyone held at the end, entry by entry.
    public var listsJournals = false
    /// Where a page with the timeline is written; `nil` for none.
    public var page: String?
    /// Where a smaller plan that fails in the same way is written; `nil` for none.
    public var shrinkTo: String?
    /// Runs that shrinking may take.
    public var runLimit = 2_000

    public init() {}
  }

  /// What a replay gave.
  public struct Answer: Sendable {
    public var text: String
    /// The same invariants are violated as when the plan was written; a plan that violated none still violates none.
    public var isSame: Bool
    public var isViolated: Bool
  }

  let plan: SimPlan
  private let path: String

  /// Reads a plan from a file.
  ///
  /// - Throws: an error in words for a person if the file is no plan of this build.
  public init(path: String) throws {
    plan = try SimPlan(path: path)
    self.path = path
  }

  public func run(_ options: Options) throws -> Answer {
    let outcome = try SimRun.run(try plan.simOptions())
    var lines = verdict(outcome)
    if options.tellsStory {
      lines += ["", "What happened:"]
      lines += Story(history: outcome.history, violations: outcome.violations, showsAll: options.showsAll).lines
    }
    if options.listsJournals {
      var listing = JournalListing(history: outcome.history, world: outcome.dump)
      lines += ["", "What everyone held at the end:"] + listing.lines()
    }
    if let page = options.page {
      try writePage(outcome, to: page, showsAll: options.showsAll)
      lines.append("The timeline is in \(page).")
    }
    if let target = options.shrinkTo { lines.append(try shrink(to: target, runLimit: options.runLimit)) }
    return Answer(
      text: lines.joined(separator: "\n"), isSame: isSame(outcome), isViolated: !outcome.violations.isEmpty)
  }

  private func isSame(_ outcome: SimOutcome) -> Bool {
    plan.violated.isEmpty
      ? outcome.violations.isEmpty : plan.violated.contains { outcome.verdict.invariants.contains($0) }
  }

  private func verdict(_ outcome: SimOutcome) -> [String] {
    var lines = [
      "Seed \(plan.seed), \(plan.decisions.count) choices: \(outcome.history.count) events in "
        + "\(ShortNames.time(outcome.virtualMilliseconds)) of virtual time."
    ]
    let then = plan.violated.map(\.description).joined(separator: ", ")
    let now = outcome.verdict.invariants.map(\.description).joined(separator: ", ")
    lines.append("Violated then: \(then.isEmpty ? "nothing" : then). Violated now: \(now.isEmpty ? "nothing" : now).")
    if plan.digest.isEmpty {
      lines.append("The plan has no digest; this run's is \(outcome.digest).")
    } else if plan.digest == "\(outcome.digest)" {
      lines.append("The digest is the same, so this was the same run to the last event.")
    } else {
      lines.append(
        "The digest differs: the code changed since, or the plan was edited. Then \(plan.digest), now "
          + "\(outcome.digest).")
    }
    lines += outcome.violations.map(\.description)
    return lines
  }

  private func writePage(_ outcome: SimOutcome, to page: String, showsAll: Bool) throws {
    let html = TimelinePage(
      plan: plan, history: outcome.history, violations: outcome.violations, command: "exam-lab replay \(path)",
      showsAll: showsAll
    ).html
    do {
      try Data(html.utf8).write(to: URL(fileURLWithPath: page), options: .atomic)
    } catch {
      throw SimPlanError("The page \(page) could not be written. Choose a folder that is there.")
    }
  }

  private func shrink(to target: String, runLimit: Int) throws -> String {
    guard let (small, report) = Shrinker.ofExams(runLimit: runLimit).shrink(plan) else {
      return "Nothing is violated any more, so there is nothing to shrink."
    }
    // The smaller plan is another run, with a digest of its own.
    var written = small
    written.digest = "\(try SimRun.run(try small.simOptions()).digest)"
    try written.write(to: target)
    return "Shrunk: \(report.text). Replay it: exam-lab replay \(target) --story"
  }
}

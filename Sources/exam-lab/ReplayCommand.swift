import ArgumentParser
import ExamLab
import Foundation

/// Runs a failing plan again.
struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Runs a plan of a simulated exam again, tells what happened, and makes the plan smaller.",
    discussion: """
      A plan is a file of JSON lines: what the run was, then every choice that was not the default. Choices that are \
      not listed are left at their default, so a plan can be cut down by hand.

      Examples:
        exam-lab replay out/simulate/seed-17.plan.jsonl --story
        exam-lab replay seed-17.plan.jsonl --page seed-17.html
        exam-lab replay seed-17.plan.jsonl --shrink small.plan.jsonl

      Exit codes: 0 the same as when the plan was written; 1 something else; 2 the plan could not be run.
      """)

  @Argument(help: "The plan.", completion: .file())
  var file: String

  @Flag(help: "Tell what happened around the violations.")
  var story = false

  @Flag(help: "With --story or --page: tell every event.")
  var all = false

  @Flag(help: "List what everyone held at the end, entry by entry.")
  var journals = false

  @Option(help: "Write a page with the timeline.", completion: .file(extensions: ["html"]))
  var page: String?

  @Option(help: "Write a smaller plan that fails in the same way.", completion: .file())
  var shrink: String?

  @Option(help: "Runs that shrinking may take (1 to 100000).")
  var shrinkRuns = 2_000

  func run() async throws {
    var options = PlanReplay.Options()
    options.tellsStory = story || (all && page == nil)
    options.showsAll = all
    options.listsJournals = journals
    options.page = page
    options.shrinkTo = shrink
    options.runLimit = min(max(shrinkRuns, 1), 100_000)
    let (path, chosen) = (file, options)
    try await BlockingWork.run("exam-lab replay") {
      let answer = try PlanReplay(path: path).run(chosen)
      print(answer.text)
      return answer.isSame
    }
  }
}

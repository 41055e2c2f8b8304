import ArgumentParser
import ExamLab
import Foundation

/// Runs simulated exams.
struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Runs whole exams in virtual time, with faults drawn from seeds.",
    discussion: """
      Real cores and stores under a virtual clock, network and disk. The same seed gives the same run.

      Examples:
        exam-lab simulate --seeds 1..1000
        exam-lab simulate --seeds 1..50 --nemesis kill-loop --nemesis old-backup
        exam-lab simulate --one 17 --print-digest

      Exit codes: 0 nothing was found; 1 something was; 2 the run could not be made.
      """)

  @OptionGroup var options: SimulateOptions

  func run() async throws {
    let chosen = options
    try await BlockingWork.run("exam-lab simulate") { try chosen.simulate() }
  }
}

/// What is simulated, and how much of it.
struct SimulateOptions: ParsableArguments {
  @Option(help: "Seeds from A to B, as A..B.")
  var seeds = "1..100"

  @Option(help: "One seed alone.")
  var one: UInt64?

  @Flag(name: .customLong("print-digest"), help: "With --one: print the digest of the run and nothing else.")
  var printsDigest = false

  @Option(
    help: "A long event that happens in each run; may be given more than once: \(SimulationSettings.nemesisNames).")
  var nemesis: [String] = []

  @Option(help: "A situation that is brought about in an otherwise calm exam: \(SimulationSettings.drillNames).")
  var drill: String?

  @Flag(name: .customLong("events"), help: "Print every event of each run.")
  var showsEvents = false

  @Flag(help: "Draw no faults.")
  var calm = false

  @Option(help: "Threads (1 to 64).")
  var threads = 2

  @Option(help: "Candidates of each exam (1 to 50).")
  var candidates = 5

  @Option(help: "Questions of each exam (1 to 200).")
  var questions = 60

  @Flag(help: "Each seed draws the size of its exam, as in a soak, instead.")
  var mixedSizes = false

  @Option(help: "Where the report is written; none by default.", completion: .directory)
  var outputFolder: String?

  @Flag(inversion: .prefixedNo, help: "Show progress on standard error.")
  var progress = true

  /// - Returns: whether nothing was found.
  func simulate() throws -> Bool {
    var settings = SimulationSettings()
    settings.candidates = candidates
    settings.questions = questions
    settings.drawsSizes = mixedSizes
    settings.isCalm = calm
    settings.showsEvents = showsEvents
    settings.threads = threads
    settings.outputFolder = outputFolder
    settings.showsProgress = progress
    settings.ownCommand = CommandLine.arguments[0]
    try settings.take(nemeses: nemesis)
    if let drill { try settings.take(drill: drill) }
    if let one {
      let line = try Simulation(settings).one(one, digestOnly: printsDigest)
      print(line.text)
      return line.isGood
    }
    try settings.take(seeds: seeds)
    return try Simulation(settings).run()
  }
}

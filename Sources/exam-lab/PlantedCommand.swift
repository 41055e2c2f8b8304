import ArgumentParser
import ExamLab
import Foundation

/// Proves that the checkers can fail.
struct PlantedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "planted",
    abstract: "Switches on one deliberate bug after another; each must be caught by a checker.",
    discussion: """
      Only a build with the package trait PlantedBugs holds the bugs: `make planted` makes one and runs this.

      Examples:
        exam-lab planted --output-folder out/planted
        exam-lab planted --only gapAccepted --only sealRace
        exam-lab planted --list

      Exit codes: 0 all were caught, and half of the plans that were made smaller have at most 30 choices; 1 one was \
      missed, or the plans are larger; 2 this build has no planted bugs.
      """)

  @Flag(help: "Name the bugs and what each would cost.")
  var list = false

  @Option(help: "Look for this bug only; may be given more than once.")
  var only: [String] = []

  @Option(help: "Look for one bug in this process and print the result as JSON.")
  var one: String?

  @Option(help: "Processes at once (1 to 64).")
  var threads = 2

  @Option(help: "Seconds after which a bug counts as missed.")
  var seconds = 180.0

  @Option(help: "Runs that shrinking a failing plan may take; 0 for none.")
  var shrinkRuns = 300

  @Option(help: "The first seed.")
  var seed: UInt64 = 1

  @Option(help: "Where the failing plans and the results are written.", completion: .directory)
  var outputFolder = "out/planted"

  func run() async throws {
    guard !PlantedBuild.bugs.isEmpty else {
      FileHandle.standardError.write(
        Data("exam-lab planted: this build has no planted bugs. Run `make planted`, which makes one that has.\n".utf8))
      throw ExitCode(2)
    }
    if let one { return try hunt(one) }
    let names = only.isEmpty ? PlantedBuild.bugs : only
    if list { return try describe(names) }
    let arguments = [
      "--seconds", "\(seconds)", "--shrink-runs", "\(shrinkRuns)", "--seed", "\(seed)", "--output-folder", outputFolder,
    ]
    let campaign = PlantedCampaign(command: CommandLine.arguments[0], arguments: arguments, threads: threads)
    let results = await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          returning: campaign.run(names) {
            FileHandle.standardOutput.write(Data((PlantedCampaign.line($0) + "\n").utf8))
          })
      }
    }
    try write(results)
    print(PlantedCampaign.summary(results))
    guard results.allSatisfy(\.isCaught), PlantedCampaign.areSmall(results) else { throw ExitCode(1) }
  }

  private func hunt(_ name: String) throws {
    #if PlantedBugs
      var options = PlantedHuntOptions()
      options.secondsLimit = seconds
      options.shrinkRuns = shrinkRuns
      options.seed = seed
      options.outputFolder = outputFolder
      let result = try PlantedHunt(name, options).run()
      print(String(decoding: try JSONEncoder().encode(result), as: UTF8.self))
    #endif
  }

  private func describe(_ names: [String]) throws {
    #if PlantedBugs
      for name in names { print(try PlantedHunt.description(of: name)) }
    #endif
  }

  private func write(_ results: [PlantedCatch]) throws {
    try FileManager.default.createDirectory(atPath: outputFolder, withIntermediateDirectories: true)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(results).write(to: URL(fileURLWithPath: "\(outputFolder)/planted.json"))
  }
}

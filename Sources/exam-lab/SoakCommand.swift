import ArgumentParser
import ExamLab
import Foundation

/// Runs every campaign for hours, unattended, and goes on where it was stopped.
struct SoakCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "soak",
    abstract: "Runs the campaigns for hours, unattended; goes on where it was stopped.",
    discussion: """
      Lanes: a million power cuts, 100,000 simulated exams, 1,000 kills and 1,000 partitions. The state is written \
      after every slice; the same command with the same folder goes on from there, after a SIGKILL too. Each lane says \
      “0 failures in n (95 % bound 3/n)”: \(RuleOfThree.source).

      Examples:
        exam-lab soak --output-folder out/soak
        exam-lab soak --output-folder out/soak --minutes 60

      Exit codes: 0 nothing has failed so far; 1 something has, see the report; 2 it could not be run.
      """)

  @Option(help: "The folder with the commands exam-server and exam-client; this command's own by default.")
  var binaries: String?

  @Option(help: "Where soak.json and soak.html are; a soak that is there goes on.", completion: .directory)
  var outputFolder = "out/soak"

  @Option(help: "Everything random comes from it.")
  var seed: UInt64 = 20_261_121

  @Option(help: "Which code this is, such as git describe prints; the report names it.")
  var commit = "unknown"

  @Option(help: "Starts no further slice after so many minutes.")
  var minutes: Double?

  @Option(help: "Stops after so many slices.")
  var slices: Int?

  @Option(help: "Power cuts.")
  var powerCuts = 1_000_000

  @Option(help: "Simulated exams.")
  var exams = 100_000

  @Option(help: "Runs of the lane of kills.")
  var killRuns = 1_000

  @Option(help: "Runs of the lane of partitions.")
  var partitionRuns = 1_000

  @Option(help: "Runs at the same time; by default one for each processor, and four where a run mostly waits.")
  var jobs: Int?

  func run() async throws {
    let chosen = self
    try await BlockingWork.run("exam-lab soak") { try chosen.soak() }
  }

  private func soak() throws -> Bool {
    var options = SoakOptions(outputFolder: outputFolder)
    options.seed = seed
    options.commit = commit
    options.command = CommandLine.arguments.joined(separator: " ")
    options.minutes = minutes
    options.slices = slices
    let lanes = try self.lanes()
    let line = ProgressLine(isShown: true)
    let runner = try SoakRunner(options, lanes: lanes)
    let isClean = try runner.run(line.say)
    print(runner.table)
    return isClean
  }

  /// Every lane of a soak, in the order in which they are shown.
  private func lanes() throws -> [any SoakLane] {
    let own = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path
    var kills = KillOptions(binaries: binaries ?? own, outputFolder: "\(outputFolder)/kills")
    kills.seed = seed
    var partitions = PartitionOptions(binaries: binaries ?? own, outputFolder: "\(outputFolder)/partitions")
    partitions.seed = seed
    if let jobs {
      kills.jobs = jobs
      partitions.jobs = jobs
    }
    var lanes: [any SoakLane] = []
    let threads = jobs ?? ProcessInfo.processInfo.activeProcessorCount
    if powerCuts > 0 { lanes.append(PowerCutLane(seed: seed, target: powerCuts, threads: threads)) }
    if exams > 0 {
      lanes.append(
        SimulationLane(
          target: exams, threads: threads, command: CommandLine.arguments[0], plans: "\(outputFolder)/plans"))
    }
    if killRuns > 0 {
      let lane = try KillLane(kills, target: killRuns)
      lane.skipped.forEach(ProgressLine(isShown: true).say)
      lanes.append(lane)
    }
    if partitionRuns > 0 { lanes.append(try PartitionLane(partitions, target: partitionRuns)) }
    return lanes
  }
}

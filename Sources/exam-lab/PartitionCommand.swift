import ArgumentParser
import ExamLab
import Foundation

/// Short runs in which networks part, phones stop or die, and everything has to be equal after the heal.
struct PartitionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "partition",
    abstract: "Parts networks, stops and kills phones in many short runs, heals, and compares both sides.",
    discussion: """
      Each run: a few real phones type behind the fault proxy; some of them are disconnected, partitioned one way or \
      both ways, stopped or killed, twice; then everything heals and nobody types. Within 45 s both sides have to be \
      equal, and no confirmed answer may be missing.

      Examples:
        exam-lab partition --runs 100
        exam-lab partition --runs 1000 --jobs 4 --seed 7

      Exit codes: 0 every run was clean; 1 one was not, see the report; 2 it could not be run.
      """)

  @Option(help: "The folder with the commands exam-server and exam-client; this command's own by default.")
  var binaries: String?

  @Option(help: "Runs; the kinds of faults take turns.")
  var runs = 100

  @Option(help: "Everything random comes from it.")
  var seed: UInt64 = 20_261_121

  @Option(help: "Phones of each run (1 to 50).")
  var phones = 3

  @Option(help: "Runs at the same time; four for each processor by default.")
  var jobs: Int?

  @Option(help: "Where partition.json and partition.html are written; made anew.", completion: .directory)
  var outputFolder = "out/partition"

  @Flag(inversion: .prefixedNo, help: "Show progress on standard error.")
  var progress = true

  func run() async throws {
    let chosen = self
    try await BlockingWork.run("exam-lab partition") { try chosen.measure() }
  }

  private func measure() throws -> Bool {
    let own = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path
    var options = PartitionOptions(binaries: binaries ?? own, outputFolder: outputFolder)
    options.runs = runs
    options.seed = seed
    options.phones = phones
    if let jobs { options.jobs = jobs }
    try? FileManager.default.removeItem(atPath: outputFolder)
    let start = Date()
    let campaign = try PartitionCampaign(options)
    let line = ProgressLine(isShown: progress)
    let outcomes = campaign.run(0..<runs) { done in
      line.show("\(done.count)/\(runs) runs, \(done.count { !$0.isClean }) not clean")
    }
    line.end()
    let report = PartitionReport(campaign, outcomes, seconds: Date().timeIntervalSince(start))
    try report.write(to: outputFolder)
    print(report.table)
    return report.isClean
  }
}

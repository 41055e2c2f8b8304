import ArgumentParser
import ExamLab
import Foundation

/// Kills real processes at system calls, and compares.
struct KillCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kill",
    abstract: "Kills real phones at system calls of a save, a sync and an opening, and servers under load.",
    discussion: """
      Each run starts exam-client and exam-server on a copy of an exam that has begun. Under strace the phone dies by \
      SIGKILL on entering one call, or the call fails with EIO or ENOSPC. Then the phone is started again without it: \
      everything that it had confirmed as saved has to be there, and has to reach the server.

      \(KillReport.caveat) Power loss is a matter of exam-lab's simulated disks.

      Examples:
        exam-lab kill --runs 200
        exam-lab kill --only save,sync,open --runs 500 --seed 7

      Exit codes: 0 nothing lost or wrong; 1 something was, see the report; 2 it could not be run.
      """)

  @Option(help: "The folder with the commands exam-server and exam-client; this command's own by default.")
  var binaries: String?

  @Option(help: "Runs; of twenty, 6 are saves, 4 syncs, 4 openings, 3 failing calls, and one each of the others.")
  var runs = 200

  @Option(help: "Everything random comes from it.")
  var seed: UInt64 = 20_261_121

  @Option(help: "Kinds, separated by commas: save, sync, open, error, server, pause, full.")
  var only: String?

  @Option(help: "Runs at the same time; four for each processor by default.")
  var jobs: Int?

  @Option(help: "Where kill.json and kill.html are written; the folder is made anew.", completion: .directory)
  var outputFolder = "out/kill"

  @Flag(inversion: .prefixedNo, help: "Show progress on standard error.")
  var progress = true

  func run() async throws {
    let chosen = self
    try await BlockingWork.run("exam-lab kill") { try chosen.measure() }
  }

  private func measure() throws -> Bool {
    let own = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path
    var options = KillOptions(binaries: binaries ?? own, outputFolder: outputFolder)
    options.runs = runs
    options.seed = seed
    if let only { options.lanes = try KillLaneName.list(parsing: only) }
    if let jobs { options.jobs = jobs }
    try? FileManager.default.removeItem(atPath: outputFolder)
    let start = Date()
    let campaign = try KillCampaign(options)
    let line = ProgressLine(isShown: progress)
    campaign.skipped.forEach(line.say)
    let outcomes = campaign.run(0..<runs) { done in
      line.show("\(done.count)/\(runs) runs, \(done.count { !$0.isClean }) not clean")
    }
    line.end()
    let report = campaign.report(outcomes, seconds: Date().timeIntervalSince(start))
    try report.write(to: outputFolder)
    print(report.table)
    return report.isClean
  }

}

/// What blocks on processes and sockets, which the cooperative pool must never do.
enum BlockingWork {
  /// Runs it on a thread; `false` becomes exit code 1, an error a message and exit code 2.
  static func run(_ name: String, _ work: @escaping @Sendable () throws -> Bool) async throws {
    let outcome = await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(returning: Result { try work() })
      }
    }
    switch outcome {
    case .success(true): return
    case .success(false): throw ExitCode(1)
    case .failure(let error):
      FileHandle.standardError.write(Data("\(name): \(error)\n".utf8))
      throw ExitCode(2)
    }
  }
}

/// Progress: a line that is drawn anew on a terminal; in a pipe, only what has to be said.
struct ProgressLine {
  var isShown = true
  private let isTerminal = isatty(STDERR_FILENO) == 1

  init(isShown: Bool) {
    self.isShown = isShown
  }

  func show(_ text: String) {
    if isShown, isTerminal { FileHandle.standardError.write(Data("\r\u{1b}[K\(text)".utf8)) }
  }

  func say(_ text: String) {
    FileHandle.standardError.write(Data("\(text)\n".utf8))
  }

  func end() {
    if isShown, isTerminal { FileHandle.standardError.write(Data("\r\u{1b}[K".utf8)) }
  }
}

import ArgumentParser
import ExamLab
import Foundation

/// Measures what the project promises about speed.
struct BenchCommand: AsyncParsableCommand {
  enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
  }

  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measures saves, pushes, bytes, openings, deltas and idle polls against their bars.",
    discussion: """
      Everything is a ratio to a yardstick of the same run, or a count: a C program with the same SQL for saves, an \
      endpoint that does nothing and bare SQLite for the server. Medians of interleaved runs count. Build in release, \
      and leave the machine alone meanwhile.

      Examples:
        exam-lab bench
        exam-lab bench --only save,server --strace
        exam-lab bench --output json > bench.json

      Exit codes: 0 every bar that was measured is met; 1 one is not; 2 something could not be measured.
      """)

  @Option(help: "Measures, separated by commas: save, server, wire, open, delta, idle.")
  var only: String?

  @Option(help: "Interleaved runs of each measure (1 to 99).")
  var runs = 5

  @Flag(help: "Short runs that show that everything works; the figures mean nothing.")
  var quick = false

  @Flag(name: .customLong("strace"), help: "Count the server's syncs of the disk with strace.")
  var traces = false

  @Option(help: "The folder with the commands exam-server and exam-client; this command's own by default.")
  var binaries: String?

  @Option(help: "Where bench.json and bench.html are written, and databases while it runs.", completion: .directory)
  var outputFolder = "out/bench"

  @Option(help: "text for people, json for machines.")
  var output = OutputFormat.text

  @Flag(inversion: .prefixedNo, help: "Show progress on standard error.")
  var progress = true

  func run() async throws {
    let own = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path
    let chosen = self
    let outcome = await withCheckedContinuation { continuation in
      // The load generator is a thread that waits for sockets, which the cooperative pool must never do.
      Thread.detachNewThread {
        continuation.resume(returning: Result { try chosen.measure(own: own) })
      }
    }
    switch outcome {
    case .success(let isMet): if !isMet { throw ExitCode(1) }
    case .failure(let error):
      FileHandle.standardError.write(Data("exam-lab bench: \(error)\n".utf8))
      throw ExitCode(2)
    }
  }

  private func measure(own: String) throws -> Bool {
    var options = BenchOptions(binaries: binaries ?? own, outputFolder: outputFolder)
    if let only { options.measures = try BenchMeasure.list(parsing: only) }
    options.runs = runs
    options.isQuick = quick
    options.tracesSystemCalls = traces
    options.showsProgress = progress
    let report = try Bench(options).run()
    switch output {
    case .text: print(Bench.table(report))
    case .json: FileHandle.standardOutput.write(try Bench.json(report) + Data("\n".utf8))
    }
    return report.isMet
  }
}

import ArgumentParser
import ExamLab
import Foundation

/// A room of phones sits a real exam over bad networks, and an independent judge compares.
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Runs an exam with real processes over bad networks, kills them, and compares every answer.",
    discussion: """
      Starts exam-server on loopback and one exam-client process per candidate behind the fault proxy. Every phone is \
      killed with SIGKILL at random moments, the server once in the middle. Afterwards a judge compares, item by item, \
      what each candidate meant with what the server exports, and verifies every receipt.

      Exit codes: 0 nothing lost, wrong or doubled; 1 something was, see the report; 2 the room could not be run.
      """)

  @Option(help: "Phones, each a process of its own (1 to 500).")
  var candidates = 40

  @Option(help: "Everything random comes from it.")
  var seed: UInt64 = 20_261_121

  @Option(help: "Seconds from the opening of the paper to the bell (8 to 600).")
  var examSeconds = 45

  @Option(help: "Times that each phone is killed (0 to 20).")
  var kills = 2

  @Flag(inversion: .prefixedNo, help: "Kill and restart the server once in the middle.")
  var killServer = true

  @Option(help: "The folder with paper.json, key.json and roster.csv.", completion: .directory)
  var sample = "SampleData/medical-zh"

  @Option(help: "The folder with the commands exam-server and exam-client; this command's own by default.")
  var binaries: String?

  @Option(help: "Where the report is written; the folder is made anew.", completion: .directory)
  var outputFolder = "out/demo"

  @Option(help: "A folder of recorded links (NAME.up, NAME.down); generated links only without it.")
  var traces: String?

  @Flag(help: "Every phone follows a recorded link.")
  var recordedOnly = false

  @Flag(inversion: .prefixedNo, help: "Show progress on standard error.")
  var progress = true

  func run() async throws {
    let own = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path
    var options = RoomOptions(sample: sample, binaries: binaries ?? own, outputFolder: outputFolder)
    options.candidates = candidates
    options.seed = seed
    options.examSeconds = examSeconds
    options.killsPerCandidate = kills
    options.killsServer = killServer
    options.traces = traces ?? Self.sharedTraces
    options.usesRecordedLinksOnly = recordedOnly
    options.showsProgress = progress
    let chosen = options
    let outcome = await withCheckedContinuation { continuation in
      // A room blocks on processes and sockets, which the cooperative pool must never do.
      Thread.detachNewThread {
        continuation.resume(returning: Result { try Room(chosen).run() })
      }
    }
    switch outcome {
    case .success(true): return
    case .success(false): throw ExitCode(1)
    case .failure(let error):
      FileHandle.standardError.write(Data("exam-lab demo: \(error)\n".utf8))
      throw ExitCode(2)
    }
  }

  /// The recorded links beside a checkout, where they are there.
  private static var sharedTraces: String? {
    let folder = ProcessInfo.processInfo.environment["EXAMSYNC_SHARED_DATA"] ?? "../shared/data"
    let traces = "\(folder)/networks"
    return FileManager.default.fileExists(atPath: "\(traces)/ATT-LTE-driving.up") ? traces : nil
  }
}

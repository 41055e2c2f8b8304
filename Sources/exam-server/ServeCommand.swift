import ArgumentParser
import Dispatch
import ExamServer
import Foundation
import Logging

struct InitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Makes a server: identity, store, and the first operator's token.",
    discussion: "Example: exam-server init --data /srv/exam --address https://exam.example.org")

  @Option(help: "The folder to make (or EXAMSYNC_DATA).")
  var data: String?

  @Option(help: "The address that goes onto the hand-outs.")
  var address = "http://127.0.0.1:8080"

  @Option(help: "text for people, json for machines.")
  var output = OutputFormat.text

  func run() async throws {
    let directory = try DataDirectory(path: dataPath(data))
    let server = try await directory.makeServer(address: address)
    if output == .json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return Console.write(Array(try encoder.encode(server)) + [0x0A])
    }
    print("server card")
    print("  address:     \(server.address)")
    print("  key:         \(server.identityKey)")
    print("  fingerprint: \(server.fingerprint)")
    print("first operator's token, shown this once:")
    print("  \(server.token)")
  }
}

func dataPath(_ option: String?) throws -> String {
  guard let path = option ?? ProcessInfo.processInfo.environment["EXAMSYNC_DATA"] else {
    throw CommandError(.unreachable, "No data directory: give --data or EXAMSYNC_DATA.")
  }
  return path
}

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Runs the server until SIGTERM or SIGINT.",
    discussion: """
      Example: exam-server serve --data /srv/exam --port 8080 --operator-port 8081

      Prints one line of JSON with both ports on standard output once it listens; logs go to standard error. On \
      SIGTERM it takes no new connections, answers held polls, commits, checkpoints and exits with 0.

      When the store fails (an error of the disk, a damaged page) it acknowledges nothing more, tells everybody who \
      waits, stops and exits with 5: let a supervisor start it again. Each start after an end that was not planned \
      verifies every page and every chain first, and exits with 4 where something is damaged: then restore a backup.
      """)

  @Option(help: "The data directory (or EXAMSYNC_DATA).")
  var data: String?

  @Option(help: "Where phones come.")
  var host = "127.0.0.1"

  @Option(help: "0 takes a free port.")
  var port = 8_080

  @Option(help: "Where operators come.")
  var operatorHost = "127.0.0.1"

  @Option(help: "0 takes a free port.")
  var operatorPort = 8_081

  @Flag(
    name: .customLong("behind-tls-proxy"), help: "A proxy in front ends TLS: other than loopback addresses are taken.")
  var behindTLSProxy = false

  @Option(help: "Threads that read and check requests.")
  var eventLoops = 1

  @Option(help: "Only seals are taken below this many free bytes.")
  var lowDiskBytes: Int64?

  @Option(help: "The size of the reserve file that seals are written into when the disk is low.")
  var reserveBytes: Int64?

  @Option(help: "Connections in total; fewer where the process may not open as many files.")
  var maximumConnections: Int?

  @Option(help: "Connections of one address.")
  var maximumConnectionsPerAddress: Int?

  @Option(
    help: "Sync requests of one device a second in the long run, with bursts of 250; 0 for no limit. Seals have more.")
  var deviceRequestsPerSecond: Int?

  @Flag(help: "Take and give JSON on the device plane too, for requests of that Content-Type.")
  var json = false

  @Flag(help: .hidden)
  var benchEndpoint = false

  @Option(help: .hidden)
  var clockOffsetMs: Int64 = 0

  func run() async throws {
    LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
    let signals = TerminationSignals()
    let directory = DataDirectory(path: try dataPath(data))
    try await DirectoryLock.waitForCommands(in: directory)
    let application = try await ExamServerApplication.start(
      directory: directory, options: options, logger: Logger(label: "exam-server"))
    let line =
      "{\"device_port\":\(application.devicePort),\"fingerprint\":\"\(application.fingerprint)\","
      + "\"operator_port\":\(application.operatorPort),\"pid\":\(ProcessInfo.processInfo.processIdentifier)}\n"
    Console.write(Array(line.utf8))
    let failing = Task { [faults = application.faults, ends = signals.continuation] in
      for await _ in faults { ends.yield() }
    }
    await signals.wait()
    await application.stop()
    failing.cancel()
    // Also where it failed while it was stopping.
    if application.hasStoreFailed {
      throw CommandError(.storeFailed, "The store failed. Start the server again: it verifies the store first.")
    }
  }

  private var options: ServerOptions {
    var options = ServerOptions()
    options.host = host
    options.port = port
    options.operatorHost = operatorHost
    options.operatorPort = operatorPort
    options.isBehindTLSProxy = behindTLSProxy
    options.eventLoops = eventLoops
    options.offersNothing = benchEndpoint
    options.offersJSON = json
    options.clock = ServerClock(offsetMilliseconds: clockOffsetMs)
    if let lowDiskBytes { options.lowDiskBytes = lowDiskBytes }
    if let reserveBytes { options.reserveBytes = reserveBytes }
    if let maximumConnections { options.limits.connections = maximumConnections }
    if let deviceRequestsPerSecond { options.limits.deviceRequestsPerSecond = deviceRequestsPerSecond }
    if let maximumConnectionsPerAddress { options.limits.connectionsPerAddress = maximumConnectionsPerAddress }
    return options
  }
}

/// What ends the server, as something that can be awaited: SIGTERM, SIGINT, and whatever else yields.
private final class TerminationSignals {
  private let stream: AsyncStream<Void>
  let continuation: AsyncStream<Void>.Continuation
  private let sources: [any DispatchSourceSignal]

  init() {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    self.stream = stream
    self.continuation = continuation
    var sources: [any DispatchSourceSignal] = []
    for number in [SIGTERM, SIGINT] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { continuation.yield() }
      source.resume()
      sources.append(source)
    }
    self.sources = sources
  }

  func wait() async {
    for await _ in stream { return }
  }
}

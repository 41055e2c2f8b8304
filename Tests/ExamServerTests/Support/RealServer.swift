import ExamModel
import Foundation
import SyncProtocol

@testable import ExamServer

/// The `exam-server` that was built beside these tests, with a data directory of its own.
final class InstalledServer: Sendable {
  /// `nil` where it was not built.
  static let binary: String? = {
    let tests = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let path = URL(fileURLWithPath: tests ?? CommandLine.arguments[0]).deletingLastPathComponent().path + "/exam-server"
    return FileManager.default.isExecutableFile(atPath: path) ? path : nil
  }()

  let folder: String
  let made: NewServer
  /// What stands before every command of this server.
  private let prefix: [String]

  /// - Parameters:
  ///   - folder: an existing folder; without it a new one of the system's.
  ///   - prefix: a command that runs another, given by its path.
  init(folder: String? = nil, prefix: [String] = []) async throws {
    self.prefix = prefix
    let base = folder ?? NSTemporaryDirectory() + "examsync-real-\(UUID().uuidString)"
    if folder == nil { try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true) }
    self.folder = base
    let arguments = prefix + [Self.binary ?? "", "init", "--data", base + "/data", "--output", "json"]
    let process = try ServerProcess(arguments, errorFile: NSTemporaryDirectory() + "examsync-\(UUID().uuidString).log")
    let line = await process.readLine()
    guard await process.exitStatus(withinSeconds: 60) == 0, let line else {
      throw RawConnection.Failure(description: "init failed: \(process.errors)")
    }
    made = try JSONDecoder().decode(NewServer.self, from: Data(line.utf8))
  }

  var data: String { folder + "/data" }

  /// Starts `serve` and returns once both ports are open.
  ///
  /// - Parameter wrapper: a command that runs another, such as `strace`.
  func start(_ options: [String] = [], wrapper: [String] = []) async throws -> RealServer {
    let arguments =
      prefix + wrapper + [Self.binary ?? "", "serve", "--data", data, "--port", "0", "--operator-port", "0"] + options
    let process = try ServerProcess(arguments, errorFile: NSTemporaryDirectory() + "examsync-\(UUID().uuidString).log")
    guard let line = await process.readLine(),
      let ports = try? JSONDecoder().decode(RealServer.Ports.self, from: Data(line.utf8))
    else {
      let status = await process.exitStatus(withinSeconds: 10)
      throw RawConnection.Failure(description: "serve ended with \(status): \(process.errors)")
    }
    return RealServer(process: process, ports: ports, made: made)
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }
}

/// A running `exam-server serve`.
final class RealServer: ReachableServer {
  struct Ports: Decodable {
    var device: Int
    var `operator`: Int
    var pid: Int32

    private enum CodingKeys: String, CodingKey {
      case device = "device_port"
      case `operator` = "operator_port"
      case pid
    }
  }

  let process: ServerProcess
  let devicePort: Int
  let operatorPort: Int
  let token: String
  let identityKey: [UInt8]
  /// The server's own, whatever command it was started by.
  let processID: Int32

  init(process: ServerProcess, ports: Ports, made: NewServer) {
    self.process = process
    devicePort = ports.device
    operatorPort = ports.operator
    processID = ports.pid
    token = made.token
    identityKey = Hex.decode(made.identityKey) ?? []
  }

  /// SIGTERM, and the exit status. A server that is not gone after so many seconds is killed, and the status is -9.
  func stop(withinSeconds seconds: Int = 10) async -> Int32 {
    kill(processID, SIGTERM)
    return await process.exitStatus(withinSeconds: seconds)
  }
}

/// A child with its output in a pipe and its errors in a file.
///
/// `@unchecked Sendable`: `Process` and the pipe are used from one place at a time.
final class ServerProcess: @unchecked Sendable {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let errorFile: String

  init(_ arguments: [String], errorFile: String) throws {
    self.errorFile = errorFile
    _ = FileManager.default.createFile(atPath: errorFile, contents: nil)
    process.executableURL = URL(fileURLWithPath: arguments[0])
    process.arguments = Array(arguments.dropFirst())
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle(forWritingAtPath: errorFile)
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    try? FileManager.default.removeItem(atPath: errorFile)
  }

  var processID: Int32 { process.processIdentifier }

  /// What it said on standard error so far.
  var errors: String { (try? String(contentsOfFile: errorFile, encoding: .utf8)) ?? "" }

  /// The first line of its output; `nil` if it ends without one. A child that says nothing for so long is killed.
  func readLine(withinSeconds seconds: Int = 120) async -> String? {
    await onThread {
      let last = ChildEnd.killing(self.process, afterSeconds: seconds)
      defer { last.cancel() }
      var bytes: [UInt8] = []
      let handle = self.output.fileHandleForReading
      while let byte = try? handle.read(upToCount: 1)?.first {
        if byte == 0x0A { return String(decoding: bytes, as: UTF8.self) }
        bytes.append(byte)
      }
      return nil
    }
  }

  /// The exit status, or minus the signal. After so many seconds the child is killed.
  func exitStatus(withinSeconds seconds: Int) async -> Int32 {
    await onThread {
      let last = ChildEnd.killing(self.process, afterSeconds: seconds)
      defer { last.cancel() }
      return ChildEnd.wait(for: self.process)
    }
  }

  /// Ends its input.
  func finishInput() { try? input.fileHandleForWriting.close() }

  /// A thread of its own: waiting for a process must not hold one that other tests need.
  private func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: body()) }
    }
  }
}

/// Commands of the system that some tests need; a test that lacks one is skipped and says so.
enum SystemTool {
  static func path(_ name: String) -> String? {
    ["/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"].map { $0 + name }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// Whether a command runs here to a good end: being installed is not being permitted.
  static func works(_ name: String, _ arguments: [String]) -> Bool {
    guard let path = path(name) else { return false }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    return ChildEnd.wait(for: process) == 0
  }
}

import ExamModel
import Foundation
import SyncProtocol
import SyncWire
import Testing

@testable import ExamServer

/// A small disk that is really full: a tmpfs in a mount namespace of its own.
///
/// `@unchecked Sendable`: it is used from one place at a time.
private final class SmallDisk: @unchecked Sendable {
  static let isPermitted =
    SystemTool.path("nsenter") != nil
    && SystemTool.works("unshare", ["-Urm", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /tmp"])

  let folder = NSTemporaryDirectory() + "examsync-small-\(UUID().uuidString)"
  private let holder: ServerProcess

  init(megabytes: Int) async throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let script = "mount -t tmpfs -o size=\(megabytes)m tmpfs '\(folder)' && echo mounted && exec cat"
    holder = try ServerProcess(
      [SystemTool.path("unshare") ?? "", "-Urm", "sh", "-c", script], errorFile: folder + ".log")
    guard await holder.readLine() == "mounted" else {
      throw RawConnection.Failure(description: "no small disk: \(holder.errors)")
    }
  }

  /// Runs a command where the disk is mounted.
  var prefix: [String] {
    [
      SystemTool.path("nsenter") ?? "", "-t", "\(holder.processID)", "-U", "-m", "--preserve-credentials",
    ]
  }

  func run(_ command: String) async throws -> Int32 {
    let process = try ServerProcess(
      prefix + ["/bin/sh", "-c", command], errorFile: folder + "-\(UUID().uuidString).log")
    return await process.exitStatus(withinSeconds: 60)
  }

  deinit {
    holder.finishInput()
    try? FileManager.default.removeItem(atPath: folder)
  }
}

@Suite(
  .serialized, .timeLimit(.minutes(10)),
  .enabled(if: InstalledServer.binary != nil, "needs the exam-server binary beside the tests: swift build first"),
  .enabled(if: SmallDisk.isPermitted, "needs user namespaces that may mount a tmpfs"))
struct FullDiskTests {
  private static let options = ["--low-disk-bytes", "\(4 << 20)", "--reserve-bytes", "\(3 << 20)"]

  @Test func aFullDiskTakesSealsFromTheReserveAndLosesNothing() async throws {
    let disk = try await SmallDisk(megabytes: 16)
    let installed = try await InstalledServer(folder: disk.folder, prefix: disk.prefix)
    let server = try await installed.start(Self.options)
    let exam = try await server.makeExam(candidates: ["wang", "zhao", "sun"])
    let writer = try await PushingPhone.begin(server, exam, candidate: 0)
    let sealer = try await PushingPhone.begin(server, exam, candidate: 1)
    let line = try server.connect()
    #expect(try await sealer.send(on: line) == .acknowledged(1))
    var outcome = PushingPhone.Outcome.acknowledged(0)
    try await waitUntil("the disk is low") {
      outcome = try await writer.answerAndSend(on: line, bytes: 60_000)
      if case .acknowledged = outcome { return false }
      return true
    }
    #expect(outcome == .refused("storage-low"))
    #expect(writer.acknowledged > 50)
    // Refused before it is full: the reserve is given up, and there is room for what cannot wait.
    #expect(try await disk.run("test ! -e '\(installed.data)/reserve'") == 0)
    #expect(try await disk.run("head -c 2M /dev/zero > '\(disk.folder)/probe' && rm '\(disk.folder)/probe'") == 0)
    sealer.appendSeal()
    #expect(try await sealer.send(on: line) == .acknowledged(2))
    #expect(try await TestDevice(server).login(username: "sun")?.problem == "storage-low")

    // Somebody else fills the disk to its last byte: not even a seal has room, and nobody is told that it had.
    #expect(try await disk.run("head -c 64M /dev/zero > '\(disk.folder)/filler'") != 0)
    var refused = PushingPhone.Outcome.acknowledged(0)
    try await waitUntil("a seal finds no room") {
      writer.appendSeal()
      refused = try await writer.send(on: line)
      if case .acknowledged = refused { return false }
      return true
    }
    #expect(refused == .refused("storage-low"))
    #expect(try await disk.run("rm '\(disk.folder)/filler'") == 0)
    guard case .acknowledged = try await writer.send(on: line) else {
      Issue.record("not acknowledged though there is room again")
      return
    }
    #expect(await server.stop() == 0)

    let again = try await installed.start(Self.options)
    for phone in [writer, sealer] {
      phone.move(to: again)
      #expect(try await phone.isKept())
    }
    #expect(await again.stop() == 0)
  }
}

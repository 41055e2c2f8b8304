import ExamModel
import Foundation
import Logging
import SyncProtocol
import SyncWire

@testable import ExamServer

/// A real server on loopback with its store in a folder of its own.
final class TestServer: ReachableServer {
  let directory: DataDirectory
  let application: ExamServerApplication
  let made: NewServer
  private let place: ServerPlace

  init(_ change: (inout ServerOptions) -> Void = { _ in }) async throws {
    place = await ServerPlace.take()
    let path = NSTemporaryDirectory() + "examsync-server-\(ID128.random().hex)"
    directory = DataDirectory(path: path)
    made = try await directory.makeServer(address: "http://127.0.0.1:8080")
    application = try await Self.start(directory, change)
  }

  private init(directory: DataDirectory, application: ExamServerApplication, made: NewServer, place: ServerPlace) {
    self.directory = directory
    self.application = application
    self.made = made
    self.place = place
  }

  private static func start(
    _ directory: DataDirectory, _ change: (inout ServerOptions) -> Void
  ) async throws -> ExamServerApplication {
    var options = ServerOptions()
    options.port = 0
    options.operatorPort = 0
    options.limits.sweepMilliseconds = 10
    options.reserveBytes = 1 << 20
    change(&options)
    return try await ExamServerApplication.start(
      directory: directory, options: options, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  /// The same data directory in a new process's place.
  func restarted(_ change: (inout ServerOptions) -> Void = { _ in }) async throws -> TestServer {
    await application.stop()
    return TestServer(
      directory: directory, application: try await Self.start(directory, change), made: made, place: place)
  }

  /// Stops the server and removes its folder.
  func end() async {
    await application.stop()
    try? FileManager.default.removeItem(atPath: directory.path)
  }

  var devicePort: Int { application.devicePort }
  var operatorPort: Int { application.operatorPort }
  var token: String { made.token }
  var identityKey: [UInt8] { Hex.decode(made.identityKey) ?? [] }
}

struct TestExam {
  var id: String
  var code: String
  var handOut: RosterHandOut

  var attempt: ID128 { ID128(hex: handOut.rows[0].attempt) ?? .zero }
}

import ExamModel
import Foundation
import Logging
import SyncProtocol
import SyncWire

@testable import ExamServer

/// A real server on loopback with its store in a folder of its own.
final class TestServer: Sendable {
  let directory: DataDirectory
  let application: ExamServerApplication
  let made: NewServer

  init(_ change: (inout ServerOptions) -> Void = { _ in }) async throws {
    let path = NSTemporaryDirectory() + "examsync-server-\(ID128.random().hex)"
    directory = DataDirectory(path: path)
    made = try await directory.makeServer(address: "http://127.0.0.1:8080")
    application = try await Self.start(directory, change)
  }

  private init(directory: DataDirectory, application: ExamServerApplication, made: NewServer) {
    self.directory = directory
    self.application = application
    self.made = made
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
      directory: directory, application: try await Self.start(directory, change), made: made)
  }

  /// Stops the server and removes its folder.
  func end() async {
    await application.stop()
    try? FileManager.default.removeItem(atPath: directory.path)
  }

  func connect(timeoutSeconds: Int = 20) throws -> RawConnection {
    try RawConnection(port: application.devicePort, timeoutSeconds: timeoutSeconds)
  }

  /// Says `bytes` on a new connection and reads what comes.
  func exchange(_ bytes: [UInt8]) async throws -> RawAnswer? {
    let connection = try connect()
    connection.send(bytes)
    return try await connection.receive()
  }

  func exchange(_ text: String) async throws -> RawAnswer? { try await exchange(Array(text.utf8)) }

  // MARK: Operators

  /// One request over the operator port.
  func operate(
    _ method: String, _ path: String, query: [String: String] = [:], body: [UInt8] = [], token: String? = nil
  ) async throws -> OperatorAnswer {
    try await OperatorClient(address: "127.0.0.1:\(application.operatorPort)").send(
      OperatorRequest(method: method, path: path, query: query, body: body, token: token ?? made.token))
  }

  func operate(_ method: String, _ path: String, json: [String: Any]) async throws -> [String: Any] {
    let body = Array(try JSONSerialization.data(withJSONObject: json))
    let answer = try await operate(method, path, body: body)
    guard answer.status == 200 else {
      throw RawConnection.Failure(description: "\(answer.status) \(String(decoding: answer.body, as: UTF8.self))")
    }
    return try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any] ?? [:]
  }

  /// An exam that opens in an hour, with one candidate for each name.
  func makeExam(candidates: [String] = ["wang"]) async throws -> TestExam {
    let now = ServerClock().now
    let exam = try await operate(
      "POST", "/v1/exams",
      json: [
        "title": "Finals", "opensAt": now + 3_600_000, "closesAt": now + 7_200_000, "policy": [String: Any](),
        "specialty": "",
      ])
    guard let id = exam["exam"] as? String, let code = exam["code"] as? String else {
      throw RawConnection.Failure(description: "no exam in \(exam)")
    }
    var table = "number,name,username,password\n"
    for (index, name) in candidates.enumerated() { table += "N\(index + 1),\(name),\(name),secret1234\n" }
    let answer = try await operate("POST", "/v1/exams/\(id)/roster", body: Array(table.utf8))
    let handOut = try JSONDecoder().decode(RosterHandOut.self, from: Data(answer.body))
    return TestExam(id: id, code: code, handOut: handOut)
  }
}

struct TestExam {
  var id: String
  var code: String
  var handOut: RosterHandOut

  var attempt: ID128 { ID128(hex: handOut.rows[0].attempt) ?? .zero }
}

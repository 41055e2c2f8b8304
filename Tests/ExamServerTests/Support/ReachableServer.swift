import Foundation
import SyncProtocol

@testable import ExamServer

/// A server that is spoken to over its two ports, in this process or in one of its own.
protocol ReachableServer: AnyObject, Sendable {
  var devicePort: Int { get }
  var operatorPort: Int { get }
  /// The first operator's.
  var token: String { get }
  /// The server's Ed25519 public key.
  var identityKey: [UInt8] { get }
}

extension ReachableServer {
  func connect(timeoutSeconds: Int = 20) throws -> RawConnection {
    try RawConnection(port: devicePort, timeoutSeconds: timeoutSeconds)
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
    try await OperatorClient(address: "127.0.0.1:\(operatorPort)").send(
      OperatorRequest(method: method, path: path, query: query, body: body, token: token ?? self.token))
  }

  func operate(_ method: String, _ path: String, json: [String: Any]) async throws -> [String: Any] {
    let body = Array(try JSONSerialization.data(withJSONObject: json))
    let answer = try await operate(method, path, body: body)
    guard answer.status == 200 else {
      throw RawConnection.Failure(description: "\(answer.status) \(String(decoding: answer.body, as: UTF8.self))")
    }
    return try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any] ?? [:]
  }

  /// An exam that opens in an hour, or else, with one candidate for each name.
  func makeExam(candidates: [String] = ["wang"], opensIn milliseconds: Int64 = 3_600_000) async throws -> TestExam {
    let now = ServerClock().now
    let exam = try await operate(
      "POST", "/v1/exams",
      json: [
        "title": "Finals", "opensAt": now + milliseconds, "closesAt": now + 7_200_000, "policy": [String: Any](),
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

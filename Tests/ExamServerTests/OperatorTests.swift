import ExamModel
import Foundation
import ServerCore
import SyncProtocol
import Testing

@testable import ExamServer

@Suite(.timeLimit(.minutes(10))) struct OperatorTests {
  private func withServer(_ body: (TestServer) async throws -> Void) async throws {
    let server = try await TestServer()
    do { try await body(server) } catch {
      await server.end()
      throw error
    }
    await server.end()
  }

  @Test func nothingIsDoneWithoutAToken() async throws {
    try await withServer { (server) async throws in
      for token in ["", "nonsense", server.made.token + "x"] {
        let answer = try await server.operate("GET", "/v1/exams", token: token)
        #expect(answer.status == 401)
        #expect(answer.contentType == "application/problem+json")
      }
      #expect(try await server.operate("GET", "/healthz", token: "").status == 200)
    }
  }

  @Test func aProctorDoesWhatTheRoomNeedsAndNoMore() async throws {
    try await withServer { (server) async throws in
      let exam = try await server.makeExam()
      let issued = try await server.operate("POST", "/v1/operators", json: ["name": "room 3", "role": "proctor"])
      let token = try #require(issued["token"] as? String)
      let attempt = exam.attempt.hex
      #expect(try await server.operate("GET", "/v1/exams/\(exam.id)/board", token: token).status == 200)
      #expect(try await server.operate("GET", "/v1/attempts/\(attempt)/locks/1/code", token: token).status == 200)
      for (method, path) in [
        ("POST", "/v1/exams"), ("POST", "/v1/exams/\(exam.id)/cancel"), ("POST", "/v1/exams/\(exam.id)/roster"),
        ("POST", "/v1/exams/\(exam.id)/papers"), ("POST", "/v1/operators"), ("POST", "/v1/backup"),
        ("GET", "/v1/audit"), ("GET", "/v1/exams/\(exam.id)/answers"), ("POST", "/v1/attempts/\(attempt)/reopen"),
      ] {
        let body = Array(#"{"reason":"x","title":"x","opensAt":1,"closesAt":2,"policy":{},"specialty":""}"#.utf8)
        let answer = try await server.operate(method, path, body: body, token: token)
        #expect(answer.status == 403, "\(method) \(path) \(String(decoding: answer.body, as: UTF8.self))")
      }
      _ = try await server.operate("DELETE", "/v1/operators/room 3")
      #expect(try await server.operate("GET", "/v1/exams", token: token).status == 401)
    }
  }

  @Test(arguments: [
    ("GET", "/v1/nothing", 404), ("PUT", "/v1/exams", 405), ("GET", "/v1/exams/zz", 422),
    ("GET", "/v1/exams?limit=0", 422), ("GET", "/v1/exams?limit=x", 422),
    ("POST", "/v1/attempts/00112233445566778899aabbccddeeff/locks/0/unlock", 422),
    ("POST", "/v1/attempts/00112233445566778899aabbccddeeff/locks/1/unlock", 404),
  ])
  func badRequestsGetAProblem(method: String, target: String, status: Int) async throws {
    try await withServer { (server) async throws in
      let parts = target.split(separator: "?")
      var query: [String: String] = [:]
      if parts.count > 1 {
        let pair = parts[1].split(separator: "=")
        query[String(pair[0])] = String(pair[1])
      }
      let answer = try await server.operate(method, String(parts[0]), query: query)
      #expect(answer.status == status)
      #expect(answer.contentType == "application/problem+json")
    }
  }

  @Test(arguments: ["", "{", "[]", "{\"title\":1}", "{\"title\":\"x\"}"])
  func brokenBodiesChangeNothing(body: String) async throws {
    try await withServer { (server) async throws in
      let answer = try await server.operate("POST", "/v1/exams", body: Array(body.utf8))
      #expect((400..<500).contains(answer.status))
      let list = try await server.operate("GET", "/v1/exams")
      #expect(String(decoding: list.body, as: UTF8.self).contains("\"rows\":[]"))
    }
  }

  @Test func importingARosterTwiceGivesTheSameHandOut() async throws {
    try await withServer { (server) async throws in
      let exam = try await server.makeExam(candidates: ["liming"])
      let table = Array("number,name,username\nN1,liming,liming\nN2,赵,zhao\n".utf8)
      var passwords: [[String]] = []
      for _ in 0..<2 {
        let answer = try await server.operate("POST", "/v1/exams/\(exam.id)/roster", body: table)
        let handOut = try JSONDecoder().decode(RosterHandOut.self, from: Data(answer.body))
        passwords.append(handOut.rows.map(\.password))
        #expect(handOut.rows[0].attempt == exam.handOut.rows[0].attempt)
        #expect(handOut.serverKey == server.made.identityKey)
      }
      #expect(passwords[0] == passwords[1])
      #expect(Set(passwords[0]).count == 2)
      let device = TestDevice(server)
      #expect(try await device.login(username: "zhao", password: passwords[0][1])?.status == 200)
    }
  }

  @Test func aRosterLongerThanOneTransactionIsImportedWhole() async throws {
    try await withServer { (server) async throws in
      let exam = try await server.makeExam()
      let count = OperatorLimits.rosterRowsPerCommit + 3
      let lines = (1...count).map { "M\($0),candidate \($0),member\($0)" }
      let table = Array((["number,name,username"] + lines).joined(separator: "\n").utf8)
      let answer = try await server.operate("POST", "/v1/exams/\(exam.id)/roster", body: table)
      let handOut = try JSONDecoder().decode(RosterHandOut.self, from: Data(answer.body))
      #expect(handOut.rows.map(\.number) == (1...count).map { "M\($0)" })
      #expect(!handOut.rows.contains { !$0.isNew })
      let list = try await server.operate("GET", "/v1/exams/\(exam.id)/attempts")
      #expect(String(decoding: list.body, as: UTF8.self).contains("member\(count)"))
    }
  }

  @Test func aBrokenRosterImportsNobody() async throws {
    try await withServer { (server) async throws in
      let exam = try await server.makeExam()
      let table = Array("number,name,username\nN8,chenyu,chenyu\nN9,bad,1x\n".utf8)
      let answer = try await server.operate("POST", "/v1/exams/\(exam.id)/roster", body: table)
      #expect(answer.status == 422)
      #expect(String(decoding: answer.body, as: UTF8.self).contains("roster.csv:3"))
      let list = try await server.operate("GET", "/v1/exams/\(exam.id)/attempts")
      #expect(!String(decoding: list.body, as: UTF8.self).contains("chenyu"))
    }
  }

  @Test func aRunningStoreIsBackedUpAndRestored() async throws {
    let server = try await TestServer()
    let exam = try await server.makeExam()
    let body = Array(#"{"name":"before"}"#.utf8)
    #expect(try await server.operate("POST", "/v1/backup", body: body).status == 200)
    #expect(try await server.operate("POST", "/v1/backup", body: body).status == 409)
    let outside = Array(#"{"name":"../../x"}"#.utf8)
    #expect(try await server.operate("POST", "/v1/backup", body: outside).status == 422)
    let later = try await server.makeExam(candidates: ["late"])
    let backup = "\(server.directory.backups)/before.sqlite"
    #expect(throws: StorageError.self) { _ = try server.directory.restore(from: backup) }
    await server.application.stop()
    #expect(throws: CommandError.self) {
      _ = try server.directory.restore(from: server.directory.path + "/identity.key")
    }
    #expect(try server.directory.restore(from: backup) != nil)
    let restored = try await server.restarted()
    #expect(try await restored.operate("GET", "/v1/exams/\(exam.id)").status == 200)
    #expect(try await restored.operate("GET", "/v1/exams/\(later.id)").status == 404)
    await restored.end()
  }

  @Test func commandsOpenTheStoreOnlyWhenNoServerRuns() async throws {
    let server = try await TestServer()
    let data = server.directory.path
    let remote = try OperatorAccess.open(server: nil, token: nil, data: data)
    #expect(!(try await remote.send("GET", "/v1/exams")).isEmpty)
    #expect(throws: StorageError.self) { _ = try LocalOperator(directory: server.directory) }
    await server.application.stop()
    let local = try OperatorAccess.open(server: nil, token: nil, data: data)
    #expect(!(try await local.send("GET", "/v1/exams")).isEmpty)
    await #expect(throws: CommandError.self) { _ = try await local.send("GET", "/v1/nothing") }
    await local.close()
    #expect(Doctor.examine(server.directory).filter { !$0.isGood }.map(\.name) == [])
    try FileManager.default.removeItem(atPath: data)
  }

  @Test func aServerIsMadeOnce() async throws {
    let server = try await TestServer()
    await #expect(throws: StorageError.self) { _ = try await server.directory.makeServer(address: "http://x") }
    for file in ["identity.key", "admin.token"] {
      #expect(FileSystem.mode("\(server.directory.path)/\(file)") == 0o600)
    }
    await server.end()
  }

  @Test(arguments: ["0.0.0.0", "192.0.2.1", "::", "exam.example.org", "127.evil.example.org"])
  func otherThanLoopbackNeedsTLS(host: String) {
    var options = ServerOptions()
    options.host = host
    #expect(throws: StorageError.self) { try options.validate() }
    options.isBehindTLSProxy = true
    #expect(throws: Never.self) { try options.validate() }
  }
}

import ExamModel
import Foundation
import SyncProtocol
import SyncWire
import Testing

@testable import ExamServer

/// The real `exam-server`, as a supervisor, a broken disk and a full process table treat it.
@Suite(
  .serialized, .timeLimit(.minutes(10)),
  .enabled(if: InstalledServer.binary != nil, "needs the exam-server binary beside the tests: swift build first"))
struct RealProcessTests {
  private static let strace = SystemTool.works("strace", ["-o", "/dev/null", "true"])

  /// Pushes until the connection is gone.
  ///
  /// - Returns: whether an acknowledgement came after the first refusal.
  private func pushToTheEnd(_ phone: PushingPhone) async throws -> (isActedOn: Bool, refusals: [String]) {
    let connection = try phone.device.server.connect(timeoutSeconds: 60)
    var refusals: [String] = []
    var isActedOn = false
    try await waitUntil("the connection is gone") {
      switch try await phone.answerAndSend(on: connection) {
      case .acknowledged: isActedOn = !refusals.isEmpty
      case .refused(let kind): refusals.append(kind)
      case .gone: return true
      }
      return isActedOn
    }
    return (isActedOn, refusals)
  }

  /// I27: one failed sync of the disk, and nothing is acknowledged until a new process has verified the store.
  @Test(.enabled(if: strace, "needs strace, and the right to trace"))
  func aFailedSyncStopsTheServerAndLosesNothing() async throws {
    let installed = try await InstalledServer()
    defer { installed.remove() }
    let calls = "fdatasync,fsync"
    let server = try await installed.start(
      wrapper: [
        try #require(SystemTool.path("strace")), "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=\(calls)",
        "-e", "inject=\(calls):error=EIO:when=120",
      ])
    let exam = try await server.makeExam(candidates: ["wang", "zhao", "sun"])
    var phones: [PushingPhone] = []
    for candidate in 0..<3 { phones.append(try await .begin(server, exam, candidate: candidate)) }
    try await withThrowingTaskGroup(of: (isActedOn: Bool, refusals: [String]).self) { group in
      for phone in phones { group.addTask { try await pushToTheEnd(phone) } }
      for try await end in group {
        #expect(!end.isActedOn)
        #expect(end.refusals.allSatisfy { $0 == "storage-failed" })
      }
    }
    #expect(await server.process.exitStatus(withinSeconds: 20) == CommandError.Exit.storeFailed.rawValue)
    #expect(server.process.errors.components(separatedBy: " critical ").count == 2)
    #expect(phones.allSatisfy { $0.acknowledged > 0 })
    let again = try await installed.start()
    #expect(again.process.errors.contains("the last run did not end as it should; the store is sound"))
    for phone in phones {
      phone.move(to: again)
      #expect(try await phone.isKept())
      guard case .acknowledged = try await phone.answerAndSend(on: again.connect()) else {
        Issue.record("not acknowledged after the new start")
        continue
      }
    }
    #expect(await again.stop() == 0)
    let third = try await installed.start()
    #expect(!third.process.errors.contains("did not end as it should"))
    #expect(await third.stop() == 0)
  }

  /// A start that finds the store damaged says so with a code of its own: no supervisor can help then.
  @Test func aDamagedStoreIsNotServed() async throws {
    let installed = try await InstalledServer()
    defer { installed.remove() }
    try Data(repeating: 0x55, count: 8_192).write(to: URL(fileURLWithPath: installed.data + "/store.sqlite"))
    let arguments = [try #require(InstalledServer.binary), "serve", "--data", installed.data, "--port", "0"]
    let process = try ServerProcess(
      arguments + ["--operator-port", "0"], errorFile: installed.folder + "/errors.log")
    #expect(await process.readLine() == nil)
    #expect(await process.exitStatus(withinSeconds: 20) == CommandError.Exit.damaged.rawValue)
    #expect(process.errors.contains("restore a backup"))
  }

  /// A supervisor's SIGTERM under load: polls are answered, the log is folded in, and ten seconds are enough.
  @Test func aTerminatedServerAnswersItsPollsAndFoldsItsLogIn() async throws {
    let installed = try await InstalledServer()
    defer { installed.remove() }
    let server = try await installed.start()
    let exam = try await server.makeExam(candidates: ["wang", "zhao", "sun"])
    let poller = TestDevice(server)
    #expect(try await poller.login()?.status == 200)
    let scopes = [try #require(poller.grant).candidate, try #require(ID128(hex: exam.id))]
    let cursors = try await poller.catchUp(scopes)
    let phones = [
      try await PushingPhone.begin(server, exam, candidate: 1),
      try await PushingPhone.begin(server, exam, candidate: 2),
    ]
    let idle = try (0..<20).map { _ in try server.connect(timeoutSeconds: 60) }
    async let held = poller.sync(SyncRequest(scopes: cursors, waitMilliseconds: 55_000))
    try await waitUntil("the poll is held") { try await gauge("polls", server) == 1 }
    async let first = pushToTheEnd(phones[0])
    async let second = pushToTheEnd(phones[1])
    try await waitUntil("40 commits are made") { try await gauge("commits_total", server) >= 40 }
    #expect(await server.stop() == 0)
    #expect(try await held.deltas.isEmpty)
    for end in [try await first, try await second] {
      #expect(!end.isActedOn)
      #expect(end.refusals.isEmpty)
    }
    for connection in idle { #expect(await connection.isEnded()) }
    #expect((FileSystem.size(installed.data + "/store.sqlite-wal") ?? 0) == 0)
    #expect(FileSystem.size(installed.data + "/server.lock") == 0)
    let again = try await installed.start()
    for phone in phones {
      #expect(phone.acknowledged > 0)
      phone.move(to: again)
      #expect(try await phone.isKept())
    }
    #expect(await again.stop() == 0)
  }

  private func gauge(_ name: String, _ server: RealServer) async throws -> Int {
    let answer = try await server.operate("GET", "/metrics")
    let line = String(decoding: answer.body, as: UTF8.self).split(separator: "\n")
      .first { $0.hasPrefix("examsync_\(name) ") }
    return try #require(line?.split(separator: " ").last.flatMap { Int($0) }, "no \(name) in \(answer.status)")
  }

  /// Operators' connections take what is left of 64 descriptors, and some more wait to be accepted.
  ///
  /// Each asks for something and reads the answer: so it was accepted, and it stays when it says nothing more. One that
  /// never said anything is ended after ten seconds, which may be sooner than a busy machine has opened them all.
  private func takeTheLastDescriptors(of server: RealServer) async throws -> [RawConnection] {
    let descriptors = "/proc/\(server.processID)/fd"
    var operators: [RawConnection] = []
    while try FileManager.default.contentsOfDirectory(atPath: descriptors).count < 64 {
      try #require(operators.count < 64, "64 more connections, and there are still descriptors left")
      let connection = try RawConnection(port: server.operatorPort)
      connection.send("GET /healthz HTTP/1.1\r\nHost: exam\r\n\r\n")
      try #require(try await connection.receive()?.status == 200)
      operators.append(connection)
    }
    for _ in 0..<8 { operators.append(try RawConnection(port: server.operatorPort)) }
    return operators
  }

  /// 64 descriptors in all: what is above them is turned away, what is inside goes on, and all comes back.
  @Test(.enabled(if: SystemTool.works("prlimit", ["--nofile=64:64", "true"]), "needs prlimit"))
  func aServerWithoutDescriptorsShedsAndRecovers() async throws {
    let installed = try await InstalledServer()
    defer { installed.remove() }
    let server = try await installed.start(wrapper: [try #require(SystemTool.path("prlimit")), "--nofile=64:64"])
    let phone = try await PushingPhone.begin(server, try await server.makeExam())
    let line = try server.connect()
    #expect(try await phone.answerAndSend(on: line) == .acknowledged(2))
    var crowd: [RawConnection] = []
    var served = 0
    for _ in 0..<60 {
      let connection = try server.connect()
      connection.send("GET /v1/server HTTP/1.1\r\nHost: exam\r\n\r\n")
      // A connection above the cap is reset or ended; which of both is the system's choice.
      if let answer = try? await connection.receive(), answer.status == 200 { served += 1 }
      crowd.append(connection)
    }
    #expect(served > 10 && served < 60)
    #expect(try await phone.answerAndSend(on: line) == .acknowledged(3))
    var operators = try await takeTheLastDescriptors(of: server)
    for sequence in 4...20 { #expect(try await phone.answerAndSend(on: line) == .acknowledged(UInt64(sequence))) }
    crowd.removeAll()
    operators.removeAll()
    // The first try may still be one of those that are turned away.
    try await waitUntil("a new connection is served again") {
      let answer = try? await server.exchange("GET /v1/server HTTP/1.1\r\nHost: exam\r\n\r\n")
      return answer?.status == 200
    }
    #expect(try await server.operate("GET", "/v1/statistics").status == 200)
    let ending = await server.stop(withinSeconds: 30)
    #expect(ending == 0, "\(server.process.errors)")
    let again = try await installed.start()
    phone.move(to: again)
    #expect(try await phone.isKept())
    #expect(await again.stop() == 0)
  }

  /// Connections come in at the very moment it is told to stop: it ends as it should, every time.
  @Test func aServerThatIsStoppedWhileOperatorsConnectEndsAsItShould() async throws {
    let installed = try await InstalledServer()
    defer { installed.remove() }
    for round in 1...12 {
      let server = try await installed.start()
      var operators: [RawConnection] = []
      for _ in 0..<60 { operators.append(try RawConnection(port: server.operatorPort)) }
      if round.isMultiple(of: 2) { operators.removeAll() }
      let status = await server.stop()
      #expect(status == 0, "round \(round): \(server.process.errors)")
    }
  }
}

import ExamModel
import Foundation
import SyncProtocol
import SyncWire
import Testing

@testable import ExamServer

@Suite(.timeLimit(.minutes(10))) struct PollTests {
  private struct Room {
    var server: TestServer
    var exam: TestExam
    var device: TestDevice
    var cursors: [ScopeCursor]
  }

  private func withRoom(
    _ change: (inout ServerOptions) -> Void = { _ in }, _ body: (Room) async throws -> Void
  ) async throws {
    let server = try await TestServer(change)
    do {
      let exam = try await server.makeExam()
      let device = TestDevice(server)
      #expect(try await device.login()?.status == 200)
      let candidate = try #require(device.grant).candidate
      let cursors = try await device.catchUp([candidate, try #require(ID128(hex: exam.id))])
      try await body(Room(server: server, exam: exam, device: device, cursors: cursors))
    } catch {
      await server.end()
      throw error
    }
    await server.end()
  }

  /// Returns once the server holds this many polls.
  private func waitForPolls(_ count: Int, _ server: TestServer) async throws {
    try await waitUntil("\(count) polls are held") { server.application.pollCount == count }
  }

  private func poll(_ room: Room, wait: UInt32 = 55_000) -> SyncRequest {
    SyncRequest(scopes: room.cursors, waitMilliseconds: wait)
  }

  @Test func aHeldPollHearsOfAnAnnouncementAtOnce() async throws {
    try await withRoom { (room) async throws in
      async let answer = room.device.sync(poll(room))
      try await waitForPolls(1, room.server)
      _ = try await room.server.operate(
        "POST", "/v1/exams/\(room.exam.id)/announcements", json: ["text": "Ten minutes left"])
      let response = try await answer
      let records = response.deltas.flatMap(\.records)
      #expect(records.map(\.collection) == [ScopeCollection.announcement])
      try await waitForPolls(0, room.server)
    }
  }

  @Test func aHeldPollIsAnsweredWhenItsTimeIsUp() async throws {
    try await withRoom { (room) async throws in
      let response = try await room.device.sync(poll(room, wait: 80))
      #expect(response.deltas.isEmpty)
      #expect(response.heldMilliseconds >= 80)
      #expect(response.timeProof.count == 8)
    }
  }

  @Test func aNewPollMakesTheServerAnswerTheOlder() async throws {
    try await withRoom { (room) async throws in
      async let older = room.device.sync(poll(room))
      try await waitForPolls(1, room.server)
      async let newer = room.device.sync(poll(room, wait: 54_000))
      #expect(try await older.deltas.isEmpty)
      _ = try await room.server.operate("POST", "/v1/exams/\(room.exam.id)/announcements", json: ["text": "Hush"])
      #expect(try await newer.deltas.count == 1)
    }
  }

  /// A push travels while a poll is open, and neither waits for the other.
  @Test func aPushPassesAnOpenPoll() async throws {
    try await withRoom { (room) async throws in
      async let held = room.device.sync(poll(room))
      try await waitForPolls(1, room.server)
      let push = room.device.openingPush(attempt: room.exam.attempt)
      let response = try await room.device.sync(SyncRequest(pushes: [push]))
      #expect(response.acknowledgements.first?.verdict == .stored)
      _ = try await room.server.operate("POST", "/v1/exams/\(room.exam.id)/announcements", json: ["text": "Hush"])
      #expect(try await held.deltas.count >= 1)
    }
  }

  @Test func aClientThatGoesAwayIsForgotten() async throws {
    try await withRoom { (room) async throws in
      do {
        let connection = try room.server.connect()
        connection.send(room.device.signed("/v1/sync", BodyFraming.frame(poll(room).wire)).bytes)
        try await waitForPolls(1, room.server)
      }
      try await waitForPolls(0, room.server)
    }
  }

  @Test func aStoppingServerAnswersItsPolls() async throws {
    let server = try await TestServer()
    let exam = try await server.makeExam()
    let device = TestDevice(server)
    #expect(try await device.login()?.status == 200)
    let candidate = try #require(device.grant).candidate
    let cursors = try await device.catchUp([candidate, try #require(ID128(hex: exam.id))])
    async let held = device.sync(SyncRequest(scopes: cursors, waitMilliseconds: 55_000))
    try await waitForPolls(1, server)
    await server.application.stop()
    #expect(try await held.deltas.isEmpty)
    #expect(throws: (any Error).self) { _ = try server.connect() }
    // The store was closed: its log is folded in.
    #expect(DirectoryLock.owner(of: server.directory) == nil)
    #expect((FileSystem.size(server.directory.store + "-wal") ?? 0) == 0)
    try FileManager.default.removeItem(atPath: server.directory.path)
  }

  @Test func aRevokedSessionEndsItsPoll() async throws {
    try await withRoom { (room) async throws in
      let connection = try room.server.connect(timeoutSeconds: 70)
      let signed = room.device.signed("/v1/sync", BodyFraming.frame(poll(room).wire))
      connection.send(signed.bytes)
      try await waitForPolls(1, room.server)
      let candidate = try #require(room.device.grant).candidate
      _ = try await room.server.operate("POST", "/v1/candidates/\(candidate.hex)/revoke", json: ["reason": "stolen"])
      _ = try await room.server.operate("POST", "/v1/exams/\(room.exam.id)/announcements", json: ["text": "Hush"])
      let answer = try #require(try await connection.receive())
      #expect(answer.problem == "session-unknown")
    }
  }
}

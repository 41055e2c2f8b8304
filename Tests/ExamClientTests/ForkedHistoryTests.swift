import ExamModel
import SyncProtocol
import Synchronization
import Testing

@testable import ExamClient

/// The engine where the server has another history of its attempt, or keeps what it sends without effect.
@Suite(.timeLimit(.minutes(10))) struct ForkedHistoryTests {
  /// For what comes by itself; a test that waits this long has failed.
  private static let patience: Int64 = 300_000

  private let plane = DevicePlaneStandIn(TestExam())

  private func started(_ server: TestServer) async throws -> TestPhone {
    let phone = try TestPhone(
      plane.exam, clock: TestClock(isRunning: true), serverURL: server.address, automaticallySync: true)
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    #expect(await phone.client.wait(timeoutMilliseconds: Self.patience) { status, _ in status.counts.onServer == 1 })
    return phone
  }

  @Test func anotherCopysHistoryIsLeftForASuccessorWithEveryAnswer() async throws {
    let server = try plane.serve()
    let phone = try await started(server)
    var events = await phone.client.events.makeAsyncIterator()
    let left = try #require(await phone.client.status.journal)
    plane.faults.withLock { $0.holdsAnotherCopyOf = left }
    try await phone.client.answer("q4", .number("3"))
    #expect(
      await phone.client.wait(timeoutMilliseconds: Self.patience) { status, _ in
        status.forkCount == 1 && status.counts.onServer == 2 && !status.isCatchingUp
      })
    #expect(await events.next() == .forked)
    let status = await phone.client.status
    #expect(status.journal != left)
    #expect(status.answers.map(\.value) == [.options(["A"]), .number("3")])
    // Answering goes on in the successor, and a restart finds it.
    try await phone.client.answer("q1", .options(["B"]))
    #expect(await phone.client.wait(timeoutMilliseconds: Self.patience) { status, _ in status.pendingCount == 0 })
    try await phone.restart()
    let again = await phone.client.status
    #expect(again.journal == status.journal && again.forkCount == 1)
    #expect(again.answers.map(\.value) == [.options(["B"]), .number("3")])
    await phone.client.close()
  }

  @Test func whatIsKeptForAnotherDeviceIsToldAndShown() async throws {
    let server = try plane.serve()
    let phone = try await started(server)
    var events = await phone.client.events.makeAsyncIterator()
    #expect(await !phone.client.status.isReplaced)
    plane.faults.withLock { $0.keepsAs = .staleLease }
    try await phone.client.answer("q4", .number("3"))
    #expect(await phone.client.wait(timeoutMilliseconds: Self.patience) { status, _ in status.isReplaced })
    #expect(await events.next() == .notCounted(count: 1, reason: "stale-lease", nextActor: .proctor))
    // Nobody is stopped: the person who helps decides.
    #expect(try await phone.client.answer("q1", .options(["B"])).answerCount == 2)
    await phone.client.close()
  }
}

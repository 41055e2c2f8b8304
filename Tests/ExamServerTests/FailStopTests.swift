import ExamModel
import NIOPosix
import ServerCore
import SyncProtocol
import Testing

@testable import ExamServer

/// I27 at the writer: an engine whose store fails is never asked again.
@Suite struct FailStopTests {
  /// Answers everything until it is told to fail. Used on the writer's thread alone, read when that has ended.
  private final class FailingEngine: WriterEngine, @unchecked Sendable {
    private(set) var fault: String?
    private(set) var isClosed = false
    private(set) var isAbandoned = false
    private(set) var performed = 0
    let admitted = Signal<Void>()

    func perform(_ batch: [ServerCall], now: Int64) -> BatchOutcome {
      performed += 1
      let commands = batch.filter { if case .credentials = $0 { true } else { false } }
      guard commands.isEmpty else {
        // The test has queued what must not be performed any more.
        admitted.wait()
        fault = "the disk lied"
        return BatchOutcome(
          replies: batch.map { _ in .problem(GroupCommitWriter.storageFailed) }, changedScopes: [])
      }
      return BatchOutcome(replies: batch.map { _ in .ticked(nextAt: nil) }, changedScopes: [])
    }

    func maintain() {}
    func continueWork() -> Bool { false }
    func beginBackup(to path: String, completion: @escaping @Sendable (Result<Void, Problem>) -> Void) {}
    func close() { isClosed = true }
    func abandon() { isAbandoned = true }
  }

  @Test func whatWaitsIsRefusedAndNothingIsPerformedAnyMore() throws {
    let engine = FailingEngine()
    let failed = Signal<String>()
    var limits = DevicePlaneLimits()
    limits.batchCalls = 1
    let writer = GroupCommitWriter(
      limits: limits, loops: [], clock: ServerClock(),
      events: .init(deliver: { _, _, _ in }, committed: { _, _ in }, failed: { failed.send($0) }))
    try writer.start { engine }
    let replies = (0..<5).map { _ in Signal<ServerReply>() }
    for reply in replies {
      let sink = ReplySink.callback { reply.send($0) }
      #expect(writer.enqueue(.credentials(username: "wang"), to: sink))
    }
    engine.admitted.send(())
    #expect(failed.wait() == "the disk lied")
    for reply in replies {
      guard case .problem(let problem) = reply.wait() else {
        Issue.record("an acknowledgement after the fault")
        continue
      }
      #expect(problem.kind == .storageFailed)
    }
    #expect(writer.hasFailed)
    #expect(!writer.enqueue(.tick, to: .nobody, priority: .urgent))
    writer.stop()
    #expect(engine.isAbandoned && !engine.isClosed)
  }
}

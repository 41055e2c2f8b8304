import ExamModel
import Foundation
import NIOCore
import ServerCore
import SyncProtocol
import Synchronization

/// One thread, one transaction and one fsync for all calls that arrived meanwhile.
///
/// The thread takes everything queued, has it performed, and hands all replies of an event loop over in one go. No
/// reply leaves before the commit has returned. What a batch changed wakes the polls that wait for it, after the
/// batch's own replies, so that a poll that was parked by this very batch hears of the change too.
final class GroupCommitWriter: Sendable {
  struct Events: Sendable {
    /// On each loop: its replies, and the scopes that changed.
    var deliver: @Sendable (_ loop: Int, _ replies: [LoopReply], _ changed: Set<ID128>) -> Void
    /// After each batch: how many calls, and how long the transaction took.
    var committed: @Sendable (_ calls: Int, _ nanoseconds: Int64) -> Void
    /// Once, when the store can no longer be trusted: the writer has ended and takes nothing more.
    var failed: @Sendable (_ fault: String) -> Void = { _ in }
  }

  /// How often the engine is maintained. A look at the disk costs microseconds, and between two of them answers must
  /// not fill what is kept for seals.
  private static let maintenanceMilliseconds: Int64 = 20

  private let queue: WriterQueue
  private let batchCalls: Int
  private let loops: [any EventLoop]
  private let clock: ServerClock
  private let events: Events
  private let finished = Signal<Void>()
  private let failure = Atomic<Bool>(false)

  init(limits: DevicePlaneLimits, loops: [any EventLoop], clock: ServerClock, events: Events) {
    queue = WriterQueue(limit: limits.queuedCalls)
    batchCalls = limits.batchCalls
    self.loops = loops
    self.clock = clock
    self.events = events
  }

  /// Starts the thread and returns once the store is open.
  ///
  /// - Parameter open: runs on the thread; what it throws is thrown here, and the thread ends.
  func start(_ open: @escaping @Sendable () throws -> any WriterEngine) throws {
    let opened = Signal<Result<Void, any Error>>()
    let thread = Thread {
      do {
        let engine = try open()
        opened.send(.success(()))
        if let fault = self.run(engine) { self.fail(fault, engine) } else { engine.close() }
      } catch {
        opened.send(.failure(error))
      }
      self.finished.send(())
    }
    thread.name = "examsync-writer"
    thread.stackSize = 8 << 20
    thread.start()
    try opened.wait().get()
  }

  /// `false`: too much waits already, or the writer is stopping; the caller answers *busy*.
  func enqueue(_ call: ServerCall, to sink: ReplySink, priority: WriterQueue.Priority = .ordinary) -> Bool {
    queue.append(WriterJob(task: .call(call), sink: sink), priority: priority)
  }

  /// Runs `work` on the thread that owns the store, between two batches.
  func run(_ work: @escaping @Sendable (any WriterEngine) -> Void) -> Bool {
    queue.append(WriterJob(task: .work(work), sink: .nobody), priority: .urgent)
  }

  /// A call whose reply is awaited.
  func perform(_ call: ServerCall) async -> ServerReply {
    await withCheckedContinuation { continuation in
      let sink = ReplySink.callback { continuation.resume(returning: $0) }
      if !enqueue(call, to: sink, priority: .urgent) {
        continuation.resume(returning: .problem(Problem(.busy, "Too much waits. Try again.", retryAfterSeconds: 1)))
      }
    }
  }

  var queuedCalls: Int { queue.count }

  /// The store failed: nothing is taken any more.
  var hasFailed: Bool { failure.load(ordering: .acquiring) }

  /// More waits than one batch takes.
  var isOverloaded: Bool { queue.count > batchCalls }

  /// Works off what waits, closes the store and ends the thread; returns when that is done.
  func stop() {
    queue.close()
    finished.wait()
  }

  /// - Returns: why the store can no longer be trusted; `nil` when the queue was closed and worked off.
  private func run(_ engine: any WriterEngine) -> String? {
    var batch: [WriterJob] = []
    batch.reserveCapacity(batchCalls)
    var maintainedAt: Int64 = 0
    var tickAt: Int64 = 0
    var hasMoreWork = false
    while true {
      let wait = hasMoreWork ? 0 : max(0, min(1_000, tickAt - clock.now))
      batch.removeAll(keepingCapacity: true)
      let deadline = Date(timeIntervalSinceNow: Double(wait) / 1_000)
      guard queue.take(into: &batch, count: batchCalls, until: deadline) else { return nil }
      let now = clock.now
      if now - maintainedAt >= Self.maintenanceMilliseconds || now < maintainedAt {
        engine.maintain()
        if let fault = engine.fault {
          refuse(batch, engine)
          return fault
        }
        maintainedAt = now
      }
      if now >= tickAt || tickAt - now > 2_000 {
        batch.append(WriterJob(task: .call(.tick), sink: .nobody))
        tickAt = now + 1_000
      }
      let next = commit(batch, engine, at: now)
      if let fault = engine.fault { return fault }
      if let next { tickAt = min(tickAt, max(next, now + 1)) }
      hasMoreWork = engine.continueWork()
    }
  }

  /// Fail-stop: whatever waits is told that it was not stored, and nothing is written any more.
  private func fail(_ fault: String, _ engine: any WriterEngine) {
    failure.store(true, ordering: .releasing)
    queue.close()
    engine.abandon()
    var rest: [WriterJob] = []
    while queue.take(into: &rest, count: batchCalls, until: .distantPast) {
      refuse(rest, engine)
      rest.removeAll(keepingCapacity: true)
    }
    events.failed(fault)
  }

  private func refuse(_ jobs: [WriterJob], _ engine: any WriterEngine) {
    var sinks: [ReplySink] = []
    for job in jobs {
      switch job.task {
      case .call: sinks.append(job.sink)
      case .work(let work): work(engine)
      }
    }
    _ = handOut(
      BatchOutcome(replies: Array(repeating: .problem(Self.storageFailed), count: sinks.count), changedScopes: []),
      to: sinks)
  }

  static let storageFailed = Problem(
    .storageFailed, "The server's store failed and nothing of this was stored. The server restarts; send it again.")

  /// - Returns: when a tick said that it has something to do next.
  private func commit(_ batch: [WriterJob], _ engine: any WriterEngine, at now: Int64) -> Int64? {
    var calls: [ServerCall] = []
    calls.reserveCapacity(batch.count)
    var sinks: [ReplySink] = []
    sinks.reserveCapacity(batch.count)
    for job in batch {
      switch job.task {
      case .call(let call):
        calls.append(call)
        sinks.append(job.sink)
      case .work(let work): work(engine)
      }
    }
    guard !calls.isEmpty else { return nil }
    let before = NIODeadline.now()
    let outcome = engine.perform(calls, now: now)
    events.committed(calls.count, (NIODeadline.now() - before).nanoseconds)
    precondition(outcome.replies.count == calls.count, "each call of a batch has one reply")
    return handOut(outcome, to: sinks)
  }

  private func handOut(_ outcome: BatchOutcome, to sinks: [ReplySink]) -> Int64? {
    var perLoop = [[LoopReply]](repeating: [], count: loops.count)
    var tickAt: Int64?
    for (sink, reply) in zip(sinks, outcome.replies) {
      switch sink {
      case .connection(let target, let number, let loop):
        perLoop[loop].append(LoopReply(target: target, number: number, reply: reply))
      case .callback(let callback): callback(reply)
      case .nobody:
        if case .ticked(let next) = reply { tickAt = next }
      }
    }
    let changed = outcome.changedScopes
    for (index, replies) in perLoop.enumerated() where !replies.isEmpty || !changed.isEmpty {
      loops[index].execute { [events] in events.deliver(index, replies, changed) }
    }
    return tickAt
  }
}

/// A value that one thread sends once and others wait for.
///
/// `@unchecked Sendable`: the value is read and written under the condition's lock.
final class Signal<Value: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private var value: Value?

  func send(_ value: Value) {
    condition.withLock {
      self.value = value
      condition.broadcast()
    }
  }

  @discardableResult
  func wait() -> Value {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let value { return value }
      condition.wait()
    }
  }
}

import ExamModel
import SyncProtocol
import Testing

@testable import SyncCore

@Suite struct BackoffTests {
  @Test(arguments: zip(1...9, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000] as [Int64]))
  func ceilingsDoubleToTheCap(attempt: Int, ceiling: Int64) {
    #expect(Lane.ceilingMilliseconds(attempt: attempt, cap: 30_000) == ceiling)
    #expect(Lane.ceilingMilliseconds(attempt: attempt, cap: 5_000) == min(ceiling, 5_000))
  }

  @Test func jitterIsFull() {
    var generator = SeededGenerator(seed: 1)
    var delays: [Int64] = []
    for _ in 0..<2_000 {
      var lane = Lane()
      lane.failed(at: .zero, cap: 30_000, using: &generator)
      delays.append(lane.due.milliseconds)
    }
    #expect(delays.allSatisfy { (1...500).contains($0) })
    #expect(delays.contains { $0 < 50 } && delays.contains { $0 > 450 })
    let mean = delays.reduce(0, +) / 2_000
    #expect((225...275).contains(mean))
  }

  @Test(arguments: [EntryPriority.answer, .seal])
  func failuresBackOffWithinTheCapAndPendingStays(priority: EntryPriority) throws {
    let cap: Int64 = priority == .seal ? 5_000 : 30_000
    var (harness, plan) = Harness.pushing(priority: priority)
    for _ in 0..<40 {
      let sent = try #require(plan)
      let failedAt = harness.now
      harness.step(.failed(sent.id, .transport))
      plan = try harness.wakeUntilRequest().plans.first
      #expect((1...cap).contains(harness.now.milliseconds(since: failedAt)))
      #expect(harness.core.status().pendingCount == 3)
    }
  }

  @Test(arguments: [
    RequestFailure.transport, .weather(413), .weather(429), .weather(502), .weather(503), .weather(302),
    .weather(200), .weather(401), .weather(404), .undecodable, .storage, .problem(.busy), .problem(.internal),
    .problem(.badRequest), .problem(.clientTooOld), .problem(.storageFailed),
    .problem(.sessionUnknown, isAuthenticated: false), .problem(.certificateRefused, isAuthenticated: false),
  ])
  func nothingThatFailsLosesState(failure: RequestFailure) throws {
    var harness = Harness()
    let cursor = ScopeCursor(scope: Harness.scope, cursor: Cursor(epoch: 4, version: 9), staged: 11)
    let effects = harness.step(
      .start(SyncStart(journals: [Harness.known(last: 8, acknowledged: 5)], scopes: [cursor], hasSession: true)))
    harness.step(.failed(effects.plans[0].id, failure))
    #expect(harness.core.status().pendingCount == 3)
    #expect(harness.core.scopes.map(\.cursor) == [cursor])
    let next = try harness.wakeUntilRequest()
    if let plan = next.plans.first(where: { !$0.pushes.isEmpty }) { #expect(plan.pushes[0].first == 6) }
  }

  @Test(
    arguments: [
      (RequestFailure.problem(.busy, retryAfterSeconds: 20), EntryPriority.answer, 20_000),
      (.problem(.busy, retryAfterSeconds: 100_000), .answer, 120_000),
      (.problem(.busy, retryAfterSeconds: .max), .seal, 10_000),
      (.problem(.tooManyRequests, retryAfterSeconds: 3), .seal, 3_000),
      (.weather(503, retryAfterSeconds: 3_600), .answer, 30_000),
      (.weather(429, retryAfterSeconds: 7), .answer, 7_000),
      (.weather(503, retryAfterSeconds: .max), .seal, 10_000),
    ] as [(RequestFailure, EntryPriority, Int64)])
  func retryAfterIsObeyedAndCapped(failure: RequestFailure, priority: EntryPriority, expected: Int64) throws {
    var (harness, plan) = Harness.pushing(priority: priority)
    let failedAt = harness.now
    harness.step(.failed(try #require(plan).id, failure))
    _ = try harness.wakeUntilRequest()
    let waited = harness.now.milliseconds(since: failedAt)
    // One failure's jitter comes on top, so that those who were told the same do not come back in step.
    #expect((expected...expected + 500).contains(waited))
  }

  @Test func negativeAndZeroRetryAfterMeanNothing() throws {
    for seconds in [0, -5, Int.min] {
      var (harness, plan) = Harness.pushing()
      let failedAt = harness.now
      harness.step(.failed(try #require(plan).id, .problem(.busy, retryAfterSeconds: seconds)))
      _ = try harness.wakeUntilRequest()
      #expect(harness.now.milliseconds(since: failedAt) <= 500)
    }
  }

  @Test func aNetworkChangeEndsBackoffButNotTheServersSlot() throws {
    var (harness, plan) = Harness.pushing()
    for _ in 0..<8 {
      harness.step(.failed(try #require(plan).id, .transport))
      plan = try harness.wakeUntilRequest().plans.first
    }
    harness.step(.failed(try #require(plan).id, .transport))
    plan = harness.step(.networkChanged(isReachable: true)).plans.first
    #expect(plan != nil)
    harness.step(.failed(try #require(plan).id, .problem(.busy, retryAfterSeconds: 60)), after: 1_000)
    let until = harness.now.advanced(byMilliseconds: 60_000)
    #expect(harness.step(.networkChanged(isReachable: true), after: 1_000).plans.isEmpty)
    _ = try harness.wakeUntilRequest()
    #expect(harness.now == until)
  }

  @Test func aFlappingNetworkDoesNotBecomeALoop() throws {
    var (harness, plan) = Harness.pushing()
    var sent = 1
    for _ in 0..<1_000 {
      if let flying = plan { harness.step(.failed(flying.id, .transport), after: 1) }
      let effects = harness.step(.networkChanged(isReachable: true), after: 1)
      plan = effects.plans.first
      sent += effects.plans.count
    }
    // Two seconds of flapping: a change in each half second, and what full jitter allows in between.
    #expect(sent < 60)
  }

  @Test func aNetworkChangeSendsOldRequestsAnew() throws {
    var (harness, plan) = Harness.polling()
    let effects = harness.step(.networkChanged(isReachable: true), after: 10_000)
    #expect(effects.cancelled == [try #require(plan).id])
    #expect(effects.plans.map(\.role) == [.poll])
    #expect(harness.step(.networkChanged(isReachable: true), after: 600).cancelled.isEmpty)
  }

  @Test func unreachableOnlyLengthens() throws {
    var (harness, _) = Harness.pushing(last: 1, acknowledged: 1)
    harness.step(.networkChanged(isReachable: false))
    harness.step(.journalChanged(Harness.known(last: 2)))
    let started = harness.now
    let plan = try #require(harness.wakeUntilRequest().plans.first)
    #expect(harness.now.milliseconds(since: started) <= 30_000)
    #expect(harness.core.probes[.unreachableTried] == 1)
    // The system was wrong.
    harness.acknowledge(plan, 2)
    #expect(harness.core.status().pendingCount == 0)
    #expect(!harness.core.status().isReachable)
  }

  @Test func aSealHurriesWhatBacksOff() throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      var (harness, plan) = Harness.pushing(seed: seed)
      for _ in 0..<9 {
        harness.step(.failed(try #require(plan).id, .transport))
        plan = try harness.wakeUntilRequest().plans.first
      }
      harness.step(.failed(try #require(plan).id, .problem(.busy, retryAfterSeconds: 120)))
      harness.step(.journalChanged(Harness.known(last: 4, priority: .seal)))
      let sealedAt = harness.now
      #expect(try harness.wakeUntilRequest().plans.count == 1)
      #expect(harness.now.milliseconds(since: sealedAt) <= 15_000)
      #expect(harness.core.probes[.sealHurried] >= 1)
    }
  }

  @Test func aPollThatFailsDoesNotDelayAnswers() throws {
    var (harness, plan) = Harness.polling()
    for _ in 0..<9 {
      harness.step(.failed(try #require(plan).id, .transport))
      plan = try harness.wakeUntilRequest().plans.first
    }
    harness.step(.failed(try #require(plan).id, .transport))
    #expect(harness.step(.journalChanged(Harness.known(last: 1))).plans.map(\.role) == [.push])
  }

  @Test func successEndsTheBackoff() throws {
    var (harness, plan) = Harness.pushing(last: 9)
    for _ in 0..<9 {
      harness.step(.failed(try #require(plan).id, .transport))
      plan = try harness.wakeUntilRequest().plans.first
    }
    let effects = harness.acknowledge(try #require(plan), 4)
    #expect(effects.plans.map { $0.pushes[0].first } == [5])
    #expect(harness.core.pushLane.attempt == 0)
  }
}

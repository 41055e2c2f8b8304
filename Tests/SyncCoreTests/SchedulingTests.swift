import ExamModel
import SyncProtocol
import Testing

@testable import SyncCore

@Suite struct SchedulingTests {
  @Test func pendingEntriesArePushedAtOnce() throws {
    let (_, plan) = Harness.pushing(last: 3, acknowledged: 1)
    let sent = try #require(plan)
    #expect(sent.role == .push)
    #expect(sent.pushes.map(\.journal) == [Harness.journal])
    #expect(sent.pushes.map(\.first) == [2])
    #expect(sent.pushes.map(\.maximumEntries) == [Limits.pushEntries])
    #expect(sent.pushes.map(\.maximumBytes) == [Limits.pushBytes])
    #expect(sent.scopes.isEmpty)
    #expect(sent.waitMilliseconds == 0)
    #expect(sent.progressTimeoutMilliseconds == 15_000)
    #expect(sent.responseDeadlineMilliseconds == 15_000)
  }

  @Test func nothingIsSentWithoutWork() {
    let (harness, plan) = Harness.pushing(last: 3, acknowledged: 3)
    #expect(plan == nil)
    #expect(harness.core.status().phase == .idle)
  }

  @Test func aPollWaitsAndHasCursorsOnly() throws {
    let (_, plan) = Harness.polling()
    let sent = try #require(plan)
    #expect(sent.role == .poll)
    #expect(sent.pushes.isEmpty)
    #expect(sent.scopes == [ScopeCursor(scope: Harness.scope, cursor: .start)])
    #expect(sent.waitMilliseconds == 55_000)
    #expect(sent.responseDeadlineMilliseconds == 70_000)
  }

  @Test func theWaitIsTheCallersUpToTheLimit() {
    #expect(SyncOptions(waitMilliseconds: 5_000).waitMilliseconds == 5_000)
    #expect(SyncOptions(waitMilliseconds: .max).waitMilliseconds == 55_000)
  }

  @Test func pushAndPollJoinWhenNoPollIsOpen() throws {
    var harness = Harness()
    let effects = harness.step(
      .start(
        SyncStart(
          journals: [Harness.known(last: 1)], scopes: [ScopeCursor(scope: Harness.scope, cursor: .start)],
          hasSession: true)))
    let plan = try #require(effects.plans.first)
    #expect(effects.plans.count == 1)
    #expect(plan.role == .joined)
    #expect(plan.waitMilliseconds == 0)
    #expect(harness.core.probes[.joinedRequest] == 1)
    // Both are under way: nothing else may start.
    #expect(harness.step(.journalChanged(Harness.known(Harness.other, last: 1))).plans.isEmpty)
    let after = harness.acknowledge(plan, 1, next: 300)
    #expect(after.plans.isEmpty)
    #expect(try harness.wakeUntilRequest().plans.map(\.role) == [.joined])
  }

  @Test func aPushGoesBesideAnOpenPollButNeverTwo() throws {
    var (harness, poll) = Harness.polling()
    #expect(poll != nil)
    let push = harness.step(.journalChanged(Harness.known(last: 1)))
    #expect(push.plans.map(\.role) == [.push])
    #expect(harness.step(.journalChanged(Harness.known(last: 2))).plans.isEmpty)
    #expect(harness.step(.journalChanged(Harness.known(Harness.other, last: 2))).plans.isEmpty)
    #expect(harness.core.status().requestsInFlight == 2)
    poll = push.plans.first
    // What came meanwhile goes with the next one; who waited longest comes first.
    let next = harness.acknowledge(try #require(poll), 1)
    #expect(next.plans.map(\.role) == [.push])
    #expect(next.plans[0].pushes.map(\.first) == [1, 2])
  }

  @Test func anAnsweredPollIsFollowedByAnotherAfterTheTimeTheServerGives() throws {
    var (harness, plan) = Harness.polling()
    let sent = try #require(plan)
    var effects = harness.step(.responded(sent.id, Harness.answer(next: 2_500)), after: 55_000)
    #expect(effects.plans.isEmpty)
    #expect(harness.wakeAt == harness.now.advanced(byMilliseconds: 2_500))
    effects = try harness.wake()
    #expect(effects.plans.map(\.role) == [.poll])
  }

  @Test func emptyAnswersWithoutAPauseDoNotBecomeALoop() throws {
    var (harness, plan) = Harness.polling(cursor: Cursor(epoch: 1, version: 1))
    var count = 0
    let end = harness.now.advanced(byMilliseconds: 20_000)
    while harness.now < end {
      let sent = try #require(plan)
      count += 1
      let effects = harness.step(.responded(sent.id, Harness.answer(next: 0)), after: 1)
      plan = try effects.plans.first ?? harness.wakeUntilRequest().plans.first
    }
    #expect(count <= 22)
  }

  @Test func theServersSlotIsObeyedForPushes() throws {
    var (harness, plan) = Harness.pushing(last: 2)
    let effects = harness.acknowledge(try #require(plan), 1, next: 4_000)
    #expect(effects.plans.isEmpty)
    let due = harness.now.advanced(byMilliseconds: 4_000)
    #expect(try harness.wakeUntilRequest().plans.map(\.role) == [.push])
    #expect(harness.now == due)
  }

  @Test func aNewScopeReplacesTheOpenPoll() throws {
    var (harness, plan) = Harness.polling()
    let cursors = [Harness.scope, Harness.exam].map { ScopeCursor(scope: $0, cursor: .start) }
    let effects = harness.step(.scopesChanged(cursors))
    #expect(effects.cancelled == [try #require(plan).id])
    #expect(effects.plans.map(\.scopes) == [cursors])
    #expect(harness.step(.scopesChanged(cursors)).isEmpty)
  }

  @Test func moreScopesThanARequestCarriesTakeTurns() throws {
    var harness = Harness()
    let cursors = (1...40).map { ScopeCursor(scope: ID128(high: 9, low: $0), cursor: .start) }
    var plan = harness.step(.start(SyncStart(scopes: cursors, hasSession: true))).plans.first
    var asked: Set<ID128> = []
    for _ in 0..<3 {
      let sent = try #require(plan)
      #expect(sent.scopes.count == Limits.scopesPerRequest)
      #expect(sent.waitMilliseconds == 0)
      asked.formUnion(sent.scopes.map(\.scope))
      harness.step(.responded(sent.id, Harness.answer(next: 10)))
      plan = try harness.wakeUntilRequest().plans.first
    }
    #expect(asked.count == 40)
  }

  @Test func urgentJournalsComeFirstAndTelemetryWaitsForASeal() throws {
    var harness = Harness()
    let (telemetry, seal, answer) = (ID128(high: 4, low: 1), ID128(high: 4, low: 2), ID128(high: 4, low: 3))
    let effects = harness.step(
      .start(
        SyncStart(
          journals: [
            Harness.known(telemetry, last: 5, priority: .telemetry), Harness.known(answer, last: 5),
            Harness.known(seal, last: 5, priority: .seal),
          ], hasSession: true)))
    #expect(effects.plans[0].pushes.map(\.journal) == [seal, answer])
    #expect(effects.plans[0].pushes.map(\.maximumBytes) == [Limits.pushBytes, Limits.pushBytes])
  }

  @Test func manyJournalsShareTheBytesOfARequest() throws {
    var harness = Harness()
    let journals = (1...12).map { Harness.known(ID128(high: 4, low: $0), last: 5) }
    let effects = harness.step(.start(SyncStart(journals: journals, hasSession: true)))
    let pushes = effects.plans[0].pushes
    #expect(pushes.count == Limits.pushesPerRequest)
    #expect(pushes.reduce(0) { $0 + $1.maximumBytes } <= Limits.requestBytes)
  }

  @Test func aLostRequestIsGivenUp() throws {
    var (harness, plan) = Harness.pushing()
    let effects = try harness.wake()
    #expect(effects.cancelled == [try #require(plan).id])
    #expect(harness.core.probes[.flightGivenUp] == 1)
    #expect(try harness.wakeUntilRequest().plans.count == 1)
  }

  @Test func lateAndUnknownAnswersAreDropped() throws {
    var (harness, plan) = Harness.pushing()
    let sent = try #require(plan)
    harness.step(.failed(sent.id, .transport))
    let late = Acknowledgement(sequence: 3, head: .zero, verdict: .stored)
    #expect(harness.step(.responded(sent.id, SyncResponse(acknowledgements: [late], receivedAt: 0))).isEmpty)
    #expect(harness.step(.failed(sent.id, .transport)).isEmpty)
    #expect(harness.core.status().pendingCount == 3)
    #expect(harness.core.probes[.unknownRequest] == 2)
  }

  @Test func pauseHoldsRequestsAndResumeMakesUpForIt() {
    var (harness, _) = Harness.pushing(last: 1, acknowledged: 1)
    harness.step(.pause)
    #expect(harness.step(.journalChanged(Harness.known(last: 2))).isEmpty)
    #expect(harness.core.status().phase == .paused)
    #expect(harness.step(.resume, after: 60_000).plans.count == 1)
  }

  @Test func stopCancelsAndStartBeginsAnew() throws {
    var (harness, plan) = Harness.pushing()
    #expect(harness.step(.stop) == [.cancel(try #require(plan).id)])
    #expect(harness.step(.journalChanged(Harness.known(last: 9))).isEmpty)
    let effects = harness.step(.start(SyncStart(journals: [Harness.known(last: 9)], hasSession: true)))
    #expect(effects.plans.count == 1)
    #expect(effects.plans[0].id > plan!.id)
  }

  @Test func aClockThatGoesBackStandsStill() {
    var (harness, _) = Harness.pushing()
    let before = harness.now
    harness.now = Instant(milliseconds: 5)
    harness.step(.wake)
    #expect(harness.core.now == before)
    #expect(harness.core.probes[.clockWentBack] == 1)
  }
}

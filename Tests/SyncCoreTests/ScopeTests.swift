import ExamModel
import SyncProtocol
import Testing

@testable import SyncCore

@Suite struct ScopeTests {
  private let one = Cursor(epoch: 1, version: 1)
  private let two = Cursor(epoch: 1, version: 2)

  @Test func aLastPageIsAppliedAndTheNextPollNamesTheNewCursor() throws {
    var (harness, plan) = Harness.polling(cursor: one)
    let delta = Harness.delta(from: one, to: two)
    var effects = harness.step(.responded(try #require(plan).id, Harness.answer([delta])))
    #expect(effects.contains(.apply(delta)))
    // Nothing is asked for before the store has said what became of it.
    #expect(effects.plans.isEmpty)
    effects = harness.step(.deltaStored(scope: Harness.scope, .applied(two)))
    #expect(effects.plans.map(\.scopes) == [[ScopeCursor(scope: Harness.scope, cursor: two)]])
    #expect(effects.plans.map(\.waitMilliseconds) == [55_000])
    #expect(harness.core.status().isUpToDate)
  }

  @Test func morePagesAreAskedForAtOnceWhateverTheSlot() throws {
    var (harness, plan) = Harness.polling(cursor: one)
    for version in 5...9 as ClosedRange<UInt64> {
      let page = Harness.delta(from: one, to: Cursor(epoch: 1, version: version), isLast: false)
      var effects = harness.step(.responded(try #require(plan).id, Harness.answer([page], next: 60_000)))
      #expect(effects.contains(.stage(page)))
      effects = harness.step(.deltaStored(scope: Harness.scope, .staged(upTo: version)))
      plan = effects.plans.first
      #expect(plan?.scopes == [ScopeCursor(scope: Harness.scope, cursor: one, staged: version)])
      #expect(plan?.waitMilliseconds == 0)
    }
    #expect(harness.core.probes[.morePages] == 5)
  }

  @Test func aPageThatStagesNothingNewBacksOff() throws {
    var (harness, plan) = Harness.polling(cursor: one)
    let start = harness.now
    for _ in 0..<20 {
      let page = Harness.delta(from: one, to: Cursor(epoch: 1, version: 4), isLast: false)
      harness.step(.responded(try #require(plan).id, Harness.answer([page])))
      let effects = harness.step(.deltaStored(scope: Harness.scope, .staged(upTo: 4)))
      plan = try effects.plans.first ?? harness.wakeUntilRequest().plans.first
    }
    #expect(harness.now.milliseconds(since: start) > 2_000)
  }

  @Test func aDeltaFromAnotherCursorIsDropped() throws {
    var (harness, plan) = Harness.polling(cursor: two)
    let stale = Harness.delta(from: one, to: two)
    let foreign = Harness.delta(from: two, to: two, scope: ID128(high: 77, low: 0))
    let effects = harness.step(.responded(try #require(plan).id, Harness.answer([stale, foreign])))
    #expect(!effects.contains(.apply(stale)))
    #expect(!effects.contains(.apply(foreign)))
    #expect(harness.core.scopes[0].cursor.cursor == two)
    #expect(harness.core.probes[.deltaFromOtherCursor] == 1)
    #expect(harness.core.probes[.deltaOfUnknownScope] == 1)
    #expect(try harness.wakeUntilRequest().plans.count == 1)
  }

  @Test func theStoresOwnCursorCounts() throws {
    var (harness, plan) = Harness.polling(cursor: one)
    harness.step(.responded(try #require(plan).id, Harness.answer([Harness.delta(from: one, to: two)])))
    let stored = ScopeCursor(scope: Harness.scope, cursor: Cursor(epoch: 9, version: 9), staged: 12)
    harness.step(.deltaStored(scope: Harness.scope, .dropped(stored: stored)))
    #expect(try harness.wakeUntilRequest().plans.map(\.scopes) == [[stored]])
  }

  @Test func aResetFromAGoodCursorShowsTheServerTheReceipts() throws {
    var (harness, plan) = Harness.polling(cursor: one)
    let to = Cursor(epoch: 2, version: 7)
    let reset = Harness.delta(from: one, to: to, isReset: true)
    harness.step(.responded(try #require(plan).id, Harness.answer([reset])))
    plan = harness.step(.deltaStored(scope: Harness.scope, .applied(to))).plans.first
    #expect(plan?.presentsReceipts == true)
    harness.step(.responded(try #require(plan).id, Harness.answer(next: 1_000)), after: 5_000)
    #expect(try harness.wakeUntilRequest().plans.map(\.presentsReceipts) == [false])
  }

  /// Found by the simulator: a phone was killed after it stored the new epoch and before it asked.
  @Test func aStartMayAskWhatTheServerStillHas() throws {
    var harness = Harness()
    let cursor = ScopeCursor(scope: Harness.scope, cursor: two)
    let done = Harness.known(last: 6, acknowledged: 6)
    let start = SyncStart(journals: [done], scopes: [cursor], hasSession: true, asksWhatTheServerHas: true)
    let question = try #require(harness.step(.start(start)).plans.first)
    #expect(question.pushes.map(\.first) == [6] && question.presentsReceipts)
    harness.acknowledge(question, 2, .gap)
    #expect(harness.core.status().pendingCount == 4)
  }

  @Test func anotherEpochAsksTheServerWhatItStillHas() throws {
    var harness = Harness()
    let cursor = ScopeCursor(scope: Harness.scope, cursor: one)
    let done = Harness.known(last: 6, acknowledged: 6)
    let poll = harness.step(.start(SyncStart(journals: [done], scopes: [cursor], hasSession: true))).plans[0]
    #expect(poll.role == .poll)
    let to = Cursor(epoch: 2, version: 7)
    var effects = harness.step(.responded(poll.id, Harness.answer([Harness.delta(from: one, to: to)])))
    let question = try #require(effects.plans.first)
    #expect(question.pushes.map(\.first) == [6])
    // It lost some: they are pending again.
    effects = harness.acknowledge(question, 2, .gap)
    #expect(harness.core.status().pendingCount == 4)
    #expect(effects.notices == [.serverWentBack(journal: Harness.journal, from: 6, to: 2)])
    let refill = try #require(try harness.wakeUntilRequest().plans.first { !$0.pushes.isEmpty })
    #expect(refill.pushes.map(\.first) == [3])
    harness.acknowledge(refill, 6)
    #expect(harness.core.status().pendingCount == 0)
  }

  @Test func aFirstReadingIsNoSignOfARestore() throws {
    var (harness, plan) = Harness.polling()
    harness.step(
      .responded(try #require(plan).id, Harness.answer([Harness.delta(from: .start, to: one, isReset: true)])))
    plan = harness.step(.deltaStored(scope: Harness.scope, .applied(one))).plans.first
    #expect(plan?.presentsReceipts == false)
  }

  @Test func aDigestMismatchForcesOneResetInTenMinutes() throws {
    var (harness, plan) = Harness.polling(cursor: one)
    harness.step(.responded(try #require(plan).id, Harness.answer([Harness.delta(from: one, to: two)])))
    let refused = ScopeCursor(scope: Harness.scope, cursor: one)
    var effects = harness.step(.deltaStored(scope: Harness.scope, .digestMismatch(stored: refused)))
    #expect(effects.contains(.forgetCursor(scope: Harness.scope)))
    #expect(effects.notices == [.digestMismatch(scope: Harness.scope)])
    plan = effects.plans.first
    #expect(plan?.scopes == [ScopeCursor(scope: Harness.scope, cursor: .start)])
    let repairedAt = harness.now
    // The reset differs too: the scope rests, because the same would come again.
    harness.step(
      .responded(try #require(plan).id, Harness.answer([Harness.delta(from: .start, to: two, isReset: true)])))
    effects = harness.step(
      .deltaStored(scope: Harness.scope, .digestMismatch(stored: ScopeCursor(scope: Harness.scope, cursor: .start))))
    #expect(!effects.contains(.forgetCursor(scope: Harness.scope)))
    #expect(effects.plans.isEmpty)
    effects = try harness.wakeUntilRequest()
    #expect(effects.contains(.forgetCursor(scope: Harness.scope)))
    #expect(harness.now.milliseconds(since: repairedAt) == Limits.digestRepairIntervalMilliseconds)
    #expect(harness.core.status().digestMismatchCount == 2)
    #expect(harness.core.status().digestRepairCount == 2)
    #expect(!harness.core.presentsReceipts)
  }

  @Test func aMismatchThatWasAppliedGoesOnBeingRead() throws {
    var (harness, plan) = Harness.polling(cursor: one)
    for round in 0..<2 {
      harness.step(
        .responded(
          try #require(plan).id,
          Harness.answer([Harness.delta(from: plan!.scopes[0].cursor, to: two, isReset: round == 1)])))
      let stored = ScopeCursor(scope: Harness.scope, cursor: two)
      let effects = harness.step(.deltaStored(scope: Harness.scope, .digestMismatch(stored: stored)))
      plan = try effects.plans.first ?? harness.wakeUntilRequest().plans.first
    }
    #expect(plan?.scopes == [ScopeCursor(scope: Harness.scope, cursor: two)])
    #expect(harness.core.probes[.digestRepairHeldBack] == 1)
  }

  @Test func aRestingScopeDoesNotStopTheOthers() throws {
    var harness = Harness()
    let cursors = [Harness.scope, Harness.exam].map { ScopeCursor(scope: $0, cursor: one) }
    var plan = harness.step(.start(SyncStart(scopes: cursors, hasSession: true))).plans[0]
    harness.step(.responded(plan.id, Harness.answer([Harness.delta(from: one, to: two)])))
    plan = harness.step(.storeFailed(subject: Harness.scope)).plans[0]
    #expect(plan.scopes == [cursors[1]])
    // Its time comes: the open poll is replaced by one that names both.
    let effects = try harness.wake()
    #expect(effects.cancelled == [plan.id])
    #expect(effects.plans.map(\.scopes) == [cursors])
  }

  @Test func aStaleRequestTimeIsCorrectedAtOnceButNotInALoop() throws {
    var (harness, plan) = Harness.polling()
    var effects = harness.step(.responded(try #require(plan).id, Harness.answer(next: 60_000, isStale: true)))
    #expect(effects.plans.count == 1)
    let start = harness.now
    plan = effects.plans.first
    for _ in 0..<20 {
      effects = harness.step(.responded(try #require(plan).id, Harness.answer(isStale: true)))
      plan = try effects.plans.first ?? harness.wakeUntilRequest().plans.first
    }
    #expect(harness.now.milliseconds(since: start) > 20_000)
  }
}

import ExamModel
import SyncProtocol
import Testing

@testable import SyncCore

@Suite struct ForkTests {
  /// Plays the server's and the executor's part of a search between two chains.
  private func search(own: UInt64, server: UInt64, common: UInt64, seed: UInt64 = 7) throws -> (
    Harness, [SyncEffect], Int
  ) {
    var (harness, plan) = Harness.pushing(last: own, acknowledged: 0, seed: seed)
    let result: AcknowledgementResult =
      server > own ? .beyondOwn(sequence: server) : .headDiffers(sequence: server)
    var effects = harness.acknowledge(try #require(plan), server, .diverged, result)
    #expect(effects.contains(.suspendJournal(Harness.journal)))
    for round in 0..<20 {
      if let opening = effects.first(where: { if case .openSuccessor = $0 { true } else { false } }) {
        return (harness, [opening], round)
      }
      plan = try effects.plans.first ?? harness.wakeUntilRequest().plans.first
      let query = try #require(plan?.headQueries.first)
      #expect(plan?.pushes.isEmpty == true)
      #expect(query.sequences.count <= Limits.headsPerQuery)
      #expect(query.sequences == query.sequences.sorted())
      let known = query.sequences.filter { $0 <= server }
      let heads = Dictionary(uniqueKeysWithValues: known.map { ($0, Digest256.zero) })
      effects = harness.step(
        .responded(
          plan!.id,
          SyncResponse(
            heads: [HeadAnswer(journal: Harness.journal, heads: heads, sequence: server)], receivedAt: 0)))
      #expect(effects.contains { if case .compareHeads = $0 { true } else { false } })
      effects = harness.step(
        .headsCompared(
          journal: Harness.journal, lastCommon: known.filter { $0 <= common }.max() ?? 0,
          firstDifferent: known.filter { $0 > common }.min()))
    }
    return (harness, [], 20)
  }

  @Test(
    arguments: [
      (1, 1, 0), (5, 5, 4), (5, 9, 5), (5, 9, 2), (100, 100, 0), (100, 90, 89), (100, 90, 50), (100_000, 99_999, 4_321),
      (1 << 40, 1 << 40, 1 << 39 + 12_345), (1 << 61, 1 << 61 - 5, 77),
    ] as [(UInt64, UInt64, UInt64)])
  func theLastCommonEntryIsFound(own: UInt64, server: UInt64, common: UInt64) throws {
    let (_, effects, rounds) = try search(own: own, server: server, common: common)
    #expect(effects == [.openSuccessor(of: Harness.journal, at: common)])
    #expect(rounds <= 12)
  }

  @Test func aServerThatIsJustBehindIsNotAFork() throws {
    var (harness, plan) = Harness.pushing(last: 10, acknowledged: 0)
    var effects = harness.acknowledge(try #require(plan), 10, .diverged, .headDiffers(sequence: 10))
    plan = try effects.plans.first ?? harness.wakeUntilRequest().plans.first
    effects = harness.step(
      .responded(
        plan!.id,
        SyncResponse(heads: [HeadAnswer(journal: Harness.journal, heads: [4: .zero], sequence: 4)], receivedAt: 0)))
    effects = harness.step(.headsCompared(journal: Harness.journal, lastCommon: 4, firstDifferent: nil))
    #expect(effects.contains(.resumeJournal(Harness.journal)))
    plan = try effects.plans.first ?? harness.wakeUntilRequest().plans.first
    #expect(plan?.pushes.map(\.first) == [5])
    #expect(harness.core.probes[.forkWithdrawn] == 1)
  }

  @Test func aSuccessorIsPushedAndTheAnswersAreFetchedBeforeTheCandidateGoesOn() throws {
    var harness = Harness()
    let successor = ID128(high: 1, low: 99)
    let cursor = ScopeCursor(scope: Harness.scope, cursor: Cursor(epoch: 1, version: 5))
    var plan = harness.step(
      .start(SyncStart(journals: [Harness.known(last: 1)], scopes: [cursor], hasSession: true))
    ).plans[0]
    #expect(plan.role == .joined)
    var effects = harness.acknowledge(plan, 1, .diverged, .headDiffers(sequence: 1))
    #expect(effects.contains(.openSuccessor(of: Harness.journal, at: 0)))
    effects = harness.step(
      .successorOpened(predecessor: Harness.journal, fork: 0, successor: Harness.known(successor, last: 2)))
    #expect(harness.core.status().awaitingServerAnswers == [successor])
    // The poll that followed the joined request still waits for news.
    let poll = try #require(harness.core.pollFlight?.plan)
    #expect(poll.waitMilliseconds == 55_000)
    plan = try #require(harness.core.flights.first { $0.plan.role == .push }?.plan)
    #expect(plan.pushes.map(\.journal) == [successor])
    #expect(plan.pushes.map(\.first) == [1])
    effects = harness.acknowledge(plan, 2)
    #expect(effects.cancelled == [poll.id])
    plan = try #require(effects.plans.last)
    #expect(plan.waitMilliseconds == 0)
    let to = Cursor(epoch: 1, version: 6)
    effects = harness.step(.responded(plan.id, Harness.answer([Harness.delta(from: cursor.cursor, to: to)])))
    #expect(!effects.contains(.serverAnswersFetched(successor: successor)))
    effects = harness.step(.deltaStored(scope: Harness.scope, .applied(to)))
    #expect(effects.contains(.serverAnswersFetched(successor: successor)))
    #expect(harness.core.status().awaitingServerAnswers.isEmpty)
  }

  @Test func theServersWayOnALeftJournalIsNotAnotherFork() throws {
    var harness = Harness()
    var left = Harness.known(last: 4, acknowledged: 2)
    left.isLeft = true
    let plan = harness.step(.start(SyncStart(journals: [left], hasSession: true))).plans[0]
    let effects = harness.acknowledge(plan, 9, .diverged, .headDiffers(sequence: 9))
    #expect(!effects.contains(.suspendJournal(Harness.journal)))
    #expect(harness.core.status().pendingCount == 0)
    #expect(harness.core.status().forkCount == 0)
  }

  @Test func aServerThatWentBackGetsLeftJournalsAgainBeforeTheirSuccessors() throws {
    var harness = Harness()
    var left = Harness.known(ID128(high: 8, low: 8), last: 4, acknowledged: 4)
    left.isLeft = true
    let live = Harness.known(last: 9, acknowledged: 8)
    var plan = harness.step(.start(SyncStart(journals: [left, live], hasSession: true))).plans[0]
    #expect(plan.pushes.map(\.journal) == [live.id])
    harness.acknowledge(plan, 0, .unknownJournal)
    plan = try harness.wakeUntilRequest().plans[0]
    // Of the one the server is asked whether it still has the end; the other it does not know at all, and gets it when
    // it has all that comes before it.
    #expect(plan.pushes.map(\.journal) == [left.id])
    #expect(plan.pushes.map(\.first) == [4])
    #expect(plan.presentsReceipts)
    var effects = harness.acknowledge(plan, 2, .gap)
    plan = try effects.plans.first ?? harness.wakeUntilRequest().plans[0]
    #expect(plan.pushes.map(\.journal) == [left.id])
    #expect(plan.pushes.map(\.first) == [3])
    effects = harness.acknowledge(plan, 4)
    plan = try effects.plans.first ?? harness.wakeUntilRequest().plans[0]
    #expect(plan.pushes.map(\.journal) == [live.id])
    #expect(plan.pushes.map(\.first) == [1])
  }

  @Test func journalsThatWereLeftGoInTheOrderOfTheirAge() throws {
    var harness = Harness()
    // The ids are not in the order of the ages.
    let journals = [3, 1, 2].map { (number: Int64) in
      KnownJournal(
        id: ID128(high: 8, low: UInt64(9 - number)), subject: Harness.attempt, last: 5, isLeft: number < 3,
        number: number)
    }
    var plan = harness.step(.start(SyncStart(journals: journals, hasSession: true))).plans[0]
    for number: UInt64 in [1, 2, 3] {
      #expect(plan.pushes.map(\.journal) == [ID128(high: 8, low: 9 - number)])
      let effects = harness.acknowledge(plan, 5)
      guard number < 3 else { break }
      plan = try effects.plans.first ?? harness.wakeUntilRequest().plans[0]
    }
    #expect(harness.core.status().pendingCount == 0)
  }

  /// The server lacks what the successor goes on from, and the device had taken that for safe.
  @Test func aGapBeforeTheFirstEntryMakesTheCoreAskForWhatWasLeft() throws {
    var left = Harness.known(Harness.other, last: 5, acknowledged: 5)
    left.isLeft = true
    var harness = Harness()
    let plan = try #require(
      harness.step(.start(SyncStart(journals: [left, Harness.known(last: 3)], hasSession: true))).plans.first)
    #expect(plan.pushes.map(\.journal) == [Harness.journal] && plan.pushes[0].first == 1)
    harness.acknowledge(plan, 0, .gap)
    let question = try #require(try harness.wakeUntilRequest().plans.first)
    #expect(question.pushes.map(\.journal) == [Harness.other] && question.pushes[0].first == 5)
    #expect(question.presentsReceipts)
    harness.acknowledge(question, 0, .unknownJournal)
    let whole = try #require(try harness.wakeUntilRequest().plans.first)
    #expect(whole.pushes.map(\.journal) == [Harness.other] && whole.pushes[0].first == 1)
    harness.acknowledge(whole, 5)
    let successor = try #require(try harness.wakeUntilRequest().plans.first)
    #expect(successor.pushes.map(\.journal) == [Harness.journal] && successor.pushes[0].first == 1)
  }

  @Test func oneThatTheServerDoesNotKnowHoldsNobodyUp() throws {
    var harness = Harness()
    var left = Harness.known(ID128(high: 8, low: 8), last: 4)
    left.isLeft = true
    let live = Harness.known(last: 9)
    var plan = harness.step(.start(SyncStart(journals: [left, live], hasSession: true))).plans[0]
    #expect(plan.pushes.map(\.journal) == [left.id])
    let effects = harness.acknowledge(plan, 0, .unknownJournal)
    plan = try effects.plans.first ?? harness.wakeUntilRequest().plans[0]
    #expect(plan.pushes.map(\.journal) == [live.id])
  }

  @Test func contradictoryDivergenceIsBelievedTheSecondTime() throws {
    var (harness, plan) = Harness.pushing(last: 9, acknowledged: 4)
    var effects = harness.acknowledge(try #require(plan), 4, .diverged)
    #expect(!effects.contains(.suspendJournal(Harness.journal)))
    plan = try harness.wakeUntilRequest().plans.first
    effects = harness.acknowledge(try #require(plan), 4, .diverged)
    #expect(effects.contains(.openSuccessor(of: Harness.journal, at: 4)))
  }

  @Test func theNinthSuccessorInAnHourWaitsAndAnsweringGoesOn() throws {
    var harness = Harness()
    let recent = (0..<8).map { index in
      RecentSuccessor(
        subject: Harness.attempt, openedAt: harness.now.advanced(byMilliseconds: -1_000 * Int64(8 - index)))
    }
    let start = SyncStart(journals: [Harness.known(last: 3)], hasSession: true, recentSuccessors: recent)
    let plan = harness.step(.start(start)).plans[0]
    var effects = harness.acknowledge(plan, 1, .diverged, .headDiffers(sequence: 1))
    #expect(effects.contains(.resumeJournal(Harness.journal)))
    #expect(effects.notices.contains(.successorLimitReached(subject: Harness.attempt)))
    #expect(!effects.contains(.openSuccessor(of: Harness.journal, at: 0)))
    // The attempt rests, other attempts do not.
    let other = KnownJournal(id: Harness.other, subject: ID128(high: 2, low: 2), last: 1)
    #expect(harness.step(.journalChanged(other)).plans.map { $0.pushes.map(\.journal) } == [[Harness.other]])
    let rests = harness.now
    for _ in 0..<40 where !effects.contains(.openSuccessor(of: Harness.journal, at: 0)) {
      effects = try harness.wake()
      for sent in effects.plans {
        if sent.headQueries.isEmpty {
          effects += harness.acknowledge(sent, 1)
        } else {
          let answer = HeadAnswer(journal: Harness.journal, heads: [1: .zero], sequence: 1)
          harness.step(.responded(sent.id, SyncResponse(heads: [answer], receivedAt: 0)))
          effects = harness.step(.headsCompared(journal: Harness.journal, lastCommon: 0, firstDifferent: 1))
        }
      }
    }
    #expect(effects.contains(.openSuccessor(of: Harness.journal, at: 0)))
    #expect(harness.now.milliseconds(since: rests) > 3_590_000)
    #expect(harness.now.milliseconds(since: rests) <= 3_600_000)
  }

  @Test func aSuccessorThatCouldNotBeOpenedIsSoughtAnew() throws {
    var (harness, plan) = Harness.pushing(last: 3)
    var effects = harness.acknowledge(try #require(plan), 1, .diverged, .headDiffers(sequence: 1))
    for isSilent in [false, true] {
      #expect(effects.contains(.openSuccessor(of: Harness.journal, at: 0)))
      if !isSilent { harness.step(.storeFailed(subject: Harness.journal)) }
      // The server may have changed meanwhile, so it is asked again.
      plan = try harness.wakeUntilRequest().plans.first
      #expect(plan?.headQueries.map(\.journal) == [Harness.journal])
      let answer = HeadAnswer(journal: Harness.journal, heads: [1: .zero], sequence: 1)
      harness.step(.responded(try #require(plan).id, SyncResponse(heads: [answer], receivedAt: 0)))
      effects = harness.step(.headsCompared(journal: Harness.journal, lastCommon: 0, firstDifferent: 1))
    }
    #expect(effects.contains(.openSuccessor(of: Harness.journal, at: 0)))
  }

  @Test func aServerThatGoesBackDuringTheSearchIsAskedFromTheBeginning() throws {
    var (harness, plan) = Harness.pushing(last: 1_000)
    harness.acknowledge(try #require(plan), 1_000, .diverged, .headDiffers(sequence: 1_000))
    func answer(_ sequence: UInt64) throws {
      plan = try harness.core.flights.first?.plan ?? harness.wakeUntilRequest().plans.first
      let answer = HeadAnswer(journal: Harness.journal, heads: [:], sequence: sequence)
      harness.step(.responded(try #require(plan).id, SyncResponse(heads: [answer], receivedAt: 0)))
    }
    try answer(1_000)
    harness.step(.headsCompared(journal: Harness.journal, lastCommon: 488, firstDifferent: 744))
    try answer(300)
    #expect(plan?.headQueries[0].sequences.first == 488)
    harness.step(.headsCompared(journal: Harness.journal, lastCommon: 0, firstDifferent: nil))
    try answer(300)
    #expect(plan?.headQueries[0].sequences.last == 1_000)
    #expect(harness.core.probes[.searchBegunAnew] == 1)
  }

  @Test func headsThatNobodySendsAreAskedForWithBackoff() throws {
    var (harness, plan) = Harness.pushing(last: 9)
    harness.acknowledge(try #require(plan), 9, .diverged, .headDiffers(sequence: 9))
    let start = harness.now
    for _ in 0..<20 {
      plan = try harness.core.flights.first?.plan ?? harness.wakeUntilRequest().plans.first
      harness.step(.responded(try #require(plan).id, SyncResponse(receivedAt: 0)))
    }
    #expect(harness.now.milliseconds(since: start) > 20_000)
  }
}

import ExamModel
import SyncProtocol
import Testing

@testable import SyncCore

@Suite struct JournalTests {
  @Test func theServersWordIsStoredBeforeItIsBelieved() throws {
    var (harness, plan) = Harness.pushing(last: 3)
    let acknowledgement = Acknowledgement(sequence: 3, head: .zero, verdict: .stored)
    let effects = harness.step(
      .responded(try #require(plan).id, SyncResponse(acknowledgements: [acknowledgement], receivedAt: 0)))
    #expect(effects.contains(.storeAcknowledgement(journal: Harness.journal, acknowledgement)))
    #expect(effects.plans.isEmpty)
    #expect(harness.core.status().pendingCount == 3)
    harness.step(.acknowledged(journal: Harness.journal, .matched(sequence: 3, priority: .answer)))
    #expect(harness.core.status().pendingCount == 0)
  }

  @Test func aWordNobodyAskedForChangesNothing() {
    var (harness, _) = Harness.pushing(last: 3)
    harness.step(.acknowledged(journal: Harness.journal, .matched(sequence: 3, priority: .answer)))
    harness.step(.acknowledged(journal: Harness.other, .beyondOwn(sequence: 3)))
    #expect(harness.core.status().pendingCount == 3)
    #expect(harness.core.probes[.unsolicitedResult] == 2)
  }

  @Test func moreThanTheJournalHasIsNeverAcknowledged() throws {
    var (harness, plan) = Harness.pushing(last: 3)
    harness.acknowledge(try #require(plan), 900)
    #expect(harness.core.status().journals[0].acknowledged == 3)
    harness.step(.journalChanged(Harness.known(last: 4)))
    #expect(harness.core.status().pendingCount == 1)
  }

  @Test func anExecutorThatSaysNothingIsAskedAgain() throws {
    var (harness, plan) = Harness.pushing(last: 3)
    let acknowledgement = Acknowledgement(sequence: 3, head: .zero, verdict: .stored)
    harness.step(.responded(try #require(plan).id, SyncResponse(acknowledgements: [acknowledgement], receivedAt: 0)))
    let effects = try harness.wakeUntilRequest()
    #expect(effects.plans.map { $0.pushes[0].first } == [1])
    #expect(harness.core.probes[.executorOwed] == 1)
  }

  @Test func aStoreThatFailsIsTriedAgainLater() throws {
    var (harness, plan) = Harness.pushing(last: 3)
    let acknowledgement = Acknowledgement(sequence: 3, head: .zero, verdict: .stored)
    harness.step(.responded(try #require(plan).id, SyncResponse(acknowledgements: [acknowledgement], receivedAt: 0)))
    let failedAt = harness.now
    #expect(harness.step(.storeFailed(subject: Harness.journal)).plans.isEmpty)
    #expect(try harness.wakeUntilRequest().plans.count == 1)
    #expect(harness.now.milliseconds(since: failedAt) == SyncTuning.executorPatienceMilliseconds)
  }

  @Test func aGapIsFilledFromTheServersHighWater() throws {
    var (harness, plan) = Harness.pushing(last: 90, acknowledged: 80)
    #expect(plan?.pushes.map(\.first) == [81])
    let effects = harness.acknowledge(try #require(plan), 40, .gap)
    #expect(effects.notices == [.serverWentBack(journal: Harness.journal, from: 80, to: 40)])
    plan = try harness.wakeUntilRequest().plans.first
    #expect(plan?.pushes.map(\.first) == [41])
    #expect(plan?.presentsReceipts == true)
    let status = harness.core.status().journals[0]
    #expect(status.acknowledged == 40)
    #expect(status.greatestAcknowledged == 80)
    #expect(status.pendingCount == 50)
    harness.acknowledge(try #require(plan), 90)
    #expect(harness.core.status().journals[0].greatestAcknowledged == 90)
    #expect(!harness.core.presentsReceipts)
  }

  @Test func aGapThatNeverClosesBacksOff() throws {
    var (harness, plan) = Harness.pushing(last: 90, acknowledged: 40)
    let start = harness.now
    for _ in 0..<30 {
      harness.acknowledge(try #require(plan), 40, .gap)
      plan = try harness.wakeUntilRequest().plans.first
    }
    #expect(harness.now.milliseconds(since: start) > 30_000)
  }

  @Test func anUnknownJournalIsOfferedFromTheFirstEntryOnce() throws {
    var (harness, plan) = Harness.pushing(last: 9, acknowledged: 5)
    harness.acknowledge(try #require(plan), 0, .unknownJournal)
    plan = try harness.wakeUntilRequest().plans.first
    #expect(plan?.pushes.map(\.first) == [1])
    let effects = harness.acknowledge(try #require(plan), 0, .unknownJournal)
    #expect(effects.notices == [.journalUnknown(Harness.journal)])
    #expect(harness.core.status().trouble == .journalUnknown(Harness.journal))
    let heldAt = harness.now
    plan = try harness.wakeUntilRequest().plans.first
    #expect(harness.now.milliseconds(since: heldAt) == SyncTuning.unknownJournalRetryMilliseconds)
    #expect(harness.acknowledge(try #require(plan), 0, .unknownJournal).notices.isEmpty)
    plan = try harness.wakeUntilRequest().plans.first
    harness.acknowledge(try #require(plan), 9)
    #expect(harness.core.status().pendingCount == 0)
    #expect(harness.core.status().trouble == nil)
  }

  @Test func anUnknownJournalDoesNotStopTheOthers() throws {
    var (harness, plan) = Harness.pushing(last: 9)
    harness.acknowledge(try #require(plan), 0, .unknownJournal)
    let effects = harness.step(.journalChanged(Harness.known(Harness.other, last: 1)))
    #expect(effects.plans.map { $0.pushes.map(\.journal) } == [[Harness.other]])
  }

  @Test func tooLargeHalvesDownToOneEntryAndRecovers() throws {
    var (harness, plan) = Harness.pushing(last: 5_000)
    for expected in [128, 64, 32, 16, 8, 4, 2, 1] {
      plan = harness.step(.failed(try #require(plan).id, .problem(.tooLarge))).plans.first
      #expect(plan?.pushes.map(\.maximumEntries) == [expected])
      #expect(plan?.pushes.map(\.maximumBytes) == [Limits.pushBytes * expected / 256])
    }
    // At one entry nothing is left to halve: a person is told once, and it is tried on, slowly.
    #expect(harness.step(.failed(try #require(plan).id, .problem(.tooLarge))).notices == [.requestRefused(.tooLarge)])
    plan = try harness.wakeUntilRequest().plans.first
    #expect(plan?.pushes.map(\.maximumEntries) == [1])
    var sequence: UInt64 = 0
    for _ in 0..<64 {
      sequence += 1
      plan = harness.acknowledge(try #require(plan), sequence).plans.first
    }
    #expect(plan?.pushes.map(\.maximumEntries) == [256])
  }

  @Test func aStrangersTooLargeHalvesAndBacksOff() throws {
    var (harness, plan) = Harness.pushing(last: 500)
    #expect(harness.step(.failed(try #require(plan).id, .weather(413))).plans.isEmpty)
    plan = try harness.wakeUntilRequest().plans.first
    #expect(plan?.pushes.map(\.maximumEntries) == [128])
  }

  @Test func oneBadJournalDoesNotStopTheOthers() throws {
    var harness = Harness()
    let journals = (1...3).map { Harness.known(ID128(high: 4, low: $0), last: 5) }
    var plan = harness.step(.start(SyncStart(journals: journals, hasSession: true))).plans.first
    // Whatever holds the first journal is refused as a whole.
    for _ in 0..<12 {
      let sent = try #require(plan)
      if sent.pushes.contains(where: { $0.journal.low == 1 }) {
        harness.step(.failed(sent.id, .problem(.badRequest)))
      } else {
        let words = sent.pushes.map { _ in Acknowledgement(sequence: 5, head: .zero, verdict: .stored) }
        harness.step(.responded(sent.id, SyncResponse(acknowledgements: words, receivedAt: 0)))
        for push in sent.pushes {
          harness.step(.acknowledged(journal: push.journal, .matched(sequence: 5, priority: .answer)))
        }
      }
      plan = try harness.core.flights.first?.plan ?? harness.wakeUntilRequest().plans.first
    }
    #expect(harness.core.status().journals.map(\.pendingCount) == [5, 0, 0])
    #expect(harness.core.probes[.isolatedPush] >= 1)
  }

  @Test func fewerAcknowledgementsThanPushesLeaveTheRestPending() throws {
    var harness = Harness()
    let journals = [Harness.known(last: 2), Harness.known(Harness.other, last: 2)]
    let plan = harness.step(.start(SyncStart(journals: journals, hasSession: true))).plans[0]
    #expect(plan.pushes.count == 2)
    harness.acknowledge(plan, 2)
    #expect(harness.core.status().pendingCount == 2)
    #expect(try harness.wakeUntilRequest().plans[0].pushes.map(\.journal) == [Harness.other])
  }

  @Test func refusalsAreNoticedOnceUntilASuccess() throws {
    var (harness, plan) = Harness.pushing(last: 5)
    let first = harness.step(.failed(try #require(plan).id, .problem(.clientTooOld)))
    #expect(first.notices == [.clientTooOld])
    #expect(harness.core.status().trouble == .clientTooOld)
    plan = try harness.wakeUntilRequest().plans.first
    #expect(harness.step(.failed(try #require(plan).id, .problem(.clientTooOld))).notices.isEmpty)
    plan = try harness.wakeUntilRequest().plans.first
    plan = harness.acknowledge(try #require(plan), 2).plans.first
    #expect(harness.core.status().trouble == nil)
    #expect(harness.step(.failed(try #require(plan).id, .problem(.clientTooOld))).notices == [.clientTooOld])
  }
}

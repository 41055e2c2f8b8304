import ExamModel
import SyncProtocol
import Testing

@testable import SyncCore

/// A journal was left; then the server was restored from a backup that ends below the fork, and another copy of the
/// store wrote on there.
@Suite struct ReplacedJournalTests {
  private let left: KnownJournal = {
    var known = Harness.known(last: 9, acknowledged: 4)
    known.isLeft = true
    return known
  }()

  @Test(arguments: [(6, .diverged), (9, .diverged), (20, .diverged), (6, .gap)] as [(UInt64, PushVerdict)])
  func whatTheServerHasInItsPlaceSettlesIt(sequence: UInt64, verdict: PushVerdict) throws {
    var harness = Harness()
    let plan = harness.step(.start(SyncStart(journals: [left], hasSession: true))).plans[0]
    let result: AcknowledgementResult =
      sequence > 9 ? .beyondOwn(sequence: sequence) : .headDiffers(sequence: sequence)
    let effects = harness.acknowledge(plan, sequence, verdict, result)
    #expect(effects.notices == [.forked(journal: left.id, at: sequence)])
    let status = harness.core.status()
    #expect(status.pendingCount == 0)
    #expect(status.journals.map(\.isReplaced) == [true])
    #expect(status.journals.map(\.heldUntil) == [nil])
    // Nothing is retried: an hour later nothing was sent.
    #expect(harness.core.flights.isEmpty)
    #expect(harness.step(.wake, after: 3_600_000).plans.isEmpty)
    #expect(harness.core.probes[.leftJournalReplaced] == 1)
  }

  @Test func aManualSendSucceedsOnceItIsSettled() throws {
    var harness = Harness()
    let plan = harness.step(.start(SyncStart(journals: [left], hasSession: true))).plans[0]
    harness.acknowledge(plan, 6, .diverged, .headDiffers(sequence: 6))
    #expect(harness.step(.sendChanges).contains(.finished(.send, succeeded: true)))
  }

  @Test func theJournalsBesideItGoOn() throws {
    var harness = Harness()
    let live = Harness.known(Harness.other, last: 3)
    var plan = harness.step(.start(SyncStart(journals: [left, live], hasSession: true))).plans[0]
    #expect(plan.pushes.map(\.journal) == [left.id])
    let effects = harness.acknowledge(plan, 6, .diverged, .headDiffers(sequence: 6))
    plan = try effects.plans.first ?? harness.wakeUntilRequest().plans[0]
    #expect(plan.pushes.map(\.journal) == [live.id])
    harness.acknowledge(plan, 3)
    #expect(harness.core.status().pendingCount == 0)
    let next = harness.step(.journalChanged(Harness.known(Harness.other, last: 4, acknowledged: 3)))
    let push = try #require(try next.plans.first ?? harness.wakeUntilRequest().plans.first)
    #expect(push.pushes.map(\.journal) == [live.id])
    #expect(push.pushes.map(\.first) == [4])
  }

  @Test func aServerThatWentBackOnceMoreIsRefilledWhereItsEntriesFollow() throws {
    var harness = Harness()
    var live = Harness.known(Harness.other, last: 3, acknowledged: 2)
    var plan = harness.step(.start(SyncStart(journals: [left], hasSession: true))).plans[0]
    harness.acknowledge(plan, 6, .diverged, .headDiffers(sequence: 6))
    // Word of an older state: of another journal the server holds less than it said.
    plan = try #require(
      try harness.step(.journalChanged(live)).plans.first ?? harness.wakeUntilRequest().plans.first)
    harness.acknowledge(plan, 0)
    live.acknowledged = 0
    plan = try harness.core.flights.first?.plan ?? harness.wakeUntilRequest().plans[0]
    let offered = try #require(plan.pushes.first { $0.journal == left.id })
    #expect(offered.first == 9)
    // What goes on from it waits for it.
    #expect(plan.pushes.map(\.journal) == [left.id])
    harness.acknowledge(plan, 2, .gap)
    #expect(harness.core.status().journals.first { $0.id == left.id }?.isReplaced == false)
    #expect(harness.core.status().pendingCount == 7 + 3)
    plan = try harness.core.flights.first?.plan ?? harness.wakeUntilRequest().plans[0]
    #expect(plan.pushes.first { $0.journal == left.id }?.first == 3)
  }
}

import ExamModel
import SyncProtocol
import Testing

@testable import SyncCore

@Suite struct ManualTests {
  private func manual(last: UInt64 = 3) -> Harness {
    var harness = Harness(options: SyncOptions(automaticallySync: false))
    let effects = harness.step(
      .start(
        SyncStart(
          journals: [Harness.known(last: last)], scopes: [ScopeCursor(scope: Harness.scope, cursor: .start)],
          hasSession: true)))
    #expect(effects.isEmpty)
    return harness
  }

  @Test func nothingHappensByItself() {
    var harness = manual()
    #expect(harness.step(.journalChanged(Harness.known(last: 9)), after: 60_000).isEmpty)
    #expect(harness.step(.networkChanged(isReachable: true)).isEmpty)
  }

  @Test func sendChangesPushesEverythingAndSaysSo() throws {
    var harness = manual()
    var effects = harness.step(.sendChanges)
    #expect(effects.plans.map(\.role) == [.push])
    effects = harness.acknowledge(effects.plans[0], 2)
    #expect(!effects.contains(.finished(.send, succeeded: true)))
    effects = harness.acknowledge(try #require(effects.plans.first), 3)
    #expect(effects.contains(.finished(.send, succeeded: true)))
    #expect(harness.step(.journalChanged(Harness.known(last: 4))).isEmpty)
  }

  @Test func fetchChangesReadsToTheEnd() throws {
    var harness = manual()
    var effects = harness.step(.fetchChanges)
    let to = Cursor(epoch: 1, version: 4)
    #expect(effects.plans.map(\.role) == [.poll])
    #expect(effects.plans.map(\.waitMilliseconds) == [0])
    effects = harness.step(
      .responded(effects.plans[0].id, Harness.answer([Harness.delta(from: .start, to: to, isReset: true)])))
    effects = harness.step(.deltaStored(scope: Harness.scope, .applied(to)))
    #expect(effects == [.finished(.fetch, succeeded: true)])
  }

  @Test func aFailureEndsAManualRound() {
    var harness = manual()
    var effects = harness.step(.sendChanges)
    effects = harness.step(.failed(effects.plans[0].id, .transport))
    #expect(effects == [.finished(.send, succeeded: false)])
    effects = harness.step(.fetchChanges)
    effects = harness.step(.failed(effects.plans[0].id, .weather(502)))
    #expect(effects == [.finished(.fetch, succeeded: false)])
    // Asking again does not wait for the back-off.
    #expect(harness.step(.sendChanges).plans.count == 1)
  }

  @Test func roundsWithNothingToDoEndAtOnce() {
    var harness = manual(last: 0)
    #expect(harness.step(.sendChanges) == [.finished(.send, succeeded: true)])
    harness.step(.scopesChanged([]))
    #expect(harness.step(.fetchChanges) == [.finished(.fetch, succeeded: true)])
    harness.step(.stop)
    #expect(harness.step(.fetchChanges) == [.finished(.fetch, succeeded: false)])
  }

  @Test func aManualFetchReplacesAWaitingPoll() throws {
    var (harness, plan) = Harness.polling(cursor: Cursor(epoch: 1, version: 1))
    var effects = harness.step(.fetchChanges, after: 5_000)
    #expect(effects.cancelled == [try #require(plan).id])
    #expect(effects.plans.map(\.waitMilliseconds) == [0])
    effects = harness.step(.responded(effects.plans[0].id, Harness.answer()))
    #expect(effects.contains(.finished(.fetch, succeeded: true)))
  }

  @Test func aRefusedSessionEndsBothRounds() throws {
    var harness = Harness(options: SyncOptions(automaticallySync: false))
    harness.step(.start(SyncStart(journals: [Harness.known(last: 1)], hasSession: false)))
    let effects = harness.step(.sendChanges)
    let attempt = try #require(effects.sessionAttempts.first)
    let after = harness.step(.failed(attempt, .problem(.certificateRefused, isAuthenticated: false)))
    #expect(after.contains(.finished(.send, succeeded: false)))
    #expect(after.contains(.notice(.loginNeeded)))
  }
}

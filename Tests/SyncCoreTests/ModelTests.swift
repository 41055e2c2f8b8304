import ExamModel
import SyncProtocol
import Testing

@testable import SyncCore

/// Thousands of random steps against a model of store, network and server.
@Suite struct ModelTests {
  private static let chaoticSteps = 600

  @Test(arguments: 1...60 as ClosedRange<UInt64>)
  func whateverGoesWrongTheServerGetsEverythingInTheEnd(seed: UInt64) {
    var world = ModelWorld(seed: seed)
    for _ in 0..<Self.chaoticSteps { world.advance() }
    world.heal()
    let healedAt = world.now
    var steps = 0
    while !world.isConverged, steps < 4_000 {
      world.advance()
      steps += 1
    }
    #expect(world.violations == [])
    let isConverged = world.isConverged
    #expect(isConverged)
    // The longest rests are an hour for successors and ten minutes for digests.
    #expect(world.now - healedAt <= 3_700_000)
    let there = Set(world.server.values.flatMap(\.bodies))
    #expect(world.saved.subtracting(there) == [])
    // What was saved stands in the journal that counts, though it may have been saved in one that was left.
    #expect(world.saved.subtracting(world.lineage) == [])
  }

  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func requestsStayFewWhateverHappens(seed: UInt64) {
    var world = ModelWorld(seed: seed)
    for _ in 0..<2_000 { world.advance() }
    var most = 0
    for (index, start) in world.sends.enumerated() {
      most = max(most, world.sends[index...].prefix { $0 < start + 10_000 }.count)
    }
    #expect(most <= 80)
    #expect(world.violations == [])
  }

  @Test func equalSeedsGiveEqualEffects() {
    for seed in [3, 14, 15] as [UInt64] {
      var logs: [[SyncEffect]] = []
      for _ in 0..<2 {
        var world = ModelWorld(seed: seed)
        for _ in 0..<400 { world.advance() }
        logs.append(world.log)
      }
      #expect(!logs[0].isEmpty)
      #expect(logs[0] == logs[1])
    }
    var one = ModelWorld(seed: 1)
    var two = ModelWorld(seed: 2)
    for _ in 0..<50 { one.advance(); two.advance() }
    #expect(one.log != two.log)
  }

  /// A campaign that never reaches a branch proves less than it seems to.
  @Test func theCampaignReachesTheRareBranches() {
    var reached = Set<SyncProbe>()
    for seed in 1...120 as ClosedRange<UInt64> {
      var world = ModelWorld(seed: seed)
      for _ in 0..<Self.chaoticSteps { world.advance() }
      reached.formUnion(SyncProbe.allCases.filter { world.core.probes[$0] > 0 })
    }
    let elsewhere: Set<SyncProbe> = [
      // Reached by tests of their own: the model has one scope, one attempt, and a clock that never goes back.
      .clockWentBack, .deltaOfUnknownScope, .isolatedPush, .pushAtFloor, .contradictoryDivergence,
      .unknownJournalHeld, .deltaFromOtherCursor, .leftJournalReplaced,
    ]
    #expect(Set(SyncProbe.allCases).subtracting(reached).subtracting(elsewhere) == [])
  }

  /// The invariant must be able to fail: a planted fault is found.
  @Test func theInvariantFindsPlantedFaults() {
    var (harness, _) = Harness.pushing()
    harness.core.flights = []
    harness.core.armedWake = nil
    #expect(harness.core.invariantViolation() != nil)
    harness = Harness.pushing().0
    harness.core.flights += harness.core.flights
    #expect(harness.core.invariantViolation() != nil)
    harness = Harness.pushing().0
    harness.core.armedWake = harness.now
    #expect(harness.core.invariantViolation() != nil)
    harness = Harness.pushing().0
    harness.core.journals[0].known.acknowledged = 7
    #expect(harness.core.invariantViolation() != nil)
    var fetching = BlobCore(seed: 1)
    _ = fetching.step(
      .want([WantedBlob(reference: BlobReference(digest: .zero, length: 5))]), at: Instant(milliseconds: 5))
    #expect(fetching.invariantViolation() == nil)
    fetching.transfers = []
    #expect(fetching.invariantViolation() != nil)
  }
}

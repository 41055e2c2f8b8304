import ExamModel
import Testing

@testable import SyncCore

@Suite struct ServerTimeTests {
  private static let boot = ID128(high: 1, low: 1)
  private static let epoch: Int64 = 1_790_000_000_000

  private func sample(_ sent: Int64, _ received: Int64, at server: Int64, held: Int64 = 0) -> ServerTimeEstimator.Sample
  {
    ServerTimeEstimator.Sample(
      requestSentAt: Instant(milliseconds: sent), responseReceivedAt: Instant(milliseconds: received),
      serverReceivedAt: Self.epoch + server - held, serverSentAt: Self.epoch + server)
  }

  @Test func aSampleBoundsServerTimeAtArrival() throws {
    var estimator = ServerTimeEstimator(bootID: Self.boot)
    #expect(estimator.bounds(at: .zero) == nil)
    #expect(estimator.take(sample(0, 200, at: 5_000), bootID: Self.boot) == .narrowed(byMilliseconds: nil))
    let bounds = try #require(estimator.bounds(at: Instant(milliseconds: 200)))
    #expect(bounds.earliest == Self.epoch + 5_000)
    #expect((5_200...5_204).contains(bounds.latest - Self.epoch))
    #expect(estimator.midpoint(at: Instant(milliseconds: 200)) == bounds.midpoint)
  }

  @Test func whatTheServerHeldIsNotUncertain() throws {
    var estimator = ServerTimeEstimator(bootID: Self.boot)
    _ = estimator.take(sample(0, 55_080, at: 60_000, held: 55_000), bootID: Self.boot)
    #expect(try #require(estimator.bounds(at: Instant(milliseconds: 55_080))).width < 110)
  }

  @Test func boundsWidenBy200PartsPerMillionBothWays() throws {
    let estimator = ServerTimeEstimator(
      bootID: Self.boot, bounds: TimeBounds(earliest: Self.epoch, latest: Self.epoch + 100),
      at: Instant(milliseconds: 1_000_000))
    for distance in [1_000_000, -1_000_000] as [Int64] {
      let bounds = try #require(estimator.bounds(at: Instant(milliseconds: 1_000_000 + distance)))
      #expect(bounds.earliest == Self.epoch + distance - 200)
      #expect(bounds.latest == Self.epoch + 100 + distance + 200)
    }
  }

  @Test func samplesAreIntersected() {
    var estimator = ServerTimeEstimator(bootID: Self.boot)
    _ = estimator.take(sample(0, 2_000, at: 1_000), bootID: Self.boot)
    guard case .narrowed(let gain?) = estimator.take(sample(2_000, 2_050, at: 2_500), bootID: Self.boot) else {
      Issue.record("the second sample narrows")
      return
    }
    #expect(gain > 1_900)
    #expect(estimator.take(sample(2_060, 4_000, at: 3_000), bootID: Self.boot) == .unchanged)
  }

  @Test func aContradictionDropsTheOlderAndIsReported() throws {
    var estimator = ServerTimeEstimator(bootID: Self.boot)
    _ = estimator.take(sample(0, 100, at: 1_000), bootID: Self.boot)
    let known = try #require(estimator.bounds(at: Instant(milliseconds: 300)))
    #expect(estimator.take(sample(200, 300, at: 9_000), bootID: Self.boot) == .contradicted(dropped: known))
    #expect(try #require(estimator.bounds(at: Instant(milliseconds: 300))).earliest == Self.epoch + 9_000)
  }

  @Test func aSampleWiderThanTenSecondsNarrowsNothing() {
    var estimator = ServerTimeEstimator(bootID: Self.boot)
    #expect(estimator.take(sample(0, 10_500, at: 1_000), bootID: Self.boot) == .tooWide)
    #expect(estimator.bounds(at: Instant(milliseconds: 10_500)) == nil)
  }

  @Test func anotherBootForgets() throws {
    var estimator = ServerTimeEstimator(bootID: Self.boot)
    _ = estimator.take(sample(90_000, 90_100, at: 1_000), bootID: Self.boot)
    let reboot = ID128(high: 2, low: 2)
    #expect(estimator.take(sample(10, 20, at: 70_000), bootID: reboot) == .narrowed(byMilliseconds: nil))
    #expect(estimator.bootID == reboot)
    #expect(try #require(estimator.bounds(at: Instant(milliseconds: 20))).earliest == Self.epoch + 70_000)
  }

  @Test(arguments: [
    ServerTimeEstimator.Sample(
      requestSentAt: Instant(milliseconds: 100), responseReceivedAt: .zero, serverReceivedAt: 5, serverSentAt: 5),
    .init(requestSentAt: .zero, responseReceivedAt: .zero, serverReceivedAt: 9, serverSentAt: 5),
    .init(
      requestSentAt: .zero, responseReceivedAt: Instant(milliseconds: 100), serverReceivedAt: 0, serverSentAt: 5_000),
    .init(requestSentAt: .zero, responseReceivedAt: .zero, serverReceivedAt: .min, serverSentAt: .max),
    .init(requestSentAt: .zero, responseReceivedAt: .zero, serverReceivedAt: .max, serverSentAt: .max),
    .init(
      requestSentAt: Instant(milliseconds: .min), responseReceivedAt: Instant(milliseconds: .max),
      serverReceivedAt: 5, serverSentAt: 5),
    .init(requestSentAt: .zero, responseReceivedAt: .zero, serverReceivedAt: -5, serverSentAt: -5),
  ])
  func nonsenseChangesNothing(sample: ServerTimeEstimator.Sample) {
    var estimator = ServerTimeEstimator(bootID: Self.boot)
    _ = estimator.take(self.sample(0, 100, at: 1_000), bootID: Self.boot)
    let before = estimator
    #expect(estimator.take(sample, bootID: Self.boot) == .nonsense)
    #expect(estimator == before)
  }

  @Test func trueTimeIsAlwaysWithinTheBounds() {
    var generator = SeededGenerator(seed: 42)
    for _ in 0..<200 {
      // A device clock that is off by up to 150 ppm, and a network with any delays.
      let drift = Int64.random(in: -150...150, using: &generator)
      let device = { (true: Int64) in Instant(milliseconds: `true` + `true` * drift / 1_000_000) }
      var estimator = ServerTimeEstimator(bootID: Self.boot)
      var time: Int64 = 0
      for _ in 0..<20 {
        time += Int64.random(in: 0...600_000, using: &generator)
        let sent = time
        let received = sent + Int64.random(in: 0...4_000, using: &generator)
        let answered = received + Int64.random(in: 0...55_000, using: &generator)
        time = answered + Int64.random(in: 0...4_000, using: &generator)
        let outcome = estimator.take(
          ServerTimeEstimator.Sample(
            requestSentAt: device(sent), responseReceivedAt: device(time), serverReceivedAt: Self.epoch + received,
            serverSentAt: Self.epoch + answered), bootID: Self.boot)
        if case .contradicted = outcome { Issue.record("true samples never contradict each other") }
        guard let bounds = estimator.bounds(at: device(time)) else {
          Issue.record("a sample gives bounds")
          return
        }
        #expect(bounds.earliest <= Self.epoch + time && Self.epoch + time <= bounds.latest)
      }
    }
  }
}

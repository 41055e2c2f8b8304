import ExamModel
import Testing

@Suite struct JournalClockTests {
  private let boot = ID128(high: 1, low: 1)
  private let otherBoot = ID128(high: 2, low: 2)
  private let noon: Int64 = 1_795_000_000_000

  private func open(_ boot: ID128, at milliseconds: UInt64) -> Entry {
    Entry(
      kind: .open(
        Opening(
          nonce: .zero, bootID: boot, bootMilliseconds: milliseconds, wallMilliseconds: 0, leaseOrdinal: 1)))
  }

  private func context(_ boot: ID128, at milliseconds: UInt64, _ earliest: Int64, _ latest: Int64) -> Entry {
    Entry(
      kind: .context(
        ClockContext(
          bootID: boot, bootMilliseconds: milliseconds, wallMilliseconds: 0,
          server: TimeBounds(earliest: earliest, latest: latest))))
  }

  private func visit(after milliseconds: UInt64) -> Entry {
    Entry(bootDeltaMilliseconds: milliseconds, kind: .visit(item: "q"))
  }

  @Test func boundsMoveWithBootTimeAndWiden() {
    var clock = JournalClock()
    clock.advance(open(boot, at: 1_000))
    #expect(clock.bounds == nil)
    clock.advance(context(boot, at: 2_000, noon, noon + 100))
    clock.advance(visit(after: 1_000_000))
    #expect(clock.bounds == TimeBounds(earliest: noon + 1_000_000 - 200, latest: noon + 1_000_100 + 200))
  }

  @Test func aRebootForgetsTheBoundsAndKeepsTheFloor() {
    var clock = JournalClock()
    clock.advance(open(boot, at: 0))
    clock.advance(context(boot, at: 0, noon, noon + 50))
    clock.advance(open(otherBoot, at: 10))
    #expect(clock.bounds == nil)
    #expect(clock.floor == noon)
    #expect(clock.classify(deadline: noon - 10_000, receivedAt: nil) == .late)
    #expect(clock.classify(deadline: noon + 10_000, receivedAt: nil) == .undecided)
    #expect(clock.classify(deadline: noon + 10_000, receivedAt: noon + 9_000) == .inTime)
  }

  @Test(arguments: [(Int64(0), TimeClass.inTime), (5_000, .inTime), (5_001, .undecided), (6_001, .late)])
  func theGraceIsFiveSeconds(after: Int64, expected: TimeClass) {
    // Bounds one second wide, `after` being the latest possible instant after the deadline.
    let deadline = noon
    let found = TimeRules.classify(earliest: deadline + after - 1_000, latest: deadline + after, deadline: deadline)
    #expect(found == expected)
  }

  @Test func samplesNarrowAndContradictionsDropTheOlder() {
    var clock = JournalClock()
    clock.advance(context(boot, at: 0, noon, noon + 1_000))
    clock.advance(context(boot, at: 0, noon + 600, noon + 2_000))
    #expect(clock.bounds == TimeBounds(earliest: noon + 600, latest: noon + 1_000))
    clock.advance(context(boot, at: 0, noon + 9_000, noon + 9_500))
    #expect(clock.bounds == TimeBounds(earliest: noon + 9_000, latest: noon + 9_500))
  }

  @Test func nonsenseNeverTraps() {
    var clock = JournalClock()
    clock.advance(context(boot, at: .max, 0, .max))
    clock.advance(context(boot, at: 5, -4, 9))
    clock.advance(visit(after: .max))
    clock.advance(visit(after: .max))
    _ = clock.classify(deadline: .max - 10_000, receivedAt: .max)
    clock.advance(context(boot, at: .max, noon, noon))
    clock.advance(context(boot, at: 0, noon, noon))
    #expect(clock.bounds == TimeBounds(earliest: noon, latest: noon))
  }

  @Test func goingBackWidensToo() {
    let bounds = TimeBounds(earliest: 1_000_000, latest: 1_000_010)
    #expect(bounds.advanced(byBootMilliseconds: -10_000) == TimeBounds(earliest: 989_998, latest: 990_012))
  }

  @Test func aProofRaisesTheFloorAndRefutesEarlierBounds() {
    var clock = JournalClock()
    let first = clock.advance(context(boot, at: 0, noon, noon + 100), provedMilliseconds: noon - 20)
    #expect(!first)
    #expect(clock.bounds == TimeBounds(earliest: noon, latest: noon + 100))
    #expect(clock.floor == noon)
    let second = clock.advance(context(boot, at: 10, noon, noon + 100), provedMilliseconds: noon + 50_000)
    #expect(second)
    #expect(clock.bounds == nil)
    #expect(clock.floor == noon + 50_000)
    #expect(clock.classify(deadline: noon + 10_000, receivedAt: noon + 60_000) == .late)
    #expect(clock.classify(deadline: noon + 100_000, receivedAt: noon + 60_000) == .inTime)
  }

  @Test func theBasisSaysWhoVouches() {
    func basis(_ found: TimeClass, receivedAt: Int64, proved: Int64?) -> TimeBasis? {
      TimeBasis.of(found, deadline: noon, receivedAt: receivedAt, provedMilliseconds: proved)
    }
    #expect(basis(.inTime, receivedAt: noon + 5_000, proved: nil) == .arrival)
    #expect(basis(.inTime, receivedAt: noon + 5_001, proved: noon - 1) == .statement)
    #expect(basis(.late, receivedAt: noon + 9_000, proved: noon + 5_001) == .proof)
    #expect(basis(.late, receivedAt: noon + 9_000, proved: noon + 5_000) == .statement)
    #expect(basis(.late, receivedAt: noon + 9_000, proved: nil) == .statement)
    #expect(basis(.undecided, receivedAt: noon + 9_000, proved: noon + 9_000) == nil)
  }
}

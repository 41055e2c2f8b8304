import ExamModel
import SyncProtocol
import Testing

@testable import ExamClient

/// What of the time left is persisted, and what a reboot makes of it (I16).
@Suite(.timeLimit(.minutes(10))) struct BellPersistenceTests {
  private func reading(_ bootMilliseconds: UInt64, boot: UInt64 = 1) -> ClockReading {
    ClockReading(
      bootID: ID128(high: 0, low: boot), bootMilliseconds: bootMilliseconds, wallMilliseconds: Int64(bootMilliseconds))
  }

  private func bell() -> Bell {
    var bell = Bell()
    bell.update(deadline: 601_000, server: TimeBounds(earliest: 1_000, latest: 1_000), at: reading(1_000))
    return bell
  }

  @Test func grantThatIsNotNotedIsNotPersistedWithAnEntry() {
    var bell = bell()
    bell.grant(total: 60_000)
    #expect(bell.remainingMilliseconds(at: reading(1_000)) == 660_000)
    #expect(bell.hasGrantsToNote)
    #expect(bell.persistableMilliseconds(at: reading(1_000)) == 600_000)
    bell.notePersisted()
    #expect(!bell.hasGrantsToNote)
    #expect(bell.persistableMilliseconds(at: reading(1_000)) == 660_000)
  }

  /// Found by the simulator: the entry that says a grant was seen held it, the note did not, and it counted twice.
  @Test(arguments: [true, false]) func grantCountsOnceHoweverFarItsNoteCame(isNoted: Bool) throws {
    var bell = bell()
    bell.grant(total: 60_000)
    if isNoted { bell.notePersisted() }
    let persisted = Bell.PersistedTime(
      reading: reading(1_000),
      remainingMilliseconds: try #require(bell.persistableMilliseconds(at: reading(1_000))))
    var again = Bell(persisted, grantedMilliseconds: isNoted ? 60_000 : 0, at: reading(1_000, boot: 2))
    again.grant(total: 60_000)
    #expect(again.isDoubtful)
    #expect(again.remainingMilliseconds(at: reading(1_000, boot: 2)) == 660_000)
  }
}

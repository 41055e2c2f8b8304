import ExamModel
import SyncCore
import SyncProtocol
import Testing

@testable import ExamClient

@Suite(.timeLimit(.minutes(10))) struct CodeTests {
  @Test(arguments: ["000000", "042917", "999999"])
  func s3_07_joinTakesExactlySixDigits(code: String) {
    #expect(CodeCheck.isExamCode(code))
  }

  @Test(arguments: ["", "12345", "1234567", "12345a", " 12345", "１２３４５６", "12 456", "-12345"])
  func s3_07_anythingElseIsNoExamCode(code: String) {
    #expect(!CodeCheck.isExamCode(code))
  }

  /// Vectors from Python's hashlib.scrypt (OpenSSL).
  @Test func codesAreCheckedWithTheScryptOfRFC7914() throws {
    let salt = (0..<32).map { UInt8($0) }
    let exam = try #require(Hex.decode("1d85743e564289dbf90b753842d5736d159fd032391f45d638773e4a20feca0a"))
    #expect(CodeCheck.scrypt(Array("042917".utf8), salt: salt, rounds: 2_048) == exam)
    let unlock = try #require(Hex.decode("47720e49e4ab0972ddf6acbe7b67a4d8cb9c02c607b493e8410fd18fe8f9b9cb"))
    let record = AttemptRecord(
      attempt: .random(), exam: .random(), lease: 1, leaseID: .random(), orderSeed: 1, codeSalt: salt,
      codeVerifier: exam, unlockSalt: salt, unlockVerifiers: [exam, exam, unlock], scryptRounds: 2_048, specialty: "")
    #expect(CodeCheck.examCode("042917", opens: record))
    #expect(!CodeCheck.examCode("042918", opens: record))
    #expect(CodeCheck.unlockCode("77246502", number: 3, opens: record) == true)
    // The salt holds the number of the lock, so a code opens no other lock.
    #expect(CodeCheck.unlockCode("77246502", number: 2, opens: record) == false)
    #expect(CodeCheck.unlockCode("77246502", number: 4, opens: record) == nil)
  }

  @Test(arguments: [0, 1, 3, 1_000, 1 << 21])
  func impossibleCostsAreRefused(rounds: Int) {
    #expect(CodeCheck.scrypt([1], salt: [2], rounds: rounds) == nil)
  }

  @Test func wrongCodesWaitAMinuteAlsoAfterARestartAndAReboot() throws {
    let clock = TestClock()
    var tries = JoinTries(at: clock.read())
    tries.count = 5
    clock.pass(milliseconds: 20_000)
    let kept = try #require(JoinTries(bytes: tries.bytes, at: clock.read()))
    #expect(kept.count == 5)
    #expect(kept.waitMilliseconds(at: clock.read()) == 40_000)
    clock.reboot(afterMilliseconds: 3_600_000)
    let afterReboot = try #require(JoinTries(bytes: tries.bytes, at: clock.read()))
    #expect(afterReboot.waitMilliseconds(at: clock.read()) == 60_000)
    #expect(JoinTries(bytes: [1, 2, 3], at: clock.read()) == nil)
  }
}

@Suite(.timeLimit(.minutes(10))) struct BellTests {
  private let bounds = TimeBounds(earliest: testT0 - 10, latest: testT0 + 10)

  @Test func timeLeftFollowsServerTimeAndTheBootClock() {
    let clock = TestClock()
    var bell = Bell()
    #expect(bell.remainingMilliseconds(at: clock.read()) == nil)
    bell.update(deadline: testT0 + 60_000, server: bounds, at: clock.read())
    #expect(bell.remainingMilliseconds(at: clock.read()) == 60_000)
    clock.pass(milliseconds: 59_999)
    #expect(!bell.hasRung(at: clock.read()))
    clock.pass(milliseconds: 1)
    #expect(bell.hasRung(at: clock.read()))
  }

  @Test(arguments: [-86_400_000, -3_600_000, 3_600_000, 86_400_000] as [Int64])
  func theWallClockMovesNothing(jump: Int64) {
    let clock = TestClock()
    var bell = Bell()
    bell.update(deadline: testT0 + 60_000, server: bounds, at: clock.read())
    clock.moveWall(milliseconds: jump)
    #expect(bell.remainingMilliseconds(at: clock.read()) == 60_000)
  }

  @Test func timeLeftNeverGrowsExceptByAGrant() {
    let clock = TestClock()
    var bell = Bell(grantedMilliseconds: 1_000)
    bell.update(deadline: testT0 + 60_000, server: bounds, at: clock.read())
    // A later sample says that it is earlier than was thought.
    bell.update(
      deadline: testT0 + 60_000, server: TimeBounds(earliest: testT0 - 5_000, latest: testT0 - 4_000), at: clock.read())
    #expect(bell.remainingMilliseconds(at: clock.read()) == 60_000)
    // And one that says that it is later.
    bell.update(
      deadline: testT0 + 60_000, server: TimeBounds(earliest: testT0 + 2_000, latest: testT0 + 2_000),
      at: clock.read())
    #expect(bell.remainingMilliseconds(at: clock.read()) == 58_000)
    bell.grant(total: 301_000)
    #expect(bell.remainingMilliseconds(at: clock.read()) == 358_000)
    bell.grant(total: 301_000)
    #expect(bell.remainingMilliseconds(at: clock.read()) == 358_000)
  }

  /// A server that went back to an older copy has lost a grant: the deadline is minutes earlier from one moment to the
  /// next. A reboot right after that showed the time left of before, which was the last one persisted.
  @Test func aDeadlineThatLeapsForwardIsToBePersistedAtOnce() {
    let clock = TestClock()
    var bell = Bell()
    bell.update(deadline: testT0 + 600_000, server: bounds, at: clock.read())
    bell.grant(total: 300_000)
    bell.update(deadline: testT0 + 899_500, server: bounds, at: clock.read())
    #expect(!bell.isToBePersisted)
    bell.update(deadline: testT0 + 600_000, server: bounds, at: clock.read())
    #expect(bell.remainingMilliseconds(at: clock.read()) == 600_000)
    #expect(bell.isToBePersisted)
    bell.notePersisted()
    #expect(!bell.isToBePersisted)
    clock.pass(milliseconds: 5_000)
    #expect(!bell.isToBePersisted)
    // So it is where contact after a reboot leaves less than what was persisted.
    let persisted = Bell.PersistedTime(reading: clock.read(), remainingMilliseconds: 595_000)
    clock.reboot(afterMilliseconds: 200_000)
    var next = Bell(persisted, grantedMilliseconds: 300_000, at: clock.read())
    #expect(!next.isToBePersisted)
    next.update(deadline: testT0 + 300_000, server: bounds, at: clock.read())
    #expect(next.isToBePersisted)
  }

  @Test func afterARebootWithoutContactTimeIsDoubtfulAndHandsNothingIn() {
    let clock = TestClock()
    let persisted = Bell.PersistedTime(reading: clock.read(), remainingMilliseconds: 600_000)
    clock.reboot(afterMilliseconds: 200_000)
    let bell = Bell(persisted, grantedMilliseconds: 0, at: clock.read())
    #expect(bell.isDoubtful)
    #expect(bell.remainingMilliseconds(at: clock.read()) == 400_000)
    clock.pass(milliseconds: 500_000)
    #expect(bell.remainingMilliseconds(at: clock.read()) == 0)
    #expect(!bell.hasRung(at: clock.read()))
  }

  @Test func aWallClockThatWentBackGivesNoTimeAfterAReboot() {
    let clock = TestClock()
    let persisted = Bell.PersistedTime(reading: clock.read(), remainingMilliseconds: 600_000)
    clock.reboot(afterMilliseconds: -86_400_000)
    var bell = Bell(persisted, grantedMilliseconds: 0, at: clock.read())
    #expect(bell.remainingMilliseconds(at: clock.read()) == 600_000)
    // Contact: the deadline would leave more, but what was persisted stays the bound.
    bell.update(deadline: testT0 + 3_600_000, server: bounds, at: clock.read())
    #expect(!bell.isDoubtful)
    #expect(bell.remainingMilliseconds(at: clock.read()) == 600_000)
  }

  @Test func aBellOfTheSameBootGoesOnAfterARestart() {
    let clock = TestClock()
    let persisted = Bell.PersistedTime(reading: clock.read(), remainingMilliseconds: 600_000)
    clock.pass(milliseconds: 100_000)
    let bell = Bell(persisted, grantedMilliseconds: 0, at: clock.read())
    #expect(bell.remainingMilliseconds(at: clock.read()) == 500_000)
  }
}

@Suite(.timeLimit(.minutes(10))) struct ServerTimeTests {
  @Test func aSampleBoundsServerTimeByWhatTheExchangeTook() throws {
    let clock = TestClock()
    var time = ServerTime(bootID: clock.read().bootID)
    let requestedAt = clock.read().bootMilliseconds
    clock.pass(milliseconds: 400)
    time.take(receivedAt: testT0, sentAt: testT0 + 300, requestedAt: requestedAt, arrived: clock.read())
    let bounds = try #require(time.bounds(atBootMilliseconds: clock.read().bootMilliseconds))
    #expect(bounds.earliest == testT0 + 300)
    #expect((100...110).contains(bounds.width))
  }

  @Test func aSampleWiderThanTenSecondsNarrowsNothing() {
    let clock = TestClock()
    var time = ServerTime(bootID: clock.read().bootID)
    let requestedAt = clock.read().bootMilliseconds
    clock.pass(milliseconds: 11_000)
    time.take(receivedAt: testT0, sentAt: testT0, requestedAt: requestedAt, arrived: clock.read())
    #expect(time.bounds(atBootMilliseconds: clock.read().bootMilliseconds) == nil)
  }

  @Test func aContradictionReplacesWhatWasKnown() {
    let clock = TestClock()
    var time = ServerTime(bootID: clock.read().bootID)
    let now = clock.read()
    time.take(receivedAt: testT0, sentAt: testT0, requestedAt: now.bootMilliseconds, arrived: now)
    let dropped = time.take(
      receivedAt: testT0 + 60_000, sentAt: testT0 + 60_000, requestedAt: now.bootMilliseconds, arrived: now)
    #expect(dropped != nil)
    #expect(time.bounds(atBootMilliseconds: now.bootMilliseconds)?.earliest == testT0 + 60_000)
  }

  @Test func boundsThatAreASecondBetterAreWorthAnEntry() {
    let clock = TestClock()
    let now = clock.read()
    var journal = JournalClock()
    var time = ServerTime(bootID: now.bootID)
    #expect(time.news(for: journal, at: now) == .none)
    time.take(receivedAt: testT0, sentAt: testT0, requestedAt: now.bootMilliseconds - 3_000, arrived: now)
    #expect(time.news(for: journal, at: now) == .narrower)
    let context = ClockContext(
      bootID: now.bootID, bootMilliseconds: now.bootMilliseconds, wallMilliseconds: 0,
      server: time.bounds(atBootMilliseconds: now.bootMilliseconds))
    journal.advance(Entry(kind: .context(context)))
    #expect(time.news(for: journal, at: now) == .none)
    time.take(receivedAt: testT0 + 1, sentAt: testT0 + 1, requestedAt: now.bootMilliseconds, arrived: now)
    #expect(time.news(for: journal, at: now) == .narrower)
    time.take(receivedAt: testT0 + 9_000, sentAt: testT0 + 9_000, requestedAt: now.bootMilliseconds, arrived: now)
    #expect(time.news(for: journal, at: now) == .contradiction)
  }

  @Test(
    arguments: [
      (0, "1970-01-01 00:00:00 UTC"), (951_782_399_999, "2000-02-28 23:59:59 UTC"),
      (951_782_400_000, "2000-02-29 00:00:00 UTC"), (1_798_761_600_000, "2027-01-01 00:00:00 UTC"),
      (-1, "1969-12-31 23:59:59 UTC"),
    ] as [(Int64, String)])
  func instantsAreWrittenForPeople(milliseconds: Int64, text: String) {
    #expect(UTCTime.text(milliseconds) == text)
  }
}

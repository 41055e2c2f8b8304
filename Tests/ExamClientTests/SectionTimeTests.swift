import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

@testable import ExamClient

@Suite(.timeLimit(.minutes(10))) struct SectionTimeTests {
  private let second: Int64 = 1_000

  /// Started, with ten minutes for the second section.
  private func phone(_ sections: [String: Int] = ["s2": 600]) async throws -> TestPhone {
    var exam = TestExam()
    exam.sectionSeconds = sections
    let phone = try TestPhone(exam)
    try await phone.started()
    return phone
  }

  private func time(_ phone: TestPhone, _ section: String = "s2") async -> TimeLeft? {
    await phone.client.status.sections.first { $0.section == section }?.time
  }

  @Test func theTimeBeginsWithTheFirstEntryForOneOfItsItems() async throws {
    let phone = try await phone()
    try await phone.client.answer("q1", .options(["A"]))
    phone.clock.pass(milliseconds: 300 * second)
    #expect(await phone.client.status.sections.isEmpty)
    try await phone.client.visit("q5")
    #expect(await time(phone) == TimeLeft(milliseconds: 600 * second, isDoubtful: false))
    phone.clock.pass(milliseconds: 100 * second)
    try await phone.client.answer("q6", .text("x"))
    #expect(await time(phone) == TimeLeft(milliseconds: 500 * second, isDoubtful: false))
  }

  @Test func atItsEndTheSectionIsLeftForGoodAndTheOthersGoOn() async throws {
    let phone = try await phone()
    var events = await phone.client.events.makeAsyncIterator()
    try await phone.client.answer("q5", .options(["T"]))
    phone.clock.pass(milliseconds: 600 * second - 1)
    try await phone.client.answer("q5", .options(["F"]))
    phone.clock.pass(milliseconds: 1)
    for error in [
      await refusal { try await phone.client.answer("q5", .options(["T"])) },
      await refusal { try await phone.client.clear("q5") },
      await refusal { try await phone.client.flag("q6", isSet: true) },
      await refusal { try await phone.client.draft("q6", .text("late")) },
    ] {
      #expect(error?.code == .sectionClosed)
      #expect(error?.nextActor == .candidate)
    }
    #expect(await events.next() == .sectionEnded(section: "s2"))
    let status = await phone.client.status
    #expect(status.sections == [SectionState(section: "s2", isLeft: true, time: nil)])
    #expect(status.phase == .answering)
    // It stays readable, and what was answered in it in time stays.
    try await phone.client.visit("q5")
    try await phone.client.answer("q1", .options(["A"]))
    try await phone.restart()
    #expect(await phone.client.status.counts.saved == 2)
    #expect(await refusal { try await phone.client.answer("q5", .options(["T"])) }?.code == .sectionClosed)
    #expect(try await phone.client.requestSubmit().answerCount == 2)
  }

  @Test func anEssayThatIsBeingTypedIsSavedBeforeItsSectionIsLeft() async throws {
    let phone = try await phone()
    try await phone.client.visit("q6")
    phone.clock.pass(milliseconds: 597 * second)
    try await phone.client.draft("q6", .text("Once upon"))
    try await phone.client.draft("q6", .text("Once upon a time"))
    #expect(await phone.client.status.counts.saved == 0)
    phone.clock.pass(milliseconds: 4 * second)
    let status = await phone.client.status
    #expect(status.answers.map(\.value) == [.text("Once upon a time")])
    #expect(status.sections.map(\.isLeft) == [true])
    let kinds = try await phone.client.lastEntries(2)
    #expect(kinds == [.answer(item: "q6", value: .text("Once upon a time")), .sectionLeft(section: "s2")])
  }

  @Test func anEndThatCameWhileTheAppWasDeadComesBeforeAnythingElse() async throws {
    let phone = try await phone()
    try await phone.client.answer("q5", .options(["T"]))
    await phone.client.close()
    phone.clock.pass(milliseconds: 601 * second)
    try await phone.client.open()
    #expect(try await phone.client.lastEntries(1) == [.sectionLeft(section: "s2")])
    #expect(await refusal { try await phone.client.clear("q5") }?.code == .sectionClosed)
  }

  @Test func aProcessThatDiedRightAfterTheFirstEntryForgetsNothing() async throws {
    let phone = try await phone()
    try await phone.client.visit("q5")
    // As if it had died between the entry and the persisting of the clock.
    try await phone.client.forgetPersistedSections()
    phone.clock.pass(milliseconds: 200 * second)
    try await phone.client.open()
    _ = try await phone.client.start()
    #expect(await time(phone) == TimeLeft(milliseconds: 400 * second, isDoubtful: false))
    try await phone.client.forgetPersistedSections()
    phone.clock.pass(milliseconds: 400 * second)
    try await phone.client.open()
    #expect(await refusal { try await phone.client.answer("q5", .options(["T"])) }?.code == .sectionClosed)
  }

  @Test(arguments: [-86_400_000, 86_400_000] as [Int64])
  func withinABootTheWallClockMovesNothing(jump: Int64) async throws {
    let phone = try await phone()
    try await phone.client.visit("q5")
    phone.clock.moveWall(milliseconds: jump)
    phone.clock.pass(milliseconds: 10 * second)
    try await phone.restart()
    #expect(await time(phone) == TimeLeft(milliseconds: 590 * second, isDoubtful: false))
  }

  @Test func afterARebootWithoutContactTheTimeIsDoubtfulAndIsNotTakenAway() async throws {
    let phone = try await phone()
    try await phone.client.visit("q5")
    phone.clock.pass(milliseconds: 100 * second)
    await phone.client.close()
    // The wall clock says that an hour passed. It may be wrong.
    phone.clock.reboot(afterMilliseconds: 3_600 * second)
    try await phone.client.open()
    #expect(await time(phone) == TimeLeft(milliseconds: 0, isDoubtful: true))
    try await phone.client.answer("q5", .options(["T"]))
    // But no more than was left when it was persisted last.
    phone.clock.pass(milliseconds: 500 * second)
    #expect(await refusal { try await phone.client.clear("q5") }?.code == .sectionClosed)
  }

  @Test func contactAfterARebootSettlesIt() async throws {
    let phone = try await phone()
    try await phone.client.visit("q5")
    phone.clock.pass(milliseconds: 100 * second)
    await phone.client.close()
    phone.clock.reboot(afterMilliseconds: 200 * second)
    try await phone.client.open()
    #expect(await time(phone) == TimeLeft(milliseconds: 300 * second, isDoubtful: true))
    await phone.client.learnTime(phone.clock.read().wallMilliseconds - 50 * second)
    #expect(await time(phone)?.isDoubtful == false)
    let left = try #require(await time(phone)?.milliseconds)
    #expect((349_000...351_000).contains(left))
  }

  @Test func aWallClockThatWentBackGivesNoTimeOverManyReboots() async throws {
    let phone = try await phone()
    try await phone.client.visit("q5")
    var last: Int64 = 600 * second
    for _ in 0..<3 {
      phone.clock.pass(milliseconds: 50 * second)
      await phone.client.close()
      phone.clock.reboot(afterMilliseconds: -86_400 * second)
      try await phone.client.open()
      let left = try #require(await time(phone)?.milliseconds)
      #expect(left <= last - 50 * second)
      last = left
    }
  }

  @Test func onlyAGrantWhileItRunsMovesTheEndBack() async throws {
    let phone = try await phone()
    try await phone.client.visit("q5")
    phone.clock.pass(milliseconds: 500 * second)
    let grant = GrantRecord(attempt: phone.exam.attempt, number: 1, milliseconds: 300 * second, reason: "")
    let records = try phone.exam.candidateRecords([(ScopeCollection.grant, "\(phone.exam.attempt.hex)/1", grant.wire)])
    try await phone.client.receive(records, of: phone.exam.candidate)
    #expect(await time(phone)?.milliseconds == 400 * second)
    try await phone.restart()
    #expect(await time(phone)?.milliseconds == 400 * second)
    // One that comes after the end opens nothing.
    phone.clock.pass(milliseconds: 400 * second)
    #expect(await phone.client.status.sections.map(\.isLeft) == [true])
    let late = GrantRecord(attempt: phone.exam.attempt, number: 2, milliseconds: 300 * second, reason: "")
    try await phone.client.receive(
      try phone.exam.candidateRecords([
        (ScopeCollection.grant, "\(phone.exam.attempt.hex)/1", grant.wire),
        (ScopeCollection.grant, "\(phone.exam.attempt.hex)/2", late.wire),
      ]), of: phone.exam.candidate)
    #expect(await phone.client.status.sections.map(\.isLeft) == [true])
    #expect(await refusal { try await phone.client.answer("q5", .options(["T"])) }?.code == .sectionClosed)
  }

  @Test func timeGoesOnWhileLockedAndTheSectionIsLeftAtTheUnlock() async throws {
    let phone = try await phone()
    try await phone.client.visit("q5")
    try await phone.client.lock(.call)
    phone.clock.pass(milliseconds: 700 * second)
    #expect(await time(phone)?.milliseconds == 0)
    #expect(await refusal { try await phone.client.answer("q5", .options(["T"])) }?.code == .locked)
    try await phone.client.unlock(code: TestExam.unlockCodes[0])
    #expect(await phone.client.status.sections.map(\.isLeft) == [true])
    #expect(await refusal { try await phone.client.answer("q5", .options(["T"])) }?.code == .sectionClosed)
  }

  @Test func whenEverySectionIsLeftTheExamGoesOnToItsBell() async throws {
    let phone = try await phone(["s1": 60, "s2": 120])
    try await phone.client.answer("q1", .options(["A"]))
    phone.clock.pass(milliseconds: 61 * second)
    try await phone.client.answer("q5", .options(["T"]))
    phone.clock.pass(milliseconds: 121 * second)
    let status = await phone.client.status
    #expect(status.sections.map(\.isLeft) == [true, true])
    #expect(status.phase == .answering)
    phone.clock.pass(milliseconds: 3_600 * second)
    #expect(await phone.client.status.phase == .sealed)
    #expect(await phone.client.status.counts.sealed == 2)
  }
}

extension ExamClient {
  /// The newest entries of the journal, as a push would carry them.
  func lastEntries(_ count: Int) throws -> [EntryKind] {
    guard let store, let journal = store.journalStatuses.last,
      let push = try store.pushLoad(journal.id, from: journal.last + 1 - UInt64(count))
    else { return [] }
    return try push.bodies.map { try Entry(wire: $0).kind }
  }

  /// Dies without a word, and without what it persisted of its sections.
  func forgetPersistedSections() throws {
    guard let store, let attempt else { return }
    try store.setSetting(SettingName.sections(attempt), to: nil)
    store.close()
    self.store = nil
  }
}

import ExamModel
import ServerStoreSQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// What becomes of entries: states, sections, items, time, locks.
@Suite struct EntryVerdictTests {
  let server: TestServer

  init() throws {
    server = try TestServer()
  }

  private func reasons(_ answer: Acknowledgement) -> [KeptReason] { answer.kept.map(\.reason) }

  @Test func answersBeforeTheStartAreKept() throws {
    let phone = try server.makePhone()
    phone.open()
    phone.answer("q1", "a")
    #expect(try reasons(phone.send()) == [.notStarted])
    #expect(try phone.exported().answers.isEmpty)
  }

  @Test func theInformationFormComesFirst() throws {
    let phone = try server.makePhone(policy: ExamPolicy(informationFields: ["phone"]))
    phone.begin()
    #expect(try reasons(phone.send()) == [.informationMissing])
    phone.append(.information([InformationField(name: "phone", value: "1")]))
    phone.append(.start(Start(code: "012345", paperVersion: 1)))
    phone.answer("q1", "a")
    #expect(try phone.send(from: 4).kept.isEmpty)
    #expect(try phone.board().answered == 1)
  }

  @Test func sectionsWithNoWayBackStayClosed() throws {
    let phone = try server.makePhone()
    phone.begin()
    phone.answer("q1", "a")
    phone.append(.sectionLeft(section: "s1"))
    phone.answer("q2", "b")
    phone.append(.answer(item: "q3", value: .number("12.5")))
    let answer = try phone.send()
    #expect(answer.kept == [KeptRange(from: 6, to: 6, reason: .sectionClosed)])
    #expect(try phone.exported().answers.map(\.item) == ["q1", "q3"])
  }

  /// As a phone sends it that was dead when the section's time ended: what was typed, then the end, then the rest.
  @Test func whatWasTypedBeforeASectionEndedCountsAndWhatFollowsIsKept() throws {
    let phone = try server.makePhone()
    phone.begin()
    phone.answer("q1", "a")
    try phone.send()
    phone.answer("q2", "b")
    phone.append(.sectionLeft(section: "s1"))
    phone.append(.sectionLeft(section: "s1"))
    phone.answer("q1", "b")
    phone.append(.visit(item: "q1"))
    let answer = try phone.send(from: 5)
    #expect(answer.kept == [KeptRange(from: 8, to: 8, reason: .sectionClosed)])
    #expect(try phone.exported().answers.map(\.values) == [["a"], ["b"]])
  }

  @Test(arguments: [
    ("q1", AnswerValue.options(["d"])), ("q1", .options(["a", "b"])), ("q2", .options(["b", "a"])),
    ("q2", .options(["a", "a"])), ("q3", .number("012")), ("q3", .number("x")), ("q4", .blanks(["a", "b", "c"])),
    ("q4", .blanks([String(repeating: "x", count: 21)])), ("q5", .text(String(repeating: "x", count: 101))),
    ("q5", .text("a\u{0}b")), ("q1", .text("a")), ("q9", .options(["a"])),
  ])
  func impossibleAnswersAreKept(item: String, value: AnswerValue) throws {
    let phone = try server.makePhone()
    phone.begin()
    phone.append(.answer(item: item, value: value))
    #expect(try reasons(phone.send()) == [.answerInvalid])
    #expect(try phone.board().answered == 0)
  }

  @Test func clearedAnswersAreNoAnswers() throws {
    let phone = try server.makePhone()
    phone.begin()
    phone.answer("q1", "a")
    phone.answer("q2", "b")
    phone.append(.clear(item: "q1"))
    phone.append(.answer(item: "q2", value: .options([])))
    phone.append(.clear(item: "nothing"))
    #expect(try phone.send().kept == [KeptRange(from: 8, to: 8, reason: .answerInvalid)])
    #expect(try phone.board().answered == 0)
    #expect(try phone.exported().answers.isEmpty)
  }

  @Test func answersToAnOlderPaperVersionStillCount() throws {
    let phone = try server.makePhone()
    phone.begin()
    try server.publishPaper(
      phone.exam, version: 2,
      items: [PaperItem(id: "q1", section: "s1", form: .options(ids: ["x", "y"], takesOne: true))])
    phone.answer("q1", "a")
    phone.answer("q1", "x")
    #expect(try phone.send().kept.isEmpty)
  }

  @Test func unknownKindsSurviveWithoutEffect() throws {
    let phone = try server.makePhone()
    phone.begin()
    phone.journal.append([0x92, 0x3F, 0x02, 0x08, 0x01])
    phone.answer("q1", "a")
    #expect(try phone.send().kept.isEmpty)
    #expect(try phone.board().entries == 5)
  }

  @Test func aVoidedAttemptTakesEvidenceOnly() throws {
    let phone = try server.makePhone()
    phone.begin()
    try phone.send()
    try server.command(.voidAttempt(attempt: phone.attempt, reason: "cheating"))
    phone.answer("q1", "a")
    #expect(try reasons(phone.send(from: 4)) == [.terminated])
    #expect(try phone.board().isVoided)
  }

  // MARK: Time

  @Test func answersAfterTheBellAreLateOrUndecided() throws {
    let phone = try server.makePhone()
    phone.begin()
    try phone.send()
    server.now += 3_600_000
    phone.bootMilliseconds += 3_600_000
    phone.context()
    phone.answer("q1", "a")
    #expect(try reasons(phone.send(from: 4)) == [.afterDeadline])
    #expect(try phone.board().isOverdue)
  }

  @Test func anOfflineAnswerThatArrivesLateIsJudgedByItsOwnBounds() throws {
    let phone = try server.makePhone()
    phone.begin()
    phone.answer("q1", "a")
    server.now += 7_200_000
    #expect(try phone.send().kept.isEmpty)
  }

  @Test func withoutAnyBoundsALateArrivalIsUndecided() throws {
    let phone = try server.makePhone()
    phone.open()
    phone.append(.start(Start(code: "", paperVersion: 1)))
    phone.answer("q1", "a")
    server.now += 7_200_000
    let answer = try phone.send()
    #expect(answer.kept.map(\.reason) == [.timeUndecided, .notStarted])
  }

  @Test func arrivalBeforeTheDeadlineProvesThatAnAnswerIsInTime() throws {
    let phone = try server.makePhone()
    phone.open()
    phone.append(.start(Start(code: "", paperVersion: 1)))
    phone.answer("q1", "a")
    #expect(try phone.send().kept.isEmpty)
  }

  @Test func aDurationEndsBeforeTheBellAndAGrantMovesIt() throws {
    let phone = try server.makePhone(duration: 600_000)
    phone.begin()
    try phone.send()
    server.now += 700_000
    phone.context()
    phone.answer("q1", "a")
    #expect(try reasons(phone.send(from: 4)) == [.afterDeadline])
    try server.command(.extendAttempt(attempt: phone.attempt, milliseconds: 600_000, reason: "fire alarm"))
    phone.answer("q1", "b")
    #expect(try phone.send(from: 6).kept.isEmpty)
    #expect(try phone.exported().answers.map(\.values) == [["b"]])
    let grants = try phone.read().filter { $0.collection == ScopeCollection.grant }
    #expect(try GrantRecord(wire: try #require(grants.first).body).milliseconds == 600_000)
  }

  @Test func extendingAnExamReachesEveryAttempt() throws {
    let exam = try server.makeExam()
    let rows = try server.addCandidates(150, to: exam) + server.addCandidates(150, to: exam, from: 200)
    guard
      case .grants(let outcome) = try server.command(
        .extendExam(exam: exam, milliseconds: 60_000, reason: "late start"))
    else { throw Problem(.internal, "no grants") }
    #expect(outcome.attempts + outcome.pending == 300)
    for _ in 0..<20 { _ = server.perform(.tick) }
    for row in rows {
      #expect(try server.store.records(scope: row.candidate, collection: ScopeCollection.grant).count == 1)
    }
  }

  // MARK: Locks

  @Test func aLockedAttemptTakesNoAnswersUntilItsUnlock() throws {
    let phone = try server.makePhone()
    phone.begin()
    phone.append(.lock(LockFact(number: 1, cause: .appSwitch)))
    phone.answer("q1", "a")
    #expect(try reasons(phone.send()) == [.whileLocked])
    #expect(try phone.board().lockedBy == 1)
    #expect(try phone.board().lockCause == "app_switch")
    let code = try server.unlockCode(of: phone.attempt, number: 1)
    phone.append(.unlock(UnlockFact(number: 1, proof: .code(code))))
    phone.answer("q1", "b")
    #expect(try phone.send(from: 6).kept.isEmpty)
    #expect(try phone.board().lockedBy == nil)
    #expect(try phone.board().lockCount == 1)
  }

  @Test func aCodeOpensItsOwnLockOnce() throws {
    let phone = try server.makePhone()
    phone.begin()
    phone.append(.lock(LockFact(number: 1, cause: .call)))
    let code = try server.unlockCode(of: phone.attempt, number: 1)
    phone.append(.unlock(UnlockFact(number: 1, proof: .code("00000000"))))
    phone.append(.unlock(UnlockFact(number: 1, proof: .code(code))))
    phone.append(.lock(LockFact(number: 2, cause: .call)))
    phone.append(.unlock(UnlockFact(number: 1, proof: .code(code))))
    phone.append(.unlock(UnlockFact(number: 2, proof: .code(code))))
    let kept = try phone.send().kept
    #expect(
      kept == [
        KeptRange(from: 5, to: 5, reason: .unlockInvalid), KeptRange(from: 8, to: 9, reason: .unlockInvalid),
      ])
    #expect(try phone.board().lockedBy == 2)
  }

  @Test func anUnlockOfTheServerTakesEffectWhenItIsJournalled() throws {
    let phone = try server.makePhone()
    phone.begin()
    phone.append(.lock(LockFact(number: 1, cause: .search)))
    try phone.send()
    try server.command(.unlock(attempt: phone.attempt, number: 1), by: TestServer.proctor)
    try server.command(.unlock(attempt: phone.attempt, number: 1), by: TestServer.proctor)
    #expect(try phone.board().isUnlockSent)
    #expect(try phone.board().lockedBy == 1)
    let records = try phone.read().filter { $0.collection == ScopeCollection.unlock }
    #expect(records.count == 1)
    let unlock = try UnlockRecord(wire: try #require(records.first).body)
    var forged = unlock.mac
    forged[0] ^= 1
    phone.append(.unlock(UnlockFact(number: 1, proof: .server(nonce: unlock.nonce, mac: forged))))
    phone.append(.unlock(UnlockFact(number: 1, proof: .server(nonce: unlock.nonce, mac: unlock.mac))))
    #expect(try phone.send(from: 5).kept == [KeptRange(from: 5, to: 5, reason: .unlockInvalid)])
    #expect(try phone.board().lockedBy == nil)
  }

  /// The server's store goes back to a copy from before the unlock, so its record is gone. The phone journalled it and
  /// went on, and sends all that again: were the unlock invalid now, every answer after it would be kept as *while
  /// locked*, though it was in the receipt that the candidate was shown.
  @Test func anUnlockWhoseRecordARestoreLostStillOpensItsLock() throws {
    let phone = try server.makePhone()
    phone.begin()
    phone.append(.lock(LockFact(number: 1, cause: .search)))
    try phone.send()
    try server.backUp(to: "old.sqlite")
    try server.command(.unlock(attempt: phone.attempt, number: 1), by: TestServer.proctor)
    let record = try #require(try phone.read().first { $0.collection == ScopeCollection.unlock })
    let unlock = try UnlockRecord(wire: record.body)
    try server.restore(from: "old.sqlite")
    server.now += 1_000
    phone.append(.unlock(UnlockFact(number: 1, proof: .server(nonce: unlock.nonce, mac: unlock.mac))))
    phone.answer("q1", "a")
    #expect(try phone.send(from: 5).kept.isEmpty)
    #expect(try phone.board().lockedBy == nil)
  }

  @Test func aVoidTakesALockOutOfTheCount() throws {
    let phone = try server.makePhone()
    phone.begin()
    phone.append(.lock(LockFact(number: 1, cause: .call)))
    try phone.send()
    try server.command(.voidLock(attempt: phone.attempt, number: 1, reason: "fire alarm"), by: TestServer.proctor)
    #expect(try phone.board().lockCount == 0)
    try server.restart()
    #expect(try phone.board().lockCount == 0)
    #expect(try phone.board().lockedBy == 1)
    #expect(throws: Problem.self) {
      try server.command(.voidLock(attempt: phone.attempt, number: 9, reason: "none"))
    }
  }
}

import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

@testable import ExamClient

@Suite(.timeLimit(.minutes(10))) struct LockTests {
  @Test(arguments: LockCause.allCases)
  func s3_14_eachCauseLocksBeforeAnythingElse(cause: LockCause) async throws {
    let phone = try TestPhone()
    try await phone.started()
    let lock = try await phone.client.lock(cause, detail: "as reported")
    #expect(lock == LockReceipt(number: 1, count: 1, handedIn: false))
    try await phone.restart()
    #expect(await phone.client.status.phase == .locked)
    #expect(await phone.client.status.lock == 1)
  }

  @Test func s3_15_whileLockedNothingIsAnsweredAndTimeGoesOn() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    let before = try #require(await phone.client.status.time?.milliseconds)
    try await phone.client.lock(.call)
    phone.clock.pass(milliseconds: 10_000)
    let sequence = await phone.client.status.sequence
    #expect(await refusal { try await phone.client.answer("q1", .options(["B"])) }?.code == .locked)
    #expect(await refusal { try await phone.client.clear("q1") }?.lock == 1)
    #expect(await refusal { try await phone.client.visit("q1") }?.code == .locked)
    #expect(await refusal { _ = try await phone.client.requestSubmit() }?.code == .locked)
    // One interruption is one lock.
    #expect(await refusal { try await phone.client.lock(.screenshot) }?.code == .locked)
    #expect(await phone.client.status.sequence == sequence)
    #expect(await phone.client.status.time?.milliseconds == before - 10_000)
  }

  @Test func s3_16_theFifthLockHandsInAndTheCountOutlivesRestarts() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    for number in 1...4 {
      #expect(try await phone.client.lock(.appSwitch).handedIn == false)
      #expect(try await phone.client.unlock(code: TestExam.unlockCodes[number - 1]) == UInt32(number))
      try await phone.restart()
    }
    let fifth = try await phone.client.lock(.appSwitch)
    #expect(fifth == LockReceipt(number: 5, count: 5, handedIn: true))
    #expect(await phone.client.status.phase == .sealed)
    #expect(await phone.client.status.counts.sealed == 1)
    #expect(await refusal { try await phone.client.answer("q1", .options(["B"])) }?.code == .sealed)
  }

  @Test func s3_16_aVoidedLockDoesNotCount() async throws {
    var exam = TestExam()
    exam.policy.maximumLocks = 2
    let phone = try TestPhone(exam)
    try await phone.started()
    try await phone.client.lock(.call)
    try await phone.client.unlock(code: TestExam.unlockCodes[0])
    let void = NumberedRecord(attempt: exam.attempt, number: 1)
    try await phone.client.receive(
      exam.candidateRecords([
        (ScopeCollection.void, NumberedRecord.key(attempt: exam.attempt, number: 1), void.wire)
      ]), of: exam.candidate)
    #expect(await phone.client.status.lockCount == 0)
    #expect(try await phone.client.lock(.call) == LockReceipt(number: 2, count: 1, handedIn: false))
  }

  @Test func s3_13_theCodeOfThisLockOpensItWithoutANetwork() async throws {
    let phone = try TestPhone()
    try await phone.started()
    #expect(await refusal { try await phone.client.unlock(code: "11111111") }?.code == .notLocked)
    try await phone.client.lock(.call)
    #expect(await refusal { try await phone.client.unlock(code: "1111111") }?.code == .badArgument)
    let wrong = await refusal { try await phone.client.unlock(code: TestExam.unlockCodes[1]) }
    #expect(wrong?.code == .unlockCodeWrong)
    #expect(wrong?.triesLeft == 4)
    #expect(try await phone.client.unlock(code: TestExam.unlockCodes[0]) == 1)
    #expect(try await phone.client.answer("q1", .options(["A"])).answerCount == 1)
  }

  @Test func s3_13_fiveTriesOverRestartsAndThenOnlyTheProctor() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.lock(.call)
    for left in [4, 3, 2, 1, 0] {
      #expect(await refusal { try await phone.client.unlock(code: "00000000") }?.triesLeft == left)
      try await phone.restart()
    }
    let error = await refusal { try await phone.client.unlock(code: TestExam.unlockCodes[0]) }
    #expect(error?.code == .tooManyTries)
    #expect(error?.nextActor == .proctor)
    try await phone.client.receive(
      phone.exam.candidateRecords([
        (
          ScopeCollection.unlock, NumberedRecord.key(attempt: phone.exam.attempt, number: 1),
          phone.exam.unlockRecord(number: 1).wire
        )
      ]), of: phone.exam.candidate)
    #expect(await phone.client.status.phase == .answering)
  }

  @Test func s3_17_theServersUnlockOpensItsOwnLockOnce() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.lock(.call)
    let records = try phone.exam.candidateRecords([
      (
        ScopeCollection.unlock, NumberedRecord.key(attempt: phone.exam.attempt, number: 1),
        phone.exam.unlockRecord(number: 1).wire
      )
    ])
    try await phone.client.receive(records, of: phone.exam.candidate)
    #expect(await phone.client.status.phase == .answering)
    let sequence = await phone.client.status.sequence
    try await phone.client.receive(records, of: phone.exam.candidate)
    #expect(await phone.client.status.sequence == sequence)
    // The record of lock 1 does not open lock 2.
    try await phone.client.lock(.search)
    try await phone.client.receive(records, of: phone.exam.candidate)
    #expect(await phone.client.status.lock == 2)
  }

  @Test func s3_17_anUnlockThatWasStoredBeforeTheAppDiedOpensAtTheNextOpening() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.lock(.call)
    await phone.client.close()
    let records = try phone.exam.candidateRecords([
      (
        ScopeCollection.unlock, NumberedRecord.key(attempt: phone.exam.attempt, number: 1),
        phone.exam.unlockRecord(number: 1).wire
      )
    ])
    let store = try ExamStore(
      path: ExamClient.storePath(in: phone.folder), at: DeviceInstant(phone.clock.read()))
    let cursor = try store.cursors(of: [phone.exam.candidate])[0].cursor
    _ = try store.store(TestExam.delta(phone.exam.candidate, records, from: cursor))
    store.close()
    try await phone.client.open()
    #expect(await phone.client.status.lock == nil)
    #expect(await phone.client.status.phase == .answering)
  }

  @Test func s3_18_anExemptCauseDoesNotLock() async throws {
    var exam = TestExam()
    exam.policy.exemptCauses = [.screenOff]
    let phone = try TestPhone(exam)
    try await phone.started()
    let sequence = await phone.client.status.sequence
    #expect(try await phone.client.lock(.screenOff) == LockReceipt(number: nil, count: 0, handedIn: false))
    #expect(await phone.client.status.phase == .answering)
    #expect(await phone.client.status.sequence == sequence)
    #expect(try await phone.client.lock(.call).number == 1)
  }

  @Test func s3_31_reenteringFindsTheSameLockedAttempt() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.lock(.appSwitch)
    let again = try await phone.client.join(code: TestExam.code)
    #expect(again.attempt == phone.exam.attempt)
    #expect(await phone.client.status.phase == .locked)
    try await phone.client.unlock(code: TestExam.unlockCodes[0])
    #expect(try await phone.client.start().order.itemIDs.count == 6)
  }
}

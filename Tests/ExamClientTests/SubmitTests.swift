import ExamModel
import SyncProtocol
import SyncWire
import Testing

@testable import ExamClient

@Suite(.timeLimit(.minutes(10))) struct SubmitTests {
  @Test func s3_12_theQuestionIsBoundToTheAnswers() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    let token = try await phone.client.requestSubmit()
    #expect(token.answerCount == 1)
    #expect(await phone.client.status.phase == .answering)
    try await phone.client.answer("q1", .options(["B"]))
    #expect(await refusal { try await phone.client.confirm(token) }?.code == .sheetChanged)
    #expect(await phone.client.status.phase == .answering)
    let second = try await phone.client.requestSubmit()
    #expect(try await phone.client.confirm(second).answerCount == 1)
    #expect(await phone.client.status.phase == .sealed)
  }

  @Test func s3_12_theQuestionOfAnotherExamConfirmsNothing() async throws {
    let phone = try TestPhone()
    try await phone.started()
    let token = try await phone.client.requestSubmit()
    let other = SubmitToken(attempt: .random(), answerCount: 0, answers: token.answers)
    #expect(await refusal { try await phone.client.confirm(other) }?.code == .badArgument)
  }

  @Test func s3_11_whatWasConfirmedCannotBeUndone() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    let token = try await phone.client.requestSubmit()
    try await phone.client.confirm(token)
    try await phone.restart()
    let sequence = await phone.client.status.sequence
    for error in [
      await refusal { try await phone.client.answer("q1", .options(["B"])) },
      await refusal { try await phone.client.clear("q1") },
      await refusal { try await phone.client.confirm(token) },
      await refusal { try await phone.client.lock(.call) },
      await refusal { try await phone.client.start() },
    ] {
      #expect(error?.code == .sealed)
    }
    #expect(await phone.client.status.sequence == sequence)
    #expect(await phone.client.status.answers.first?.value == .options(["A"]))
  }

  @Test func s3_10_theWordsAreExactUntilTheReceiptIsThere() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    try await phone.client.confirm(try await phone.client.requestSubmit())
    #expect(await refusal { _ = try await phone.client.exportReceipt() }?.code == .noReceipt)
    let status = await phone.client.status
    #expect(status.counts == AnswerCounts(saved: 1, onServer: 0, sealed: 1, receipted: 0))
    #expect(status.receipt == nil)
    #expect(
      ScriptRunner.status(status).line(.text)
        == "status sealed: saved on this device (1), on the server (0), sealed")
  }

  @Test func s3_33_whatWasHandedInElsewhereIsToldWithWhoAndWhen() async throws {
    let phone = try TestPhone()
    try await phone.client.open()
    let receipt = phone.exam.receipt(journal: .random(), count: 42)
    let key = NumberedRecord.key(attempt: phone.exam.attempt, number: 1)
    try await phone.client.receive(
      phone.exam.candidateRecords([(ScopeCollection.receipt, key, receipt.wire)]), of: phone.exam.candidate)
    let error = await refusal { _ = try await phone.client.join(code: TestExam.code) }
    #expect(error?.code == .alreadySubmitted)
    #expect(error?.nextActor == .proctor)
    for fact in ["another device", "42 answers", "7K3M-Q9TD", "UTC"] {
      #expect(error?.message.contains(fact) == true)
    }
  }

  @Test func s3_33_aReceiptThatOurServerDidNotSignSaysNothing() async throws {
    let phone = try TestPhone()
    try await phone.client.open()
    var stranger = phone.exam
    stranger.server = SigningKey()
    let key = NumberedRecord.key(attempt: phone.exam.attempt, number: 1)
    try await phone.client.receive(
      phone.exam.candidateRecords([
        (ScopeCollection.receipt, key, stranger.receipt(journal: .random()).wire)
      ]), of: phone.exam.candidate)
    let error = await refusal { _ = try await phone.client.join(code: TestExam.code) }
    // The record keeps the device from beginning anew, but nothing that it says is told as a fact.
    #expect(error?.code == .alreadySubmitted)
    #expect(error?.message.contains("7K3M-Q9TD") == false)
    #expect(await phone.client.status.phase == .loggedIn)
  }

  @Test func timeThatIsUpHandsInByItself() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    phone.clock.pass(milliseconds: 3_600_000)
    #expect(await refusal { try await phone.client.answer("q1", .options(["B"])) }?.code == .sealed)
    let status = await phone.client.status
    #expect(status.phase == .sealed)
    #expect(status.time?.milliseconds == 0)
    #expect(status.answers.first?.value == .options(["A"]))
  }

  @Test func aDeviceOpenedAfterTheBellHandsInBeforeAnythingElse() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    await phone.client.close()
    phone.clock.pass(milliseconds: 3_600_001)
    try await phone.client.open()
    #expect(await phone.client.headline.phase == .sealed)
  }

  @Test func afterARebootOnlyContactRingsTheBell() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    await phone.client.close()
    phone.clock.reboot(afterMilliseconds: 7_200_000)
    try await phone.client.open()
    let status = await phone.client.status
    #expect(status.phase == .answering)
    #expect(status.time == TimeLeft(milliseconds: 0, isDoubtful: true))
    #expect(try await phone.client.answer("q1", .options(["B"])).answerCount == 1)
    await phone.client.learnTime(testT0 + 7_200_000)
    #expect(await phone.client.status.phase == .sealed)
  }

  /// The start had no contact and no place in server time; the exam's own end is the last instant it can have.
  @Test func afterARebootTheExamsEndRingsTheBellOfAStartWithoutContact() async throws {
    var exam = TestExam()
    exam.durationMilliseconds = 600_000
    let phone = try TestPhone(exam)
    try await phone.joined()
    try await phone.client.start()
    await phone.client.close()
    phone.clock.reboot(afterMilliseconds: 900_000)
    try await phone.client.open()
    await phone.client.learnTime(exam.closesAt - 1_000)
    #expect(await phone.client.status.phase == .answering)
    phone.clock.pass(milliseconds: 2_000)
    await phone.client.learnTime(exam.closesAt + 1_000)
    #expect(await phone.client.status.phase == .sealed)
  }

  @Test func theBellRingsWhileNobodyTouchesThePhone() async throws {
    var exam = TestExam()
    exam.closesAt = testT0 + 250
    let folderClock = SystemDeviceClock()
    let phone = try TestPhone(exam)
    var configuration = phone.client.configuration
    configuration.clock = folderClock
    let client = try ExamClient(configuration)
    try await client.open()
    _ = try await client.join(code: TestExam.code)
    await client.learnTime(testT0)
    try await client.start()
    for await status in await client.statusUpdates where status.phase == .sealed { break }
    #expect(await client.status.counts.sealed == 0)
    #expect(await client.status.phase == .sealed)
    await client.close()
  }

  @Test func aGrantOfTimeMovesTheBellOnce() async throws {
    let phone = try TestPhone()
    try await phone.started()
    let before = try #require(await phone.client.status.time?.milliseconds)
    let grant = GrantRecord(attempt: phone.exam.attempt, number: 1, milliseconds: 300_000, reason: "fire alarm")
    let records = try phone.exam.candidateRecords([
      (ScopeCollection.grant, NumberedRecord.key(attempt: phone.exam.attempt, number: 1), grant.wire)
    ])
    try await phone.client.receive(records, of: phone.exam.candidate)
    #expect(await phone.client.status.time?.milliseconds == before + 300_000)
    let sequence = await phone.client.status.sequence
    try await phone.client.receive(records, of: phone.exam.candidate)
    #expect(await phone.client.status.sequence == sequence)
    try await phone.restart()
    #expect(await phone.client.status.time?.milliseconds == before + 300_000)
    phone.clock.pass(milliseconds: before + 299_999)
    #expect(try await phone.client.answer("q1", .options(["A"])).answerCount == 1)
    phone.clock.pass(milliseconds: 1)
    #expect(await refusal { try await phone.client.answer("q1", .options(["B"])) }?.code == .sealed)
  }

  @Test func aReopenedAttemptGoesOnWhenThereIsTime() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.confirm(try await phone.client.requestSubmit())
    let reopen = NumberedRecord(attempt: phone.exam.attempt, number: 1)
    let key = NumberedRecord.key(attempt: phone.exam.attempt, number: 1)
    try await phone.client.receive(
      phone.exam.candidateRecords([(ScopeCollection.reopen, key, reopen.wire)]), of: phone.exam.candidate)
    #expect(await phone.client.status.phase == .answering)
    try await phone.client.answer("q1", .options(["A"]))
    try await phone.client.confirm(try await phone.client.requestSubmit())
    #expect(await phone.client.status.phase == .sealed)
  }

  @Test func aReopeningAfterTheBellWaitsForMoreTime() async throws {
    let phone = try TestPhone()
    try await phone.started()
    phone.clock.pass(milliseconds: 3_600_000)
    _ = await refusal { try await phone.client.answer("q1", .options(["A"])) }
    let key = NumberedRecord.key(attempt: phone.exam.attempt, number: 1)
    let reopen = (ScopeCollection.reopen, key, NumberedRecord(attempt: phone.exam.attempt, number: 1).wire)
    try await phone.client.receive(phone.exam.candidateRecords([reopen]), of: phone.exam.candidate)
    #expect(await phone.client.status.phase == .sealed)
    let grant = GrantRecord(attempt: phone.exam.attempt, number: 1, milliseconds: 60_000, reason: "again")
    try await phone.client.receive(
      phone.exam.candidateRecords([reopen, (ScopeCollection.grant, key, grant.wire)]), of: phone.exam.candidate)
    #expect(await phone.client.status.phase == .answering)
    // The start was known to two milliseconds.
    #expect((59_990...60_000).contains(await phone.client.status.time?.milliseconds ?? 0))
  }
}

import ExamModel
import SyncProtocol
import SyncWire
import Testing

@testable import ExamClient

/// From joining to the last answer, on a real store and without a network.
@Suite(.timeLimit(.minutes(10))) struct ExamFlowTests {
  @Test func s3_03_aDeviceThatWasLoggedInLogsInWithoutANetwork() async throws {
    let phone = try TestPhone()
    try await phone.client.open()
    let receipt = try await phone.client.logIn(user: "wang", password: "whatever")
    #expect(receipt.wasLoggedIn)
    #expect(receipt.name == "Wang Fang")
    let other = await refusal { _ = try await phone.client.logIn(user: "li", password: "x") }
    #expect(other?.code == .badArgument)
    // The certificate ends a day after the start.
    await phone.client.learnTime(testT0 + 86_400_001)
    let expired = await refusal { _ = try await phone.client.logIn(user: "wang", password: "x") }
    #expect(expired?.code == .network)
  }

  @Test func s3_07_aCodeSelectsTheExamWithoutANetworkAndCanBeRepeated() async throws {
    let phone = try TestPhone()
    let first = try await phone.joined()
    #expect(first.attempt == phone.exam.attempt)
    #expect(first.title == "Finals")
    let sequence = await phone.client.status.sequence
    #expect(try await phone.client.join(code: TestExam.code) == first)
    #expect(await phone.client.status.sequence == sequence)
    #expect(await refusal { _ = try await phone.client.join(code: "42917") }?.code == .badArgument)
  }

  @Test func s3_07_wrongCodesAreCountedDurably() async throws {
    let phone = try TestPhone()
    try await phone.client.open()
    for _ in 0..<3 {
      // Nobody is there to ask whether the code is of an exam that came later.
      #expect(await refusal { _ = try await phone.client.join(code: "111111") }?.code == .network)
    }
    try await phone.restart()
    for _ in 0..<2 { _ = await refusal { _ = try await phone.client.join(code: "222222") } }
    #expect(await refusal { _ = try await phone.client.join(code: TestExam.code) }?.code == .tooManyTries)
    phone.clock.pass(milliseconds: Limits.joinWindowMilliseconds)
    #expect(try await phone.client.join(code: TestExam.code).attempt == phone.exam.attempt)
  }

  @Test(arguments: [("3.4.1", true), ("3.4.2", false), ("3.10", false), ("", true)])
  func s3_02_anAppThatIsTooOldDoesNotJoin(version: String, isRefused: Bool) async throws {
    let phone = try TestPhone(appVersion: version)
    let error = await refusal { try await phone.joined() }
    #expect(error?.code == (isRefused ? .clientTooOld : nil))
  }

  @Test func s3_04_withoutABoundPhoneNobodyJoins() async throws {
    var exam = TestExam()
    exam.isPhoneBound = false
    let phone = try TestPhone(exam)
    #expect(await refusal { try await phone.joined() }?.code == .phoneNotBound)
    // The profile in the scope is newer than the log-in.
    let profile = ProfileRecord(name: "", number: "", specialty: "", room: "", isPhoneBound: true)
    try await phone.client.receive(
      exam.candidateRecords([(ScopeCollection.profile, "self", profile.wire)]), of: exam.candidate)
    #expect(try await phone.client.join(code: TestExam.code).attempt == exam.attempt)
  }

  @Test func s3_05_anAccountWithoutExamsIsSentToSupport() async throws {
    var exam = TestExam()
    exam.hasMyExams = false
    let phone = try TestPhone(exam)
    let error = await refusal { try await phone.joined() }
    #expect(error?.code == .noExamEntry)
    #expect(error?.nextActor == .support)
  }

  @Test func s3_08_theFormIsAskedBeforeTheStartAndOnlyWhereTheExamWantsIt() async throws {
    var exam = TestExam()
    exam.policy.informationFields = ["phone", "seat"]
    let phone = try TestPhone(exam)
    try await phone.joined()
    #expect(await refusal { try await phone.client.start() }?.code == .informationMissing)
    #expect(try await phone.client.preflight().missing == ["the information form: fill it in"])
    let half = [InformationField(name: "phone", value: "1")]
    #expect(await refusal { try await phone.client.submitInformation(half) }?.code == .informationMissing)
    try await phone.client.submitInformation(half + [InformationField(name: "seat", value: "2")])
    #expect(try await phone.client.preflight().isReady)
    #expect(try await phone.client.start().order.itemIDs.count == 6)
  }

  @Test func s3_09_nothingIsAnsweredBeforeTheStart() async throws {
    let phone = try TestPhone()
    try await phone.joined()
    #expect(await refusal { try await phone.client.answer("q1", .options(["A"])) }?.code == .notStarted)
    #expect(await refusal { _ = try await phone.client.requestSubmit() }?.code == .notStarted)
    #expect(await refusal { try await phone.client.lock(.call) }?.code == .notStarted)
    try await phone.client.start()
    #expect(try await phone.client.answer("q1", .options(["A"])).answerCount == 1)
  }

  @Test func s3_27_aPaperOfAnotherSpecialtyIsAHardStop() async throws {
    var exam = TestExam()
    exam.candidateSpecialty = "Nursing"
    exam.examSpecialty = "Surgery"
    let phone = try TestPhone(exam)
    try await phone.joined()
    let error = await refusal { try await phone.client.start() }
    #expect(error?.code == .wrongSpecialty)
    #expect(error?.nextActor == .proctor)
    #expect(try await phone.client.preflight().isReady == false)
    #expect(await phone.client.status.phase == .joined)
  }

  @Test(arguments: ["paper", "picture"])
  func s3_28_startNeedsEveryPart(missing: String) async throws {
    let phone = try TestPhone(withholding: [missing])
    try await phone.joined()
    #expect(await refusal { try await phone.client.start() }?.code == .notReady)
    let report = try await phone.client.preflight()
    #expect(report.downloads.complete == 2)
    #expect(report.downloads.total == 3)
    #expect(report.missing.count == 1)
  }

  @Test func theKeyThatIsNotReleasedOpensNothing() async throws {
    var exam = TestExam()
    exam.isKeyReleased = false
    let phone = try TestPhone(exam)
    try await phone.joined()
    #expect(await refusal { try await phone.client.start() }?.code == .notReady)
    #expect(try await phone.client.preflight().downloads.isKeyReleased == false)
  }

  @Test func s3_28_aPictureThatIsGoneIsNoticedWhenItsItemIsVisited() async throws {
    let phone = try TestPhone()
    try await phone.started()
    #expect(try await phone.client.asset("p1") == TestExam.picture)
    let blobs = try phone.exam.blobs()
    try await phone.client.forgetBlob(blobs.bytes[2].reference.digest)
    try await phone.client.answer("q2", .options(["A", "C"]))
    // Looking is never refused for a missing picture, and the answer stays.
    try await phone.client.visit("q2")
    #expect(await refusal { _ = try await phone.client.asset("p1") }?.code == .notReady)
    #expect(await phone.client.status.downloads.complete == 2)
    #expect(await phone.client.status.counts.saved == 1)
  }

  @Test func s3_32_aRestartedAppGoesOnAtTheLastAnswer() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    try await phone.client.answer("q3", .blanks(["x"]))
    try await phone.client.answer("q6", .text("An essay."))
    try await phone.client.clear("q1")
    try await phone.client.flag("q4", isSet: true)
    try await phone.restart()
    let status = await phone.client.status
    #expect(status.phase == .answering)
    #expect(status.lockCount == 0)
    #expect(status.counts.saved == 2)
    #expect(status.answers.first { $0.item == "q3" }?.value == .blanks(["x", ""]))
    #expect(status.answers.first { $0.item == "q4" }?.isFlagged == true)
    #expect(try await phone.client.answer("q4", .number("07.50")).answerCount == 3)
    #expect(await phone.client.status.answers.first { $0.item == "q4" }?.value == .number("7.5"))
    #expect(try await phone.client.start().paper.items.count == 6)
  }

  @Test func s3_32_aRestartLocksOnlyWhereThePolicySaysSo() async throws {
    var exam = TestExam()
    exam.policy.restartLocks = true
    let phone = try TestPhone(exam)
    try await phone.started()
    try await phone.restart()
    #expect(await phone.client.status.lock == 1)
  }

  @Test func answersThatCannotBeAreRefusedAndChangeNothing() async throws {
    let phone = try TestPhone()
    try await phone.started()
    let before = await phone.client.status
    let wrong: [(String, AnswerValue)] = [
      ("q1", .options(["E"])), ("q1", .options(["A", "B"])), ("q1", .text("A")), ("q4", .number("much")),
      ("q9", .options(["A"])), ("q6", .text(String(repeating: "x", count: 501))), ("q3", .blanks(["a", "b", "c"])),
    ]
    for (item, value) in wrong {
      #expect(await refusal { try await phone.client.answer(item, value) }?.code == .answerInvalid)
    }
    #expect(await phone.client.status.sequence == before.sequence)
  }

  @Test func aSectionWithNoWayBackIsLeftForGood() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.answer("q5", .options(["T"]))
    #expect(await refusal { try await phone.client.leaveSection("s1") }?.code == .badArgument)
    try await phone.client.leaveSection("s2")
    #expect(await refusal { try await phone.client.answer("q5", .options(["F"])) }?.code == .sectionClosed)
    try await phone.restart()
    #expect(await refusal { try await phone.client.clear("q5") }?.code == .sectionClosed)
    #expect(try await phone.client.answer("q1", .options(["B"])).answerCount == 2)
  }

  @Test func statusUpdatesTellOfEachSaveAndEventsComeInOrder() async throws {
    let phone = try TestPhone()
    try await phone.started()
    var updates = await phone.client.statusUpdates.makeAsyncIterator()
    #expect(await updates.next()?.counts.saved == 0)
    try await phone.client.answer("q1", .options(["A"]))
    // Other changes may be told of before the save.
    var latest = await updates.next()
    while let status = latest, status.counts.saved == 0 { latest = await updates.next() }
    #expect(latest?.counts.saved == 1)
    var events = await phone.client.events.makeAsyncIterator()
    try await phone.client.lock(.search)
    try await phone.client.unlock(code: TestExam.unlockCodes[0])
    #expect(await events.next() == .locked(LockReceipt(number: 1, count: 1, handedIn: false)))
    #expect(await events.next() == .unlocked(number: 1))
  }

  @Test func aStoreThatIsInUseIsNotOpenedTwice() async throws {
    let phone = try TestPhone()
    try await phone.client.open()
    let second = try ExamClient(phone.client.configuration)
    #expect(await refusal { try await second.open() }?.code == .storeInUse)
    await phone.client.close()
    try await second.open()
    #expect(await second.status.phase == .loggedIn)
    #expect(await refusal { try await phone.client.answer("q1", .options(["A"])) }?.code == .notAssigned)
    await second.close()
  }

  @Test func aStoreOfAnotherServerIsRefused() async throws {
    let phone = try TestPhone()
    var configuration = phone.client.configuration
    configuration.serverKey = SigningKey().publicKey
    let stranger = try ExamClient(configuration)
    #expect(await refusal { try await stranger.open() }?.code == .serverNotTrusted)
    try await phone.client.open()
  }

  @Test func theEngineRunsOnOneThreadOfItsOwn() async throws {
    let phone = try TestPhone()
    try await phone.client.open()
    await phone.client.requireOwnThread()
  }
}

extension ExamClient {
  func requireOwnThread() {
    executor.checkIsolated()
  }
}

import ExamModel
import SyncProtocol
import SyncWire
import Testing

@testable import ExamClient

/// A suspended process cannot act. The boot clock goes on without it, and no timer comes.
@Suite(.timeLimit(.minutes(10))) struct SuspendTests {
  /// Everything that an app, or the system, can ask of the engine.
  enum Call: CaseIterable {
    case answer, draft, clear, flag, visit, leaveSection, submitInformation, lock, unlock, requestSubmit, confirm, start
    case preflight, status, networkChanged, sendChanges, fetchChanges, close

    func run(on client: ExamClient, token: SubmitToken) async throws {
      switch self {
      case .answer: try await client.answer("q1", .options(["B"]))
      case .draft: try await client.draft("q6", .text("late"))
      case .clear: try await client.clear("q1")
      case .flag: try await client.flag("q1", isSet: true)
      case .visit: try await client.visit("q1")
      case .leaveSection: try await client.leaveSection("s2")
      case .submitInformation: try await client.submitInformation([])
      case .lock: try await client.lock(.appSwitch)
      case .unlock: try await client.unlock(code: TestExam.unlockCodes[0])
      case .requestSubmit: _ = try await client.requestSubmit()
      case .confirm: try await client.confirm(token)
      case .start: try await client.start()
      case .preflight: _ = try await client.preflight()
      case .status: _ = await client.status
      case .networkChanged: await client.networkChanged(isReachable: false)
      case .sendChanges: await client.sendChanges()
      case .fetchChanges: await client.fetchChanges()
      case .close: await client.close()
      }
    }

    var isRefused: Bool {
      switch self {
      case .preflight, .status, .networkChanged, .sendChanges, .fetchChanges, .close: false
      default: true
      }
    }
  }

  @Test(arguments: Call.allCases)
  func theBellThatRangMeanwhileComesBeforeWhateverIsAsked(call: Call) async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    let token = try await phone.client.requestSubmit()
    phone.clock.pass(milliseconds: 3_600_000)
    let error = await refusal { try await call.run(on: phone.client, token: token) }
    #expect((error?.code == .sealed) == call.isRefused)
    if call == .close { try await phone.client.open() }
    #expect(try await phone.client.kindOfSeal() == .bell)
    let status = await phone.client.status
    #expect(status.answers.map(\.value) == [.options(["A"])])
    #expect(status.phase == .sealed)
  }

  @Test func whatWasTypedJustBeforeTheBellIsPartOfWhatIsHandedIn() async throws {
    let phone = try TestPhone()
    try await phone.started()
    phone.clock.pass(milliseconds: 3_599_000)
    try await phone.client.draft("q6", .text("The last words"))
    phone.clock.pass(milliseconds: 2_000)
    #expect(await phone.client.status.phase == .sealed)
    #expect(await phone.client.status.answers.map(\.value) == [.text("The last words")])
  }

  @Test func whatWasTypedAndNeverSavedIsNotHandedInLongAfterTheBell() async throws {
    let phone = try TestPhone()
    try await phone.started()
    phone.clock.pass(milliseconds: 3_599_000)
    try await phone.client.draft("q6", .text("The last words"))
    phone.clock.pass(milliseconds: 600_000)
    #expect(await phone.client.status.phase == .sealed)
    #expect(await phone.client.status.counts.sealed == 0)
  }

  @Test func whatIsTypedIsSavedBeforeALockAndBeforeTheQuestion() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.draft("q6", .text("One"))
    try await phone.client.lock(.call)
    #expect(await phone.client.status.answers.map(\.value) == [.text("One")])
    try await phone.client.unlock(code: TestExam.unlockCodes[0])
    try await phone.client.draft("q6", .text("Two"))
    #expect(try await phone.client.requestSubmit().answerCount == 1)
    #expect(await phone.client.status.answers.map(\.value) == [.text("Two")])
    try await phone.client.draft("q6", .text("Three"))
    try await phone.restart()
    #expect(await phone.client.status.answers.map(\.value) == [.text("Three")])
  }
}

extension ExamClient {
  /// Why the paper was handed in, if that is the last thing that happened.
  func kindOfSeal() throws -> SealStatement.Cause? {
    // An opening follows where the app was restarted before its receipt was there.
    for kind in try lastEntries(2).reversed() {
      if case .seal(let signed) = kind { return try SealStatement(wire: signed.statement).cause }
    }
    return nil
  }
}

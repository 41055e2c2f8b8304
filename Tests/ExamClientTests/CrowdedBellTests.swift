import ExamModel
import SyncProtocol
import SyncWire
import Testing

@testable import ExamClient

/// The bell: everybody hands in at once, the network stalls, apps are killed.
@Suite(.timeLimit(.minutes(10))) struct CrowdedBellTests {
  @Test func s3_34_handingInNeedsNoNetworkAndTellsWhatIsMissing() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    let outcome = try await phone.client.confirm(try await phone.client.requestSubmit())
    #expect(outcome.answerCount == 1)
    let status = await phone.client.status
    #expect(status.phase == .sealed && status.pendingCount > 0 && status.receipt == nil)
  }

  @Test func s3_35_aKilledAppStandsByItsSealAndHandsInNoSecondTime() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    try await phone.client.confirm(try await phone.client.requestSubmit())
    let sealed = await phone.client.status
    try await phone.restart()
    let again = await phone.client.status
    #expect(again.phase == .sealed && again.counts.sealed == sealed.counts.sealed)
    #expect(await refusal { _ = try await phone.client.requestSubmit() }?.code == .sealed)
    // Opening appends its own entry; the seal stays where it was, and there is one.
    #expect(again.journal == sealed.journal)
    let seals = try await phone.client.lastEntries(Int(again.sequence)).filter {
      if case .seal = $0 { true } else { false }
    }
    #expect(seals.count == 1)
  }

  @Test func s3_29_turningPagesChangesNoAnswer() async throws {
    let phone = try TestPhone()
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    let before = await phone.client.status.answers
    for item in ["q1", "q2", "q1"] { try await phone.client.visit(item) }
    #expect(await phone.client.status.answers == before)
  }

  @Test func s3_37_everyRefusalNamesWhoHelpsNext() async throws {
    let phone = try TestPhone()
    try await phone.started()
    let wrongItem = await refusal { try await phone.client.answer("nothing", .options(["A"])) }
    #expect(wrongItem?.message.isEmpty == false)
    try await phone.client.lock(.call)
    let locked = await refusal { try await phone.client.answer("q1", .options(["A"])) }
    #expect(locked?.code == .locked && locked?.nextActor == .proctor)
    #expect(wrongItem?.nextActor == .candidate)
    let wrongCode = await refusal { try await phone.client.unlock(code: "00000000") }
    #expect(wrongCode?.code == .unlockCodeWrong && wrongCode?.nextActor == .candidate)
    let helpers = Set(Problem.Kind.allCases.map { ExamClientError(Problem($0, "x")).nextActor })
    #expect(helpers == [.engine, .candidate, .proctor, .support])
  }
}

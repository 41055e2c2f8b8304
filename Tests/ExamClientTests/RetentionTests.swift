import ExamModel
import ExamStore
import SyncCore
import SyncProtocol
import SyncWire
import Synchronization
import Testing

@testable import ExamClient

@Suite(.timeLimit(.minutes(10))) struct RetentionTests {
  private static let days = Int64(86_400_000)

  /// Handed in and acknowledged, with a verified receipt.
  private func receipted() async throws -> (phone: TestPhone, server: DevicePlaneStandIn, plane: TestServer) {
    let exam = TestExam()
    let server = DevicePlaneStandIn(exam)
    let plane = try server.serve()
    let phone = try TestPhone(exam, clock: TestClock(isRunning: true), serverURL: plane.address)
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    try await phone.client.confirm(try await phone.client.requestSubmit())
    #expect(await phone.client.sendChanges())
    try await phone.client.takeFittingReceipt(of: exam)
    #expect(await phone.client.status.phase == .receipted)
    return (phone, server, plane)
  }

  private func pass(_ days: Int64, _ phone: TestPhone, _ server: DevicePlaneStandIn) {
    phone.clock.pass(milliseconds: days * Self.days)
    server.faults.withLock { $0.clockAheadMilliseconds += days * Self.days }
  }

  @Test func entriesStayForTheRetentionAndAreDiscardedAfterIt() async throws {
    let (phone, server, plane) = try await receipted()
    defer { withExtendedLifetime(plane) {} }
    pass(29, phone, server)
    #expect(await phone.client.fetchChanges())
    #expect(await phone.client.storedJournals == 1)
    pass(2, phone, server)
    #expect(await phone.client.storedJournals == 1)
    #expect(await phone.client.fetchChanges())
    #expect(await phone.client.storedJournals == 0)
    #expect(await phone.client.core?.status().journals.isEmpty == true)
    #expect(await phone.client.status.phase == .loggedIn)
    // The paper is not begun anew, and the receipt stays.
    #expect(await refusal { try await phone.client.join(code: TestExam.code) }?.code == .alreadySubmitted)
    #expect(await phone.client.storedReceipts.count == 1)
    try await phone.restart()
    #expect(await phone.client.storedReceipts.count == 1)
  }

  @Test func aServerThatWasRestoredBeforeIsRefilledFirst() async throws {
    let (phone, server, plane) = try await receipted()
    defer { withExtendedLifetime(plane) {} }
    let entries = server.storedEntries
    server.restoreEmptyBackup()
    pass(31, phone, server)
    // The scopes say that the server went back; nothing is known yet of what it still holds.
    _ = await phone.client.fetchChanges()
    #expect(await phone.client.storedJournals == 1)
    #expect(await phone.client.sendChanges())
    #expect(server.storedEntries == entries)
    #expect(await phone.client.fetchChanges())
    #expect(await phone.client.storedJournals == 0)
  }

  @Test func aServerThatWasRestoredAfterwardsIsShownTheReceipt() async throws {
    let (phone, server, plane) = try await receipted()
    defer { withExtendedLifetime(plane) {} }
    pass(31, phone, server)
    #expect(await phone.client.fetchChanges())
    #expect(await phone.client.storedJournals == 0)
    server.restoreEmptyBackup()
    for _ in 0..<2 { #expect(await phone.client.fetchChanges()) }
    #expect(server.presentedReceipts == (await phone.client.storedReceipts))
    #expect(server.storedEntries == 0)
    #expect(await phone.client.status.pendingCount == 0)
  }

  @Test func pendingEntriesAndOnesWithoutAReceiptStay() async throws {
    let exam = TestExam()
    let server = DevicePlaneStandIn(exam)
    let plane = try server.serve()
    defer { withExtendedLifetime(plane) {} }
    let phone = try TestPhone(exam, clock: TestClock(isRunning: true), serverURL: plane.address)
    try await phone.started()
    try await phone.client.confirm(try await phone.client.requestSubmit())
    pass(400, phone, server)
    #expect(await phone.client.fetchChanges())
    #expect(await phone.client.storedJournals == 1)
    #expect(await phone.client.sendChanges())
    #expect(await phone.client.fetchChanges())
    #expect(await phone.client.storedJournals == 1)
  }
}

extension ExamClient {
  var storedJournals: Int { store?.journalStatuses.count ?? -1 }
  var storedReceipts: [[UInt8]] { store?.allReceipts ?? [] }

  /// As the server makes it for the seal that stands.
  func takeFittingReceipt(of exam: TestExam) throws {
    guard let store, let attempt else { return }
    let status = try store.status(of: attempt)
    guard let seal = status.seal, let journal = status.journal else { return }
    let statement = ReceiptStatement(
      attempt: attempt, ordinal: seal.ordinal, journal: journal, sequence: status.sequence,
      head: try store.journalStatus(journal).head, answers: seal.answers, answerCount: seal.answerCount,
      serverTime: testT0 + 60_000, number: "7K3M-Q9TD", applied: seal.answers, appliedCount: seal.answerCount
    ).wire
    let root = RootStatement(
      node: ID128(high: 1, low: 2), epoch: 1, index: 0, previous: .zero, root: MerkleTree.leaf(statement),
      time: testT0 + 60_000
    ).wire
    try store.storeReceipt(
      Receipt(
        statement: statement, leafIndex: 0, leafCount: 1, path: [], root: root,
        signature: exam.server.sign(root, context: .root), keyID: exam.server.id
      ).wire)
  }
}

import ExamModel
import Foundation
import SyncCore
import SyncProtocol
import Synchronization
import Testing

@testable import ExamClient

/// Over real sockets, against what an honest server never answers.
@Suite(.timeLimit(.minutes(10))) struct NetworkTests {
  /// For what comes by itself; a test that waits this long has failed.
  private static let patience: Int64 = 300_000

  private static let portal = TestServer.Response(
    status: 200, headers: ["Content-Type": "text/html"], body: Array("<html>Welcome to the airport</html>".utf8))
  private static let redirect = TestServer.Response(
    status: 302, headers: ["Location": "http://127.0.0.1:1/login"], body: [])
  private static let overload = TestServer.Response(
    status: 503, headers: ["Retry-After": "1"], body: Array("busy".utf8))
  private static let garbage = TestServer.Response(body: [0xFF, 0x00, 0x13, 0x37])
  private static let forged = TestServer.Response(body: BodyFraming.frame([1, 2, 3]))

  private func freshClient(_ exam: TestExam, _ address: String) throws -> ExamClient {
    let folder = FileManager.default.temporaryDirectory.path + "/exam-client-" + ID128.random().hex
    return try ExamClient(
      ExamClientConfiguration(
        storeFolder: folder, serverURL: address, serverKey: exam.server.publicKey, automaticallySync: false,
        appVersion: "3.4.2", clock: TestClock(isRunning: true)))
  }

  @Test func s3_26_aWrongPasswordChangesNothingAndTheRightOneGoesOn() async throws {
    let plane = DevicePlaneStandIn(TestExam())
    let server = try plane.serve()
    let client = try freshClient(plane.exam, server.address)
    try await client.open()
    let error = await refusal { _ = try await client.logIn(user: "wang", password: "wrong") }
    #expect(error?.code == .wrongPassword)
    #expect(await client.status.phase == .loggedOut)
    let receipt = try await client.logIn(user: "wang", password: "right")
    #expect(receipt == LoginReceipt(name: "Wang Fang", wasLoggedIn: false))
    #expect(await client.isLoggedIn)
    await client.close()
  }

  @Test(arguments: [
    (portal, "network"), (redirect, "network"), (overload, "network"), (garbage, "network"),
    (forged, "server-not-trusted"),
  ])
  func nobodyElseCanLogACandidateIn(answer: TestServer.Response, code: String) async throws {
    let exam = TestExam()
    let plane = DevicePlaneStandIn(exam, faults: DevicePlaneStandIn.Faults(answer: answer))
    let server = try plane.serve()
    let client = try freshClient(exam, server.address)
    try await client.open()
    let error = await refusal { _ = try await client.logIn(user: "wang", password: "right") }
    #expect(error?.code.rawValue == code)
    #expect(await client.status.phase == .loggedOut)
    await client.close()
  }

  @Test func whatTheServerAcknowledgedIsOnTheServer() async throws {
    let plane = DevicePlaneStandIn(TestExam())
    let server = try plane.serve()
    let phone = try TestPhone(
      plane.exam, clock: TestClock(isRunning: true), serverURL: server.address, automaticallySync: true)
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    #expect(await phone.client.wait(timeoutMilliseconds: Self.patience) { status, _ in status.pendingCount == 0 })
    let status = await phone.client.status
    #expect(status.counts.onServer == 1)
    #expect(status.pendingCount == 0)
    #expect(status.contact == .online)
    #expect(plane.storedEntries == Int(status.sequence))
    await phone.client.close()
  }

  @Test(arguments: [portal, redirect, overload, garbage, nil] as [TestServer.Response?])
  func nothingIsTakenFromAResponseWithoutOurServersMAC(answer: TestServer.Response?) async throws {
    let plane = DevicePlaneStandIn(
      TestExam(), faults: DevicePlaneStandIn.Faults(spoilsMACs: answer == nil, answer: answer))
    let server = try plane.serve()
    let phone = try TestPhone(
      plane.exam, clock: TestClock(isRunning: true), serverURL: server.address, automaticallySync: true)
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    #expect(await phone.client.wait(timeoutMilliseconds: Self.patience) { status, _ in status.contact == .unreachable })
    let status = await phone.client.status
    #expect(status.counts.onServer == 0)
    #expect(status.pendingCount == Int(status.sequence))
    #expect(status.isLoginNeeded == false)
    #expect(try await phone.client.answer("q4", .number("3")).answerCount == 2)
    await phone.client.close()
  }

  @Test func aLostSessionIsMadeAnewFromTheCertificate() async throws {
    let plane = DevicePlaneStandIn(TestExam(), faults: DevicePlaneStandIn.Faults(forgetsSession: true))
    let server = try plane.serve()
    let phone = try TestPhone(
      plane.exam, clock: TestClock(isRunning: true), serverURL: server.address, automaticallySync: true)
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    #expect(await phone.client.wait(timeoutMilliseconds: Self.patience) { status, _ in status.counts.onServer == 1 })
    #expect(server.requests.map(\.path).contains("/v1/session"))
    await phone.client.close()
  }

  @Test func aRefusedCertificateAsksForALogInAndAnsweringGoesOn() async throws {
    let plane = DevicePlaneStandIn(
      TestExam(), faults: DevicePlaneStandIn.Faults(forgetsSession: true, refusesCertificates: true))
    let server = try plane.serve()
    let phone = try TestPhone(
      plane.exam, clock: TestClock(isRunning: true), serverURL: server.address, automaticallySync: true)
    try await phone.started()
    try await phone.client.answer("q1", .options(["A"]))
    #expect(await phone.client.wait(timeoutMilliseconds: Self.patience) { status, _ in status.isLoginNeeded })
    #expect(try await phone.client.answer("q4", .number("3")).answerCount == 2)
    plane.faults.withLock { $0 = DevicePlaneStandIn.Faults() }
    #expect(try await phone.client.logIn(user: "wang", password: "right").wasLoggedIn == false)
    #expect(await phone.client.wait(timeoutMilliseconds: Self.patience) { status, _ in status.counts.onServer == 2 })
    await phone.client.close()
  }

  @Test func whatAServerDoesNotTakeIsShownWithWhoCanHelpUntilItIsTaken() async throws {
    let plane = DevicePlaneStandIn(TestExam())
    let server = try plane.serve()
    let clock = TestClock(isRunning: true)
    let phone = try TestPhone(plane.exam, clock: clock, serverURL: server.address, automaticallySync: true)
    try await phone.started()
    #expect(await phone.client.wait(timeoutMilliseconds: Self.patience) { status, _ in status.pendingCount == 0 })
    var events = await phone.client.events.makeAsyncIterator()
    plane.faults.withLock { $0.knowsNoJournal = true }
    try await phone.client.answer("q1", .options(["A"]))
    #expect(await phone.client.wait(timeoutMilliseconds: Self.patience) { status, _ in status.syncTrouble != nil })
    let trouble = try #require(await phone.client.status.syncTrouble)
    #expect(trouble.cause == .journalUnknown && trouble.nextActor == .support && !trouble.message.isEmpty)
    #expect(await events.next() == .syncTroubled(trouble))
    #expect(ScriptRunner.status(await phone.client.status).line(.json).contains(#""trouble":"journal-unknown""#))
    // It is offered again after five minutes.
    plane.faults.withLock { $0.knowsNoJournal = false }
    clock.pass(milliseconds: 300_001)
    try await phone.client.answer("q4", .number("3"))
    #expect(await phone.client.wait(timeoutMilliseconds: Self.patience) { status, _ in status.counts.onServer == 2 })
    #expect(await phone.client.status.syncTrouble == nil)
    await phone.client.close()
  }

  @Test func everyTroubleSaysWhatToDoNext() {
    let troubles: [SyncStatus.Trouble] = [
      .clientTooOld, .requestRefused(.versionNotSupported), .requestRefused(.badRequest), .requestRefused(nil),
      .journalUnknown(ID128(high: 1, low: 2)), .successorLimitReached,
    ]
    let told = troubles.map { SyncTrouble($0) }
    #expect(told.map(\.cause) == [.appTooOld, .appTooOld, .refused, .refused, .journalUnknown, .tooManyForks])
    #expect(told.map(\.nextActor) == [.candidate, .candidate, .support, .support, .support, .support])
    #expect(Set(told.map(\.message)).count == told.count)
  }

  @Test func s3_25_aDownloadThatBreaksOffGoesOnWhereItStopped() async throws {
    let plane = DevicePlaneStandIn(TestExam(), faults: DevicePlaneStandIn.Faults(cutsFirstBlobAfter: 1_000))
    let server = try plane.serve()
    let phone = try TestPhone(
      plane.exam, clock: TestClock(isRunning: true), serverURL: server.address, automaticallySync: true,
      withholding: ["picture"])
    let client = phone.client
    try await phone.joined()
    #expect(await client.wait(timeoutMilliseconds: Self.patience) { status, _ in status.downloads.isReady })
    let ranges = server.requests.filter { $0.method == "GET" }.compactMap { $0.headers["range"] }
    #expect(ranges.first?.hasPrefix("bytes=0-") == true)
    #expect(ranges.last?.hasPrefix("bytes=1000-") == true)
    await client.learnTime(testT0)
    #expect(try await client.start().paper.items.count == 6)
    await client.close()
  }

  @Test func aRunningPhoneAnswersOnItsSocket() async throws {
    let phone = try TestPhone()
    try await phone.started()
    let client = phone.client
    let control = try #require(
      ControlSocket(folder: phone.folder) { question in
        question == "status json" ? ScriptRunner.status(await client.status).line(.json) : "?"
      })
    let folder = phone.folder
    let line = await Task.detached { ControlSocket.ask("status json", folder: folder) }.value
    #expect(line?.contains(#""phase":"answering""#) == true)
    control.stop()
    #expect(await Task.detached { ControlSocket.ask("status json", folder: folder) }.value == nil)
    await client.close()
  }

  @Test func aCommandForCurlIsAuthenticatedAsThePhoneWouldBe() async throws {
    let phone = try TestPhone()
    try await phone.client.open()
    let command = try await phone.client.curlCommand(path: "/v1/sync")
    #expect(command.contains("base64 -d | curl"))
    #expect(command.contains("Authorization: ExamSync "))
    #expect(command.hasSuffix("'http://127.0.0.1:9/v1/sync'"))
    #expect(await refusal { _ = try await phone.client.curlCommand(path: "/v1/x'; rm -rf '") }?.code == .badArgument)
    #expect(await refusal { _ = try await phone.client.curlCommand(path: "/etc/passwd") }?.code == .badArgument)
  }
}

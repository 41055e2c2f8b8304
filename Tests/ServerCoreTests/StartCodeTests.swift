import ExamModel
import SyncProtocol
import Testing

@testable import ServerCore

/// The exam code in a start entry is checked, and never keeps the start.
@Suite struct StartCodeTests {
  let server: TestServer

  init() throws { server = try TestServer() }

  private func codeRecords() throws -> Int { try server.auditRows("start-code").count }

  private func start(_ code: String) throws -> TestPhone {
    let phone = try server.makePhone()
    phone.open()
    phone.context()
    phone.append(.start(Start(code: code, paperVersion: 1)))
    phone.answer("q1", "a")
    #expect(try phone.send().kept.isEmpty)
    return phone
  }

  @Test func s3_07_aRightCodeInTheStartIsSeenWithItsLeadingZero() throws {
    #expect(try start("012345").board().startCode == "right")
    #expect(try codeRecords() == 0)
  }

  @Test(arguments: ["12345", "012346", "0123456", "０１２３４５"])
  func s3_07_aWrongCodeInTheStartIsNotedAndTheAnswersCount(code: String) throws {
    let phone = try start(code)
    #expect(try phone.board().startCode == "wrong")
    #expect(try phone.exported().answers.count == 1)
    #expect(try codeRecords() == 1)
    // Nothing that the device can read says so: a start is no way to try codes.
    let readable = try phone.read() + phone.read(phone.exam)
    #expect(!readable.contains { $0.collection == ScopeCollection.disposition })
    try server.restart()
    #expect(try phone.board().startCode == "wrong")
    try phone.send(phone.push())
    #expect(try codeRecords() == 1)
  }

  @Test func s3_07_aStartWithoutACodeIsShownAsSuch() throws {
    #expect(try start("").board().startCode == "absent")
    #expect(try codeRecords() == 0)
  }

  @Test func theFirstStartThatCountsIsTheOneThatIsJudged() throws {
    let phone = try start("999999")
    phone.append(.start(Start(code: "012345", paperVersion: 1)))
    try phone.send(from: 5)
    #expect(try phone.board().startCode == "wrong")
  }

  @Test func aStartIsNotLaterThanItsArrival() throws {
    let phone = try server.makePhone(duration: 600_000)
    phone.open()
    phone.context(earliest: server.now + 900_000, latest: server.now + 900_100)
    phone.append(.start(Start(code: "012345", paperVersion: 1)))
    let arrival = server.now
    try phone.send()
    #expect(try phone.board().deadline == arrival + 600_000)
  }
}

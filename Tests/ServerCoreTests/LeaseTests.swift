import ExamModel
import ServerStoreSQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// Two devices, successors and forks of one attempt (I12, I22).
@Suite struct LeaseTests {
  let server: TestServer
  let phone: TestPhone

  init() throws {
    server = try TestServer()
    phone = try server.makePhone()
    phone.begin()
    phone.answer("q1", "a")
  }

  private func secondDevice() throws -> TestPhone {
    try TestPhone(server: server, candidate: phone.candidate, attempt: phone.attempt, exam: phone.exam, seed: 77)
  }

  private func attemptRecord() throws -> AttemptRecord {
    let record = try #require(try phone.read().first { $0.collection == ScopeCollection.attempt })
    return try AttemptRecord(wire: record.body)
  }

  @Test func theFirstDeviceThatWritesTakesTheLease() throws {
    #expect(try attemptRecord().leaseDevice == nil)
    try phone.send()
    #expect(try attemptRecord().leaseDevice == phone.key.id)
    #expect(try attemptRecord().lease == 1)
  }

  @Test func aSecondDeviceIsKeptAsStaleUntilTheLeaseIsReleased() throws {
    try phone.send()
    let second = try secondDevice()
    second.begin()
    second.answer("q1", "c")
    let kept = try second.send()
    #expect(kept.verdict == .stored)
    #expect(kept.kept == [KeptRange(from: 1, to: 4, reason: .staleLease)])
    #expect(try phone.exported().answers.map(\.values) == [["a"]])

    try server.command(.releaseLease(attempt: phone.attempt, reason: "phone broke"), by: TestServer.proctor)
    let record = try attemptRecord()
    #expect(record.lease == 2)
    #expect(record.leaseDevice == nil)
    second.lease = 2
    second.answer("q1", "b")
    let applied = try second.send(from: 5)
    #expect(applied.kept.isEmpty)
    #expect(try phone.exported().answers.map(\.values) == [["b"]])

    phone.answer("q1", "c")
    #expect(try phone.send(from: 5).kept == [KeptRange(from: 5, to: 5, reason: .staleLease)])
    #expect(try phone.exported().answers.map(\.values) == [["b"]])
  }

  @Test func aReleaseGivesTheNextDeviceWhatTheServerHolds() throws {
    phone.append(.lock(LockFact(number: 1, cause: .call)))
    try phone.send()
    try server.command(.releaseLease(attempt: phone.attempt, reason: "phone broke"))
    let record = try #require(try phone.read().first { $0.collection == ScopeCollection.answers })
    let answers = try AnswersRecord(wire: record.body)
    #expect(answers.answers == phone.sheet)
    #expect(answers.isStarted)
    #expect(answers.startedAt != nil)
    #expect(answers.locks == [1])
    #expect(
      answers.journals == [JournalPosition(journal: phone.journal.id, sequence: 5, head: phone.journal.head)])
  }

  @Test func laterArrivalsInAPredecessorAreSuperseded() throws {
    try phone.send()
    let old = phone.journal
    phone.succeed()
    phone.answer("q1", "b")
    #expect(try phone.send().verdict == .stored)
    var late = old
    late.append(Entry(kind: .answer(item: "q1", value: .options(["c"]))).wire)
    let answer = try phone.send(phone.push(from: 5, of: late))
    #expect(answer.verdict == .stored)
    #expect(answer.kept == [KeptRange(from: 5, to: 5, reason: .superseded)])
    #expect(try phone.exported().answers.map(\.values) == [["b"]])
    #expect(try server.store.journals(attempt: phone.attempt).map(\.ordinal) == [1, 2])
  }

  /// Found by the simulator: nothing of a device to which the lease came back ever counted again, its seal neither.
  @Test func aJournalGoesOnWhenTheLeaseComesBackToItsDevice() throws {
    try phone.send()
    try server.command(.releaseLease(attempt: phone.attempt, reason: "phone broke"))
    let second = try secondDevice()
    second.lease = 2
    second.open(predecessor: JournalPosition(journal: phone.journal.id, sequence: 4, head: phone.journal.head))
    second.answer("q1", "b")
    #expect(try second.send().kept.isEmpty)
    try server.command(.releaseLease(attempt: phone.attempt, reason: "the other phone was repaired"))
    phone.lease = 3
    phone.answer("q1", "c")
    #expect(try phone.send(from: 5).kept.isEmpty)
    #expect(try phone.exported().answers.map(\.values) == [["c"]])
  }

  @Test func theGreaterOrdinalWinsWhateverArrivesLast() throws {
    try phone.send()
    let first = phone.journal
    phone.others.append(first)
    phone.journal = TestJournal(
      id: ID128.random(using: &phone.generator), subject: phone.attempt, device: phone.key.id)
    phone.open()
    phone.context()
    phone.answer("q1", "b")
    try phone.send()
    var late = first
    late.append(Entry(kind: .answer(item: "q1", value: .options(["c"]))).wire)
    #expect(try phone.send(phone.push(from: 5, of: late)).kept.isEmpty)
    #expect(try phone.exported().answers.map(\.values) == [["b"]])
    try server.restart()
    #expect(try phone.exported().answers.map(\.values) == [["b"]])
  }

  @Test func aStaleDeviceCannotSupersede() throws {
    try phone.send()
    let second = try secondDevice()
    let position = JournalPosition(journal: phone.journal.id, sequence: 4, head: phone.journal.head)
    second.open(predecessor: position)
    #expect(try second.send().kept == [KeptRange(from: 1, to: 1, reason: .staleLease)])
    phone.answer("q1", "b")
    #expect(try phone.send(from: 5).kept.isEmpty)
  }

  @Test func aForkMakesTheServersAnswersAvailable() throws {
    let base = phone.journal
    try phone.send()
    phone.journal = base
    phone.journal.bodies.removeLast()
    phone.journal.heads.removeLast()
    phone.append(.visit(item: "q1"))
    #expect(try phone.send().verdict == .diverged)
    let record = try #require(try phone.read().first { $0.collection == ScopeCollection.answers })
    #expect(try AnswersRecord(wire: record.body).answers["q1"] == .options(["a"]))
  }

  @Test func anAttemptHasABoundedNumberOfJournals() throws {
    for index in 0..<Limits.journalsPerAttempt {
      if index % Limits.successorsPerHour == 0 { server.now += ServerCore.successorWindowMilliseconds }
      phone.journal = TestJournal(
        id: ID128.random(using: &phone.generator), subject: phone.attempt, device: phone.key.id)
      phone.open()
      #expect(try phone.send().verdict == .stored)
    }
    phone.journal = TestJournal(
      id: ID128.random(using: &phone.generator), subject: phone.attempt, device: phone.key.id)
    phone.open()
    #expect(try phone.send().verdict == .unknownJournal)
    guard case .attempt(let detail) = try server.command(.showAttempt(attempt: phone.attempt)) else {
      throw Problem(.internal, "no attempt")
    }
    #expect(detail.trouble != nil)
  }
}

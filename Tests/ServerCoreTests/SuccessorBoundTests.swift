import ExamModel
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// At most eight successors an hour (protocol, "Forks"): the ninth waits on the device, and a person is told.
@Suite struct SuccessorBoundTests {
  let server: TestServer
  let phone: TestPhone

  init() throws {
    server = try TestServer()
    phone = try server.makePhone()
    phone.begin()
    phone.answer("q1", "a")
    try phone.send()
  }

  private func succeed(_ count: Int) throws {
    for _ in 0..<count {
      phone.succeed()
      #expect(try phone.send().verdict == .stored)
    }
  }

  @Test func theNinthIsKeptOnTheDeviceAndAPersonIsTold() throws {
    try succeed(Limits.successorsPerHour)
    #expect(try phone.board().trouble == nil)
    phone.succeed()
    phone.answer("q1", "b")
    let answer = try phone.send()
    #expect(answer.verdict == .unknownJournal && answer.sequence == 0)
    #expect(try phone.board().trouble?.contains("8 successors") == true)
    #expect(try phone.send().verdict == .unknownJournal)
    #expect(try server.auditRows("successors").count == 1)
  }

  @Test func theJournalIsTakenOnceTheHourIsOverAndNothingOfItIsLost() throws {
    try succeed(Limits.successorsPerHour)
    phone.succeed()
    phone.context()
    phone.answer("q1", "b")
    _ = try phone.send()
    server.now += ServerCore.successorWindowMilliseconds
    #expect(try phone.send().verdict == .stored)
    #expect(try phone.exported().answers.map(\.values) == [["b"]])
  }

  @Test func theCountOutlivesARestart() throws {
    try succeed(Limits.successorsPerHour)
    try server.restart()
    phone.succeed()
    #expect(try phone.send().verdict == .unknownJournal)
  }

  @Test func theOtherJournalsOfTheRequestGoOn() throws {
    try succeed(Limits.successorsPerHour)
    let known = phone.journal
    phone.succeed()
    var longer = known
    longer.append(Entry(kind: .visit(item: "q2")).wire)
    let last = phone.push(from: longer.sequence, of: longer)
    let response = try phone.sync(SyncRequest(pushes: [phone.push(), last]))
    #expect(response.acknowledgements.map(\.verdict) == [.unknownJournal, .stored])
  }

  @Test func aDeviceThatTakesOverDoesNotWait() throws {
    try succeed(Limits.successorsPerHour)
    try server.command(.releaseLease(attempt: phone.attempt, reason: "new phone"))
    let next = try TestPhone(
      server: server, candidate: phone.candidate, attempt: phone.attempt, exam: phone.exam, seed: 77)
    next.lease = 2
    let position = JournalPosition(
      journal: phone.journal.id, sequence: phone.journal.sequence, head: phone.journal.head)
    next.open(predecessor: position)
    #expect(try next.send().verdict == .stored)
  }
}

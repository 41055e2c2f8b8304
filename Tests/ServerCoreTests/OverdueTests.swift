import ExamModel
import ServerStoreSQLite
import SyncProtocol
import Testing

@testable import ServerCore

/// At deadline and grace the server marks an attempt, once for each deadline, and goes on accepting.
@Suite struct OverdueTests {
  let server: TestServer

  init() throws { server = try TestServer() }

  private func overdueRecords() throws -> [AuditRow] { try server.auditRows("overdue") }

  /// The first instant at which deadline and grace are over.
  private func overdueAt(_ phone: TestPhone) throws -> Int64 {
    try phone.board().deadline + TimeRules.graceMilliseconds + 1
  }

  private func tick(at now: Int64) throws -> Int64? {
    server.now = now
    guard case .ticked(let next) = server.core.perform([.tick], now: now).replies[0] else {
      throw Problem(.internal, "no tick")
    }
    return next
  }

  @Test func theMarkComesAtDeadlineAndGraceAndNotBefore() throws {
    let phone = try server.makePhone(duration: 600_000)
    phone.begin()
    try phone.send()
    let instant = try overdueAt(phone)
    #expect(server.core.nextWork() == instant)
    #expect(try tick(at: instant - 1) == instant)
    #expect(try server.store.attempt(phone.attempt)?.progress.overdueAt == nil)
    #expect(try tick(at: instant) == nil)
    #expect(try server.store.attempt(phone.attempt)?.progress.overdueAt == instant)
    let board = try phone.board()
    #expect(board.isOverdue && board.overdueAt == instant)
    #expect(try overdueRecords().map(\.subject) == [phone.attempt.hex])
  }

  @Test func whatIsOverdueIsStillTakenAndASealEndsIt() throws {
    let phone = try server.makePhone(duration: 600_000)
    phone.begin()
    phone.answer("q1", "a")
    try phone.send()
    _ = try tick(at: try overdueAt(phone))
    phone.seal()
    #expect(try phone.send(from: 5).verdict == .stored)
    #expect(try phone.receipts().count == 1)
    #expect(try !phone.board().isOverdue)
    _ = try tick(at: server.now + 100_000)
    #expect(try overdueRecords().count == 1)
  }

  @Test func theMarkIsMadeOnceAndOutlivesARestart() throws {
    let phone = try server.makePhone(duration: 600_000)
    phone.begin()
    try phone.send()
    let instant = try overdueAt(phone)
    _ = try tick(at: instant)
    try server.restart()
    #expect(try phone.board().overdueAt == instant)
    _ = try tick(at: instant + 1_000)
    #expect(try overdueRecords().count == 1)
  }

  @Test func aDeadlineThatPassedWhileTheServerWasDownIsFoundAtTheOpening() throws {
    let phone = try server.makePhone(duration: 600_000)
    phone.begin()
    try phone.send()
    server.now = try overdueAt(phone) + 5
    try server.restart()
    #expect(try server.store.attempt(phone.attempt)?.progress.overdueAt == server.now)
  }

  @Test func aGrantClearsTheMarkAndArmsTheNewDeadline() throws {
    let phone = try server.makePhone(duration: 600_000)
    phone.begin()
    try phone.send()
    let instant = try overdueAt(phone)
    _ = try tick(at: instant)
    try server.command(.extendAttempt(attempt: phone.attempt, milliseconds: 60_000, reason: "fire alarm"))
    #expect(try !phone.board().isOverdue)
    #expect(try server.store.attempt(phone.attempt)?.progress.overdueAt == nil)
    #expect(server.core.nextWork() == instant + 60_000)
    try server.restart()
    _ = try tick(at: instant + 60_000 - 1)
    #expect(try overdueRecords().count == 1)
    _ = try tick(at: instant + 60_000)
    #expect(try overdueRecords().count == 2)
  }

  @Test func anExtensionOfTheExamClearsTheMarkOfAnAttemptThatIsNotInMemory() throws {
    let phone = try server.makePhone(duration: 600_000)
    phone.begin()
    try phone.send()
    let instant = try overdueAt(phone)
    _ = try tick(at: instant)
    try server.restart()
    try server.command(.extendExam(exam: phone.exam, milliseconds: 60_000, reason: "fire alarm"))
    #expect(try server.store.attempt(phone.attempt)?.progress.overdueAt == nil)
    _ = try tick(at: instant + 60_000)
    #expect(try server.store.attempt(phone.attempt)?.progress.overdueAt == instant + 60_000)
  }

  @Test func attemptsWithoutAStartOrVoidOrOfACancelledExamAreNotMarked() throws {
    let exam = try server.makeExam()
    let rows = try server.addCandidates(2, to: exam)
    let phones = try rows.enumerated().map { index, row in
      try TestPhone(
        server: server, candidate: row.candidate, attempt: row.attempt, exam: exam, seed: UInt64(index) + 1)
    }
    phones[0].open()
    phones[1].begin()
    for phone in phones { try phone.send() }
    try server.command(.voidAttempt(attempt: phones[1].attempt, reason: "cheating"))
    let other = try server.makeExam(code: "777777")
    let row = try server.addCandidates(1, to: other, from: 50)[0]
    let third = try TestPhone(
      server: server, candidate: row.candidate, attempt: row.attempt, exam: other, seed: 9)
    third.begin()
    try third.send()
    try server.command(.cancelExam(exam: other, reason: "flood"))
    _ = try tick(at: server.now + 10_000_000)
    #expect(try overdueRecords().isEmpty)
  }

  @Test func aReopenedAttemptThatIsNotSealedAgainIsMarked() throws {
    let phone = try server.makePhone(duration: 600_000)
    phone.begin()
    phone.seal()
    try phone.send()
    let instant = try overdueAt(phone)
    _ = try tick(at: instant)
    #expect(try overdueRecords().isEmpty)
    try server.command(.reopen(attempt: phone.attempt, reason: "pressed by mistake"))
    phone.append(.reopened(sealOrdinal: 1))
    try phone.send(from: 5)
    #expect(try overdueRecords().count == 1)
    #expect(try phone.board().isOverdue)
  }

  @Test func aFailedCommitLosesNoDeadline() throws {
    let phone = try server.makePhone(duration: 600_000)
    phone.begin()
    try phone.send()
    let instant = try overdueAt(phone)
    try server.blockAudit()
    guard case .problem = server.core.perform([.tick], now: instant).replies[0] else {
      throw Problem(.internal, "the commit did not fail")
    }
    try server.unblockAudit()
    #expect(try server.store.attempt(phone.attempt)?.progress.overdueAt == nil)
    #expect(server.core.nextWork() == instant)
    _ = try tick(at: instant + 20)
    #expect(try overdueRecords().count == 1)
  }

  @Test func theBellOfAManyIsWorkedOffInBoundedPieces() throws {
    let exam = try server.makeExam()
    let count = ServerCore.deadlinesPerCommit + 5
    for (index, row) in try server.addCandidates(count, to: exam).enumerated() {
      let phone = try TestPhone(
        server: server, candidate: row.candidate, attempt: row.attempt, exam: exam, seed: UInt64(index) + 1)
      phone.begin()
      try phone.send()
    }
    try server.restart()
    let bell = server.now + 4_000_000
    #expect(try tick(at: bell) != nil)
    #expect(try overdueRecords().count >= ServerCore.deadlinesPerCommit)
    #expect(try tick(at: server.now + 10) == nil)
    #expect(try overdueRecords().count == count)
  }
}

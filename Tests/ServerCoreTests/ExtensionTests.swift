import ExamModel
import ServerStoreSQLite
import SyncProtocol
import Testing

@testable import ServerCore

/// More time for a whole exam, in bounded pieces that a crash cannot stop half-way.
@Suite struct ExtensionTests {
  let server: TestServer
  let exam: ID128
  let rows: [RosterOutcome.Row]

  init() throws {
    server = try TestServer()
    exam = try server.makeExam()
    rows = try server.addCandidates(75, to: exam)
  }

  private func extend(_ milliseconds: Int64 = 60_000) throws -> GrantOutcome {
    guard
      case .grants(let outcome) = try server.command(
        .extendExam(exam: exam, milliseconds: milliseconds, reason: "late start"))
    else { throw Problem(.internal, "no grants") }
    return outcome
  }

  /// How many attempts have so many grants.
  private func granted() throws -> [Int: Int] {
    var counts: [Int: Int] = [:]
    for row in rows {
      let grants = try server.store.records(scope: row.candidate, collection: ScopeCollection.grant)
      counts[grants.count, default: 0] += 1
    }
    return counts
  }

  private func finish() throws {
    for _ in 0..<100 where server.core.nextWork() != nil { _ = server.perform(.tick) }
    #expect(try server.store.extensions().isEmpty)
  }

  private func phone(_ index: Int) throws -> TestPhone {
    try TestPhone(
      server: server, candidate: rows[index].candidate, attempt: rows[index].attempt, exam: exam,
      seed: UInt64(index) + 1)
  }

  @Test func theReplySaysHowManyAreStillToCome() throws {
    let outcome = try extend()
    #expect(outcome.attempts == UInt64(ServerCore.attemptsExtendedPerCommit))
    #expect(outcome.attempts + outcome.pending == 75)
    #expect(server.core.nextWork() == server.now)
    try finish()
    #expect(try granted() == [1: 75])
  }

  @Test func aRestartInBetweenFinishesTheRestAndGrantsNothingTwice() throws {
    _ = try extend()
    try server.restart()
    try finish()
    #expect(try granted() == [1: 75])
    _ = server.perform(.tick)
    #expect(try granted() == [1: 75])
  }

  @Test func aRolledBackPieceIsGivenOutAgain() throws {
    _ = try extend()
    // The last piece fails after its grants were written, because its record in the trail cannot be.
    try server.blockAudit()
    var hasFailed = false
    for _ in 0..<5 where !hasFailed {
      if case .problem = server.perform(.tick) { hasFailed = true }
    }
    #expect(hasFailed)
    #expect(try granted()[0] == 75 - 2 * ServerCore.attemptsExtendedPerCommit)
    try server.unblockAudit()
    try finish()
    #expect(try granted() == [1: 75])
  }

  @Test func severalExtensionsAddUp() throws {
    _ = try extend()
    let second = try extend(30_000)
    #expect(second.attempts + second.pending == 75)
    try finish()
    #expect(try granted() == [2: 75])
    let phone = try phone(74)
    phone.begin()
    try phone.send()
    guard case .attempt(let detail) = try server.command(.showAttempt(attempt: phone.attempt)) else {
      throw Problem(.internal, "no attempt")
    }
    #expect(detail.grantedMilliseconds == 90_000)
  }

  @Test func anAttemptThatIsNotReachedYetHasItsTimeAlready() throws {
    let last = try phone(74)
    last.begin()
    try last.send()
    let deadline = try last.boardOfMany().deadline
    // The bell has rung, with the grace still running: the extension is decided just now.
    server.now = deadline + 10_000
    last.bootMilliseconds += UInt64(10_000 + 3_540_000)
    last.context()
    last.answer("q1", "a")
    let command = ServerCall.command(
      .extendExam(exam: exam, milliseconds: 60_000, reason: "late start"), by: TestServer.chief)
    let replies = server.perform([command, last.call(SyncRequest(pushes: [last.push(from: 4)]))])
    guard case .sync(let response, _) = replies[1] else { throw Problem(.internal, "no answer") }
    #expect(try server.store.records(scope: last.candidate, collection: ScopeCollection.grant).isEmpty)
    #expect(response.acknowledgements.first?.kept == [])
    try finish()
    #expect(try last.boardOfMany().deadline == deadline + 60_000)
    #expect(try !last.boardOfMany().isOverdue)
  }

  @Test func theTrailNamesTheCommandAndItsEnd() throws {
    _ = try extend()
    try finish()
    #expect(try server.auditRows { $0.hasPrefix("exam-extend") }.map(\.action) == ["exam-extend", "exam-extended"])
  }

  @Test func tooManyAtOnceAreRefused() throws {
    // Each command gives out a piece of what is pending before it, so that more than the bound are taken in all.
    let command = ServerCall.command(.extendExam(exam: exam, milliseconds: 1, reason: ""), by: TestServer.chief)
    var taken = 0
    var refusal: Problem.Kind?
    while refusal == nil, taken < 100 {
      switch server.core.perform([command], now: server.now).replies[0] {
      case .done: taken += 1
      case .problem(let problem): refusal = problem.kind
      default: throw Problem(.internal, "not the reply of a command")
      }
    }
    #expect(refusal == .busy)
    #expect(taken >= ServerCore.pendingExtensionsAtMost)
    #expect(server.core.pendingExtensions.count == ServerCore.pendingExtensionsAtMost)
    try finish()
    #expect(try granted() == [taken: 75])
  }
}

extension TestPhone {
  /// The row of the board in a long list.
  func boardOfMany() throws -> BoardRow {
    guard
      case .board(let page) = try server.command(.board(exam: exam, page: PageRequest(limit: 200))),
      let row = page.rows.first(where: { $0.attempt == attempt })
    else { throw Problem(.notFound, "not on the board") }
    return row
  }
}

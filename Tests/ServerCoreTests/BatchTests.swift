import ExamModel
import SQLite
import ServerStoreSQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// Batches, failures of the store, restarts, time, the audit trail.
@Suite struct BatchTests {
  private func phones(_ server: TestServer, _ count: Int) throws -> [TestPhone] {
    let exam = try server.makeExam()
    return try server.addCandidates(count, to: exam).enumerated().map { index, row in
      let phone = try TestPhone(
        server: server, candidate: row.candidate, attempt: row.attempt, exam: exam, seed: UInt64(index) + 1)
      phone.begin()
      return phone
    }
  }

  @Test func aBatchSharesOneTransaction() throws {
    let server = try TestServer()
    let phones = try phones(server, 20)
    let commits = server.core.counters.commits
    let replies = server.perform(phones.map { $0.call(SyncRequest(pushes: [$0.push()])) })
    #expect(server.core.counters.commits == commits + 1)
    #expect(replies.count == 20)
    for reply in replies {
      guard case .sync(let response, _) = reply else { throw Problem(.internal, "no sync") }
      #expect(response.acknowledgements.map(\.verdict) == [.stored])
    }
  }

  @Test func onlyTheGuiltyCallOfABatchFails() throws {
    let server = try TestServer()
    let phones = try phones(server, 3)
    var calls = phones.map { $0.call(SyncRequest(pushes: [$0.push()])) }
    calls.insert(
      .command(.reopen(attempt: phones[0].attempt, reason: "nothing is sealed"), by: TestServer.chief), at: 1)
    let replies = server.perform(calls)
    guard case .problem(let problem) = replies[1] else { throw Problem(.internal, "the poison passed") }
    #expect(problem.kind == .conflict)
    for index in [0, 2, 3] {
      guard case .sync(let response, _) = replies[index] else { throw Problem(.internal, "no sync") }
      #expect(response.acknowledgements.map(\.verdict) == [.stored])
    }
    #expect(try phones[0].board().entries == 3)
  }

  @Test func aFullStoreSaysSoAndLosesNothing() throws {
    let server = try TestServer()
    let phone = try phones(server, 1)[0]
    try phone.send()
    let pages = try server.store.connection.integer("PRAGMA page_count")
    try server.store.connection.execute("PRAGMA max_page_count = \(pages + 12)")
    var acknowledged: UInt64 = 3
    var failure: Problem?
    for _ in 0..<2_000 {
      phone.append(.answer(item: "q5", value: .text(String(repeating: "y", count: 100))))
      do {
        acknowledged = try phone.send(from: acknowledged + 1).sequence
      } catch let problem as Problem {
        failure = problem
        break
      }
    }
    #expect(failure?.kind == .storageLow)
    #expect(acknowledged > 3)
    // What is in memory is what is in the file: the same push fits as soon as there is room.
    #expect(try #require(try server.store.journal(phone.journal.id)).sequence == acknowledged)
    try server.store.connection.execute("PRAGMA max_page_count = \(pages + 5_000)")
    #expect(try phone.send(phone.push(from: 1, to: acknowledged)).verdict == .duplicate)
    let answer = try phone.send(from: acknowledged + 1)
    #expect(answer.verdict == .stored)
    #expect(answer.head == phone.journal.head)
    #expect(try phone.board().entries == phone.journal.sequence)
  }

  @Test func withLittleSpaceLeftOnlySealsAreTaken() throws {
    var configuration = ServerConfiguration()
    let space = SharedNumber(1 << 40)
    configuration.storage.availableBytes = { space.value }
    let server = try TestServer(configuration: configuration)
    let phone = try phones(server, 1)[0]
    try phone.send()
    space.value = 1 << 20
    phone.answer("q1", "a")
    #expect(throws: ServerCore.storageLow) { try phone.send(from: 4) }
    #expect(server.core.storage == .sealsOnly)
    guard case .problem(let problem) = server.perform(.join(session: phone.session, code: "012345")) else {
      throw Problem(.internal, "joined")
    }
    #expect(problem.kind == .storageLow)
    #expect(!(try phone.read().isEmpty))
    phone.seal()
    #expect(try phone.send(from: 4).verdict == .stored)
    #expect(try phone.receipts().count == 1)
  }

  @Test func aRestartGivesIdenticalAnswers() throws {
    let server = try TestServer()
    let phone = try phones(server, 1)[0]
    phone.answer("q1", "zzz")
    phone.answer("q1", "a")
    phone.append(.lock(LockFact(number: 1, cause: .call)))
    phone.answer("q2", "b")
    let first = try phone.send()
    let board = try phone.board()
    let export = try phone.exported()
    try server.restart()
    #expect(try phone.board() == board)
    #expect(try phone.exported() == export)
    let again = try phone.send()
    #expect(again.verdict == .duplicate)
    #expect(again.kept == first.kept)
    #expect(again.head == first.head)
    phone.answer("q1", "b")
    #expect(try phone.send(from: 8).kept.map(\.reason) == [.whileLocked])
  }

  @Test func anEvictedAttemptIsReadBack() throws {
    var configuration = ServerConfiguration()
    configuration.cachedAttempts = 1
    let server = try TestServer(configuration: configuration)
    let phones = try phones(server, 8)
    for phone in phones { try phone.send() }
    for phone in phones {
      phone.answer("q1", "c")
      #expect(try phone.send(from: 4).verdict == .stored)
    }
    #expect(server.core.cache.attempts.count <= 2)
    for phone in phones { #expect(try phone.exported().answers.map(\.values) == [["c"]]) }
  }

  @Test func serverTimeNeverGoesBack() throws {
    let server = try TestServer()
    let phone = try phones(server, 1)[0]
    try phone.send()
    let before = server.core.time
    server.now -= 3_600_000
    phone.answer("q1", "a")
    let response = try phone.sync(SyncRequest(pushes: [phone.push(from: 4)]))
    #expect(response.receivedAt >= before - 1)
    #expect(server.core.time >= before)
    phone.answer("q1", "b")
    try phone.send(from: 5)
    guard case .statistics(let statistics) = try server.command(.statistics) else {
      throw Problem(.internal, "no statistics")
    }
    #expect(statistics.clockSteps == 1)
    try server.restart()
    #expect(server.core.time >= before)
  }

  @Test func aStoreOfAnotherServerIsRefused() throws {
    let server = try TestServer()
    #expect(throws: StoreError.self) {
      _ = try ServerCore(
        store: server.store, identity: TestServer.identity, node: ID128(high: 2, low: 2), now: server.now,
        randomness: { 1 })
    }
  }

  @Test func theAuditTrailIsAChain() throws {
    let server = try TestServer()
    let phone = try phones(server, 1)[0]
    try phone.send()
    try server.command(.releaseLease(attempt: phone.attempt, reason: "phone broke"))
    #expect(throws: Problem.self) { try server.command(.reopen(attempt: phone.attempt, reason: "none")) }
    #expect(throws: Problem.self) {
      try server.command(.voidAttempt(attempt: phone.attempt, reason: "none"), by: TestServer.proctor)
    }
    try server.restart()
    var rows: [AuditRow] = []
    var after: String?
    repeat {
      guard case .audit(let page) = try server.command(.exportAudit(PageRequest(after: after, limit: 3))) else {
        throw Problem(.internal, "no audit")
      }
      rows += page.rows
      after = page.next
    } while after != nil
    var hash = Digest256.zero
    for (index, row) in rows.enumerated() {
      #expect(row.index == UInt64(index) + 1)
      #expect(AuditChain.hash(row, after: hash) == row.hash)
      hash = row.hash
    }
    let actions = rows.map(\.action)
    for action in [
      "store-opened", "exam-create", "paper-publish", "key-released", "log-in", "lease-taken",
      "attempt-release", "refused",
    ] { #expect(actions.contains(action)) }
    #expect(actions.filter { $0 == "refused" }.count == 2)
    let text = rows.map { $0.detail + $0.subject }.joined()
    #expect(!text.contains(Hex.encode(TestServer.paperKey)))
  }
}

/// A number that a closure of another thread may read.
final class SharedNumber: @unchecked Sendable {
  // Tests turn it between calls, on the thread that makes them.
  var value: Int64

  init(_ value: Int64) { self.value = value }
}

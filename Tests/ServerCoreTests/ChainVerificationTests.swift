import SQLite
import ServerStoreSQLite
import SyncProtocol
import Testing

@testable import ServerCore

/// What an opening after an unplanned end recomputes, and every damage that SQLite's own check cannot see.
@Suite struct ChainVerificationTests {
  let server: TestServer
  let phone: TestPhone

  init() throws {
    server = try TestServer()
    phone = try server.makePhone()
    phone.begin()
    try phone.send()
    for item in ["q1", "q2", "q1"] {
      phone.answer(item, "a")
      try phone.send(from: phone.journal.sequence)
    }
    phone.succeed()
    phone.answer("q1", "b")
    try phone.send()
  }

  @Test func aSoundStoreIsCountedThrough() throws {
    let verified = try server.store.verifyChains()
    #expect(verified.journals == 2)
    #expect(verified.entries == 8)
    #expect(verified.auditRecords > 2)
    try server.restart()
    #expect(try server.store.verifyChains().entries == 8)
  }

  @Test func anEmptyStoreIsSound() throws {
    #expect(try TestServer().store.verifyChains().entries == 0)
  }

  @Test(arguments: [
    (
      "UPDATE segments SET bytes = CAST(substr(bytes, 1, 20) || x'00' || substr(bytes, 22) AS BLOB) WHERE id = 1",
      "segment 1 "
    ),
    ("UPDATE segments SET bytes = CAST(bytes || x'00' AS BLOB) WHERE id = 2", "segment 2 "),
    ("UPDATE segments SET bytes = substr(bytes, 1, length(bytes) - 1) WHERE id = 2", "segment 2 "),
    ("UPDATE segments SET count = count + 1 WHERE id = 3", "segment 3 "),
    ("UPDATE segments SET head_before = zeroblob(32) WHERE id = 1", "segment 1 "),
    ("UPDATE segments SET head_after = zeroblob(32) WHERE id = 4", "segment 4 "),
    ("UPDATE segments SET previous = 0 WHERE id = 3", "segment 3 "),
    ("UPDATE segments SET journal = 99 WHERE id = 3", "belongs to no journal"),
    ("DELETE FROM segments WHERE id = 3", "segment 4 "),
    ("DELETE FROM segments WHERE id = 4", "lacks entries"),
    ("UPDATE journals SET sequence = sequence - 1 WHERE number = 1", "lacks entries"),
    ("UPDATE journals SET device = zeroblob(16) WHERE number = 2", "segment 5 "),
    ("UPDATE audit SET detail = detail || '!' WHERE position = 2", "record 2"),
    ("DELETE FROM audit WHERE position = 1", "record 2"),
    ("UPDATE attempts SET record = x'FF'", "column"),
  ])
  func everyDamageIsFound(sql: String, words: String) throws {
    try server.store.connection.execute(sql)
    #expect(try server.store.connection.quickCheck().isEmpty)
    let error = try #require(throws: StoreError.self) { try server.store.verifyChains() }
    #expect(error.kind == .fault)
    #expect(error.message.contains(words))
    #expect(error.message.contains("restore the newest backup"))
  }

  /// I27: a store that showed its damage once is asked nothing more, not even for what it would still say.
  @Test func afterAFaultNothingIsPerformed() throws {
    let other = try TestPhone(
      server: server, candidate: phone.candidate, attempt: phone.attempt, exam: phone.exam, seed: 9)
    #expect(try other.sync(SyncRequest()).acknowledgements.isEmpty)
    server.core.storeFault = StoreError(.fault, "a page was not what it was")
    phone.answer("q2", "b")
    let request = SyncRequest(pushes: [phone.push(from: phone.journal.sequence)])
    for reply in server.perform([phone.call(request), other.call(SyncRequest())]) {
      guard case .problem(let problem) = reply else {
        Issue.record("a reply after the fault")
        continue
      }
      #expect(problem.kind == .storageFailed)
    }
    #expect(try server.store.verifyChains().entries == 8)
    try server.restart()
    #expect(try phone.send(from: phone.journal.sequence).verdict == .stored)
  }
}

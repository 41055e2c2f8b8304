import ExamModel
import SQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ExamClient
@testable import ExamStore

/// What the server sent, and a disk that has no room for what it brings about.
@Suite(.timeLimit(.minutes(10))) struct FullDiskTests {
  /// Found by the simulator with a receipt, after which nothing more comes: the candidate was never shown it.
  @Test func grantThatFoundNoRoomIsTakenAgainThoughNothingElseComes() async throws {
    let phone = try TestPhone()
    try await phone.started()
    var events = await phone.client.events.makeAsyncIterator()
    let grant = GrantRecord(attempt: phone.exam.attempt, number: 1, milliseconds: 300_000, reason: "fire alarm")
    let key = NumberedRecord.key(attempt: phone.exam.attempt, number: 1)
    let records = try phone.exam.candidateRecords([(ScopeCollection.grant, key, grant.wire)])
    try await phone.client.receiveOnAFullDisk(records, of: phone.exam.candidate)
    #expect(await phone.client.recordRetry.dueAt == phone.clock.read().bootMilliseconds + RecordRetry.waitMilliseconds)
    try await phone.client.makeRoom()
    phone.clock.pass(milliseconds: Int64(RecordRetry.waitMilliseconds))
    while let event = await events.next(), event != .timeGranted(milliseconds: 300_000) {}
    #expect(await phone.client.recordRetry == RecordRetry())
  }
}

extension ExamClient {
  /// As from a round whose records found room, and then nothing more did.
  fileprivate func receiveOnAFullDisk(_ records: [(String, String, [UInt8])], of scope: ID128) throws {
    guard let store, let attempt else { return }
    let cursor = try store.cursors(of: [scope])[0].cursor
    _ = try store.store(TestExam.delta(scope, records, from: cursor))
    let pages = try store.connection.integer("PRAGMA page_count")
    try store.connection.execute("PRAGMA max_page_count = \(pages)")
    var isSet = true
    do throws(ExamStoreError) {
      while true {
        _ = try store.flag("q1", isSet: isSet, in: attempt, at: moment())
        isSet.toggle()
      }
    } catch {
      guard error.code == .diskFull else { throw error }
    }
    takeRecords(collections: Set(records.map(\.0)))
  }

  fileprivate func makeRoom() throws {
    try store?.connection.execute("PRAGMA max_page_count = 1000000")
  }
}

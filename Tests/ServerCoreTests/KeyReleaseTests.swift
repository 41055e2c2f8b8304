import ExamModel
import ServerStoreSQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// The paper's key is in no scope before T0, and there once from then on (I18).
@Suite struct KeyReleaseTests {
  let server: TestServer
  let exam: ID128
  let phone: TestPhone

  init() throws {
    server = try TestServer()
    exam = try server.makeExam(opensIn: 100_000)
    let row = try server.addCandidates(1, to: exam)[0]
    phone = try TestPhone(
      server: server, candidate: row.candidate, attempt: row.attempt, exam: exam, seed: 1)
  }

  private func keys() throws -> [Record] {
    try phone.read(exam).filter { $0.collection == ScopeCollection.key }
  }

  private var opensAt: Int64 {
    get throws {
      guard case .exam(let summary) = try server.command(.showExam(exam: exam)) else {
        throw Problem(.internal, "no exam")
      }
      return summary.opensAt
    }
  }

  @Test func theKeyComesAtT0AndNotBefore() throws {
    #expect(server.core.nextWork() == (try opensAt))
    server.now = try opensAt - 3
    #expect(try keys().isEmpty)
    for scope in [exam, phone.candidate] {
      for record in try phone.read(scope) {
        #expect(!Hex.encode(record.body).contains(Hex.encode(TestServer.paperKey)))
      }
    }
    server.now = try opensAt
    guard case .ticked(let next) = server.perform(.tick) else { throw Problem(.internal, "no tick") }
    #expect(next == nil)
    let record = try #require(try keys().first)
    #expect(record.key == "paper")
    #expect(try KeyRecord(wire: record.body).key == TestServer.paperKey)
    _ = server.perform(.tick)
    #expect(try keys().first?.version == record.version)
  }

  @Test func theKeyIsReleasedWithWhateverCommitsFirst() throws {
    server.now = try opensAt + 10
    #expect(try keys().count == 1)
  }

  @Test func theKeyIsReleasedAtTheStart() throws {
    server.now = try opensAt + 10
    try server.restart()
    #expect(try server.store.record(scope: exam, collection: ScopeCollection.key, key: "paper") != nil)
  }

  @Test func theReleaseWakesThePolls() throws {
    server.now = try opensAt + 1
    #expect(server.core.perform([.tick], now: server.now).changedScopes == [exam])
  }

  @Test func t0MovesUntilItIsThereAndNeverAfter() throws {
    let first = try opensAt
    try server.command(.postponeExam(exam: exam, opensAt: first + 50_000, closesAt: first + 900_000))
    server.now = first + 10
    #expect(try keys().isEmpty)
    server.now = first + 50_000
    #expect(try keys().count == 1)
    #expect(throws: Problem.self) {
      try server.command(.postponeExam(exam: exam, opensAt: first + 90_000, closesAt: first + 900_000))
    }
  }

  @Test func aPostponementMustLieAhead() throws {
    let now = server.now
    for (opens, closes) in [(now - 5, now + 100), (now + 100, now + 100), (now + 100, now + 50), (-1, 5)] {
      #expect(throws: Problem.self) {
        try server.command(.postponeExam(exam: exam, opensAt: opens, closesAt: closes))
      }
    }
  }

  @Test func aCancelledExamReleasesNothing() throws {
    try server.command(.cancelExam(exam: exam, reason: "flood"))
    server.now += 200_000
    #expect(try keys().isEmpty)
    #expect(server.core.nextWork() == nil)
  }

  @Test func aPaperPublishedAfterT0OpensAtOnce() throws {
    let late = try server.makeExam(opensIn: -1_000, code: "777777", paper: false)
    #expect(try server.store.record(scope: late, collection: ScopeCollection.key, key: "paper") == nil)
    try server.publishPaper(late)
    #expect(try server.store.record(scope: late, collection: ScopeCollection.key, key: "paper") != nil)
  }

  @Test func allVersionsShareTheKey() throws {
    try server.publishPaper(exam, version: 2)
    let blob = BlobPointer(digest: .zero, length: 1)
    let other = [UInt8](repeating: 1, count: 32)
    let paper = PublishedPaper(
      version: 3, manifest: blob, packs: [], key: other, keyCheck: BlobSeal.keyCheck(other), parts: PublishedParts(),
      items: TestServer.items)
    #expect(throws: Problem.self) { try server.command(.publishPaper(exam: exam, paper: paper)) }
    #expect(throws: Problem.self) { try server.publishPaper(exam, version: 2) }
    guard case .publishing(let state) = try server.command(.publishingState(exam: exam)) else {
      throw Problem(.internal, "no state")
    }
    #expect(state.version == 2)
    #expect(state.key == TestServer.paperKey)
  }
}

import ExamModel
import SQLite
import ServerStoreSQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// Deltas, epochs, resets, isolation (I10, I18, I20).
@Suite struct ScopeTests {
  let server: TestServer
  let phone: TestPhone

  init() throws {
    server = try TestServer()
    phone = try server.makePhone()
  }

  private func cursor(_ scope: ID128) throws -> Cursor {
    let request = SyncRequest(scopes: [ScopeCursor(scope: scope, cursor: .start)])
    return try #require(try phone.sync(request).deltas.first).to
  }

  private func delta(_ cursor: ScopeCursor) throws -> Delta? {
    try phone.sync(SyncRequest(scopes: [cursor])).deltas.first
  }

  /// Announcements that fill more than three pages.
  private func fill(_ count: Int = 250) throws {
    for _ in 0..<count {
      try server.command(.announce(exam: phone.exam, text: String(repeating: "x", count: 4_000)))
    }
  }

  @Test func aNewDeviceGetsEverythingAsAReset() throws {
    let delta = try #require(try delta(ScopeCursor(scope: phone.candidate, cursor: .start)))
    #expect(delta.isReset)
    #expect(delta.from == .start)
    #expect(delta.to.epoch == server.core.epoch)
    #expect(delta.checkpoint?.count == UInt64(delta.records.count))
    #expect(Set(delta.records.map(\.collection)) == [ScopeCollection.profile, ScopeCollection.attempt])
    #expect(delta.records.map(\.version) == delta.records.map(\.version).sorted())
  }

  @Test func nothingNewIsQuiet() throws {
    let cursor = try cursor(phone.candidate)
    let call = phone.call(SyncRequest(scopes: [ScopeCursor(scope: phone.candidate, cursor: cursor)]))
    guard case .sync(let response, let isQuiet) = server.perform(call) else { throw Problem(.internal, "no sync") }
    #expect(isQuiet)
    #expect(response.deltas.isEmpty)
  }

  @Test func aDeltaHoldsOnlyWhatChanged() throws {
    let cursor = try cursor(phone.exam)
    try server.command(.announce(exam: phone.exam, text: "Please turn over"))
    let delta = try #require(try delta(ScopeCursor(scope: phone.exam, cursor: cursor)))
    #expect(!delta.isReset)
    #expect(delta.records.filter { $0.collection == ScopeCollection.announcement }.count == 1)
    #expect(delta.records.allSatisfy { $0.version > cursor.version })
    #expect(delta.checkpoint != nil)
  }

  @Test func pagesEndWithOneCheckpoint() throws {
    try fill()
    var pages: [Delta] = []
    var staged: UInt64 = 0
    repeat {
      let page = try #require(try delta(ScopeCursor(scope: phone.exam, cursor: .start, staged: staged)))
      staged = page.to.version
      pages.append(page)
    } while pages.last?.checkpoint == nil && pages.count < 20
    #expect(pages.count > 3)
    #expect(pages.map(\.isReset) == [true] + [Bool](repeating: false, count: pages.count - 1))
    #expect(pages.dropLast().allSatisfy { $0.checkpoint == nil })
    for page in pages {
      #expect(page.records.reduce(0) { $0 + ServerCore.sizeOnWire($1) } <= Limits.deltaPageBytes)
    }
    #expect(try phone.read(phone.exam).count == 253)
  }

  @Test func aRecordThatChangesWhilePagesAreReadComesAgain() throws {
    try fill()
    let first = try #require(try delta(ScopeCursor(scope: phone.exam, cursor: .start)))
    try server.publishPaper(phone.exam, version: 2)
    var staged = first.to.version
    var last = first
    while last.checkpoint == nil {
      last = try #require(try delta(ScopeCursor(scope: phone.exam, cursor: .start, staged: staged)))
      staged = last.to.version
    }
    #expect(last.records.contains { $0.collection == ScopeCollection.exam })
    #expect(last.to.version == last.records.last?.version)
  }

  @Test func afterARestartStagedPagesOfAResetBeginAnew() throws {
    try fill()
    let first = try #require(try delta(ScopeCursor(scope: phone.exam, cursor: .start)))
    try server.restart()
    let again = try #require(
      try delta(ScopeCursor(scope: phone.exam, cursor: .start, staged: first.to.version)))
    #expect(again.isReset)
    #expect(again.records.first?.version == first.records.first?.version)
  }

  @Test func cursorsSurviveARestart() throws {
    let cursor = try cursor(phone.candidate)
    try server.restart()
    let empty = try #require(try delta(ScopeCursor(scope: phone.candidate, cursor: cursor)))
    #expect(!empty.isReset && empty.records.isEmpty)
    #expect(empty.to == Cursor(epoch: server.core.epoch, version: cursor.version))
    #expect(empty.checkpoint != nil)
    #expect(try delta(ScopeCursor(scope: phone.candidate, cursor: empty.to)) == nil)
    try server.command(.extendAttempt(attempt: phone.attempt, milliseconds: 1_000, reason: "noise"))
    let delta = try #require(try delta(ScopeCursor(scope: phone.candidate, cursor: cursor)))
    #expect(!delta.isReset)
    #expect(delta.records.count == 1)
    #expect(delta.to.epoch != cursor.epoch)
  }

  @Test func aCursorFromBeyondARestoredCopyIsReset() throws {
    let old = try cursor(phone.candidate)
    try server.backUp(to: "old.sqlite")
    try server.command(.extendAttempt(attempt: phone.attempt, milliseconds: 1_000, reason: "noise"))
    let beyond = try cursor(phone.candidate)
    #expect(beyond.version == old.version + 1)
    try server.restore(from: "old.sqlite")
    let reset = try #require(try delta(ScopeCursor(scope: phone.candidate, cursor: beyond)))
    #expect(reset.isReset)
    #expect(reset.checkpoint != nil)
    // Found by the simulator: a phone that had handed in, with nothing new in its scopes, never heard of the restore.
    let news = try #require(try delta(ScopeCursor(scope: phone.candidate, cursor: old)))
    #expect(!news.isReset && news.records.isEmpty && news.to.epoch == server.core.epoch)
    try server.command(.extendAttempt(attempt: phone.attempt, milliseconds: 2_000, reason: "noise"))
    #expect(try #require(try delta(ScopeCursor(scope: phone.candidate, cursor: beyond))).isReset)
    #expect(!(try #require(try delta(ScopeCursor(scope: phone.candidate, cursor: old))).isReset))
  }

  @Test func anUnknownEpochIsReset() throws {
    var cursor = try cursor(phone.candidate)
    cursor.epoch ^= 1
    #expect(try #require(try delta(ScopeCursor(scope: phone.candidate, cursor: cursor))).isReset)
  }

  @Test func belowTheHorizonOfTombstonesIsReset() throws {
    let cursor = try cursor(phone.exam)
    try server.command(.announce(exam: phone.exam, text: "one"))
    let later = try self.cursor(phone.exam)
    let core = server.core
    try server.store.transaction {
      try core.scopes.delete(scope: phone.exam, collection: ScopeCollection.announcement, key: "1", server.store)
      try core.scopes.purge(scope: phone.exam, through: .max, server.store)
      try core.scopes.flush(server.store)
    }
    core.scopes.committed()
    #expect(try #require(try delta(ScopeCursor(scope: phone.exam, cursor: cursor))).isReset)
    #expect(try #require(try delta(ScopeCursor(scope: phone.exam, cursor: later))).isReset)
    #expect(!(try phone.read(phone.exam).contains { $0.collection == ScopeCollection.announcement }))
  }

  @Test func tombstonesReachThoseWhoHadTheRecord() throws {
    try server.command(.announce(exam: phone.exam, text: "one"))
    let cursor = try cursor(phone.exam)
    let core = server.core
    try server.store.transaction {
      try core.scopes.delete(scope: phone.exam, collection: ScopeCollection.announcement, key: "1", server.store)
      try core.scopes.flush(server.store)
    }
    core.scopes.committed()
    let delta = try #require(try delta(ScopeCursor(scope: phone.exam, cursor: cursor)))
    #expect(delta.records.map(\.isDeleted) == [true])
    #expect(!delta.isReset)
  }

  @Test func deltasAreWithheldFromStaleRequests() throws {
    let request = SyncRequest(scopes: [ScopeCursor(scope: phone.candidate, cursor: .start)])
    let response = try phone.sync(request, isFresh: false)
    #expect(response.deltas.isEmpty)
    #expect(response.isStale)
  }

  @Test func pushesAreTakenAtAnyAge() throws {
    phone.begin()
    let response = try phone.sync(SyncRequest(pushes: [phone.push()]), isFresh: false)
    #expect(response.acknowledgements.map(\.verdict) == [.stored])
    #expect(!response.isStale)
  }

  @Test func unknownAndRefusedScopesLookTheSame() throws {
    let row = try server.addCandidates(1, to: try server.makeExam(code: "999999"), from: 2)[0]
    let other = try TestPhone(
      server: server, candidate: row.candidate, attempt: row.attempt, exam: phone.exam, seed: 9)
    for scope in [phone.candidate, phone.exam, ID128(high: 5, low: 5)] {
      let request = SyncRequest(scopes: [ScopeCursor(scope: scope, cursor: .start)])
      guard case .sync(let response, let isQuiet) = server.perform(other.call(request)) else {
        throw Problem(.internal, "no sync")
      }
      #expect(response.deltas.isEmpty)
      #expect(isQuiet)
    }
  }

  @Test func changedScopesAreNamed() throws {
    phone.begin()
    server.now += 1
    let outcome = server.core.perform([phone.call(SyncRequest(pushes: [phone.push()]))], now: server.now)
    #expect(outcome.changedScopes == [phone.candidate])
    phone.answer("q1", "a")
    server.now += 1
    let quiet = server.core.perform([phone.call(SyncRequest(pushes: [phone.push(from: 4)]))], now: server.now)
    #expect(quiet.changedScopes.isEmpty)
  }

  /// 10 changed records cost the same at 100 records and at 10,000.
  @Test func aDeltaVisitsOnlyTheRowsThatChanged() throws {
    func work(records: Int) throws -> Int {
      let scope = ID128(high: 8, low: UInt64(records))
      let core = server.core
      func put(_ range: Range<Int>, _ text: String) throws {
        try server.store.transaction {
          for index in range {
            try core.scopes.put(
              Array("\(text) \(index)".utf8), scope: scope, collection: "c", key: "\(index)", server.store)
          }
          try core.scopes.flush(server.store)
        }
        core.scopes.committed()
      }
      try put(0..<records, "old")
      let version = try #require(try server.store.scope(scope)).version
      try put(0..<10, "new")
      let connection = server.store.connection
      _ = connection.total(.virtualMachineSteps, resets: true)
      let delta = try #require(
        try core.delta(
          for: ScopeCursor(scope: scope, cursor: Cursor(epoch: core.epoch, version: version)), session: .zero))
      #expect(delta.records.count == 10)
      #expect(connection.total(.fullScanSteps) == 0)
      return connection.total(.virtualMachineSteps)
    }
    #expect(try work(records: 100) == work(records: 10_000))
  }
}

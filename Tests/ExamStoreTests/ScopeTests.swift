import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

@Suite struct ScopeTests {
  private let scope = ID128(high: 0x5C, low: 1)

  private func phone(records: Int = 5) throws -> Phone {
    let phone = try Phone()
    for number in 0..<records { phone.set("announcement", "\(number)", [UInt8(number)], in: scope) }
    return phone
  }

  private func held(_ phone: Phone) throws -> [String: [UInt8]] {
    Dictionary(uniqueKeysWithValues: try phone.store.records("announcement", in: scope).map { ($0.key, $0.body) })
  }

  /// The delta cut into pages of one record; only the last carries the checkpoint.
  private func pages(_ delta: Delta) -> [Delta] {
    delta.records.enumerated().map { index, record in
      var page = delta
      page.records = [record]
      let isLast = index == delta.records.count - 1
      page.to = Cursor(epoch: delta.to.epoch, version: isLast ? delta.to.version : record.version)
      page.checkpoint = isLast ? delta.checkpoint : nil
      return page
    }
  }

  @Test func deltaIsAppliedWithItsCursor() throws {
    let phone = try phone()
    #expect(
      try phone.deliver(scope)
        == .applied(
          ScopeCursor(scope: scope, cursor: Cursor(epoch: 77, version: 5)), collections: ["announcement"]))
    try phone.restart()
    #expect(try phone.store.cursors(of: [scope])[0].cursor == Cursor(epoch: 77, version: 5))
    #expect(try held(phone).count == 5)
    #expect(try phone.store.checkpoint(of: scope) == phone.checkpoint(scope))
    #expect(phone.store.report.damagedScopes.isEmpty)
  }

  @Test func laterDeltaChangesAndDeletes() throws {
    let phone = try phone()
    try phone.deliver(scope)
    phone.set("announcement", "1", [99], in: scope)
    phone.set("announcement", "2", nil, in: scope)
    phone.set("announcement", "9", [9], in: scope)
    phone.set("announcement", "10", nil, in: scope)
    guard case .applied = try phone.deliver(scope) else {
      Issue.record("the delta was not applied")
      return
    }
    try phone.restart()
    #expect(try held(phone) == ["0": [0], "1": [99], "3": [3], "4": [4], "9": [9]])
  }

  @Test func pagesAreStagedUntilTheCheckpointAcrossReopening() throws {
    let phone = try phone()
    try phone.deliver(scope)
    for number in 0..<4 { phone.set("announcement", "\(number)", [100], in: scope) }
    let cursor = try phone.store.cursors(of: [scope])[0].cursor
    for page in pages(phone.delta(scope, from: cursor)) {
      #expect(try held(phone)["0"] == [0])
      let outcome = try phone.store.store(page)
      if page.checkpoint == nil {
        #expect(outcome == .staged(ScopeCursor(scope: scope, cursor: cursor, staged: page.to.version)))
      }
      try phone.restart()
    }
    #expect(try held(phone)["0"] == [100])
    #expect(try phone.store.cursors(of: [scope])[0].staged == 0)
  }

  @Test func recordSentTwiceOverwritesItselfInStaging() throws {
    let phone = try phone()
    let all = pages(phone.delta(scope, from: .start))
    _ = try phone.store.store(all[0])
    phone.set("announcement", "0", [55], in: scope)
    let rest = pages(phone.delta(scope, from: .start)).filter { $0.records[0].version > all[0].to.version }
    for page in rest { _ = try phone.store.store(page) }
    #expect(try held(phone)["0"] == [55])
    #expect(try phone.store.checkpoint(of: scope) == phone.checkpoint(scope))
  }

  @Test func deltaFromAnotherCursorIsDropped() throws {
    let phone = try phone()
    try phone.deliver(scope)
    let before = try held(phone)
    let stale = phone.delta(scope, from: .start)
    #expect(
      try phone.store.store(stale)
        == .dropped(ScopeCursor(scope: scope, cursor: Cursor(epoch: 77, version: 5))))
    #expect(try held(phone) == before)
  }

  @Test func wrongDigestAndWrongCountAreRolledBack() throws {
    let phone = try phone()
    try phone.deliver(scope)
    phone.set("announcement", "0", [200], in: scope)
    let cursor = try phone.store.cursors(of: [scope])[0]
    var wrongDigest = phone.delta(scope, from: cursor.cursor)
    wrongDigest.checkpoint?.digest = .empty
    var wrongCount = phone.delta(scope, from: cursor.cursor)
    wrongCount.checkpoint?.count += 1
    for delta in [wrongDigest, wrongCount] {
      #expect(try phone.store.store(delta) == .mismatched(cursor))
      #expect(try held(phone)["0"] == [0])
    }
    try phone.restart()
    #expect(phone.store.report.damagedScopes.isEmpty)
    guard case .applied = try phone.deliver(scope) else {
      Issue.record("the right delta was not applied")
      return
    }
  }

  @Test func mismatchThrowsStagedPagesAway() throws {
    let phone = try phone()
    var all = pages(phone.delta(scope, from: .start))
    all[4].checkpoint?.count = 99
    for page in all.dropLast() { _ = try phone.store.store(page) }
    #expect(try phone.store.store(all[4]) == .mismatched(ScopeCursor(scope: scope, cursor: .start)))
    #expect(try held(phone).isEmpty)
  }

  @Test func resetReplacesTheScopeAndServesTheOldStateUntilThen() throws {
    let phone = try phone()
    try phone.deliver(scope)
    phone.set("announcement", "0", nil, in: scope)
    phone.set("announcement", "1", [77], in: scope)
    let cursor = try phone.store.requestReset(of: scope)
    #expect(cursor.cursor == .start)
    #expect(try held(phone)["0"] == [0])
    #expect(try phone.store.checkpoint(of: scope) == nil)
    let all = pages(phone.delta(scope, from: .start, isReset: true))
    for page in all.dropLast() {
      _ = try phone.store.store(page)
      #expect(try held(phone)["0"] == [0])
    }
    _ = try phone.store.store(all[all.count - 1])
    #expect(try held(phone) == ["1": [77], "2": [2], "3": [3], "4": [4]])
  }

  @Test func resetInTheMiddleStartsStagingAnew() throws {
    let phone = try phone()
    try phone.deliver(scope)
    let cursor = try phone.store.cursors(of: [scope])[0].cursor
    for number in 0..<3 { phone.set("announcement", "\(number)", [50], in: scope) }
    _ = try phone.store.store(pages(phone.delta(scope, from: cursor))[0])
    // The horizon passed by: the server begins from the beginning, and "0" is gone.
    phone.set("announcement", "0", nil, in: scope)
    for page in pages(phone.delta(scope, from: cursor, isReset: true)) { _ = try phone.store.store(page) }
    #expect(try held(phone) == ["1": [50], "2": [50], "3": [3], "4": [4]])
  }

  @Test func journalsAreNeverTouchedByAReset() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    let journal = try phone.journal
    try phone.store.requestReset(of: Phone.candidate)
    phone.scopes[Phone.candidate] = [:]
    try phone.deliver(Phone.candidate)
    #expect(try phone.journal == journal)
    #expect(try phone.answers == ["q1": "A"])
    try phone.answer("q2", "A")
    try phone.restart()
    #expect(try phone.answers.count == 2)
  }

  @Test func oversizedRecordIsRefused() throws {
    let phone = try phone(records: 0)
    for record in [
      Record(collection: "", key: "k", version: 1, body: []),
      Record(collection: "c", key: String(repeating: "k", count: 129), version: 1, body: []),
      Record(collection: "c", key: "k", version: 1, body: [UInt8](repeating: 0, count: Limits.recordBytes + 1)),
    ] {
      let delta = Delta(
        scope: scope, from: .start, records: [record], to: Cursor(epoch: 1, version: 1), checkpoint: nil)
      try refused(.badArgument) { _ = try phone.store.store(delta) }
    }
    #expect(try phone.store.heldScopes.isEmpty)
  }

  @Test func termsAreWhatTheScopesSay() throws {
    let phone = try Phone.answering(policy: AttemptPolicy(maximumLocks: 3))
    let grant = GrantRecord(attempt: phone.attempt, number: 1, milliseconds: 600_000, reason: "fire alarm")
    let key = NumberedRecord.key(attempt: phone.attempt, number: 1)
    phone.set(ScopeCollection.grant, key, grant.wire, in: Phone.candidate)
    phone.set(
      ScopeCollection.reopen, key, NumberedRecord(attempt: phone.attempt, number: 1).wire, in: Phone.candidate)
    try phone.deliver(Phone.candidate)
    let terms = try phone.store.terms(phone.attempt)
    #expect(terms.grants == [grant] && terms.reopens == [1] && terms.voids.isEmpty && terms.unlocks.isEmpty)
    #expect(try #require(terms.window).deadline(started: nil) == Int64(1_800_007_800_000))
    #expect(terms.exam?.policy.maximumLocks == 3)
    #expect(try phone.store.attempts() == [phone.attemptRecord()])
    try phone.restart()
    #expect(try phone.store.terms(phone.attempt) == terms)
  }

  @Test func unreadableRecordIsAnErrorAndNoValue() throws {
    let phone = try Phone.answering()
    phone.set(ScopeCollection.attempt, ID128(high: 1, low: 1).hex, [0xFF, 0xFF], in: Phone.candidate)
    try phone.deliver(Phone.candidate)
    #expect(try phone.store.attempts().map(\.attempt) == [phone.attempt])
    try refused(.recordUnreadable) {
      _ = try phone.store.value(
        AttemptRecord.self, ScopeCollection.attempt, ID128(high: 1, low: 1).hex, in: Phone.candidate)
    }
  }

  @Test func voidedAttemptIsNotJoined() throws {
    let phone = try Phone()
    try phone.logIn()
    try phone.assign()
    var record = phone.attemptRecord()
    record.isVoided = true
    phone.set(ScopeCollection.attempt, phone.attempt.hex, record.wire, in: Phone.candidate)
    try phone.deliver(Phone.candidate)
    try refused(.notAssigned) { _ = try phone.store.join(phone.attempt, at: phone.moment()) }
  }
}

import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

@Suite struct PushingTests {
  @Test func pushIsAChainThatTheServerCanCheck() throws {
    let phone = try Phone.answering()
    for number in 1...5 { try phone.answer("q\(number)", "A") }
    let journal = try phone.journal
    let push = try #require(try phone.store.pushLoad(journal.id))
    #expect(push.first == 1 && push.last == journal.last && push.subject == phone.attempt && push.lease == 1)
    let device = try #require(phone.store.identity).signingKey.id
    var head = Chain.genesis(journal: journal.id, subject: phone.attempt, deviceKey: device)
    for (index, body) in push.bodies.enumerated() {
      head = Chain.next(head, sequence: UInt64(index + 1), body: body)
    }
    #expect(head == push.head && head == journal.head)
  }

  @Test func nextPushBeginsAfterTheAcknowledgedEntry() throws {
    let phone = try Phone.answering()
    for number in 1...5 { try phone.answer("q\(number)", "A") }
    let result = try phone.acknowledge(4)
    #expect(result.comparison == .matched && !result.wentBack && result.pending == 3)
    try phone.restart()
    let push = try #require(try phone.store.pushLoad(try phone.journal.id))
    #expect(push.first == 5 && push.subject == nil && push.bodies.count == 4)
    try phone.acknowledge(8)
    #expect(try phone.store.pushLoad(try phone.journal.id) == nil)
    #expect(try phone.status.pendingEntries == 0)
  }

  @Test func limitsOfEntriesAndBytesAreKept() throws {
    let phone = try Phone.answering()
    for number in 1...6 {
      let text = AnswerValue.text(String(repeating: "x", count: 60_000))
      _ = try phone.store.save(text, for: "q\(number)", in: phone.attempt, at: phone.moment())
    }
    let id = try phone.journal.id
    #expect(try phone.store.pushLoad(id, maximumEntries: 2)?.bodies.count == 2)
    let whole = try #require(try phone.store.pushLoad(id))
    #expect(whole.bodies.reduce(0) { $0 + $1.count } <= Limits.pushBytes)
    #expect(whole.bodies.count == 6)
    #expect(try phone.store.pushLoad(id, from: 3, maximumBytes: 10)?.bodies.count == 1)
    #expect(try phone.store.pushLoad(id, from: 9) == nil)
    #expect(try phone.store.pushLoad(id, from: 0) == nil)
    #expect(try phone.store.pushLoad(id, from: .max) == nil)
  }

  @Test func pushIsNeverLongerThanTheProtocolAllows() throws {
    let phone = try Phone.answering()
    for number in 1...Limits.pushEntries + 5 { try phone.answer("q\(number)", "A") }
    let push = try #require(try phone.store.pushLoad(try phone.journal.id, maximumEntries: .max, maximumBytes: .max))
    #expect(push.bodies.count == Limits.pushEntries)
  }

  @Test func lowerAcknowledgementMakesEntriesPendingAgain() throws {
    let phone = try Phone.answering()
    for number in 1...5 { try phone.answer("q\(number)", "A") }
    try phone.acknowledge(7)
    #expect(try phone.status.counts.onServer == 5)
    let result = try phone.acknowledge(3)
    #expect(result.wentBack && result.comparison == .matched && result.pending == 4)
    try phone.restart()
    #expect(try phone.status.counts.onServer == 1)
    #expect(try phone.journal.greatestAcknowledged == 7)
    #expect(try phone.store.pushLoad(try phone.journal.id)?.first == 4)
  }

  @Test func acknowledgementOfNothingIsNoFork() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    try phone.acknowledge(3)
    let result = try phone.acknowledge(0, head: .zero)
    #expect(result.comparison == .matched && result.wentBack)
    #expect(try phone.store.pushLoad(try phone.journal.id)?.first == 1)
  }

  @Test func acknowledgementBeyondOwnEntriesIsToldAndProvesNothing() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    let result = try phone.acknowledge(99, head: .zero)
    #expect(result.comparison == .beyondOwn)
    #expect(try phone.status.counts.onServer == 0)
    try phone.restart()
    #expect(try phone.journal.acknowledged.standing == .beyondOwn)
    #expect(try phone.store.pushLoad(try phone.journal.id)?.first == 1)
    #expect(try phone.acknowledge(.max, head: .zero).comparison == .beyondOwn)
  }

  @Test func otherHeadIsToldAndProvesNothing() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    let result = try phone.acknowledge(3, head: Hash.sha256([1]))
    #expect(result.comparison == .headDiffers)
    #expect(try phone.status.counts.onServer == 0)
    try phone.restart()
    #expect(try phone.journal.acknowledged.standing == .headDiffers)
  }

  @Test func headsAreThoseOfTheChain() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    let journal = try phone.journal
    let heads = try phone.store.heads(of: journal.id, at: [0, 2, 3, 4, .max])
    let device = try #require(phone.store.identity).signingKey.id
    #expect(heads[0] == Chain.genesis(journal: journal.id, subject: phone.attempt, deviceKey: device))
    #expect(heads[3] == journal.head)
    #expect(heads.keys.sorted() == [0, 2, 3])
  }

  @Test func unknownJournalIsRefused() throws {
    let phone = try Phone.answering()
    let other = ID128(high: 4, low: 4)
    try refused(.unknownJournal) { _ = try phone.store.pushLoad(other) }
    try refused(.unknownJournal) { try phone.acknowledge(1, of: other, head: .zero) }
    try refused(.unknownJournal) { _ = try phone.store.openSuccessor(of: other, at: 0, moment: phone.moment()) }
  }

  @Test func leaseIsRenewedOnlyWhereItIsThisDevices() throws {
    let phone = try Phone.answering()
    #expect(try phone.store.renewLease(of: phone.attempt, at: phone.moment()) == nil)
    let own = try #require(phone.store.identity).signingKey.id
    for (lease, device, expected) in [(UInt32(2), ID128(high: 1, low: 1), UInt32(1)), (3, own, 3)] {
      let record = phone.attemptRecord(lease: lease, device: device)
      phone.set(ScopeCollection.attempt, phone.attempt.hex, record.wire, in: Phone.candidate)
      try phone.deliver(Phone.candidate)
      _ = try phone.store.renewLease(of: phone.attempt, at: phone.moment())
      #expect(try phone.journal.lease == expected)
      try phone.restart()
      #expect(try phone.journal.lease == expected)
    }
    guard case .open(let opening) = try #require(try phone.entries().last).kind else {
      Issue.record("the last entry is no opening")
      return
    }
    #expect(opening.leaseOrdinal == 3 && opening.appVersion == "3.4.2")
  }

  @Test func durabilityIsDerivedForEachAnswer() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    let second = try phone.answer("q2", "A")
    try phone.answer("q1", "B")
    try phone.acknowledge(second.sequence)
    let status = try phone.status
    #expect(status.answers.map(\.durability.isOnServer) == [false, true])
    #expect(status.counts == DurabilityCounts(saved: 2, onServer: 1, sealed: 0, receipted: 0))
    _ = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    #expect(try phone.status.counts == DurabilityCounts(saved: 2, onServer: 1, sealed: 2, receipted: 0))
    try phone.store.storeReceipt(try phone.receipt())
    #expect(try phone.status.counts == DurabilityCounts(saved: 2, onServer: 1, sealed: 2, receipted: 2))
  }

  @Test func receiptThatLacksAnswersReceiptsNone() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    _ = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    try phone.store.storeReceipt(try phone.receipt { $0.applied = .zero })
    #expect(try phone.status.receipt != nil)
    #expect(try phone.status.counts.receipted == 0)
  }
}

import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

@Suite struct SuccessorTests {
  @Test func successorCarriesOverWhatIsAboveTheFork() throws {
    let phone = try Phone.answering()
    for number in 1...4 { try phone.answer("q\(number)", "A") }
    let old = try phone.journal
    let before = try phone.entries()
    let heads = try phone.store.heads(of: old.id, at: [4])
    let successor = try phone.store.openSuccessor(of: old.id, at: 4, moment: phone.moment())
    let entries = try phone.entries(of: successor.id)
    guard case .open(let opening) = entries[0].kind else {
      Issue.record("a successor begins with an opening")
      return
    }
    #expect(opening.predecessor == JournalPosition(journal: old.id, sequence: 4, head: try #require(heads[4])))
    #expect(Array(entries.suffix(2)) == Array(before.suffix(2)))
    #expect(entries.count == 3)
    try phone.restart()
    #expect(try phone.answers == ["q1": "A", "q2": "A", "q3": "A", "q4": "A"])
    #expect(try phone.status.forkCount == 1)
  }

  @Test func predecessorStaysAndTakesNothingMore() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    let old = try phone.journal
    try phone.store.openSuccessor(of: old.id, at: 2, moment: phone.moment())
    try phone.answer("q2", "A")
    try phone.restart()
    let status = try phone.store.journalStatus(old.id)
    #expect(!status.isLive && status.last == old.last && status.end == 2)
    #expect(try phone.store.heads(of: old.id, at: [old.last])[old.last] == old.head)
    #expect(try phone.store.pushLoad(old.id)?.last == 2)
    try refused(.badArgument) { try phone.store.openSuccessor(of: old.id, at: 1, moment: phone.moment()) }
  }

  @Test func carriedEntriesKeepTheirTimes() throws {
    let phone = try Phone.answering()
    let moment = phone.moment()
    let bounds = TimeBounds(earliest: 1_800_000_010_000, latest: 1_800_000_010_050)
    let context = ClockContext(
      bootID: moment.instant.bootID, bootMilliseconds: moment.instant.bootMilliseconds,
      wallMilliseconds: moment.instant.wallMilliseconds, server: bounds)
    _ = try phone.store.storeContext(context, in: phone.attempt, at: moment)
    for number in 1...3 { try phone.answer("q\(number)", "A") }
    let old = try phone.journal
    let expected = times(try phone.entries())
    phone.bootMilliseconds += 600_000
    phone.wallMilliseconds += 600_000
    let successor = try phone.store.openSuccessor(of: old.id, at: old.last - 2, moment: phone.moment())
    let carried = times(try phone.entries(of: successor.id))
    #expect(carried["q3"]?.boot == expected["q3"]?.boot && carried["q2"]?.boot == expected["q2"]?.boot)
    let width = try #require(carried["q3"]?.bounds?.width)
    #expect(width < 100)
    #expect(carried["q3"]?.bounds?.earliest ?? 0 >= bounds.earliest + 2_000)
  }

  private func times(_ entries: [Entry]) -> [String: (boot: UInt64, bounds: TimeBounds?)] {
    var clock = JournalClock()
    var times: [String: (boot: UInt64, bounds: TimeBounds?)] = [:]
    for entry in entries {
      clock.advance(entry)
      if case .answer(let item, _) = entry.kind { times[item] = (clock.bootMilliseconds, clock.bounds) }
    }
    return times
  }

  @Test func nothingInCommonCarriesEverything() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    let old = try phone.journal
    let successor = try phone.store.openSuccessor(of: old.id, at: 0, moment: phone.moment())
    #expect(successor.predecessor?.sequence == 0)
    #expect(try phone.store.pushLoad(old.id) == nil)
    #expect(try phone.status.phase == .answering)
    #expect(try phone.answers == ["q1": "A"])
    #expect(successor.last == old.last + 1)
    #expect(try phone.status.pendingEntries == successor.last)
  }

  @Test func locksAndTriesGoOn() throws {
    let phone = try Phone.answering()
    for _ in 1...3 {
      _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
      _ = try phone.store.unlock(code: "11111111", in: phone.attempt, at: phone.moment()) { _, _ in true }
    }
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    try phone.store.openSuccessor(of: try phone.journal.id, at: 4, moment: phone.moment())
    try phone.restart()
    #expect(try phone.status.locks.count == 4)
    #expect(try phone.status.phase == .locked(4))
    let fifth = try #require(try phone.store.lock(.call, in: phone.attempt, at: phone.moment()))
    #expect(fifth.number == 5 && fifth.handedIn)
    let seal = try #require(try phone.status.seal)
    #expect(seal.journals.count == 2)
  }

  @Test func sealAboveTheForkIsMadeAnew() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    _ = try phone.store.seal(phone.attempt, cause: .bell, at: phone.moment())
    let old = try phone.journal
    let successor = try phone.store.openSuccessor(of: old.id, at: 2, moment: phone.moment())
    try phone.restart()
    #expect(try phone.status.phase == .sealed(ordinal: 1))
    let entries = try phone.entries(of: successor.id)
    let index = try #require(entries.firstIndex { if case .seal = $0.kind { true } else { false } })
    guard case .seal(let signed) = entries[index].kind else { return }
    let statement = try SealStatement(wire: signed.statement)
    #expect(statement.cause == .bell && statement.answerCount == 1)
    let before = try #require(try phone.store.heads(of: successor.id, at: [UInt64(index)])[UInt64(index)])
    #expect(
      Set(statement.journals)
        == [
          try #require(successor.predecessor),
          JournalPosition(journal: successor.id, sequence: UInt64(index), head: before),
        ])
    let key = try #require(phone.store.identity).signingKey.publicKey
    #expect(Signatures.verify(signed.signature, of: signed.statement + before.bytes, context: .seal, publicKey: key))
  }

  @Test func sequenceThatTheJournalLacksIsRefused() throws {
    let phone = try Phone.answering()
    let journal = try phone.journal
    try refused(.badArgument) {
      try phone.store.openSuccessor(of: journal.id, at: journal.last + 1, moment: phone.moment())
    }
    #expect(try phone.journal == journal)
  }

  @Test func successorsOfSuccessorsChain() throws {
    let phone = try Phone.answering()
    for number in 1...5 {
      try phone.answer("q\(number)", "A")
      try phone.store.openSuccessor(of: try phone.journal.id, at: try phone.journal.last - 1, moment: phone.moment())
      if number.isMultiple(of: 2) { try phone.restart() }
    }
    #expect(try phone.answers.count == 5)
    let journals = try phone.store.journalStatuses(of: phone.attempt)
    #expect(journals.count == 6 && journals.filter(\.isLive).count == 1)
    for (old, new) in zip(journals, journals.dropFirst()) {
      #expect(new.predecessor?.journal == old.id && new.predecessor?.sequence == old.end)
    }
  }

  // MARK: - The server's answers

  private func record(_ phone: Phone, _ answers: [String: String], _ journals: [JournalPosition]) -> AnswersRecord {
    AnswersRecord(
      attempt: phone.attempt, answers: AnswerSheet(answers.mapValues { .options([$0]) }), journals: journals,
      locks: [1], unlocked: [1], isStarted: true, startedAt: 1_800_000_000_500, informationGiven: true,
      closedSections: ["done"])
  }

  @Test func serversAnswersStandUnderWhatComesAfterThem() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    try phone.answer("q2", "A")
    let old = try phone.journal
    // The server followed a copy of this store: q1 and q3 were answered there.
    let successor = try phone.store.openSuccessor(of: old.id, at: 3, moment: phone.moment())
    let record = record(
      phone, ["q1": "C", "q3": "D"], [JournalPosition(journal: old.id, sequence: 9, head: Hash.sha256([1]))])
    phone.set(ScopeCollection.answers, phone.attempt.hex, record.wire, in: Phone.candidate)
    try phone.deliver(Phone.candidate)
    try phone.store.adopt(record, at: phone.moment())
    #expect(try phone.answers == ["q1": "C", "q2": "A", "q3": "D"])
    try phone.restart()
    #expect(try phone.answers == ["q1": "C", "q2": "A", "q3": "D"])
    #expect(try phone.status.locks.locks == [1] && phone.status.locks.holding == nil)
    let durability = try phone.status.answers.map(\.durability.isOnServer)
    #expect(durability == [true, false, true])
    let sealed = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    #expect(sealed.statement.journals.contains(record.journals[0]))
    #expect(sealed.statement.journals.contains { $0.journal == successor.id })
  }

  @Test func recordOfAForkThatWasNotLeftIsRefused() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    let journal = try phone.journal
    let strange = record(phone, [:], [JournalPosition(journal: journal.id, sequence: 2, head: .zero)])
    try refused(.diverged) { try phone.store.adopt(strange, at: phone.moment()) }
    let beyond = record(phone, [:], [JournalPosition(journal: journal.id, sequence: 50, head: .zero)])
    try refused(.diverged) { try phone.store.adopt(beyond, at: phone.moment()) }
    #expect(try phone.answers == ["q1": "A"])
  }

  @Test func nothingIsAdoptedAfterTheSeal() throws {
    let phone = try Phone.answering()
    _ = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    try refused(.sealed) { try phone.store.adopt(record(phone, [:], []), at: phone.moment()) }
  }

  @Test func sealsThatTheRecordCountsAreCountedOnce() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    _ = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    _ = try phone.store.reopen(sealOrdinal: 1, of: phone.attempt, at: phone.moment())
    let old = try phone.journal
    try phone.answer("q2", "A")
    try phone.store.openSuccessor(of: old.id, at: old.last, moment: phone.moment())
    var record = record(
      phone, ["q1": "C"], [JournalPosition(journal: old.id, sequence: old.last, head: old.head)])
    record.sealOrdinal = 1
    try phone.store.adopt(record, at: phone.moment())
    for _ in 1...2 {
      #expect(try phone.status.phase == .answering)
      #expect(try phone.answers == ["q1": "C", "q2": "A"])
      try phone.restart()
    }
    let sealed = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    #expect(sealed.statement.ordinal == 2)
    try phone.restart()
    #expect(try phone.status.phase == .sealed(ordinal: 2))
  }

  @Test func aSealThatTheServerKnowsIsAdopted() throws {
    let phone = try Phone.answering()
    let old = try phone.journal
    try phone.store.openSuccessor(of: old.id, at: old.last, moment: phone.moment())
    var record = record(phone, ["q1": "C"], [JournalPosition(journal: old.id, sequence: 9, head: Hash.sha256([1]))])
    (record.sealOrdinal, record.isSealed) = (2, true)
    try phone.store.adopt(record, at: phone.moment())
    try phone.restart()
    #expect(try phone.status.phase == .sealed(ordinal: 2))
    try refused(.sealed) { try phone.answer("q2", "A") }
    _ = try phone.store.reopen(sealOrdinal: 2, of: phone.attempt, at: phone.moment())
    let sealed = try phone.store.seal(phone.attempt, cause: .bell, at: phone.moment())
    #expect(sealed.statement.ordinal == 3)
    #expect(try phone.answers == ["q1": "C"])
  }

  @Test func aPartThatCannotBeReadIsNotLeftOut() throws {
    let phone = try Phone()
    try phone.logIn()
    try phone.assign()
    func deliver(_ part: Int, _ body: [UInt8]?) throws {
      let key = AnswersRecord.key(attempt: phone.attempt, part: part)
      phone.set(ScopeCollection.answers, key, body, in: Phone.candidate)
      try phone.deliver(Phone.candidate)
    }
    let further = AnswersRecord(attempt: phone.attempt, answers: AnswerSheet(["q7": .text("essay")]))
    try deliver(1, record(phone, ["q1": "A"], []).wire)
    try deliver(2, further.wire)
    try deliver(3, [0xFF])
    try refused(.recordUnreadable) { _ = try phone.store.serverAnswers(of: phone.attempt) }
    try refused(.recordUnreadable) { _ = try phone.store.join(phone.attempt, at: phone.moment()) }
    try deliver(3, nil)
    _ = try phone.store.join(phone.attempt, at: phone.moment())
    #expect(try phone.answers.keys.sorted() == ["q1", "q7"])
  }

  @Test func newDeviceGoesOnFromTheServersAnswers() throws {
    let phone = try Phone()
    try phone.logIn()
    try phone.assign()
    let earlier = JournalPosition(journal: ID128(high: 8, low: 8), sequence: 40, head: Hash.sha256([2]))
    phone.set(
      ScopeCollection.answers, phone.attempt.hex, record(phone, ["q1": "A"], [earlier]).wire, in: Phone.candidate)
    try phone.deliver(Phone.candidate)
    _ = try phone.store.join(phone.attempt, at: phone.moment())
    #expect(try phone.status.phase == .answering)
    #expect(try phone.journal.predecessor == earlier)
    try phone.answer("q2", "B")
    try refused(.sectionClosed) { try phone.answer("q9", "A", section: "done") }
    try phone.restart()
    #expect(try phone.answers == ["q1": "A", "q2": "B"])
    #expect(try phone.status.startedAt?.earliest == 1_800_000_000_500)
    #expect(try #require(try phone.store.lock(.call, in: phone.attempt, at: phone.moment())).number == 2)
    let seal = try phone.store.seal(phone.attempt, cause: .bell, at: phone.moment())
    #expect(seal.statement.journals.contains(earlier) && seal.statement.answerCount == 2)
  }
}

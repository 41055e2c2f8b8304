import ExamModel
import ExamStore
import ServerCore
import SyncProtocol
import SyncWire
import Testing

@testable import ExamLab

/// Checkers of whole runs: time, scopes, secrets, rest, and what is judged while a run goes on.
@Suite struct CheckerRunTests {
  @Test func aScopeThatDiffersAtRestIsFound() throws {
    try finds(BothSidesAgree()) { $0.world.phones[0].scopes[0].records.removeLast() }
    var unsettled = try JudgedCase.good.get()
    unsettled.world.truth.cameToRest = false
    unsettled.world.phones[0].scopes[0].records.removeLast()
    #expect(unsettled.check(BothSidesAgree()).violations.isEmpty)
  }

  @Test func aJournalThatIsNotWholeOnTheServerIsFound() throws {
    try finds(BothSidesAgree()) { $0.world.servers[0].attempts[0].journals[0].segments.removeLast() }
  }

  @Test func anAnswerThatDiffersAtRestIsFound() throws {
    try finds(BothSidesAgree()) { broken in
      broken.world.servers[0].attempts[0].applied.answers.set(.options(["c"]), for: "q1")
    }
  }

  @Test func aScopeThatIsNotItsDigestIsFound() throws {
    try finds(VersionsGrow()) { $0.world.servers[0].scopes[0].records.removeLast() }
    try finds(VersionsGrow()) { $0.world.phones[0].scopes[0].records.removeLast() }
  }

  @Test func aVersionThatIsGivenTwiceIsFound() throws {
    try finds(VersionsGrow()) { broken in
      let scope = try #require(broken.world.servers[0].scopes.firstIndex { $0.records.count > 1 })
      broken.world.servers[0].scopes[scope].records[0].version =
        broken.world.servers[0].scopes[scope].records[1].version
    }
  }

  @Test func aCursorThatGoesBackIsFound() throws {
    func goBack(_ broken: inout JudgedCase) {
      let scope = broken.world.phones[0].scopes[0]
      broken.append(.phone(0), .scopeApplied(scope: scope.scope, epoch: scope.cursor.epoch, version: 1))
    }
    try finds(VersionsGrow(), goBack)
    var reset = try JudgedCase.good.get()
    reset.append(.phone(0), .scopeReset(scope: reset.world.phones[0].scopes[0].scope))
    goBack(&reset)
    #expect(reset.check(VersionsGrow()).violations.isEmpty)
  }

  @Test func anotherCandidatesScopeIsFound() throws {
    try finds(CandidatesAreApart()) { broken in
      let foreign = try #require(broken.world.phones[1].scopes.first { $0.scope == broken.world.phones[1].candidate })
      broken.world.phones[0].scopes.append(foreign)
    }
  }

  @Test func anotherCandidatesBytesAreFound() throws {
    try finds(CandidatesAreApart()) { broken in
      let other = try #require(broken.world.phones[1].candidate)
      let canary = Canary(.candidate(other), bytes: Array("canary-of-c2".utf8))
      let bytes = Array("…canary-of-c2…".utf8)
      broken.world.capture.search(
        bytes, for: [canary], node: .phone(1), trueMilliseconds: 5, place: "response to exchange 1")
      #expect(broken.check(CandidatesAreApart()).violations.isEmpty)
      broken.world.capture.search(
        bytes, for: [canary], node: .phone(0), trueMilliseconds: 5, place: "response to exchange 2")
    }
  }

  @Test(arguments: [("abcabd", "abd", true), ("aaab", "aab", true), ("ab", "abc", false), ("xyz", "y", true)])
  func bytesAreFoundWhereTheyAre(_ hay: String, _ needle: String, _ isThere: Bool) {
    #expect(Capture.contains(Array(needle.utf8), in: Array(hay.utf8)) == isThere)
  }

  @Test func aKeyThatIsReleasedEarlyIsFound() throws {
    try finds(PaperIsSecret()) { broken in
      let index = try broken.index { if case .keyReleased = $0.fact { true } else { false } }
      broken.history[index].trueMilliseconds = 500
    }
  }

  @Test func aPaperThatCanBeReadEarlyIsFound() throws {
    try finds(PaperIsSecret()) { broken in
      let index = try broken.index { if case .paperReadable = $0.fact { true } else { false } }
      broken.history[index].trueMilliseconds = 900
    }
  }

  @Test func aPaperWithAnotherBitIsFound() throws {
    try finds(PaperIsAuthentic()) { broken in
      let index = try broken.index { if case .paperReadable = $0.fact { true } else { false } }
      guard case .paperReadable(let attempt, _) = broken.history[index].fact else { return }
      let other = Hash.sha256([1])
      broken.history[index].fact = .paperReadable(attempt: attempt, content: other)
    }
  }

  @Test func keyBytesOnAPhoneBeforeTheReleaseAreFound() throws {
    func search(_ broken: inout JudgedCase, at instant: Int64) {
      let canary = Canary(.paperKey(exam: broken.world.truth.exams[0].id), bytes: [UInt8](repeating: 0xAB, count: 32))
      broken.world.capture.search(
        [1, 2] + canary.bytes, for: [canary], node: .phone(0), trueMilliseconds: instant, place: "store")
    }
    try finds(PaperIsSecret()) { search(&$0, at: 10) }
    var later = try JudgedCase.good.get()
    search(&later, at: 100_000)
    #expect(later.check(PaperIsSecret()).violations.isEmpty)
  }

  @Test func aLateAnswerThatCountsIsFound() throws {
    try finds(TimeClassesAreTrue()) { broken in
      let save = try broken.save(of: "q3", on: 0)
      broken.history[save.event].trueMilliseconds = 3_610_000
    }
  }

  @Test func anAnswerInTimeThatIsCalledLateIsFound() throws {
    try finds(TimeClassesAreTrue()) { broken in
      let save = try broken.save(of: "q3", on: 0)
      let late = KeptRange(from: save.sequence, to: save.sequence, reason: .afterDeadline)
      broken.world.servers[0].attempts[0].journals[0].dispositions.append(late)
    }
  }

  @Test func whatExceedsItsBoundIsFound() throws {
    try finds(StaysBounded()) { $0.world.gauges.append(Gauge("queue", greatest: 11, bound: 10)) }
  }

  @Test func whatNeverSettlesIsFound() throws {
    try finds(ComesToRest()) { $0.world.truth.settledAt = nil }
    try finds(ComesToRest()) { $0.world.truth.settledAt = $0.world.truth.boundAt + 1 }
    try finds(ComesToRest()) { $0.world.phones[0].statuses[0].pendingEntries = 1 }
    try finds(ComesToRest()) { $0.world.phones[0].statuses[0].receipt = nil }
  }

  @Test func whatBecameOfCommandsWithoutAnAnswerStandsInTheAuditTrail() throws {
    let room = try CheckerRoom.finished()
    let attempt = room.phones[0].attempt
    let extending = OperatorCommand.extendAttempt(attempt: attempt, milliseconds: 60_000, reason: "noise")
    let announcing = OperatorCommand.announce(exam: room.exam, text: "Quiet, please.")
    let before = room.core.auditIndex
    try room.command(extending)
    func unanswered(after index: UInt64) -> [Bool]? {
      var commands = UnansweredCommands()
      let operatorIdentity = OperatorIdentity(name: "chief", role: .operator)
      let jobs = [announcing, extending, extending].map {
        SimServer.Job(call: .command($0, by: operatorIdentity)) { _ in }
      }
      commands.add(jobs + [SimServer.Job(call: .tick) { _ in }], after: index)
      return commands.take(from: room.serverStore)?.map(\.isDone)
    }
    #expect(unanswered(after: before) == [false, true, false])
    #expect(unanswered(after: room.core.auditIndex) == [false, false, false])
  }

  // MARK: While a run goes on

  private func live() throws -> (checker: ReopenChecker, phone: PhoneDump) {
    let good = try JudgedCase.good.get()
    let checker = ReopenChecker()
    for event in good.history { checker.observe(event) }
    return (checker, good.world.phones[0])
  }

  @Test func anImageThatLacksASavedEntryIsFound() throws {
    let (checker, phone) = try live()
    #expect(checker.reopened(phone, at: 1).violations.isEmpty)
    var lost = phone
    lost.journals[0].entries.removeLast(4)
    let found = Set(checker.reopened(lost, at: 2).violations.map(\.invariant))
    #expect(found.isSuperset(of: [.i1, .i2]))
    #expect(checker.results.contains { $0.0 == .i1 && $0.1.checked > 0 })
  }

  @Test func anImageThatChangesBetweenTwoOpeningsIsFound() throws {
    let (checker, phone) = try live()
    checker.reopened(phone, at: 1)
    #expect(checker.reopened(phone, at: 2).violations.isEmpty)
    var changed = phone
    changed.attempts[0].answers.removeLast()
    #expect(checker.reopened(changed, at: 3).violations.contains { $0.invariant == .i25 })
  }

  /// A start goes on from the server's record that the phone holds, and from no other.
  @Test(arguments: [true, false]) func anImageOnAnotherRecordIsFoundWhereThePhoneDoesNotHoldIt(_ isHeld: Bool) throws {
    let (checker, phone) = try live()
    checker.reopened(phone, at: 1)
    var changed = phone
    let record = AnswersRecord(attempt: phone.attempts[0].attempt, answers: AnswerSheet(["q9": .options(["a"])]))
    changed.attempts[0].base = record
    let scope = try #require(phone.scopes.firstIndex { $0.scope == phone.candidate })
    changed.scopes[scope].records.removeAll { $0.collection == ScopeCollection.answers }
    if isHeld {
      changed.scopes[scope].records.append(
        Record(
          collection: ScopeCollection.answers, key: AnswersRecord.key(attempt: record.attempt), version: 99,
          body: record.wire))
    }
    let found = checker.reopened(changed, at: 2).violations.map(\.invariant)
    #expect(found.contains(.i25) != isHeld)
    #expect(found.contains(.i3))
  }

  @Test func aForgottenPhoneOwesNothing() throws {
    let (checker, phone) = try live()
    checker.forget(.phone(0))
    var empty = phone
    empty.journals = []
    empty.attempts = []
    #expect(checker.reopened(empty, at: 1).violations.isEmpty)
  }
}

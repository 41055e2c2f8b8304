import ExamModel
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// Lower bounds are proof where the entry names an instant of the server; upper bounds are the device's word.
@Suite struct TimeProofTests {
  let server: TestServer
  let phone: TestPhone

  init() throws {
    server = try TestServer()
    phone = try server.makePhone()
    phone.begin()
    try phone.send()
  }

  /// What a poll of this phone got with its answer at an instant.
  private func proof(at milliseconds: Int64) throws -> TimeProof {
    let secret = try #require(server.core.openSessions[phone.session]?.secret)
    return TimeProof(
      milliseconds: milliseconds, mac: MessageAuthentication.timeProof(secret: secret, milliseconds: milliseconds))
  }

  private func context(_ bounds: TimeBounds, _ proof: TimeProof?) {
    phone.journal.append(
      Entry(
        kind: .context(
          ClockContext(
            bootID: phone.bootID, bootMilliseconds: phone.bootMilliseconds, wallMilliseconds: server.now,
            server: bounds, proof: proof))
      ).wire)
  }

  private var journal: AttemptDetail.Journal {
    get throws {
      guard case .attempt(let detail) = try server.command(.showAttempt(attempt: phone.attempt)) else {
        throw Problem(.internal, "no attempt")
      }
      return try #require(detail.journals.first)
    }
  }

  private func dispositions() throws -> [DispositionRow] {
    guard case .dispositions(let page) = try server.command(.exportDispositions(exam: phone.exam, page: PageRequest()))
    else { throw Problem(.internal, "no dispositions") }
    return page.rows
  }

  /// An hour and a little later: the exam is over.
  private func afterTheBell() throws -> Int64 {
    server.now = try phone.board().deadline + 60_000
    return server.now
  }

  @Test func aGoodProofIsFoundGoodAndStaysGoodWhenItsSessionHasEnded() throws {
    let now = server.now
    context(TimeBounds(earliest: now, latest: now + 100), try proof(at: now))
    try phone.send(from: 4)
    #expect(try journal.provedAt == now)
    #expect(try phone.board().provedAt == now)
    try server.command(.revokeSessions(candidate: phone.candidate, reason: "lost phone"))
    try server.restart()
    #expect(try journal.provedAt == now)
    #expect(try journal.unprovedContexts == 0)
  }

  @Test func aForgedProofAndOneOfAnotherDeviceProveNothing() throws {
    let now = server.now
    var forged = try proof(at: now)
    forged.mac[0] ^= 1
    context(TimeBounds(earliest: now, latest: now + 100), forged)
    var moved = try proof(at: now)
    moved.milliseconds += 1
    context(TimeBounds(earliest: now, latest: now + 100), moved)
    let other = try TestPhone(
      server: server, candidate: phone.candidate, attempt: phone.attempt, exam: phone.exam, seed: 8)
    let secret = try #require(server.core.openSessions[other.session]?.secret)
    let foreign = TimeProof(
      milliseconds: now, mac: MessageAuthentication.timeProof(secret: secret, milliseconds: now))
    context(TimeBounds(earliest: now, latest: now + 100), foreign)
    try phone.send(from: 4)
    #expect(try journal.provedAt == nil)
    #expect(try journal.unprovedContexts == 3)
  }

  @Test func aLateAnswerIsLateByProofOrByStatement() throws {
    let proved = try proof(at: server.now)
    let late = try afterTheBell()
    context(TimeBounds(earliest: late, latest: late + 100), proved)
    phone.answer("q1", "a")
    phone.append(.visit(item: "q1"))
    context(TimeBounds(earliest: late, latest: late + 100), try proof(at: late))
    phone.answer("q1", "b")
    try phone.send(from: 4)
    #expect(try dispositions().map(\.timeBasis) == ["statement", "proof"])
    #expect(try dispositions().map(\.reason) == ["after-deadline", "after-deadline"])
    try server.restart()
    #expect(try dispositions().map(\.timeBasis) == ["statement", "proof"])
  }

  @Test func anUnprovedLowerBoundIsOnlyAStatement() throws {
    let late = try afterTheBell()
    var forged = try proof(at: late)
    forged.mac[7] ^= 1
    context(TimeBounds(earliest: late, latest: late + 100), forged)
    phone.answer("q1", "a")
    try phone.send(from: 4)
    #expect(try dispositions().map(\.timeBasis) == ["statement"])
  }

  @Test func inTimeRestsOnArrivalOrOnTheStatementAndNeverOnAProof() throws {
    phone.answer("q1", "a")
    try phone.send(from: 4)
    let before = server.now
    context(TimeBounds(earliest: before, latest: before + 100), try proof(at: before))
    phone.append(.answer(item: "q3", value: .number("1")))
    _ = try afterTheBell()
    try phone.send(from: 5)
    #expect(try phone.exported().answers.map(\.timeBasis) == ["arrival", "statement"])
    try server.restart()
    #expect(try phone.exported().answers.map(\.timeBasis) == ["arrival", "statement"])
  }

  /// A boot without contact: what was done in it is placed by the next context of the same boot.
  private func reboot() {
    var generator = SplitMix(phone.journal.sequence)
    phone.bootID = ID128.random(using: &generator)
    phone.bootMilliseconds = 1_000
    phone.open()
  }

  /// It was in time by its arrival, and the server was restored from before that: found by the simulator.
  @Test func anAnswerThatIsOfferedAgainAfterARestoreIsInTimeByTheContextThatFollowed() throws {
    try server.backUp(to: "old.sqlite")
    reboot()
    phone.answer("q1", "a")
    #expect(try phone.send(from: 4).kept.isEmpty)
    #expect(try phone.exported().answers.map(\.timeBasis) == ["arrival"])
    let now = server.now
    context(TimeBounds(earliest: now, latest: now + 100), try proof(at: now))
    phone.seal()
    try server.restore(from: "old.sqlite")
    _ = try afterTheBell()
    #expect(try phone.send(from: 4).kept.isEmpty)
    #expect(try phone.exported().answers.map(\.timeBasis) == ["statement"])
    #expect(try phone.receipts().count == 1)
    try server.restart()
    #expect(try phone.exported().answers.map(\.timeBasis) == ["statement"])
  }

  /// Nor does the context of another boot, or one that claims to be earlier than its proof.
  @Test(arguments: [true, false]) func aLaterContextThatDoesNotSayInTimeLeavesItUndecided(isFalse: Bool) throws {
    let early = server.now
    reboot()
    phone.answer("q1", "a")
    reboot()
    context(TimeBounds(earliest: early, latest: early + 100), try proof(at: early))
    reboot()
    phone.answer("q1", "b")
    let late = try afterTheBell()
    let claimed = isFalse ? early : late
    context(TimeBounds(earliest: claimed, latest: claimed + 100), try proof(at: late))
    #expect(
      try phone.send(from: 4).kept == [5, 9].map { KeptRange(from: $0, to: $0, reason: .timeUndecided) })
  }

  @Test func aDeviceThatClaimsToBeEarlierThanItsProofIsNotBelieved() throws {
    let early = server.now
    let late = try afterTheBell()
    context(TimeBounds(earliest: early, latest: early + 100), try proof(at: late))
    phone.answer("q1", "a")
    let kept = try phone.send(from: 4).kept
    #expect(kept == [KeptRange(from: 5, to: 5, reason: .afterDeadline)])
    #expect(try dispositions().map(\.timeBasis) == ["proof"])
    #expect(try phone.board().contradictedContexts == 1)
    try server.restart()
    #expect(try phone.board().contradictedContexts == 1)
    // Later bounds of this boot are believed again only where they do not contradict the proof.
    phone.answer("q2", "a")
    #expect(try phone.send(from: 6).kept == [KeptRange(from: 6, to: 6, reason: .afterDeadline)])
  }
}

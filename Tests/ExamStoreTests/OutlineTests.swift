import ExamModel
import ExamStore
import SyncProtocol
import Testing

@Suite struct OutlineTests {
  private func expectSame(_ phone: Phone, _ place: SourceLocation = #_sourceLocation) throws {
    let status = try phone.status
    let outline = try phone.store.outline(of: phone.attempt)
    let expected = AttemptOutline(status)
    #expect(outline == expected, sourceLocation: place)
  }

  @Test func outlineIsTheStatusWithoutItsAnswers() throws {
    let phone = try Phone.answering()
    try expectSame(phone)
    try phone.answer("q1", "A")
    try expectSame(phone)
    _ = try phone.store.persistClock(remainingMilliseconds: 60_000, of: phone.attempt, at: phone.moment().instant)
    try expectSame(phone)
    try phone.restart()
    try expectSame(phone)
    _ = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())
    try expectSame(phone)
    #expect(try phone.store.outline(of: phone.attempt).seal?.answerCount == 1)
    phone.reboot()
    try phone.restart()
    try expectSame(phone)
  }

  /// Found by the simulator: the start was saved before the first contact of its boot, and after the next reboot nobody
  /// knew any more when it had been, so the bell never rang.
  @Test func startWithoutContactIsPlacedByALaterContextOfItsBoot() throws {
    let phone = try Phone.answering()
    let start = try #require(try phone.status.startedBootMilliseconds)
    #expect(try phone.status.startedAt == nil)
    func learn(_ server: Int64) throws {
      let moment = phone.moment()
      let context = ClockContext(
        bootID: phone.bootID, bootMilliseconds: phone.bootMilliseconds, wallMilliseconds: phone.wallMilliseconds,
        server: TimeBounds(earliest: server, latest: server))
      _ = try phone.store.storeContext(context, in: phone.attempt, at: moment)
    }
    try learn(1_800_000_060_000)
    let ago = Int64(phone.bootMilliseconds - start)
    let placed = try #require(try phone.status.startedAt)
    #expect(abs(placed.midpoint - (1_800_000_060_000 - ago)) <= 1)
    phone.reboot()
    try phone.restart()
    try learn(1_800_000_900_000)
    #expect(try phone.status.startedAt == placed)
    try expectSame(phone)
  }

  /// Another boot's clock says nothing of it.
  @Test func startWithoutContactInItsBootHasNoPlace() throws {
    let phone = try Phone.answering()
    phone.reboot()
    let moment = phone.moment()
    let context = ClockContext(
      bootID: phone.bootID, bootMilliseconds: phone.bootMilliseconds, wallMilliseconds: phone.wallMilliseconds,
      server: TimeBounds(earliest: 1_800_000_060_000, latest: 1_800_000_060_000))
    _ = try phone.store.storeContext(context, in: phone.attempt, at: moment)
    #expect(try phone.status.startedAt == nil)
  }

  @Test func nobodyJoinedHasNoOutline() throws {
    let phone = try Phone()
    try refused(.notAssigned) { _ = try phone.store.outline(of: phone.attempt) }
  }
}

extension AttemptOutline {
  fileprivate init(_ status: AttemptStatus) {
    self.init(
      phase: status.phase, informationGiven: status.informationGiven, seal: status.seal, receipt: status.receipt,
      journal: status.journal, sequence: status.sequence, startedAt: status.startedAt,
      startedBootID: status.startedBootID, startedBootMilliseconds: status.startedBootMilliseconds,
      clock: status.clock, persistedClock: status.persistedClock)
  }
}

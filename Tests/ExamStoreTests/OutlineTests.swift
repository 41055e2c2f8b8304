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

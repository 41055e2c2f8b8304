import ExamModel
import ExamStore
import SyncProtocol
import Testing

@Suite struct LateStartTests {
  /// Found by the simulator: the context of a start that was refused stood in the journal, and nobody pushed it.
  @Test func startThatComesTooLateLeavesNoEntry() throws {
    let phone = try Phone()
    try phone.logIn()
    try phone.assign(policy: AttemptPolicy())
    _ = try phone.store.join(phone.attempt, at: phone.moment())
    let last = try phone.journal.last
    let context = ClockContext(
      bootID: phone.instant.bootID, bootMilliseconds: phone.instant.bootMilliseconds,
      wallMilliseconds: phone.instant.wallMilliseconds)
    try refused(.timeUp) {
      _ = try phone.store.start(
        code: "1", paperVersion: 1, in: phone.attempt, after: context, at: phone.moment(.late))
    }
    #expect(try phone.journal.last == last)
    _ = try phone.store.start(code: "1", paperVersion: 1, in: phone.attempt, after: context, at: phone.moment())
    #expect(try phone.journal.last == last + 2)
  }
}

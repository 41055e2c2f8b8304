import ExamModel
import ExamStore
import SyncProtocol
import Testing

@Suite struct SectionTests {
  @Test func whatWasTypedIsSavedInTheTransactionThatLeavesTheSection() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A", section: "s1")
    let drafts: [(item: String, value: AnswerValue)] = [("q2", .text("half a sent")), ("q1", .options([]))]
    let saved = try phone.store.leave(section: "s1", saving: drafts, in: phone.attempt, at: phone.moment())
    let kinds = try phone.entries().suffix(3).map(\.kind)
    #expect(
      kinds == [
        .answer(item: "q2", value: .text("half a sent")), .clear(item: "q1"), .sectionLeft(section: "s1"),
      ])
    #expect(saved.sequence == (try phone.journal.last))
    try phone.restart()
    #expect(try phone.answers == ["q2": "half a sent"])
    #expect(try phone.status.closedSections == ["s1"])
  }

  @Test func aLeftSectionTakesNothingAndTheOthersGoOn() throws {
    let phone = try Phone.answering()
    let saved = try phone.store.leave(section: "s1", in: phone.attempt, at: phone.moment())
    try refused(.sectionClosed) { try phone.answer("q1", "A", section: "s1") }
    try refused(.sectionClosed) {
      _ = try phone.store.clear("q1", section: "s1", in: phone.attempt, at: phone.moment())
    }
    try refused(.sectionClosed) {
      _ = try phone.store.flag("q1", isSet: true, section: "s1", in: phone.attempt, at: phone.moment())
    }
    // Leaving again changes nothing, and what comes with it is not saved behind the candidate's back.
    let again = try phone.store.leave(
      section: "s1", saving: [("q1", .options(["A"]))], in: phone.attempt, at: phone.moment())
    #expect(again.sequence == saved.sequence)
    _ = try phone.store.visit("q1", in: phone.attempt, at: phone.moment())
    try phone.answer("q5", "B", section: "s2")
    #expect(try phone.answers == ["q5": "B"])
  }

  @Test func draftsThatCannotBeSavedLeaveTheSectionOpen() throws {
    let phone = try Phone.answering()
    let long = String(repeating: "x", count: Limits.entryBytes)
    try refused(.entryTooLarge) {
      _ = try phone.store.leave(
        section: "s1", saving: [("q1", .options(["A"])), ("q2", .text(long))], in: phone.attempt, at: phone.moment())
    }
    #expect(try phone.answers == [:])
    #expect(try phone.status.closedSections.isEmpty)
    try phone.answer("q1", "A", section: "s1")
  }

  @Test func theFirstEntryForAnItemTellsWhenItWasMet() throws {
    let phone = try Phone.answering()
    _ = try phone.store.visit("q1", in: phone.attempt, at: phone.moment())
    let met = phone.instant
    try phone.answer("q1", "A")
    phone.reboot()
    _ = try phone.store.flag("q2", isSet: true, in: phone.attempt, at: phone.moment())
    let flagged = phone.instant
    for _ in 0..<2 {
      #expect(try phone.status.firstMet == ["q1": met, "q2": flagged])
      try phone.restart()
    }
  }
}

import Testing

@testable import ExamLab

/// The judge is what a room's verdict rests on, so each fault is planted and must be found.
@Suite struct JudgeTests {
  private func intention(
    _ kind: Intention.Kind, _ item: String, _ value: String, n: Int = 1, isRepeated: Bool? = nil
  ) -> Intention {
    Intention(
      kind: kind, candidate: "ann", n: n, item: item, value: value, atMilliseconds: 0, isRepeated: isRepeated)
  }

  private func saved(_ item: String, _ value: String) -> [Intention] {
    [intention(.intend, item, value), intention(.confirm, item, value)]
  }

  private func server(_ item: String, _ value: String) -> Judge.ServerLine {
    Judge.ServerLine(candidate: "ann", item: item, value: value, journal: "j", sequence: 1)
  }

  private func judge(
    _ intentions: [Intention], _ lines: [Judge.ServerLine], journals: [JournalLine] = []
  ) -> Judge.Verdict {
    Judge(intentions: intentions).compare(lines, journals: journals)
  }

  @Test func equalSidesAreClean() {
    let verdict = judge(
      saved("q1", "A") + saved("q1", "B") + saved("q2", "x|y"), [server("q1", "B"), server("q2", "x|y")])
    #expect(verdict.isClean && verdict.answers == 2)
  }

  @Test func aMissingAnswerIsLost() {
    #expect(judge(saved("q1", "A"), []).lost.count == 1)
  }

  @Test func anOlderValueIsWrong() {
    #expect(judge(saved("q1", "A") + saved("q1", "B"), [server("q1", "A")]).wrong.count == 1)
  }

  @Test func aClearedAnswerMustBeGone() {
    #expect(judge(saved("q1", "A") + saved("q1", ""), []).isClean)
    #expect(judge(saved("q1", "A") + saved("q1", ""), [server("q1", "A")]).wrong.count == 1)
  }

  @Test func anAnswerThatNobodyGaveIsWrong() {
    #expect(judge([], [server("q9", "A")]).isClean, "somebody who took no part is not judged")
    #expect(judge(saved("q1", "A"), [server("q1", "A"), server("q9", "A")]).wrong.count == 1)
  }

  @Test func aRefusedAnswerMustNotCount() {
    let refused = saved("q1", "A") + [intention(.intend, "q1", "B"), intention(.refuse, "q1", "B")]
    #expect(judge(refused, [server("q1", "A")]).isClean)
    #expect(judge(refused, [server("q1", "B")]).wrong.count == 1)
    #expect(
      judge([intention(.intend, "q2", "C"), intention(.refuse, "q2", "C")], [server("q2", "C")]).wrong.count == 1)
  }

  @Test func afterAKillBothStatesOfAnUnansweredSaveAreRight() {
    let unsure = saved("q1", "A") + [intention(.intend, "q1", "B"), intention(.refuse, "q1", "B", isRepeated: true)]
    #expect(judge(unsure, [server("q1", "A")]).isClean)
    #expect(judge(unsure, [server("q1", "B")]).isClean)
    #expect(judge(unsure, []).lost.count == 1)
  }

  @Test func anEntryStoredTwiceIsDoubled() {
    let twice = [JournalLine(journal: "j", sequence: 4), JournalLine(journal: "j", sequence: 4)]
    #expect(judge([], [], journals: twice).doubled.count == 1)
    let apart = [JournalLine(journal: "j", sequence: 4), JournalLine(journal: "k", sequence: 4)]
    #expect(judge([], [], journals: apart).isClean)
  }
}

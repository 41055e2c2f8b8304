import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

@testable import ExamLab

/// Checkers of what phones hold and show: each is shown a good world, and one that is broken in one place.
@Suite struct CheckerPhoneTests {
  @Test func aGoodWorldIsCleanAndEveryCheckerLookedAtSomething() throws {
    let good = try JudgedCase.good.get()
    let verdict = SimJudge.judge(good.history, good.world)
    #expect(verdict.violations.isEmpty, "\(verdict.violations)")
    for checker in SimJudge.checkers where ![.i27, .i20, .i18].contains(checker.invariant) {
      #expect(verdict.checked[checker.invariant, default: 0] > 0, "\(checker.invariant)")
    }
    #expect(good.history.count > 60)
  }

  @Test func everyInvariantIsInTheTableOnce() {
    #expect(Invariants.table.map(\.invariant) == Invariant.allCases)
    let judged = Set(SimJudge.checkers.map(\.invariant)).union([.i25])
    for row in Invariants.table { #expect(row.isJudged == judged.contains(row.invariant), "\(row.name)") }
    #expect(Invariant("I14") == .i14 && Invariant("I29") == nil && Invariant("14") == nil)
  }

  @Test func aSavedEntryThatIsGoneIsFound() throws {
    try finds(SavedIsKept()) { $0.world.phones[0].journals[0].entries.removeLast(4) }
  }

  @Test func aSavedEntryWithOtherBytesIsFound() throws {
    try finds(SavedIsKept()) { broken in
      let save = try broken.save(of: "q3", on: 0)
      broken.rewrite(phone: 0, sequence: save.sequence, as: .answer(item: "q3", value: .options(["a"])))
    }
  }

  @Test func whatAWipedPhoneLostIsNoViolation() throws {
    var wiped = try JudgedCase.good.get()
    wiped.world.truth.losses = [DeviceLoss(1 << 40, .phone(0), .wiped)]
    wiped.world.phones[0].journals[0].entries.removeLast(4)
    #expect(wiped.check(SavedIsKept()).violations.isEmpty)
  }

  @Test func aBrokenChainIsFound() throws {
    try finds(LogIsPrefix()) { $0.world.phones[1].journals[0].entries[3].body.append(0) }
  }

  @Test func aRowThatEndsElsewhereIsFound() throws {
    try finds(LogIsPrefix()) { $0.world.phones[1].journals[0].status.last -= 1 }
  }

  @Test func anAnswerThatNobodyGaveIsFound() throws {
    try finds(LogIsPrefix()) { broken in
      let save = try broken.save(of: "q2", on: 0)
      broken.history.remove(at: save.event)
    }
  }

  @Test func anAnswerThatWasUnderWayMayBeThere() throws {
    var broken = try JudgedCase.good.get()
    let save = try broken.save(of: "q2", on: 0)
    broken.history[save.event].fact = .saveInterrupted(item: "q2", value: .options(["c"]))
    #expect(broken.check(LogIsPrefix()).violations.isEmpty)
    broken.history[save.event].fact = .saveInterrupted(item: "q2", value: .options(["a"]))
    #expect(!broken.check(LogIsPrefix()).violations.isEmpty)
  }

  @Test func anAnswersRowThatDisagreesIsFound() throws {
    try finds(AnswersMatchEntries()) { broken in
      let value = AnswerValue.options(["c"]).canonicalBytes
      let row = try #require(broken.world.phones[0].attempts[0].answers.firstIndex { $0.item == "q1" })
      broken.world.phones[0].attempts[0].answers[row].value = value
    }
  }

  @Test func aMissingAnswersRowIsFound() throws {
    try finds(AnswersMatchEntries()) { $0.world.phones[1].attempts[0].answers.removeFirst() }
  }

  @Test func anOlderAnswerShownIsFound() throws {
    try finds(NoResurrection()) { $0.append(.phone(0), .shown(item: "q2", value: .options(["b"]))) }
  }

  @Test func aClearedAnswerShownAgainIsFound() throws {
    try finds(NoResurrection()) { $0.append(.phone(0), .shown(item: "q6", value: .options(["c"]))) }
  }

  @Test func anInterruptedAnswerMayBeShown() throws {
    var doubtful = try JudgedCase.good.get()
    doubtful.append(.phone(0), .saveInterrupted(item: "q2", value: .options(["a"])))
    doubtful.append(.phone(0), .shown(item: "q2", value: .options(["a"])))
    #expect(doubtful.check(NoResurrection()).violations.isEmpty)
  }

  @Test func aSealWithoutASavedAnswerIsFound() throws {
    try finds(NoSilentLoss()) { broken in
      let seal = try broken.index { if case .sealedShown = $0.fact { true } else { false } }
      let save = try broken.save(of: "q1", on: 0)
      guard case .saved(_, _, let head, _, _) = broken.history[save.event].fact else { return }
      broken.history.insert(
        HistoryEvent(
          0, .phone(0),
          .saved(journal: save.journal, sequence: 999, head: head, item: "q1", value: .options(["c"]))), at: seal)
    }
  }

  /// Another device of the attempt died while it saved what the seal says: it may have saved it. A stranger's may not.
  @Test(arguments: [true, false])
  func aSealMayHoldWhatAnotherDeviceOfTheAttemptDiedOver(isOfTheAttempt: Bool) throws {
    var judged = try JudgedCase.good.get()
    let seal = try judged.index { if case .sealedShown = $0.fact { true } else { false } }
    let save = try judged.save(of: "q1", on: 0)
    guard case .saved(_, _, let head, _, let value) = judged.history[save.event].fact,
      case .sealedShown(let attempt, _, _, _) = judged.history[seal].fact
    else { return }
    judged.history.insert(
      contentsOf: [
        HistoryEvent(
          0, .phone(0),
          .saved(journal: save.journal, sequence: 999, head: head, item: "q1", value: .options(["c"]))),
        HistoryEvent(0, .phone(7), .saveInterrupted(item: "q1", value: value)),
      ], at: seal)
    let stranger = ID128(high: 7, low: 7)
    judged.world.truth.intents.append(
      Intent(0, .phone(7), attempt: isOfTheAttempt ? attempt : stranger, item: "q1", value: value))
    #expect(judged.check(NoSilentLoss()).violations.isEmpty == isOfTheAttempt)
  }

  @Test func aSealThatShowsAnotherSheetIsFound() throws {
    try finds(NoSilentLoss()) { broken in
      let index = try broken.index { if case .sealedShown = $0.fact { true } else { false } }
      guard case .sealedShown(let attempt, let ordinal, _, let count) = broken.history[index].fact else { return }
      broken.history[index].fact = .sealedShown(
        attempt: attempt, ordinal: ordinal, answers: .zero, answerCount: count)
    }
  }

  @Test func aSaveAfterTheDiskFailedIsFound() throws {
    try finds(StopsOnFailure()) { broken in
      let save = try broken.save(of: "q2", on: 1)
      broken.history.insert(
        HistoryEvent(0, .phone(1), .saveRefused(item: "q1", code: "storage-failed")), at: save.event)
    }
  }

  @Test func aDiskFailureThatNobodyIsToldOfIsFound() throws {
    try finds(StopsOnFailure()) { broken in
      broken.append(.phone(1), .saveRefused(item: "q1", code: "storage-failed"))
      broken.append(.phone(1), .opened(isNew: false, quarantined: false))
    }
    var told = try JudgedCase.good.get()
    told.append(.phone(1), .saveRefused(item: "q1", code: "storage-failed"))
    told.append(.phone(1), .storageWarningShown(code: "storage-failed"))
    told.append(.phone(1), .opened(isNew: false, quarantined: false))
    #expect(told.check(StopsOnFailure()).violations.isEmpty)
  }

  @Test func timeLeftThatGrowsIsFound() throws {
    try finds(TimeLeftOnlyShrinks()) { broken in
      broken.append(.phone(0), .remainingShown(milliseconds: 1_000_000, isDoubtful: false))
      broken.append(.phone(0), .remainingShown(milliseconds: 1_000_900, isDoubtful: false))
    }
  }

  @Test func moreTimeThanThereIsIsFound() throws {
    try finds(TimeLeftOnlyShrinks()) { broken in
      let first = try broken.index { if case .remainingShown = $0.fact { true } else { false } }
      broken.history[first].fact = .remainingShown(milliseconds: 3_700_000, isDoubtful: false)
    }
  }

  @Test func aPostponementThatARestoreUndidHoldsUntilThePhoneHearsFromTheServer() throws {
    var undone = try JudgedCase.good.get()
    undone.history.removeAll { if case .remainingShown = $0.fact { true } else { false } }
    let exam = undone.world.truth.exams[0]
    let now = undone.history[undone.history.count - 1].trueMilliseconds
    let later = exam.closesAt + 600_000
    undone.append(.server(0), .serverRestored(fromTrueMilliseconds: 0))
    undone.append(.server(0), .serverOpened(epoch: 77))
    var told = undone
    told.append(.phone(0), .scopeApplied(scope: exam.id, epoch: 77, version: 1))
    let left = later - undone.world.truth.serverTime(now) - 30
    undone.append(.phone(0), .remainingShown(milliseconds: left, isDoubtful: false))
    told.append(.phone(0), .remainingShown(milliseconds: left, isDoubtful: false))
    #expect(!undone.check(TimeLeftOnlyShrinks()).violations.isEmpty, "nobody postponed anything")
    let closings = [
      TimeChange(now - 1, exam: exam.id, to: later, before: exam.closesAt),
      TimeChange(now + 10, exam: exam.id, to: exam.closesAt, before: later),
    ]
    undone.world.truth.closings = closings
    told.world.truth.closings = closings
    #expect(undone.check(TimeLeftOnlyShrinks()).violations.isEmpty)
    #expect(!told.check(TimeLeftOnlyShrinks()).violations.isEmpty)
  }

  @Test func aGrantMayMakeTheTimeLeftGrow() throws {
    var granted = try JudgedCase.good.get()
    granted.append(.phone(0), .remainingShown(milliseconds: 1_000_000, isDoubtful: false))
    granted.append(.phone(0), .remainingShown(milliseconds: 1_060_000, isDoubtful: false))
    #expect(!granted.check(TimeLeftOnlyShrinks()).violations.isEmpty)
    let last = granted.history[granted.history.count - 1].trueMilliseconds
    granted.world.truth.grants = [
      GrantTruth(last, attempt: granted.world.truth.attempts[0].id, milliseconds: 60_000)
    ]
    #expect(granted.check(TimeLeftOnlyShrinks()).violations.isEmpty)
  }
}

import ExamModel
import Testing

@Suite struct AttemptStateTests {
  private let policy = AttemptPolicy()
  private let answer = EntryKind.answer(item: "q1", value: .options(["A"]))

  /// An attempt that was started and locked `locks` times, each unlocked but the last if `isHeld`.
  private func attempt(locks: UInt32 = 0, isHeld: Bool = false) -> AttemptState {
    var state = AttemptState()
    _ = state.admit(.start(Start(code: "", paperVersion: 1)), time: .inTime, policy: policy)
    for number in 0..<locks {
      _ = state.admit(.lock(LockFact(number: number + 1, cause: .call)), time: .inTime, policy: policy)
      if number + 1 < locks || !isHeld {
        _ = state.admit(.unlock(UnlockFact(number: number + 1, proof: .code("1"))), time: .inTime, policy: policy)
      }
    }
    return state
  }

  @Test func nothingIsAnsweredBeforeTheStart() {
    var state = AttemptState()
    #expect(state.admit(answer, time: .inTime, policy: policy) == .kept(.notStarted))
    #expect(state.phase == .notStarted)
  }

  @Test func s3_08_aFormComesBeforeTheStartWhereTheExamAsksForOne() {
    var state = AttemptState()
    let asking = AttemptPolicy(informationFields: ["phone"])
    let start = EntryKind.start(Start(code: "", paperVersion: 1))
    #expect(state.admit(start, time: .inTime, policy: asking) == .kept(.informationMissing))
    #expect(state.admit(.information([]), time: .inTime, policy: asking) == .applied)
    #expect(state.admit(start, time: .inTime, policy: asking) == .applied)
    #expect(state.phase == .answering)
  }

  @Test(arguments: LockCause.allCases)
  func s3_14_everyCauseLocks(cause: LockCause) {
    var state = attempt()
    #expect(state.admit(.lock(LockFact(number: 1, cause: cause)), time: .inTime, policy: policy) == .applied)
    #expect(state.phase == .locked(1))
  }

  @Test func s3_15_nothingIsAnsweredWhileLocked() {
    var state = attempt(locks: 1, isHeld: true)
    for kind in [answer, .clear(item: "q1"), .flag(item: "q1", isSet: true), .sectionLeft(section: "s")] {
      #expect(state.admit(kind, time: .inTime, policy: policy) == .kept(.whileLocked))
    }
    #expect(state.admit(.visit(item: "q1"), time: .inTime, policy: policy) == .applied)
  }

  @Test func s3_16_theFifthLockHandsIn() {
    #expect(!attempt(locks: 4).handsIn(policy: policy))
    #expect(attempt(locks: 5).handsIn(policy: policy))
    #expect(attempt(locks: 2).handsIn(policy: AttemptPolicy(maximumLocks: 2)))
    #expect(!attempt(locks: 50).handsIn(policy: AttemptPolicy(maximumLocks: 0)), "0 switches the rule off")
  }

  @Test func aVoidLowersTheCountAndUnlocksNothing() {
    var state = attempt(locks: 5, isHeld: true)
    state.ledger.void(2)
    #expect(!state.handsIn(policy: policy))
    #expect(state.phase == .locked(5))
  }

  @Test func anUnlockNamesOneLockAndServesOnce() {
    var state = attempt(locks: 2, isHeld: true)
    let unlock = { (number: UInt32) in EntryKind.unlock(UnlockFact(number: number, proof: .code("1"))) }
    #expect(state.admit(unlock(1), time: .inTime, policy: policy) == .kept(.unlockInvalid))
    #expect(
      state.admit(unlock(2), time: .inTime, policy: policy, unlockIsValid: false) == .kept(.unlockInvalid))
    #expect(state.admit(unlock(2), time: .inTime, policy: policy) == .applied)
    #expect(state.admit(unlock(2), time: .inTime, policy: policy) == .kept(.unlockInvalid))
  }

  @Test func s3_11_afterTheSealNothingCounts() {
    var state = attempt(locks: 1, isHeld: true)
    let seal = EntryKind.seal(SignedStatement(statement: [], signature: []))
    #expect(state.admit(seal, time: .late, policy: policy) == .applied, "a locked or late attempt can be sealed")
    let later: [EntryKind] = [
      answer, seal, .lock(LockFact(number: 2, cause: .call)), .unlock(UnlockFact(number: 1, proof: .code("1"))),
      .start(Start(code: "", paperVersion: 1)), .information([]),
    ]
    for kind in later { #expect(state.admit(kind, time: .inTime, policy: policy) == .kept(.afterSeal)) }
    #expect(state.phase == .sealed(ordinal: 1))
  }

  @Test func aReopenNamesTheSealAndTheNextOneHasOrdinalTwo() {
    var state = attempt()
    let seal = EntryKind.seal(SignedStatement(statement: [], signature: []))
    _ = state.admit(seal, time: .inTime, policy: policy)
    #expect(state.admit(.reopened(sealOrdinal: 2), time: .inTime, policy: policy) == .kept(.reopenInvalid))
    #expect(state.admit(.reopened(sealOrdinal: 1), time: .inTime, policy: policy) == .applied)
    #expect(state.admit(answer, time: .inTime, policy: policy) == .applied)
    _ = state.admit(seal, time: .inTime, policy: policy)
    #expect(state.sealOrdinal == 2)
  }

  @Test func aSectionThatWasLeftIsClosed() {
    var state = attempt()
    #expect(state.admit(.sectionLeft(section: "s1"), time: .inTime, policy: policy) == .applied)
    #expect(state.admit(answer, time: .inTime, policy: policy, section: "s1") == .kept(.sectionClosed))
    #expect(state.admit(answer, time: .inTime, policy: policy, section: "s2") == .applied)
  }

  @Test func lateAndUndecidedAnswersAreKeptApart() {
    var state = attempt()
    #expect(state.admit(answer, time: .late, policy: policy) == .kept(.afterDeadline))
    #expect(state.admit(answer, time: .undecided, policy: policy) == .kept(.timeUndecided))
  }

  @Test func lockSetsMergeByUnionInAnyOrder() {
    var left = LockLedger()
    var right = LockLedger()
    (1...3).forEach { left.lock($0) }
    right.lock(4)
    right.void(1)
    var one = left
    one.merge(right)
    var other = right
    other.merge(left)
    #expect(one == other && one.count == 3 && one.next == 5)
  }

  @Test(arguments: [
    ("3.10", "3.4.2", false), ("3.4.2", "3.4.2", false), ("3.4", "3.4.2", true), ("3.4.0", "3.4", false),
    ("2.9.9", "3", true),
  ])
  func s3_02_versionsCompareByNumber(version: String, minimum: String, isTooOld: Bool) throws {
    #expect(try (#require(DottedVersion(version)) < #require(DottedVersion(minimum))) == isTooOld)
  }

  @Test(arguments: ["", "3.", ".3", "3.a", "1.2.3.4.5", "1234567", "3,4"])
  func aBrokenVersionIsNone(text: String) {
    #expect(DottedVersion(text) == nil)
  }

  @Test func theDeadlineIsTheBellOrTheCandidatesOwnTime() {
    let window = AttemptWindow(opens: 0, closes: 100_000, durationMilliseconds: 60_000, grantedMilliseconds: 5_000)
    #expect(window.deadline(started: nil) == 105_000)
    #expect(window.deadline(started: 10_000) == 75_000)
    #expect(window.deadline(started: 90_000) == 105_000)
  }

  @Test func theAnswerSheetHasOneFormWhateverTheOrder() {
    var one = AnswerSheet()
    one.set(.options(["A"]), for: "b")
    one.set(.text("x"), for: "a")
    one.set(.number("1"), for: "c")
    one.clear("c")
    let other = AnswerSheet(["a": .text("x"), "b": .options(["A"]), "d": .blanks(["", ""])])
    #expect(one.canonicalBytes == other.canonicalBytes)
    #expect(AnswerValue.text("A").canonicalBytes != AnswerValue.options(["A"]).canonicalBytes)
    #expect(AnswerValue.blanks(["ab", ""]).canonicalBytes != AnswerValue.blanks(["a", "b"]).canonicalBytes)
  }
}

import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

@Suite struct LockTests {
  private func unlock(_ phone: Phone, _ code: String, right: String = "12345678") throws -> UnlockOutcome {
    try phone.store.unlock(code: code, in: phone.attempt, at: phone.moment()) { typed, _ in typed == right }
  }

  @Test(arguments: LockCause.allCases)
  func causeLocksAndAnsweringIsRefused(cause: LockCause) throws {
    let phone = try Phone.answering()
    let outcome = try #require(
      try phone.store.lock(cause, detail: "raw", in: phone.attempt, at: phone.moment()))
    #expect(outcome.number == 1 && outcome.count == 1 && !outcome.handedIn)
    let error = try refused(.locked) { try phone.answer("q1", "A") }
    #expect(error.lock == 1)
    try refused(.locked) { _ = try phone.store.visit("q1", in: phone.attempt, at: phone.moment()) }
    try refused(.locked) { _ = try phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment()) }
    try phone.restart()
    #expect(try phone.status.phase == .locked(1))
  }

  @Test func exemptCauseDoesNotLock() throws {
    let phone = try Phone.answering(policy: AttemptPolicy(exemptCauses: [.screenOff]))
    #expect(try phone.store.lock(.screenOff, in: phone.attempt, at: phone.moment()) == nil)
    #expect(try phone.status.phase == .answering)
  }

  @Test func rightCodeUnlocksOffline() throws {
    let phone = try Phone.answering()
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    let outcome = try unlock(phone, "12345678")
    #expect(outcome.number == 1 && outcome.isEffective)
    #expect(try phone.entries().last?.kind == .unlock(UnlockFact(number: 1, proof: .code("12345678"))))
    try phone.restart()
    try phone.answer("q1", "A")
    try refused(.notLocked) { _ = try self.unlock(phone, "12345678") }
  }

  @Test func verifierIsAskedForTheHoldingLock() throws {
    let phone = try Phone.answering()
    for expected in UInt32(1)...3 {
      _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
      var asked: [UInt32] = []
      _ = try phone.store.unlock(code: "00000000", in: phone.attempt, at: phone.moment()) { _, number in
        asked.append(number)
        return true
      }
      #expect(asked == [expected])
    }
  }

  @Test func triesAreCountedBeforeVerificationAndSurviveReopening() throws {
    let phone = try Phone.answering()
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    for left in (0..<Limits.unlockTries).reversed() {
      let error = try refused(.unlockCodeWrong) { _ = try self.unlock(phone, "00000000") }
      #expect(error.triesLeft == left)
      try phone.restart()
      #expect(try phone.store.triesLeft(lock: 1, in: phone.attempt) == left)
    }
    var wasAsked = false
    try refused(.tooManyTries) {
      _ = try phone.store.unlock(code: "12345678", in: phone.attempt, at: phone.moment()) { _, _ in
        wasAsked = true
        return true
      }
    }
    #expect(!wasAsked)
  }

  @Test func tryIsOnTheDiskWhileTheCodeIsVerified() throws {
    let phone = try Phone.answering()
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    var triesOnDisk = -1
    _ = try phone.store.unlock(code: "12345678", in: phone.attempt, at: phone.moment()) { _, _ in
      // What a kill at this instant would leave behind.
      let copy = phone.folder.path + "/killed.db"
      for suffix in ["", "-wal"] { try? write(bytes(of: phone.path + suffix), to: copy + suffix) }
      let killed = try? ExamStore(path: copy, at: phone.instant)
      triesOnDisk = (try? killed?.triesLeft(lock: 1, in: phone.attempt)) ?? -1
      return true
    }
    #expect(triesOnDisk == Limits.unlockTries - 1)
  }

  @Test(arguments: ["", "1234567", "123456789", "1234567a", "１２３４５６７８"])
  func malformedCodeIsNoTry(code: String) throws {
    let phone = try Phone.answering()
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    try refused(.codeMalformed) { _ = try self.unlock(phone, code) }
    #expect(try phone.store.triesLeft(lock: 1, in: phone.attempt) == Limits.unlockTries)
  }

  @Test func eachLockHasItsOwnTries() throws {
    let phone = try Phone.answering()
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    try refused(.unlockCodeWrong) { _ = try self.unlock(phone, "00000000") }
    _ = try unlock(phone, "12345678")
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    #expect(try phone.store.triesLeft(lock: 2, in: phone.attempt) == Limits.unlockTries)
  }

  private func record(_ phone: Phone, number: UInt32, nonce: UInt64) -> UnlockRecord {
    UnlockRecord(attempt: phone.attempt, number: number, nonce: ID128(high: 1, low: nonce), mac: [1, 2])
  }

  @Test func serverUnlockIsJournalledOnce() throws {
    let phone = try Phone.answering()
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    let record = record(phone, number: 1, nonce: 1)
    #expect(try phone.store.unlock(record, at: phone.moment()).isEffective)
    try phone.restart()
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    let last = try phone.journal.last
    let replay = try phone.store.unlock(record, at: phone.moment())
    #expect(!replay.isEffective)
    #expect(try phone.journal.last == last)
    #expect(try phone.status.phase == .locked(2))
  }

  @Test func unlockOfAnotherLockIsVoid() throws {
    let phone = try Phone.answering()
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    let outcome = try phone.store.unlock(record(phone, number: 2, nonce: 1), at: phone.moment())
    #expect(!outcome.isEffective)
    #expect(try phone.status.phase == .locked(1))
    try phone.restart()
    #expect(try phone.status.phase == .locked(1))
  }

  @Test func unlockAfterTheSealIsVoid() throws {
    let phone = try Phone.answering(policy: AttemptPolicy(maximumLocks: 1))
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    #expect(!(try phone.store.unlock(record(phone, number: 1, nonce: 1), at: phone.moment()).isEffective))
    #expect(try phone.status.phase == .sealed(ordinal: 1))
    try refused(.sealed) { _ = try self.unlock(phone, "12345678") }
  }

  @Test func waitingUnlocksComeFromTheScope() throws {
    let phone = try Phone.answering()
    let unlock = record(phone, number: 1, nonce: 4)
    phone.set(
      ScopeCollection.unlock, NumberedRecord.key(attempt: phone.attempt, number: 1), unlock.wire, in: Phone.candidate)
    try phone.deliver(Phone.candidate)
    #expect(try phone.store.waitingUnlocks(of: phone.attempt).isEmpty)
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    #expect(try phone.store.waitingUnlocks(of: phone.attempt) == [unlock])
    _ = try phone.store.unlock(unlock, at: phone.moment())
    #expect(try phone.store.waitingUnlocks(of: phone.attempt).isEmpty)
  }

  @Test func fifthLockHandsInAndTheCountSurvivesReopening() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    for number in UInt32(1)...5 {
      let outcome = try #require(try phone.store.lock(.appSwitch, in: phone.attempt, at: phone.moment()))
      #expect(outcome.number == number && outcome.handedIn == (number == 5))
      if number < 5 { _ = try unlock(phone, "12345678") }
      try phone.restart()
      #expect(try phone.status.locks.count == Int(number))
    }
    #expect(try phone.status.phase == .sealed(ordinal: 1))
    let seal = try #require(try phone.status.seal)
    #expect(seal.cause == .locks && seal.answerCount == 1)
    try refused(.sealed) { _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment()) }
    try refused(.sealed) { try phone.answer("q1", "B") }
  }

  @Test func voidedLockDoesNotCountAndAVoidIsNeverForgotten() throws {
    let phone = try Phone.answering(policy: AttemptPolicy(maximumLocks: 2))
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    let key = NumberedRecord.key(attempt: phone.attempt, number: 1)
    phone.set(
      ScopeCollection.void, key, NumberedRecord(attempt: phone.attempt, number: 1).wire, in: Phone.candidate)
    try phone.deliver(Phone.candidate)
    #expect(try phone.status.locks.count == 0)
    phone.set(ScopeCollection.void, key, nil, in: Phone.candidate)
    try phone.deliver(Phone.candidate)
    try phone.restart()
    #expect(try phone.status.locks.voids == [1])
    _ = try unlock(phone, "12345678")
    let second = try #require(try phone.store.lock(.call, in: phone.attempt, at: phone.moment()))
    #expect(second.count == 1 && !second.handedIn)
  }
}

public import ExamModel
import SQLite
public import SyncProtocol

#if PlantedBugs
  import Planted
#endif

/// What a lock did.
public struct LockOutcome: Hashable, Sendable {
  public var saved: Saved
  public var number: UInt32
  /// Locks without a void.
  public var count: Int
  /// It was the last allowed lock, and the paper was handed in with it (S3-16).
  public var handedIn: Bool
}

/// What an unlock did.
public struct UnlockOutcome: Hashable, Sendable {
  public var saved: Saved
  public var number: UInt32
  /// `false` for an unlock that came too late or names another lock: it is journalled as void.
  public var isEffective: Bool
}

extension ExamStore {
  /// Locks the attempt, durably before anything else is shown (S3-14). The last allowed lock and its seal are one
  /// transaction.
  ///
  /// - Parameter detail: what the platform reported, word for word; cut to 1,000 bytes.
  /// - Returns: `nil` where the exam's policy exempts this cause; then nothing was journalled.
  public func lock(
    _ cause: LockCause, detail: String = "", in attempt: ID128, at moment: SaveMoment
  ) throws(ExamStoreError) -> LockOutcome? {
    let memory = try memory(of: attempt)
    let policy = policy(of: attempt)
    if memory.fold.state.isSealed { throw .sealed }
    guard memory.fold.state.started else { throw .notStarted }
    if policy.exemptCauses.contains(cause) { return nil }
    var draft = try liveDraft(memory, at: moment)
    let number = draft.state.ledger.next
    let shortened = String(decoding: Array(detail.utf8.prefix(1_000)), as: UTF8.self)
    try draft.append(.lock(LockFact(number: number, cause: cause, detail: shortened)))
    let handsIn = draft.state.handsIn(policy: policy)
    #if PlantedBugs
      if handsIn, planted(.lastLockSealedSeparately) {
        let locked = try commit(draft, to: memory)
        _ = try seal(attempt, cause: .locks, at: moment)
        return LockOutcome(
          saved: locked, number: number, count: memory.fold.state.ledger.count, handedIn: true)
      }
    #endif
    if handsIn { try appendSeal(cause: .locks, of: memory, to: &draft) }
    let saved = try commit(draft, to: memory)
    return LockOutcome(saved: saved, number: number, count: memory.fold.state.ledger.count, handedIn: handsIn)
  }

  /// How often a code was tried for a lock.
  public func triesLeft(lock number: UInt32, in attempt: ID128) throws(ExamStoreError) -> Int {
    max(0, Limits.unlockTries - (try memory(of: attempt).lockTries[number] ?? 0))
  }

  /// Opens the lock that holds the attempt with the code that the proctor read out, without any network (S3-13).
  ///
  /// The try is counted durably **before** the code is verified, so that killing the app gives no further try.
  ///
  /// - Parameter verifies: scrypt of the code against the record's verifier for this lock's number.
  /// - Throws: `.unlockCodeWrong` with the tries left, `.tooManyTries`, `.codeMalformed` (not counted), `.notLocked`,
  ///   `.sealed`.
  public func unlock(
    code: String, in attempt: ID128, at moment: SaveMoment, verifies: (_ code: String, _ number: UInt32) -> Bool
  ) throws(ExamStoreError) -> UnlockOutcome {
    let memory = try memory(of: attempt)
    if memory.fold.state.isSealed { throw .sealed }
    guard let number = memory.fold.state.ledger.holding else { throw refusal(.unlockInvalid, of: memory) }
    guard code.utf8.count == Limits.unlockCodeDigits, code.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      throw ExamStoreError(
        .codeMalformed, "An unlock code has \(Limits.unlockCodeDigits) digits. Type it again; this was no try.")
    }
    var draft = try liveDraft(memory, at: moment)
    let tries = (memory.lockTries[number] ?? 0) + 1
    guard tries <= Limits.unlockTries else {
      throw ExamStoreError(
        .tooManyTries,
        "The code for lock \(number) was tried \(Limits.unlockTries) times. Ask the proctor to unlock "
          + "this phone from the console.", triesLeft: 0)
    }
    var isDurable = true
    #if PlantedBugs
      if planted(.unlockTriesInMemory) { isDurable = false }
    #endif
    if isDurable {
      try transact { () throws(SQLiteError) in try tables.setTries(tries, number: number, attempt: attempt) }
    }
    memory.lockTries[number] = tries
    guard verifies(code, number) else {
      let left = Limits.unlockTries - tries
      throw ExamStoreError(
        .unlockCodeWrong,
        "This is not the code of lock \(number). \(left) tries are left; ask the proctor for the code.",
        lock: number, triesLeft: left)
    }
    try draft.append(.unlock(UnlockFact(number: number, proof: .code(code))))
    return UnlockOutcome(saved: try commit(draft, to: memory), number: number, isEffective: true)
  }

  /// Journals a server's unlock, once (S3-17). For another lock than the one that holds, or after the seal, it is
  /// journalled as void.
  public func unlock(_ record: UnlockRecord, at moment: SaveMoment) throws(ExamStoreError) -> UnlockOutcome {
    let memory = try memory(of: record.attempt)
    #if PlantedBugs
      let isReused = planted(.unlockOpensAnyLock) && memory.fold.state.ledger.holding != nil
    #endif
    var isUsed = memory.fold.usedUnlocks.contains(record.nonce)
    #if PlantedBugs
      if isReused { isUsed = false }
    #endif
    if isUsed {
      return UnlockOutcome(saved: try unchanged(memory), number: record.number, isEffective: false)
    }
    var draft = try liveDraft(memory, at: moment)
    var record = record
    #if PlantedBugs
      if planted(.unlockOpensAnyLock), let holding = draft.state.ledger.holding { record.number = holding }
    #endif
    let isEffective = !draft.state.isSealed && draft.state.ledger.holding == record.number
    let fact = UnlockFact(number: record.number, proof: .server(nonce: record.nonce, mac: record.mac))
    try draft.append(.unlock(fact))
    return UnlockOutcome(saved: try commit(draft, to: memory), number: record.number, isEffective: isEffective)
  }

  /// The server's unlocks that are in the scope, are not journalled yet and would open the lock that holds now.
  public func waitingUnlocks(of attempt: ID128) throws(ExamStoreError) -> [UnlockRecord] {
    let memory = try memory(of: attempt)
    guard let holding = memory.fold.state.ledger.holding, !memory.fold.state.isSealed else { return [] }
    #if PlantedBugs
      if planted(.unlockOpensAnyLock) { return try terms(attempt).unlocks.suffix(1) }
    #endif
    return try terms(attempt).unlocks.filter {
      $0.number == holding && !memory.fold.usedUnlocks.contains($0.nonce)
    }
  }
}

import ExamModel
import SyncProtocol
import SyncWire

/// Commands on one attempt.
extension ServerCore {
  /// Saves the attempt's row and gives its record to the candidate.
  func publishAttempt(_ memory: AttemptMemory) throws {
    touch(memory)
    memory.isRowDirty = true
    try put(memory.row.record.wire, scope: memory.row.candidate, ScopeCollection.attempt, memory.id.hex)
  }

  func releaseLease(_ memory: AttemptMemory, _ reason: String, by actor: String) throws {
    try checkText(reason, "reason")
    try refuseVoided(memory)
    memory.row.record.lease += 1
    memory.row.record.leaseID = ID128.random(using: &generator)
    memory.row.record.leaseDevice = nil
    memory.row.trouble = nil
    try publishAttempt(memory)
    try publishAnswers(memory)
    try audit("attempt-release", by: actor, of: memory.id.hex, "lease \(memory.row.record.lease): \(reason)")
  }

  func reopen(_ memory: AttemptMemory, _ reason: String, by actor: String) throws {
    try checkText(reason, "reason")
    try refuseVoided(memory)
    guard memory.state.isSealed else {
      throw Problem(.conflict, "Nothing was handed in, so there is nothing to reopen.")
    }
    let ordinal = memory.state.sealOrdinal
    touch(memory)
    memory.reopens.insert(ordinal)
    if memory.row.trouble == Self.unknownReopening {
      memory.row.trouble = nil
      memory.isRowDirty = true
    }
    try put(
      NumberedRecord(attempt: memory.id, number: ordinal).wire, scope: memory.row.candidate, ScopeCollection.reopen,
      NumberedRecord.key(attempt: memory.id, number: ordinal))
    try publishAnswers(memory)
    try audit("attempt-reopen", by: actor, of: memory.id.hex, "seal \(ordinal): \(reason)")
  }

  func voidLock(_ number: UInt32, of memory: AttemptMemory, _ reason: String, by actor: String) throws {
    try checkText(reason, "reason")
    guard memory.state.ledger.locks.contains(number) else {
      throw Problem(.notFound, "The server knows no lock \(number) of this attempt. Look at its locks.")
    }
    touch(memory)
    memory.state.ledger.void(number)
    try put(
      NumberedRecord(attempt: memory.id, number: number).wire, scope: memory.row.candidate, ScopeCollection.void,
      NumberedRecord.key(attempt: memory.id, number: number))
    try audit("lock-void", by: actor, of: memory.id.hex, "lock \(number): \(reason)")
  }

  func voidAttempt(_ memory: AttemptMemory, _ reason: String, by actor: String) throws {
    try checkText(reason, "reason")
    memory.row.record.isVoided = true
    try publishAttempt(memory)
    try audit("attempt-void", by: actor, of: memory.id.hex, reason)
  }

  /// Makes the unlock of one lock; a second command gives the same unlock.
  func unlock(_ number: UInt32, of memory: AttemptMemory, by actor: String) throws {
    try checkLockNumber(number)
    guard !memory.state.ledger.unlocked.contains(number) else {
      throw Problem(.conflict, "Lock \(number) is open already. Look at the board for the lock that holds.")
    }
    if memory.unlocksSent[number] == nil {
      touch(memory)
      let nonce = ID128.random(using: &generator)
      let mac = MessageAuthentication.unlock(
        secret: unlockSecret, attempt: memory.id, number: number, nonce: nonce)
      memory.unlocksSent[number] = nonce
      try put(
        UnlockRecord(attempt: memory.id, number: number, nonce: nonce, mac: mac).wire,
        scope: memory.row.candidate, ScopeCollection.unlock, NumberedRecord.key(attempt: memory.id, number: number))
    }
    try audit("unlock", by: actor, of: memory.id.hex, "lock \(number)")
  }

  func unlockCode(_ number: UInt32, of memory: AttemptMemory, by actor: String) throws -> UnlockCodeSummary {
    try checkLockNumber(number)
    guard Int(number) <= memory.row.record.unlockVerifiers.count else {
      throw Problem(.invalidValue, "The device can check codes up to lock \(memory.row.record.unlockVerifiers.count).")
    }
    try audit("unlock-code", by: actor, of: memory.id.hex, "lock \(number)")
    return UnlockCodeSummary(
      attempt: memory.id, number: number,
      code: MessageAuthentication.unlockCode(secret: unlockSecret, attempt: memory.id, number: number))
  }

  private func checkLockNumber(_ number: UInt32) throws {
    guard (1...1_000).contains(number) else {
      throw Problem(.invalidValue, "Locks are numbered 1, 2, 3 … Look at the board for the number.")
    }
  }

  func checkExtension(_ milliseconds: Int64) throws {
    guard milliseconds > 0, milliseconds <= OperatorLimits.extensionMilliseconds else {
      throw Problem(.invalidValue, "An extension lies between 1 millisecond and a day.")
    }
  }

  func grant(_ milliseconds: Int64, to memory: AttemptMemory, _ reason: String, by actor: String) throws {
    try checkText(reason, "reason")
    try addGrant(milliseconds, to: memory, reason)
    try audit("attempt-extend", by: actor, of: memory.id.hex, "\(milliseconds) ms: \(reason)")
  }

  /// The operator's record of the state applied so far. It does not seal: entries that come later still count, and
  /// so does a seal of the device.
  func forceHandIn(_ memory: AttemptMemory, _ reason: String, by actor: String) throws {
    try checkText(reason, "reason")
    guard !memory.state.isSealed else { throw Problem(.conflict, "The candidate has handed in already.") }
    touch(memory)
    memory.row.forcedAt = time
    try store.save(applied: encodedAnswers(of: memory), attempt: memory.id)
    memory.isRowDirty = true
    let digest = Hash.sha256(memory.sheet.canonicalBytes)
    try audit(
      "attempt-hand-in", by: actor, of: memory.id.hex, "\(memory.answeredCount) answers, digest \(digest): \(reason)")
  }

  private func refuseVoided(_ memory: AttemptMemory) throws {
    guard !memory.row.record.isVoided else { throw Problem(.conflict, "The attempt is void.") }
  }
}

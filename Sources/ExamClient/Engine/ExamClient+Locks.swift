public import ExamModel
import ExamStore
import SyncProtocol

extension ExamClient {
  /// Locks the attempt, durably before anything else is shown (S3-14). While it is locked nothing can be answered, and
  /// time goes on (S3-15). The last allowed lock hands in (S3-16).
  ///
  /// - Parameter detail: what the platform reported, word for word.
  /// - Throws: ``ExamClientError/Code/locked`` while a lock holds already: one interruption is one lock.
  @discardableResult
  public func lock(_ cause: LockCause, detail: String = "") throws(ExamClientError) -> LockReceipt {
    let attempt = try joinedAttempt()
    ringWhatIsDue()
    saveDrafts()
    let status = try onStore { (store) throws(ExamStoreError) in try store.status(of: attempt) }
    if case .locked(let number) = status.phase { throw ExamClientError(ExamStoreError.locked(lock: number)) }
    let moment = moment()
    let outcome = try onStore { (store) throws(ExamStoreError) in
      try store.lock(cause, detail: detail, in: attempt, at: moment)
    }
    guard let outcome else { return LockReceipt(number: nil, count: status.locks.count, handedIn: false) }
    let receipt = LockReceipt(number: outcome.number, count: outcome.count, handedIn: outcome.handedIn)
    emit(.locked(receipt))
    scheduleNudge(.journal(outcome.saved.journal))
    return receipt
  }

  /// Opens the lock with the eight digits that the proctor reads out, without any network (S3-13).
  ///
  /// Tries are counted durably before the code is checked.
  ///
  /// - Returns: the number of the lock that was opened.
  /// - Throws: ``ExamClientError/Code/unlockCodeWrong`` with the tries left, `.tooManyTries`, `.notLocked`, `.sealed`,
  ///   `.badArgument` for anything but eight digits (not counted).
  @discardableResult
  public func unlock(code: String) throws(ExamClientError) -> UInt32 {
    let attempt = try joinedAttempt()
    ringWhatIsDue()
    let record = try onStore { (store) throws(ExamStoreError) in try store.terms(attempt).attempt }
    let moment = moment()
    let outcome = try onStore { (store) throws(ExamStoreError) in
      try store.unlock(code: code, in: attempt, at: moment) { code, number in
        CodeCheck.unlockCode(code, number: number, opens: record) ?? false
      }
    }
    emit(.unlocked(number: outcome.number))
    scheduleNudge(.journal(outcome.saved.journal))
    // A section whose time ended while the lock held.
    leaveSectionsThatEnded()
    sayReplacedAgain()
    // While it was locked, nothing could be taken over.
    if let store { takeLease(store, attempt) }
    return outcome.number
  }
}

import ExamModel
import ExamStore
import SyncProtocol
import SyncWire

extension ExamClient {
  /// How long a question waits for the server's answers after a fork.
  private static let catchUpMilliseconds: Int64 = 3_000

  /// The question before handing in: nothing happens yet (S3-12).
  ///
  /// After a fork it waits some seconds for the answers that the server has, so that they are part of the question.
  public func requestSubmit() async throws(ExamClientError) -> SubmitToken {
    let attempt = try joinedAttempt()
    ringWhatIsDue()
    saveDrafts()
    if contact == .online, currentStatus().isCatchingUp {
      _ = await wait(timeoutMilliseconds: Self.catchUpMilliseconds) { status, _ in !status.isCatchingUp }
    }
    let (status, digest) = try onStore { (store) throws(ExamStoreError) in
      (try store.status(of: attempt), try store.answerDigest(of: attempt))
    }
    try requireSubmittable(status)
    return SubmitToken(attempt: attempt, answerCount: status.counts.saved, answers: digest.bytes)
  }

  /// Hands in the answers that were asked about. Durable on this device in milliseconds, network or not; nothing
  /// undoes it here (S3-11).
  ///
  /// - Throws: ``ExamClientError/Code/sheetChanged`` if the answers changed since they were asked about.
  @discardableResult
  public func confirm(_ token: SubmitToken) throws(ExamClientError) -> SealReceipt {
    let attempt = try joinedAttempt()
    ringWhatIsDue()
    saveDrafts()
    guard token.attempt == attempt, let expected = Digest256(token.answers) else {
      throw ExamClientError(.badArgument, "This confirmation belongs to another exam. Ask again, then confirm.")
    }
    let status = try onStore { (store) throws(ExamStoreError) in try store.status(of: attempt) }
    try requireSubmittable(status)
    let moment = moment()
    let outcome = try onStore { (store) throws(ExamStoreError) in
      try store.seal(attempt, cause: .candidate, expecting: expected, at: moment)
    }
    scheduleNudge(.journal(outcome.saved.journal))
    return SealReceipt(sequence: outcome.saved.sequence, answerCount: Int(outcome.statement.answerCount))
  }

  /// The receipt as the server gave it, byte for byte: a file that `exam-client verify` checks without a network.
  public func exportReceipt() throws(ExamClientError) -> (number: String, file: [UInt8]) {
    let attempt = try joinedAttempt()
    let found = try onStore { (store) throws(ExamStoreError) in
      (try store.status(of: attempt).receipt, try store.receipts(of: attempt))
    }
    guard let current = found.0, let receipt = found.1.first(where: { $0.statement.ordinal == current.ordinal }) else {
      throw ExamClientError(
        .noReceipt, "There is no receipt yet. It comes by itself as soon as the server is reached.", nextActor: .engine)
    }
    return (current.number, receipt.wire)
  }

  /// Handed in already: with the receipt the server's word, without it this device's.
  func requireSubmittable(_ status: AttemptStatus) throws(ExamClientError) {
    switch status.phase {
    case .answering: return
    case .notStarted: throw ExamClientError(ExamStoreError.notStarted)
    case .locked(let number): throw ExamClientError(ExamStoreError.locked(lock: number))
    case .sealed:
      if let receipt = status.receipt { throw .alreadySubmitted(receipt, own: ownJournals()) }
      throw ExamClientError(ExamStoreError.sealed)
    }
  }

  func ownJournals() -> Set<ID128> { Set(store?.journalStatuses.map(\.id) ?? []) }
}

extension ExamClientError {
  /// S3-33: with who, when and which device, so that a candidate who did not hand in can say so.
  static func alreadySubmitted(_ receipt: ReceiptStatement, own: Set<ID128>) -> ExamClientError {
    let device = own.contains(receipt.journal) ? "from this device" : "from another device"
    return ExamClientError(
      .alreadySubmitted,
      "The paper was handed in \(device) on \(UTCTime.text(receipt.serverTime)) with \(receipt.answerCount) answers, "
        + "receipt \(receipt.number). If that was not you, tell the proctor.", nextActor: .proctor)
  }
}

/// Instants for people, without a calendar library: `2026-06-07 09:00:00 UTC` (ISO 8601 order).
enum UTCTime {
  static func text(_ milliseconds: Int64) -> String {
    let seconds = milliseconds >= 0 ? milliseconds / 1_000 : (milliseconds - 999) / 1_000
    let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    let rest = seconds - days * 86_400
    let (year, month, day) = civil(days)
    func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(year)-\(two(month))-\(two(day)) \(two(rest / 3_600)):\(two(rest / 60 % 60)):\(two(rest % 60)) UTC"
  }

  /// Days since 1970 to a date of the proleptic Gregorian calendar (Howard Hinnant's algorithm).
  private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}

import ExamModel
import SyncProtocol

/// Joining by a 6-digit exam code (S3-07), bound to the roster and rate limited durably.
extension ServerCore {
  func join(session id: ID128, code: String) throws -> ServerReply {
    guard let session = openSessions[id], session.expiresAt > time else {
      throw Problem(.sessionUnknown, "This session is not known here. Make a new one from the certificate.")
    }
    guard ExamCode.isWellFormed(code) else {
      throw Problem(.invalidValue, "An exam code has exactly \(Limits.examCodeDigits) digits. Type it again.")
    }
    var own = try tries(of: session.candidate)
    var all = try tries(of: .zero)
    let allowed = all.tries >= configuration.joinAnomalyTries ? 1 : Limits.joinTries
    guard own.tries < allowed else {
      let seconds = Int((own.windowStart + Limits.joinWindowMilliseconds - time + 999) / 1_000)
      throw Problem(
        .tooManyTries, "Too many wrong codes. Wait a minute, check the code, or ask the proctor.",
        retryAfterSeconds: max(1, seconds))
    }
    guard let exam = liveExam(code: code),
      let attempt = try store.attempts(candidate: session.candidate).first(where: { $0.exam == exam.row.id })
    else {
      own.tries += 1
      all.tries += 1
      try store.save(joinTries: own)
      try store.save(joinTries: all)
      if all.tries == configuration.joinAnomalyTries {
        try audit("join-anomaly", by: "server", of: node.hex, "\(all.tries) wrong exam codes within a minute")
      }
      return .problem(
        Problem(.codeUnknown, "No exam of yours has this code. Check it and type it again, or ask the proctor."))
    }
    try checkVersion(session.appVersion, exam.row.record.policy)
    return .joined(JoinReply(attempt: attempt.id, exam: exam.row.id))
  }

  func liveExam(code: String) -> ExamEntry? {
    exams.values.first { $0.row.code == code && !$0.row.record.isCancelled }
  }

  private func tries(of candidate: ID128) throws -> JoinTriesRow {
    if let row = try store.joinTries(candidate), row.windowStart + Limits.joinWindowMilliseconds > time { return row }
    return JoinTriesRow(candidate: candidate, windowStart: time, tries: 0)
  }

  private func checkVersion(_ version: String, _ policy: AttemptPolicy) throws {
    guard let minimum = DottedVersion(policy.minimumAppVersion) else { return }
    guard let own = DottedVersion(version), own >= minimum else {
      throw Problem(
        .clientTooOld, "This exam needs version \(policy.minimumAppVersion) of the app or later. Update the app.")
    }
  }
}

/// 6-digit exam codes: text, so leading zeros count.
enum ExamCode {
  static func isWellFormed(_ code: String) -> Bool {
    code.utf8.count == Limits.examCodeDigits && code.utf8.allSatisfy { (0x30...0x39).contains($0) }
  }

  static func random(using generator: inout CallGenerator) -> String {
    let digits = String(UInt64.random(in: 0..<1_000_000, using: &generator))
    return String(repeating: "0", count: Limits.examCodeDigits - digits.count) + digits
  }
}

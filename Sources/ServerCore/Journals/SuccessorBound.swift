import ExamModel
import SyncProtocol

/// How many journals an attempt may get. A journal that is over a bound is answered *unknown journal*: the device keeps
/// it, offers it again every five minutes, and it is taken once the hour is over.
extension ServerCore {
  static let successorWindowMilliseconds: Int64 = 3_600_000

  /// Whether a device may open one more journal of an attempt now; if not, a person is told.
  ///
  /// The hourly bound counts a device's own journals after its first one, so that a device which takes the attempt
  /// over never waits for the one before it. It is counted in server time, from the journals' rows.
  func mayOpenJournal(of attempt: AttemptMemory, device: ID128) throws -> Bool {
    guard attempt.journals.count < Limits.journalsPerAttempt else {
      try note("journals", of: attempt, "\(Limits.journalsPerAttempt) journals: sync stops until a person looks")
      return false
    }
    let successors = attempt.journals.filter { $0.row.device == device }.dropFirst()
    let recent = successors.map(\.row.openedAt).filter { $0 > time - Self.successorWindowMilliseconds }
    guard recent.count < Limits.successorsPerHour else {
      try note(
        "successors", of: attempt,
        "\(recent.count) successors within an hour: the device keeps the next one and offers it again; look at it")
      return false
    }
    return true
  }
}

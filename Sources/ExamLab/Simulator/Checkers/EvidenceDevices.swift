import ExamModel
import ExamStore
import ServerCore
import SyncProtocol

extension Evidence {
  /// Whether another device of the attempt saved this value for an item between two instants: where a lease goes from
  /// device to device, the newest device's answer is the current one everywhere.
  func wasSaved(
    _ value: AnswerValue?, for item: String, of attempt: ID128, elsewhereThan node: SimNode, after start: Int64,
    until end: Int64
  ) -> Bool {
    history.contains { event in
      guard event.node != node, event.trueMilliseconds >= start, event.trueMilliseconds <= end,
        case .saved(let journal, _, _, item, let saved) = event.fact
      else { return false }
      return saved.flatMap { $0.isEmpty ? nil : $0 } == value && self.attempt(ofJournal: journal) == attempt
    }
  }

  /// Whether another device handed in, and a restore took its seal from the server: its receipt stands, so the paper
  /// stays handed in on this phone, while the server applies what this phone said since, and a person decides.
  func lostSealElsewhere(_ status: AttemptStatus, of attempt: ServerAttemptDump) -> Bool {
    guard !restores.isEmpty, case .sealed(let ordinal) = status.phase, status.seal == nil,
      status.receipt?.ordinal == ordinal
    else { return false }
    return !attempt.seals.contains { $0.ordinal >= ordinal }
  }

  func wasLostOnBothSides(_ node: SimNode) -> Bool { truth.wasLostOnBothSides(node, history) }
}

extension Truth {
  /// A phone lost entries, and then the server was restored from a backup from before that: what the phone had got back
  /// from the server stands in no journal any more, nobody can offer it again, and a seal that lists it waits for a
  /// person.
  func wasLostOnBothSides(_ node: SimNode, _ history: [HistoryEvent]) -> Bool {
    let lost = losses.filter { $0.node == node }.map(\.trueMilliseconds)
    guard !lost.isEmpty else { return false }
    return history.contains { event in
      guard case .serverRestored(let from) = event.fact else { return false }
      return lost.contains { from < $0 && $0 < event.trueMilliseconds }
    }
  }
}

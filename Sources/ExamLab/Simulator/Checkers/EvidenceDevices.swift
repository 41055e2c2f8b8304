import ExamModel

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

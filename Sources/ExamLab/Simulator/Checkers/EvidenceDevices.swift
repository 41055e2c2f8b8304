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
}

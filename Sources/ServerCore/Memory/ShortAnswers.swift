import ExamModel
import SyncProtocol
import SyncWire

/// An applied answer that is one option, or a clear: its newest place in the attempt's journals.
struct ShortAnswer: Hashable {
  /// Empty for a clear.
  var option: ShortText
  var lease: UInt32
  /// Of its journal; 0 where no entry stands here.
  var ordinal: UInt32
  var sequence: UInt64
  /// Server time at which the entry arrived.
  var receivedAt: Int64

  static let none = ShortAnswer(option: .empty, lease: 0, ordinal: 0, sequence: 0, receivedAt: 0)

  /// The applied entry with the greatest (lease, ordinal, sequence) counts.
  @inline(__always)
  func isOutranked(by other: ShortAnswer) -> Bool {
    if lease != other.lease { return lease < other.lease }
    if ordinal != other.ordinal { return ordinal < other.ordinal }
    return sequence <= other.sequence
  }
}

/// Applied answers that nobody has asked for yet: one place for each item of the paper, so that the next answer to the
/// same item costs no lookup by its text. Which of two answers counts does not depend on the order in which they are
/// taken, so these can wait.
struct ShortAnswers {
  let items: PlainItems
  private(set) var places: [ShortAnswer]

  init(items: PlainItems) {
    self.items = items
    places = [ShortAnswer](repeating: .none, count: items.count)
  }

  mutating func take(_ entries: [PlainEntry], at targets: [Int32], from first: ShortAnswer) {
    places.withUnsafeMutableBufferPointer { places in
      var answer = first
      for (entry, target) in zip(entries, targets) {
        switch entry.action {
        case .choose, .clear:
          answer.option = entry.option
          if places[Int(target)].isOutranked(by: answer) { places[Int(target)] = answer }
        case .write, .flag, .visit: break
        }
        answer.sequence += 1
      }
    }
  }

  var bytes: Int { places.count * MemoryLayout<ShortAnswer>.stride }
}

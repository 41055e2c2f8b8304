public import ExamModel
import SyncProtocol

/// A journal that was left, and in whose place the server has other entries than this device: after the server was
/// restored from a backup that ends below the fork, another copy of this store wrote on there. Entries are never
/// exchanged for others, so what this device has of it can never be pushed. It stays here as evidence.
extension ExamStore {
  /// Says again, in the journal that is written, the answers and flags that only a replaced journal says, so that the
  /// server gets them all the same. A repetition finds nothing left to say.
  ///
  /// - Returns: `nil` if there is nothing to say, or nothing can be answered now: while locked, and after the seal.
  /// - Throws: `.badArgument` for a journal that was not replaced.
  public func sayAgain(from journal: ID128, at moment: SaveMoment) throws(ExamStoreError) -> Saved? {
    let (memory, index) = try locate(journal)
    let replaced = memory.journals[index]
    guard replaced.isReplaced else {
      throw .badArgument("The server follows journal \(journal). Nothing of it has to be said again.")
    }
    guard memory.fold.state.phase == .answering else { return nil }
    var lost: [ItemFact] = []
    try forEachFact(of: replaced) { fact in
      lost.removeAll { $0 == fact }
      lost.append(fact)
    }
    for later in memory.journals where later.number > replaced.number && !later.isReplaced {
      try forEachFact(of: later) { fact in lost.removeAll { $0 == fact } }
    }
    guard !lost.isEmpty else { return nil }
    var draft = try liveDraft(memory, at: moment)
    for fact in lost {
      let current = memory.fold.answers[fact.item]
      if fact.isFlag {
        try draft.append(.flag(item: fact.item, isSet: current?.isFlagged ?? false))
      } else if let value = current?.value {
        try draft.append(.answer(item: fact.item, value: value))
      } else {
        try draft.append(.clear(item: fact.item))
      }
    }
    return try commit(draft, to: memory)
  }

  private struct ItemFact: Hashable {
    var item: String
    var isFlag: Bool
  }

  private func forEachFact(
    of journal: JournalState, _ body: (ItemFact) -> Void
  ) throws(ExamStoreError) {
    try journals().entries(of: journal.number, through: journal.end) { (stored) throws(ExamStoreError) in
      switch stored.entry.kind {
      case .answer(let item, _), .clear(let item): body(ItemFact(item: item, isFlag: false))
      case .flag(let item, _): body(ItemFact(item: item, isFlag: true))
      default: break
      }
    }
  }
}

import ExamModel

/// What a journal adds up to, worked out from its entries alone and without any code of the store.
struct JournalFold {
  private(set) var answers: [String: AnswerValue] = [:]
  private(set) var flags: Set<String> = []
  private(set) var locks: Set<UInt32> = []
  private var unlocked: Set<UInt32> = []
  private var isStarted = false
  private var isSealed = false
  private var sealOrdinal: UInt32 = 0

  init(_ entries: [Entry]) {
    for entry in entries { take(entry.kind) }
  }

  var phase: AttemptState.Phase {
    if isSealed { return .sealed(ordinal: sealOrdinal) }
    if let lock = locks.subtracting(unlocked).max() { return .locked(lock) }
    return isStarted ? .answering : .notStarted
  }

  private mutating func take(_ kind: EntryKind) {
    switch kind {
    case .start: isStarted = true
    case .answer(let item, let value): answers[item] = value
    case .clear(let item): answers[item] = nil
    case .flag(let item, let isSet): if isSet { flags.insert(item) } else { flags.remove(item) }
    case .lock(let fact): locks.insert(fact.number)
    case .unlock(let fact): unlocked.insert(fact.number)
    case .seal:
      isSealed = true
      sealOrdinal += 1
    case .reopened: isSealed = false
    default: break
    }
  }
}

import ExamModel
import SyncProtocol
import SyncWire

/// The current answer to one item, with where it comes from.
struct CurrentAnswer: Hashable {
  var value: AnswerValue
  var lease: UInt32
  var ordinal: UInt32
  var sequence: UInt64
  var journal: ID128
  /// Server time at which the entry arrived.
  var receivedAt: Int64

  /// The applied entry with the greatest (lease, ordinal, sequence) counts.
  func isOutranked(byLease lease: UInt32, ordinal: UInt32, sequence: UInt64) -> Bool {
    (self.lease, self.ordinal, self.sequence) <= (lease, ordinal, sequence)
  }
}

/// One journal in memory. Only the writer thread touches it; after a failed commit it is thrown away.
final class JournalMemory {
  var row: JournalRow
  var clock = JournalClock()
  /// The newest segment, for a push that is repeated because its answer was lost.
  var lastFirst: UInt64 = 0
  var lastHeadBefore: Digest256 = .zero
  /// The newest range of kept entries, to merge the next one with.
  var lastKept: KeptRange?
  var isDirty = false
  /// Where it goes on from, if its opening counted.
  var predecessor: JournalPosition?
  /// What was found of the proofs in its context entries, in order.
  var proofs: [TimeProofRow] = []
  /// Forks kept of it since it was loaded.
  var forks = 0
  unowned let attempt: AttemptMemory

  init(row: JournalRow, attempt: AttemptMemory) {
    self.row = row
    self.attempt = attempt
  }
}

/// A seal whose receipt is not made yet.
struct WaitingSeal {
  var row: SealRow
  var statement: SealStatement
}

/// One attempt in memory: its row, and what its journals amount to.
final class AttemptMemory {
  var row: AttemptRow
  var journals: [JournalMemory] = []
  var state = AttemptState()
  /// The state before the newest seal, for entries that the seal covers and that come after it.
  var stateBeforeSeal: AttemptState?
  var sealStatement: SealStatement?
  var waiting: WaitingSeal?
  private var knownAnswers: [String: CurrentAnswer] = [:]
  private var knownAnsweredCount: UInt32 = 0
  private var knownAnswerBytes = 0
  /// Answers that are not among the known ones yet.
  private var shortAnswers: ShortAnswers?
  var startedAt: Int64?
  /// The exam code in the start that was applied.
  var startCode: String?
  var lockCauses: [UInt32: LockCause] = [:]
  /// Nonces of the server's unlocks, by lock.
  var unlocksSent: [UInt32: ID128] = [:]
  var grantedMilliseconds: Int64 = 0
  var grants: Set<UInt32> = []
  var reopens: Set<UInt32> = []
  var receiptOrdinals: Set<UInt32> = []
  var entries: UInt64 = 0
  var contactAt: Int64 = 0
  /// When it was last used, in batches.
  var lastUsed: UInt64 = 0
  var isTouched = false
  /// Its deadline is in the list, so that a push needs not look again.
  var isDeadlineWatched = false
  var isRowDirty = false

  init(row: AttemptRow) {
    self.row = row
  }

  var id: ID128 { row.id }

  /// What each item's newest answer or clear says; cleared items have an empty value.
  var answers: [String: CurrentAnswer] {
    get {
      settle()
      return knownAnswers
    }
    set {
      shortAnswers = nil
      knownAnswers = newValue
    }
  }

  var answeredCount: UInt32 {
    settle()
    return knownAnsweredCount
  }

  /// About as many bytes as the answers take in memory.
  var answerBytes: Int { knownAnswerBytes + (shortAnswers?.bytes ?? 0) }

  /// Takes the chosen options and the clears of entries that were all applied.
  ///
  /// - Parameters:
  ///   - places: of the entries' items among `items`.
  ///   - first: lease, journal and sequence of the first entry.
  func setShortAnswers(
    _ entries: [PlainEntry], at places: [Int32], from first: ShortAnswer, of items: PlainItems
  ) {
    if shortAnswers?.items !== items {
      settle()
      shortAnswers = ShortAnswers(items: items)
    }
    shortAnswers?.take(entries, at: places, from: first)
  }

  private func settle() {
    guard let waiting = shortAnswers else { return }
    shortAnswers = nil
    for (index, answer) in waiting.places.enumerated() where answer.ordinal > 0 {
      guard let journal = journals.first(where: { $0.row.ordinal == answer.ordinal }) else { continue }
      keep(
        waiting.items.id(at: index),
        CurrentAnswer(
          value: .options(answer.option.isEmpty ? [] : [answer.option.text]), lease: answer.lease,
          ordinal: answer.ordinal, sequence: answer.sequence, journal: journal.row.id,
          receivedAt: answer.receivedAt))
    }
  }

  /// Of two spellings of an item's id that count as equal, the first stays: so what waits comes first.
  func setAnswer(_ item: String, _ answer: CurrentAnswer) {
    settle()
    keep(item, answer)
  }

  /// The same for an item among those of the short answers, whose ids have one spelling.
  func setPlainAnswer(_ answer: CurrentAnswer, at index: Int, of items: PlainItems) {
    keep(items.id(at: index), answer)
  }

  private func keep(_ item: String, _ answer: CurrentAnswer) {
    if let current = knownAnswers[item] {
      guard current.isOutranked(byLease: answer.lease, ordinal: answer.ordinal, sequence: answer.sequence) else {
        return
      }
      if !current.value.isEmpty { knownAnsweredCount -= 1 }
      knownAnswerBytes -= current.value.approximateBytes
    }
    if !answer.value.isEmpty { knownAnsweredCount += 1 }
    knownAnswerBytes += answer.value.approximateBytes
    knownAnswers[item] = answer
  }

  /// Makes room below the journals of this ordinal and above. Which of two answers counts stays as it is.
  func raiseOrdinals(from first: UInt32) {
    settle()
    for (item, answer) in knownAnswers where answer.ordinal >= first { knownAnswers[item]?.ordinal += 1 }
    for journal in journals where journal.row.ordinal >= first { journal.row.ordinal += 1 }
  }

  var sheet: AnswerSheet { AnswerSheet(answers.mapValues(\.value)) }

  /// Time is up for this attempt at this instant, by the grants that it has.
  func deadline(_ exam: ExamRecord) -> Int64 {
    window(exam).deadline(started: startedAt)
  }

  func window(_ exam: ExamRecord) -> AttemptWindow {
    AttemptWindow(
      opens: exam.opensAt, closes: exam.closesAt, durationMilliseconds: exam.durationMilliseconds,
      grantedMilliseconds: grantedMilliseconds)
  }

  var phaseName: String {
    switch state.phase {
    case .notStarted: "not-started"
    case .answering: "answering"
    case .locked: "locked"
    case .sealed: "sealed"
    }
  }
}

extension AnswerValue {
  var approximateBytes: Int {
    switch self {
    case .options(let ids): 48 + ids.count * 16
    case .text(let text), .number(let text): 48 + text.utf8.count
    case .blanks(let texts): texts.reduce(48) { $0 + 16 + $1.utf8.count }
    }
  }
}

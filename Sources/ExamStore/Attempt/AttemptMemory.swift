import ExamModel
import SyncProtocol

/// What the store holds in memory of one attempt: always what its committed entries add up to.
final class AttemptMemory {
  let attempt: ID128
  /// The server's record that this device went on from; `nil` where its own journals say everything.
  var base: AnswersRecord?
  /// In the order in which they were opened.
  var journals: [JournalState]
  var fold: AttemptFold
  var lockTries: [UInt32: Int]
  var voids: Set<UInt32>
  var receipts: [StoredReceipt]

  init(
    attempt: ID128, base: AnswersRecord? = nil, journals: [JournalState] = [], fold: AttemptFold,
    lockTries: [UInt32: Int] = [:], voids: Set<UInt32> = [], receipts: [StoredReceipt] = []
  ) {
    self.attempt = attempt
    self.base = base
    self.journals = journals
    self.fold = fold
    self.lockTries = lockTries
    self.voids = voids
    self.receipts = receipts
  }

  /// The one journal that is written.
  var liveIndex: Int? { journals.lastIndex { $0.isLive } }

  /// Whether the server said that it has the entry.
  func isAcknowledged(_ place: EntryPlace) -> Bool {
    journals.contains { $0.number == place.journal && place.sequence <= $0.heldSequence }
  }

  /// The receipt of the seal that stands.
  var currentReceipt: StoredReceipt? {
    guard fold.state.isSealed else { return nil }
    return receipts.first { $0.statement.ordinal == fold.state.sealOrdinal }
  }
}

/// A receipt whose signature and inclusion proof were checked before it was stored.
struct StoredReceipt: Hashable {
  var statement: ReceiptStatement
  var body: [UInt8]
}

extension AttemptFold {
  /// Adds up an attempt's entries, journal by journal.
  ///
  /// - Parameter entries: of one journal, decoded, from its first; called once for each journal.
  static func total(
    base: AnswersRecord?, voids: Set<UInt32>, journals: inout [JournalState],
    entries: (JournalState) throws(ExamStoreError) -> [StoredEntry]
  ) throws(ExamStoreError) -> AttemptFold {
    var fold = AttemptFold(base: base, voids: voids)
    for index in journals.indices {
      let covered = base?.journals.first { $0.journal == journals[index].id }?.sequence ?? 0
      // Follows the row's journal from its beginning, so that each entry meets the clock of its own time.
      var state = journals[index]
      state.last = 0
      state.clock = JournalClock()
      state.wallOffsetMilliseconds = nil
      for stored in try entries(journals[index]) {
        state.last = stored.sequence
        state.head = stored.head
        state.follow(stored.entry)
        if stored.sequence <= covered {
          fold.applyCovered(stored.entry, in: state, sealOrdinal: base?.sealOrdinal ?? 0)
        } else if stored.sequence <= journals[index].end {
          fold.apply(stored.entry, in: state)
        }
      }
      journals[index].clock = state.clock
      journals[index].wallOffsetMilliseconds = state.wallOffsetMilliseconds
    }
    return fold
  }
}

/// An entry as it is kept, with its body decoded. A body of a later version that this one cannot decode is `.unknown`.
struct StoredEntry: Hashable {
  var sequence: UInt64
  var body: [UInt8]
  var head: Digest256
  var entry: Entry
}

import ExamModel
import ServerCore
import SyncProtocol
import SyncWire

/// One entry as it came to a server.
struct Arrival {
  var journal: ServerJournal
  var entry: JudgedEntry
  var lease: UInt32
  var receivedAt: Int64
  var segment: Int64
  /// `nil` for an entry that took effect.
  var reason: KeptReason?

  /// Of two answers to an item the one of the greater rank counts: lease, ordinal of the journal, sequence.
  var rank: (UInt32, UInt32, UInt64) { (lease, journal.dump.row.ordinal, entry.sequence) }

  /// Entries that never change anything, and that a server therefore never keeps back for a seal or a lock.
  var isNeutral: Bool {
    switch entry.entry?.kind {
    case .open, .context, .visit, .grantSeen, .unknown: true
    default: false
    }
  }

  var isReopening: Bool {
    if case .reopened = entry.entry?.kind { true } else { false }
  }

  /// Where a journal of the same device was left that this one goes on from; only its first entry says so.
  func predecessor(in attempt: ServerAttemptDump) -> JournalPosition? {
    guard entry.sequence == 1, case .open(let opening) = entry.entry?.kind, let position = opening.predecessor,
      attempt.journals.first(where: { $0.row.id == position.journal })?.row.device == journal.dump.row.device
    else { return nil }
    return position
  }
}

extension Evidence {
  func findArrivals(of attempt: ServerAttemptDump, on server: ServerDump) -> [Arrival] {
    var arrivals: [Arrival] = []
    for dump in attempt.journals {
      guard let journal = serverJournals[dump.row.id]?.first(where: { $0.node == server.node }) else { continue }
      for (index, entry) in journal.entries.enumerated() {
        arrivals.append(
          Arrival(
            journal: journal, entry: entry, lease: journal.leases[index], receivedAt: journal.receivedAt[index],
            segment: journal.segmentIDs[index], reason: journal.reason(at: entry.sequence)))
      }
    }
    // One journal came in its own order, and sorting moves much about.
    let isInOrder = zip(arrivals, arrivals.dropFirst()).allSatisfy {
      ($0.segment, $0.entry.sequence) < ($1.segment, $1.entry.sequence)
    }
    if isInOrder { return arrivals }
    return arrivals.sorted { ($0.segment, $0.entry.sequence) < ($1.segment, $1.entry.sequence) }
  }
}

/// The server's answers of an attempt, folded a second time: the applied entry of the greatest rank counts, whatever
/// came when.
struct JudgedAnswers {
  private var ranks: [String: (UInt32, UInt32, UInt64)] = [:]
  private var values: [String: AnswerValue] = [:]

  var sheet: [String: AnswerValue] { values.filter { !$0.value.isEmpty } }

  mutating func take(_ arrival: Arrival) {
    guard arrival.reason == nil else { return }
    let item: String
    let value: AnswerValue
    switch arrival.entry.entry?.kind {
    case .answer(let name, let new): (item, value) = (name, new)
    case .clear(let name): (item, value) = (name, .options([]))
    default: return
    }
    if let known = ranks[item], known > arrival.rank { return }
    ranks[item] = arrival.rank
    values[item] = value
  }
}

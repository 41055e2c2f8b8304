package import ExamModel
package import ExamStore
import ServerCore
import SyncProtocol

/// What the checkers judge: a history and a dump, with what several of them need worked out once.
///
/// Everything is worked out here, from bytes: chains are hashed anew, entries decoded anew. Nothing asks the code under
/// test what it makes of them.
package final class Evidence {
  package let history: [HistoryEvent]
  package let world: WorldDump
  package private(set) lazy var phoneJournals: [ID128: [PhoneJournal]] = Self.phoneJournals(of: world)
  package private(set) lazy var serverJournals: [ID128: [ServerJournal]] = Self.serverJournals(of: world)
  /// Where the facts of one node stand in the history.
  package private(set) lazy var byNode: [SimNode: [HistoryEvent]] = Dictionary(grouping: history, by: \.node)

  /// The answers that a receipt of each seal must hold, as far as a server's rows still tell.
  private(set) lazy var receiptedSheets: [Sealed: [String: AnswerValue]] = findReceiptedSheets()
  private(set) lazy var lostEntries = LostEntries(history, truth)
  /// What several checkers go through: worked out once.
  private var knownArrivals: [ServersAttempt: [Arrival]] = [:]

  private struct ServersAttempt: Hashable {
    var node: SimNode
    var attempt: ID128
  }

  /// The entries of an attempt in the order in which a server stored them.
  func arrivals(of attempt: ServerAttemptDump, on server: ServerDump) -> [Arrival] {
    let name = ServersAttempt(node: server.node, attempt: attempt.row.id)
    if let known = knownArrivals[name] { return known }
    let arrivals = findArrivals(of: attempt, on: server)
    knownArrivals[name] = arrivals
    return arrivals
  }

  package init(history: [HistoryEvent], world: WorldDump) {
    self.history = history
    self.world = world
  }

  package var truth: Truth { world.truth }

  /// The attempt that a journal belongs to; `nil` for one that neither side has any more.
  package func attempt(ofJournal id: ID128) -> ID128? {
    phoneJournals[id]?.first?.attempt ?? serverJournals[id]?.first?.attempt
  }

  /// One instant that stands for "at the end".
  package var end: Int64 { history.last?.trueMilliseconds ?? 0 }
}

/// One entry with the head that its bytes lead to.
package struct JudgedEntry {
  package var sequence: UInt64
  package var body: [UInt8]
  /// Computed from the genesis on.
  package var head: Digest256
  /// `nil` where the bytes are no entry.
  package var entry: Entry?
}

/// A journal as a phone holds it.
package struct PhoneJournal {
  package var node: SimNode
  package var id: ID128
  package var attempt: ID128
  package var deviceKey: ID128
  package var dump: JournalContents
  package var entries: [JudgedEntry]
}

/// A journal as a server holds it.
package struct ServerJournal {
  package var node: SimNode
  package var id: ID128
  package var attempt: ID128
  package var dump: ServerJournalDump
  package var entries: [JudgedEntry]
  /// Lease and arrival of each entry, by place.
  package var leases: [UInt32]
  package var receivedAt: [Int64]
  package var segmentIDs: [Int64]

  /// Why an entry has no effect; `nil` for one that has.
  package func reason(at sequence: UInt64) -> KeptReason? {
    dump.dispositions.first { $0.from <= sequence && sequence <= $0.to }?.reason
  }
}

public import ExamModel
import SQLite
public import SyncProtocol

#if PlantedBugs
  import Planted
#endif

/// How an acknowledgement compares with this device's own chain.
public struct AcknowledgementResult: Hashable, Sendable {
  public enum Comparison: Hashable, Sendable {
    case matched
    /// Both have the sequence, with other heads: a fork.
    case headDiffers
    /// The server holds more than this device: a copy of the store wrote on, or an older copy was restored.
    case beyondOwn
  }

  public var comparison: Comparison
  /// The server had acknowledged more before: it went back in time.
  public var wentBack: Bool
  /// Entries of the journal that the server still lacks.
  public var pending: UInt64
}

/// One journal as it stands.
public struct JournalStatus: Hashable, Sendable {
  public var id: ID128
  /// Grows from journal to journal of this store.
  public var number: Int64
  public var attempt: ID128
  public var lease: UInt32
  public var last: UInt64
  public var head: Digest256
  /// The last entry that is pushed: of a journal that was left, its fork.
  public var end: UInt64
  public var isLive: Bool
  /// It was left, and the server has other entries in its place: it stays on this device as evidence.
  public var isReplaced: Bool
  public var predecessor: JournalPosition?
  public var acknowledged: AcknowledgedPosition
  /// The greatest sequence that the server ever acknowledged.
  public var greatestAcknowledged: UInt64
  public var pending: UInt64
  /// Wall clock when it was opened, in milliseconds since 1970; for the limit on successors.
  public var openedWallMilliseconds: Int64

  init(_ journal: JournalState) {
    id = journal.id
    number = journal.number
    attempt = journal.subject
    lease = journal.lease
    last = journal.last
    head = journal.head
    end = journal.end
    isLive = journal.isLive
    isReplaced = journal.isReplaced
    predecessor = journal.predecessor
    acknowledged = journal.acknowledged
    greatestAcknowledged = journal.greatest
    pending = journal.pendingCount
    openedWallMilliseconds = journal.openedWallMilliseconds
  }
}

extension ExamStore {
  /// Every journal of every attempt, in the order in which they were opened.
  public var journalStatuses: [JournalStatus] {
    memories.values.flatMap(\.journals).sorted { $0.number < $1.number }.map { JournalStatus($0) }
  }

  public func journalStatuses(of attempt: ID128) throws(ExamStoreError) -> [JournalStatus] {
    try memory(of: attempt).journals.map { JournalStatus($0) }
  }

  public func journalStatus(_ journal: ID128) throws(ExamStoreError) -> JournalStatus {
    JournalStatus(try find(journal).state)
  }

  /// The next entries that the server lacks: from `first` on, or from what it acknowledged last. Pending is derived
  /// each time; there is no second flag to disagree with it.
  ///
  /// - Parameters:
  ///   - first: 1 or above; `nil` for the entry after the acknowledged one.
  ///   - maximumEntries: at most `Limits.pushEntries`.
  ///   - maximumBytes: of the bodies together, at most `Limits.pushBytes`; one entry always fits.
  /// - Returns: `nil` if there is nothing to push.
  public func pushLoad(
    _ journal: ID128, from first: UInt64? = nil, maximumEntries: Int = Limits.pushEntries,
    maximumBytes: Int = Limits.pushBytes
  ) throws(ExamStoreError) -> Push? {
    let state = try find(journal).state
    let start = first ?? state.acknowledged.matchedSequence + 1
    guard start >= 1, start <= state.end else { return nil }
    var end = state.end
    #if PlantedBugs
      if planted(.pushLeavesOutLastEntry) {
        end -= 1
        if start > end { return nil }
      }
    #endif
    let entryLimit = UInt64(max(1, min(maximumEntries, Limits.pushEntries)))
    let byteLimit = min(maximumBytes, Limits.pushBytes)
    var bodies: [[UInt8]] = []
    var head: Digest256?
    var bytes = 0
    var isFull = false
    // Overflow-free: `start` lies within the journal.
    try journals().bodies(of: state.number, from: start, through: min(end, start + (entryLimit - 1))) {
      (body, after) throws(ExamStoreError) in
      bytes += body.count
      if isFull || (!bodies.isEmpty && bytes > byteLimit) {
        isFull = true
        return
      }
      bodies.append(body)
      head = after
    }
    guard let head else {
      throw ExamStoreError(
        .storageFailed, "Entry \(start) of journal \(journal) could not be read. Restart the app to verify the store.")
    }
    return Push(
      journal: journal, subject: start == 1 ? state.subject : nil, first: start, bodies: bodies, head: head,
      lease: state.lease)
  }

  /// Keeps what the server said of a journal, even if it is less than before, and compares it with this device's own
  /// chain in the same transaction. The greatest ever seen is kept apart.
  public func storeAcknowledgement(
    _ acknowledgement: Acknowledgement, of journal: ID128
  ) throws(ExamStoreError) -> AcknowledgementResult {
    let (memory, index) = try locate(journal)
    var state = memory.journals[index]
    let table = try journals()
    let wentBack = acknowledgement.sequence < state.greatest
    var standing: AcknowledgedPosition.Standing
    if acknowledgement.sequence > state.last {
      standing = .beyondOwn
    } else if acknowledgement.sequence == 0 {
      // Nothing is there, so there is no head to differ.
      standing = .matched
    } else {
      standing =
        try table.head(of: state, at: acknowledgement.sequence) == acknowledgement.head ? .matched : .headDiffers
    }
    #if PlantedBugs
      if planted(.otherHeadTakenAsOwn), standing == .headDiffers { standing = .matched }
    #endif
    if let fork = state.fork, standing != .matched,
      acknowledgement.sequence <= fork || acknowledgement.verdict == .diverged
    {
      standing = .replaced
    }
    state.acknowledged = AcknowledgedPosition(
      sequence: acknowledgement.sequence, head: acknowledgement.head, standing: standing)
    if acknowledgement.sequence > state.greatest {
      state.greatest = acknowledgement.sequence
      state.greatestHead = acknowledgement.head
    }
    if state != memory.journals[index] {
      let changed = state
      try transact { () throws(SQLiteError) in try table.updateStanding(of: changed) }
      memory.journals[index] = state
    }
    #if PlantedBugs
      if planted(.acknowledgedEntriesDeleted), standing == .matched {
        try transact { () throws(SQLiteError) in
          try connection.run("DELETE FROM entry WHERE journal = ?1 AND sequence <= ?2") {
            (statement) throws(SQLiteError) in
            try statement.bind(state.number, at: 1)
            try statement.bind(Int64(clamping: acknowledgement.sequence), at: 2)
          }
        }
      }
    #endif
    let comparison: AcknowledgementResult.Comparison =
      switch standing {
      case .beyondOwn: .beyondOwn
      case .headDiffers, .replaced: .headDiffers
      case .matched, .none: .matched
      }
    return AcknowledgementResult(comparison: comparison, wentBack: wentBack, pending: state.pendingCount)
  }

  /// This device's chain heads, for finding the last common entry; sequences that it lacks are left out.
  public func heads(of journal: ID128, at sequences: [UInt64]) throws(ExamStoreError) -> [UInt64: Digest256] {
    let state = try find(journal).state
    let table = try journals()
    var heads: [UInt64: Digest256] = [:]
    for sequence in sequences where sequence <= state.last {
      if let head = try table.head(of: state, at: sequence) { heads[sequence] = head }
    }
    return heads
  }

  func locate(_ journal: ID128) throws(ExamStoreError) -> (AttemptMemory, Int) {
    for memory in memories.values {
      if let index = memory.journals.firstIndex(where: { $0.id == journal }) { return (memory, index) }
    }
    throw ExamStoreError(.unknownJournal, "This device has no journal \(journal). Sync again.")
  }

  private func find(_ journal: ID128) throws(ExamStoreError) -> (memory: AttemptMemory, state: JournalState) {
    let (memory, index) = try locate(journal)
    return (memory, memory.journals[index])
  }
}

import ExamModel
import SyncProtocol

/// One journal as the core follows it.
///
/// ```
///               ┌────────── own chain agrees after all ───────────┐
///               ▼                                                 │
/// ┌──▶ following ── head differs, or the server is beyond ──▶ searching ──▶ searching, narrower …
/// │      │   ▲                                                    │
/// │ held │   │ its time came                                      │ last common entry known
/// │      ▼   │                                                    ▼
/// │    held(until) ◀──────── 8 successors in an hour ───────── opening ── successor opened ──▶ left
/// │                 (the search begins anew after that, and whenever the store did not open it)  │
/// │      ▲                                                                                      │
/// │      └── unknown to the server though offered from 1                                        │
/// └───────────────────────── the server's word on a left journal is not a fork ─────────────────┘
/// ```
/// Pending is `last > acknowledged`, and nothing else. When the server may have gone back in time (a reset, another
/// epoch, a session that it forgot) a journal is *in doubt*: its last acknowledged entry is offered once more.
struct JournalTrack: Hashable, Sendable {
  enum Phase: Hashable, Sendable {
    case following
    /// Between a sequence that both have in common and the least one known to differ.
    case searching(Bracket)
    /// The executor opens a successor at this entry.
    case opening(at: UInt64)
  }

  struct Bracket: Hashable, Sendable {
    var lastCommon: UInt64
    /// Nothing at or above this is common.
    var firstDifferent: UInt64
    /// The server's high water when it was asked last.
    var serverSequence: UInt64 = 0
    /// Only the first query doubles back; later ones look evenly.
    var isNarrowing = false
  }

  var known: KnownJournal
  var phase: Phase = .following
  /// The executor owes its word on an effect since then.
  var owedSince: Instant?
  /// Not synced before this.
  var heldUntil: Instant = .zero
  /// The server may have gone back when this request was the newest: the last acknowledged entry is offered again, and
  /// only the answer to a later request says what the server has now.
  var doubtedAt: UInt64?
  /// Offered from 1 after the server did not know it.
  var wasReoffered = false
  var isUnknownNoticed = false
  /// Told to go on as before though it is forked, because the hourly bound is reached.
  var isResumed = false
  /// The server said *diverged* though its head is in the own chain.
  var contradictions = 0
  /// Authenticated refusals of requests with this journal in them, since its last acknowledgement.
  var refusals = 0
  /// The push whose acknowledgement is being stored.
  var answeredBy: UInt64 = 0
  var lastVerdict: PushVerdict = .stored
  /// It was left, and the server has other entries in its place: nothing of it can be pushed.
  var isReplaced = false
  /// When it was pushed last, as a request number; keeps many journals fair.
  var lastPushedBy: UInt64 = 0

  var id: ID128 { known.id }
  var isInDoubt: Bool { doubtedAt != nil }
  var isPending: Bool { known.last > known.acknowledged }
  var wasAcknowledged: Bool { known.greatestAcknowledged > 0 }
  var pendingCount: UInt64 { known.last - min(known.last, known.acknowledged) }

  var isSearching: Bool {
    if case .searching = phase { return true }
    return false
  }

  /// There is something to send or ask about it.
  var hasWork: Bool {
    switch phase {
    case .following: isPending || (isInDoubt && known.last > 0)
    case .searching, .opening: true
    }
  }

  /// Where the next push begins. In doubt one entry overlaps, so that even a server that has everything says so.
  var nextSequence: UInt64 {
    isInDoubt && known.acknowledged > 0 ? min(known.acknowledged, known.last) : known.acknowledged + 1
  }

  func isReady(at now: Instant) -> Bool { owedSince == nil && heldUntil <= now }

  /// The sequences whose heads are asked for next: first doubling back from the top, then evenly in the bracket.
  func headSequences(_ bracket: Bracket) -> [UInt64] {
    let top = bracket.firstDifferent - 1
    guard top > bracket.lastCommon else { return [bracket.lastCommon] }
    var sequences: [UInt64] = []
    if bracket.isNarrowing {
      let span = top - bracket.lastCommon
      let count = min(span, UInt64(Limits.headsPerQuery) - 1)
      // Asked again, because the server may have gone back between two questions.
      sequences.append(bracket.lastCommon)
      for index in 1...count {
        let (high, low) = span.multipliedFullWidth(by: index)
        sequences.append(bracket.lastCommon + count.dividingFullWidth((high, low)).quotient)
      }
    } else {
      var distance: UInt64 = 1
      var sequence = top
      while sequences.count < Limits.headsPerQuery - 1 {
        sequences.append(sequence)
        guard sequence - bracket.lastCommon > distance else { break }
        sequence -= distance
        distance *= 2
      }
    }
    return sequences.sorted()
  }
}

/// One scope as the core follows it.
///
/// ```
///          delta without checkpoint              checkpoint, digest good
///  current ─────────▶ staging ──▶ more pages … ──────────────────────────▶ current
///     ▲                  │ checkpoint, digest differs
///     │                  ▼
///     │               repair due at an instant ── forget the cursor ──▶ (a reset is read) ──▶ current
///     └── refused by `from`: the store's own cursor counts
/// ```
struct ScopeTrack: Hashable, Sendable {
  var cursor: ScopeCursor
  /// Read up to date since the last time somebody wanted to be sure.
  var isCurrent = false
  /// The executor owes its word on a page since then.
  var owedSince: Instant?
  /// Left out of polls until then: its delta cannot be applied, and asking again would bring the same.
  var heldUntil: Instant = .zero
  /// A forced reset is to be made, not before the interval since the last one is over.
  var needsRepair = false
  var lastRepairAt: Instant?
  /// The epoch that was read last, even if the cursor was forgotten since; 0 for none.
  var epoch: UInt64
  /// The request that asked for it last; keeps many scopes fair.
  var lastAskedBy: UInt64 = 0

  init(cursor: ScopeCursor) {
    self.cursor = cursor
    epoch = cursor.cursor.epoch
  }

  var id: ID128 { cursor.scope }
  var hasMorePages: Bool { cursor.staged > 0 }

  var repairAllowedAt: Instant {
    lastRepairAt?.advanced(byMilliseconds: Limits.digestRepairIntervalMilliseconds) ?? .zero
  }
}

public import ExamModel
public import SyncProtocol

/// Names one request or session attempt of one core. Never used twice by a core.
public struct RequestID: Hashable, Sendable, Comparable {
  public let number: UInt64

  init(number: UInt64) {
    self.number = number
  }

  public static func < (left: RequestID, right: RequestID) -> Bool { left.number < right.number }
}

extension RequestID: CustomStringConvertible {
  public var description: String { "request \(number)" }
}

/// What can happen to ``SyncCore``. Every event may come at any time, twice, or late: what no longer fits is dropped.
///
/// Stepping with any event also does whatever is due, so a late or lost timer costs time and nothing else.
public enum SyncEvent: Hashable, Sendable {
  // The caller
  /// Begins, with what the store holds. While running it replaces all of that, and requests under way are cancelled.
  case start(SyncStart)
  /// Ends: requests under way are cancelled, and nothing is remembered but counters.
  case stop
  /// Makes no requests until ``resume``; those under way are let go on. The queue grows, nothing is lost.
  case pause
  case resume
  /// Pushes what is pending now, back-off or not. ``SyncEffect/finished(_:succeeded:)`` tells the end.
  case sendChanges
  /// Reads all scopes now. ``SyncEffect/finished(_:succeeded:)`` tells the end.
  case fetchChanges

  // The device
  /// The operating system's opinion. A change to reachable ends back-offs (S3-25); *unreachable* only lengthens them,
  /// because it is often wrong.
  case networkChanged(isReachable: Bool)
  /// The instant of the last ``SyncEffect/wake(at:)`` came. Too early or superseded wakes do no harm.
  case wake

  // The store
  /// Something was committed to a journal, or a journal is new.
  case journalChanged(KnownJournal)
  /// All scopes that are wanted, with what the store holds of each. Those not listed are forgotten.
  case scopesChanged([ScopeCursor])

  // The session
  /// A person logged in: there is a session.
  case loggedIn
  /// The answer to ``SyncEffect/openSession(_:)``: the grant's signature and nonce were good, and it is stored.
  case sessionOpened(RequestID)

  // What became of requests
  /// 200 with a good response MAC, decoded.
  case responded(RequestID, SyncResponse)
  /// Anything else, also for ``SyncEffect/openSession(_:)``.
  case failed(RequestID, RequestFailure)

  // What became of effects on the store
  /// After ``SyncEffect/storeAcknowledgement(journal:_:)``.
  case acknowledged(journal: ID128, AcknowledgementResult)
  /// After ``SyncEffect/compareHeads(_:)``. `lastCommon` is the greatest of the answered sequences at which both have
  /// the same head (0, the genesis, if none is); `firstDifferent` the least above it at which they differ, if any.
  case headsCompared(journal: ID128, lastCommon: UInt64, firstDifferent: UInt64?)
  /// After ``SyncEffect/openSuccessor(of:at:)``: committed, the entries above `fork` carried over.
  case successorOpened(predecessor: ID128, fork: UInt64, successor: KnownJournal)
  /// After ``SyncEffect/stage(_:)``, ``SyncEffect/apply(_:)``.
  case deltaStored(scope: ID128, DeltaResult)
  /// The store could not carry out an effect on a journal or scope. It is tried again after a back-off.
  case storeFailed(subject: ID128)
}

/// What the store holds when sync starts.
public struct SyncStart: Hashable, Sendable {
  /// Every journal that may still have to be pushed, left ones included.
  public var journals: [KnownJournal]
  /// The scopes that are wanted.
  public var scopes: [ScopeCursor]
  /// A session's id and secret are stored. It need not be good any more.
  public var hasSession: Bool
  /// Successors opened lately, so that the hourly bound outlives a restart of the process within one boot.
  public var recentSuccessors: [RecentSuccessor]
  /// Each acknowledged journal asks once what the server has of it, and receipts are shown: an earlier process may have
  /// stored the news of a restored server, and ended before it asked what that one lost.
  public var asksWhatTheServerHas: Bool

  public init(
    journals: [KnownJournal] = [], scopes: [ScopeCursor] = [], hasSession: Bool,
    recentSuccessors: [RecentSuccessor] = [], asksWhatTheServerHas: Bool = false
  ) {
    self.journals = journals
    self.scopes = scopes
    self.hasSession = hasSession
    self.recentSuccessors = recentSuccessors
    self.asksWhatTheServerHas = asksWhatTheServerHas
  }
}

/// One use of the hourly bound on successors.
public struct RecentSuccessor: Hashable, Sendable {
  /// The attempt.
  public var subject: ID128
  public var openedAt: Instant

  public init(subject: ID128, openedAt: Instant) {
    self.subject = subject
    self.openedAt = openedAt
  }
}

/// How urgent the most urgent entry above the acknowledgement is. Orders requests, never entries.
public enum EntryPriority: Int, Hashable, Sendable, Comparable, CaseIterable {
  case seal = 0
  case answer = 1
  case telemetry = 2

  /// More urgent is less.
  public static func < (left: EntryPriority, right: EntryPriority) -> Bool { left.rawValue < right.rawValue }
}

/// What the store holds of one journal.
public struct KnownJournal: Hashable, Sendable {
  public var id: ID128
  /// The attempt or candidate that it belongs to.
  public var subject: ID128
  /// The last sequence that is to be pushed: of a journal that was left, the fork.
  public var last: UInt64
  /// The server's last word, where the own chain agrees with it; 0 for none.
  public var acknowledged: UInt64
  /// The greatest sequence that was ever acknowledged: evidence, nothing is decided by it.
  public var greatestAcknowledged: UInt64
  /// Of the most urgent entry above ``acknowledged``; of no account when there is none.
  public var priority: EntryPriority
  /// A successor goes on in its place.
  public var isLeft: Bool
  /// Journals of a subject have growing numbers in the order in which they were opened.
  public var number: Int64

  public init(
    id: ID128, subject: ID128, last: UInt64, acknowledged: UInt64 = 0, greatestAcknowledged: UInt64? = nil,
    priority: EntryPriority = .answer, isLeft: Bool = false, number: Int64 = 0
  ) {
    self.id = id
    self.subject = subject
    self.last = last
    self.acknowledged = acknowledged
    self.greatestAcknowledged = max(greatestAcknowledged ?? acknowledged, acknowledged)
    self.priority = priority
    self.isLeft = isLeft
    self.number = number
  }
}

/// How the server's head compares with the own chain, found in the transaction that stored the acknowledgement.
public enum AcknowledgementResult: Hashable, Sendable {
  /// The own chain has this head at this sequence. The priority is that of the most urgent entry still above it.
  case matched(sequence: UInt64, priority: EntryPriority)
  /// The own chain has another head there.
  case headDiffers(sequence: UInt64)
  /// The server holds more than this device.
  case beyondOwn(sequence: UInt64)
}

/// What became of a page of a delta.
public enum DeltaResult: Hashable, Sendable {
  /// Pages up to here are staged.
  case staged(upTo: UInt64)
  /// The checkpoint was reached and everything staged was applied, with this cursor, in one transaction.
  case applied(Cursor)
  /// The delta does not follow from the stored cursor, which is this.
  case dropped(stored: ScopeCursor)
  /// Count or digest at the checkpoint differ. `stored` is what the store says now: the old cursor if it refused the
  /// delta, or the new one if it applied it all the same.
  case digestMismatch(stored: ScopeCursor)
}

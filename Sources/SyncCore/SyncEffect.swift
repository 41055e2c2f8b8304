public import ExamModel
public import SyncProtocol

/// What the executor does next, in the order given. It decides nothing.
public enum SyncEffect: Hashable, Sendable {
  // The network
  /// Sends one `POST /v1/sync`; ends with ``SyncEvent/responded(_:_:)`` or ``SyncEvent/failed(_:_:)``.
  case send(RequestPlan)
  /// Forgets a request. Nothing need be reported about it; if something is, it is dropped.
  case cancel(RequestID)
  /// `POST /v1/session` with the stored certificate and a fresh signature; ends with
  /// ``SyncEvent/sessionOpened(_:)`` or ``SyncEvent/failed(_:_:)``. The time-outs are those of a push.
  case openSession(RequestID)

  // Time
  /// Steps the core with ``SyncEvent/wake`` at this instant. Replaces the wake before it.
  case wake(at: Instant)

  // Journals
  /// Stores the server's word, whatever it is, and in the same transaction compares its head with the own chain; then
  /// ``SyncEvent/acknowledged(journal:_:)``.
  case storeAcknowledgement(journal: ID128, Acknowledgement)
  /// The journal forked. What is saved from here on will stand in the successor. The candidate is never refused.
  case suspendJournal(ID128)
  /// No successor will be opened for now: the chains agree after all, or the hourly bound is reached. Go on as before.
  case resumeJournal(ID128)
  /// Compares the server's heads with the own chain; then
  /// ``SyncEvent/headsCompared(journal:lastCommon:firstDifferent:)``.
  case compareHeads(HeadAnswer)
  /// Leaves the journal at this sequence, opens a successor whose opening entry names it, and carries over the entries
  /// above, in one transaction; then ``SyncEvent/successorOpened(predecessor:fork:successor:)``.
  case openSuccessor(of: ID128, at: UInt64)
  /// The successor has been acknowledged, and every scope was read after that: the server's answers are here.
  case serverAnswersFetched(successor: ID128)

  // Scopes
  /// Stages a page; one with `isReset` first drops what was staged. Then ``SyncEvent/deltaStored(scope:_:)``.
  case stage(Delta)
  /// Stages the last page, checks count and digest, and applies what is staged with the cursor, in one transaction (a
  /// reset replaces the scope); then ``SyncEvent/deltaStored(scope:_:)``.
  case apply(Delta)
  /// Sets the stored cursor to ``SyncProtocol/Cursor/start`` and drops what is staged. The records stay in use until
  /// the reset that follows is applied.
  case forgetCursor(scope: ID128)

  // People
  case notice(SyncNotice)
  /// A manual ``SyncEvent/sendChanges`` or ``SyncEvent/fetchChanges`` ended.
  case finished(ManualRound, succeeded: Bool)
}

/// A round that the caller asked for.
public enum ManualRound: Hashable, Sendable {
  case send
  case fetch
}

/// What a person or the audit should learn. Never a reason to stop answering.
public enum SyncNotice: Hashable, Sendable {
  /// The server refuses the certificate, or there is none: sync waits for a log-in (S3-26).
  case loginNeeded
  /// The server wants a newer app (S3-02). Said once until a success.
  case clientTooOld
  /// The server refused a well-formed request; a person in support should look. Said once until a success.
  case requestRefused(Problem.Kind?)
  /// The server acknowledged less than before: it went back in time. Entries are offered again.
  case serverWentBack(journal: ID128, from: UInt64, to: UInt64)
  /// The server does not know the journal though it was offered from its first entry. Offered again every 5 minutes.
  case journalUnknown(ID128)
  /// Two copies of one store exist, or one went back in time.
  case forked(journal: ID128, at: UInt64)
  /// 8 successors within an hour: sync of the attempt stops until the hour is over.
  case successorLimitReached(subject: ID128)
  /// The scope's digest differs from the server's. Counted.
  case digestMismatch(scope: ID128)
}

/// One sync request, without the bodies: the executor loads those, in the order given.
public struct RequestPlan: Hashable, Sendable {
  /// What a request carries.
  public enum Role: Hashable, Sendable {
    /// Pushes and head queries, no cursors, no wait.
    case push
    /// Cursors and a wait, no pushes.
    case poll
    /// Both, no wait: nothing else is under way.
    case joined
  }

  public var id: RequestID
  public var role: Role
  public var pushes: [PushPlan]
  public var scopes: [ScopeCursor]
  public var waitMilliseconds: UInt32
  public var headQueries: [HeadQuery]
  /// Show the receipts that the store holds, at most ``SyncProtocol/Limits/presentedReceiptsPerRequest``: the server
  /// seems to have lost some.
  public var presentsReceipts: Bool
  /// How long no byte may move.
  public var progressTimeoutMilliseconds: Int64
  /// From the last byte sent to the first byte of the response.
  public var responseDeadlineMilliseconds: Int64
}

/// One push of a request: the entries from ``first`` on, as many as fit. At least one, whatever its size.
public struct PushPlan: Hashable, Sendable {
  public var journal: ID128
  public var first: UInt64
  public var maximumEntries: Int
  /// Of all bodies together.
  public var maximumBytes: Int
}

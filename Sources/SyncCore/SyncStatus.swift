public import ExamModel
public import SyncProtocol

/// What a person may be told about sync, at one instant. A value; nothing in it changes later.
public struct SyncStatus: Hashable, Sendable {
  /// Where sync stands.
  public enum Phase: String, Hashable, Sendable {
    case stopped
    case paused
    /// Nothing is under way: waiting for work or for an instant.
    case idle
    /// A push or a session attempt is under way.
    case sending
    /// Only a poll is open.
    case listening
    /// Sync waits for a log-in; answering goes on.
    case loginNeeded
  }

  /// One journal as sync sees it.
  public struct Journal: Hashable, Sendable {
    public var id: ID128
    public var subject: ID128
    public var last: UInt64
    /// What the server said last.
    public var acknowledged: UInt64
    /// The greatest it ever said.
    public var greatestAcknowledged: UInt64
    public var pendingCount: UInt64
    /// A fork was found and the successor is not open yet.
    public var isForked: Bool
    public var isLeft: Bool
    /// It was left, and the server has other entries in its place: evidence on this device, and nothing to push.
    public var isReplaced: Bool
    /// Sync of it rests until then; a notice said why.
    public var heldUntil: Instant?
  }

  /// Why something does not reach the server although the network carries. Sync goes on trying, seldom.
  public enum Trouble: Hashable, Sendable {
    /// The server wants a newer app (S3-02).
    case clientTooOld
    /// The server refuses well-formed requests, and took nothing since.
    case requestRefused(Problem.Kind?)
    /// The server does not know the journal though it was offered from its first entry.
    case journalUnknown(ID128)
    /// 8 successors within an hour.
    case successorLimitReached
  }

  public var phase: Phase
  /// The gravest; `nil` where nothing needs a person.
  public var trouble: Trouble?
  public var journals: [Journal]
  public var requestsInFlight: Int
  /// The later of back-off and slot of whichever lane has something to send; `nil` when nothing waits.
  public var backingOffUntil: Instant?
  public var isReachable: Bool
  public var lastContact: Instant?
  public var forkCount: Int
  public var digestMismatchCount: Int
  public var digestRepairCount: Int
  /// Successors whose candidate waits for the server's answers.
  public var awaitingServerAnswers: [ID128]
  /// Every scope was read to its end.
  public var isUpToDate: Bool
  /// The server may have gone back in time, and has not said yet of every journal what it holds.
  public var isServerInDoubt: Bool
  /// Of ``BlobCore``; `nil` where no blobs are fetched.
  public var blobs: BlobFetchProgress?

  public var pendingCount: UInt64 { journals.reduce(0) { $0 + $1.pendingCount } }
  public var isLoginNeeded: Bool { phase == .loginNeeded }
}

extension SyncCore {
  /// The status after the last step.
  public func status(blobs: BlobFetchProgress? = nil) -> SyncStatus {
    SyncStatus(
      phase: phase, trouble: trouble, journals: journals.map(status),
      requestsInFlight: flights.count + (isOpeningSession ? 1 : 0), backingOffUntil: backingOffUntil,
      isReachable: isReachable, lastContact: lastContact, forkCount: forkCount,
      digestMismatchCount: digestMismatchCount, digestRepairCount: digestRepairCount,
      awaitingServerAnswers: awaitedAnswers.map(\.successor), isUpToDate: scopes.allSatisfy(\.isCurrent),
      isServerInDoubt: presentsReceipts || journals.contains(where: \.isInDoubt), blobs: blobs)
  }

  private var trouble: SyncStatus.Trouble? {
    if let refusal { return refusal }
    if let unknown = journals.first(where: \.isUnknownNoticed) { return .journalUnknown(unknown.id) }
    return journals.contains(where: \.isResumed) ? .successorLimitReached : nil
  }

  private var isOpeningSession: Bool {
    if case .opening = session { return true }
    return false
  }

  private var phase: SyncStatus.Phase {
    switch (lifecycle, session) {
    case (.stopped, _): .stopped
    case (.paused, _): .paused
    case (.running, .refused), (.running, .noCertificate): .loginNeeded
    case (.running, .opening): wasLoginNoticed ? .loginNeeded : .sending
    case (.running, _): pushFlight != nil ? .sending : pollFlight != nil ? .listening : .idle
    }
  }

  private var backingOffUntil: Instant? {
    guard lifecycle == .running else { return nil }
    var dues: [Instant] = []
    if pushFlight == nil, !sendableJournals.isEmpty { dues.append(pushLane.due) }
    if pollFlight == nil, !readableScopes.isEmpty { dues.append(pollLane.due) }
    if session == .missing, wantsSession { dues.append(sessionLane.due) }
    return dues.filter { $0 > now }.max()
  }

  private func status(_ journal: JournalTrack) -> SyncStatus.Journal {
    SyncStatus.Journal(
      id: journal.id, subject: journal.known.subject, last: journal.known.last,
      acknowledged: journal.known.acknowledged, greatestAcknowledged: journal.known.greatestAcknowledged,
      pendingCount: journal.pendingCount, isForked: journal.phase != .following, isLeft: journal.known.isLeft,
      isReplaced: journal.isReplaced, heldUntil: journal.heldUntil > now ? journal.heldUntil : nil)
  }
}

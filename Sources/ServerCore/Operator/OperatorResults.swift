public import ExamModel

public struct ExamSummary: Codable, Hashable, Sendable {
  public var exam: ID128
  public var title: String
  public var code: String
  public var opensAt: Int64
  public var closesAt: Int64
  public var durationMilliseconds: Int64?
  public var specialty: String
  public var policy: ExamPolicy
  public var isCancelled: Bool
  /// 0 before the first publication.
  public var paperVersion: UInt32
  public var isKeyReleased: Bool
  public var attempts: UInt64
}

public struct AttemptSummary: Codable, Hashable, Sendable {
  public var attempt: ID128
  public var candidate: ID128
  public var number: String
  public var name: String
  public var username: String
  public var room: String
  public var lease: UInt32
  public var leaseDevice: ID128?
  public var sealOrdinal: UInt32
  public var isSealed: Bool
  public var isVoided: Bool
}

public struct AttemptDetail: Codable, Hashable, Sendable {
  public struct Journal: Codable, Hashable, Sendable {
    public var journal: ID128
    public var device: ID128
    public var ordinal: UInt32
    public var lease: UInt32
    public var sequence: UInt64
    public var head: Digest256
    public var isSuperseded: Bool
    /// The latest instant that the server is proved to have named to the device before the last entry.
    public var provedAt: Int64?
    /// Context entries whose proof no open session of the device can have got.
    public var unprovedContexts: UInt32
    /// Context entries that claim to be earlier than what they prove: their bounds are not believed.
    public var contradictedContexts: UInt32
  }

  public var summary: AttemptSummary
  public var exam: ID128
  /// `not-started`, `answering`, `locked`, `sealed`
  public var phase: String
  public var startedAt: Int64?
  public var deadline: Int64
  public var answered: UInt32
  public var locks: [UInt32]
  public var voids: [UInt32]
  public var unlocked: [UInt32]
  public var grantedMilliseconds: Int64
  public var journals: [Journal]
  /// Marked overdue, and without a seal.
  public var isOverdue: Bool
  /// When it was marked for the present deadline.
  public var overdueAt: Int64?
  /// `absent`, `right` or `wrong`: the exam code in the start; `nil` before it.
  public var startCode: String?
  public var forcedHandInAt: Int64?
  /// Why sync of the attempt needs a person; `nil` when it does not.
  public var trouble: String?
}

public struct UnlockSummary: Codable, Hashable, Sendable {
  public var attempt: ID128
  public var number: UInt32
}

public struct UnlockCodeSummary: Codable, Hashable, Sendable {
  public var attempt: ID128
  public var number: UInt32
  /// 8 digits.
  public var code: String
}

public struct GrantOutcome: Codable, Hashable, Sendable {
  /// Attempts whose record of the grant is written.
  public var attempts: UInt64
  public var milliseconds: Int64
  /// Attempts whose record follows with the next commits; their time counts already.
  public var pending: UInt64 = 0
}

/// One candidate on the proctor's board.
public struct BoardRow: Codable, Hashable, Sendable {
  public var attempt: ID128
  public var number: String
  public var name: String
  public var room: String
  /// `not-started`, `answering`, `locked`, `sealed`
  public var phase: String
  public var answered: UInt32
  /// Locks without a void.
  public var lockCount: UInt32
  /// The lock that holds the attempt.
  public var lockedBy: UInt32?
  public var lockCause: String?
  /// The server's unlock of that lock is on its way.
  public var isUnlockSent: Bool
  public var hasReceipt: Bool
  /// The receipt of what was handed in says other answers than the server has: it was restored from a backup, and what
  /// is missing was kept without effect, or is on the way.
  public var differsFromReceipt: Bool
  /// Deadline and grace have passed without a seal: marked, in the audit trail, and still accepting.
  public var isOverdue: Bool
  /// When it was marked for the present deadline.
  public var overdueAt: Int64?
  /// `absent`, `right` or `wrong`: the exam code in the start; `nil` before it.
  public var startCode: String?
  /// The latest instant that the server is proved to have named to a device before its last entry.
  public var provedAt: Int64?
  /// Context entries that claim to be earlier than what they prove.
  public var contradictedContexts: UInt32
  /// Why a person has to look; `nil` when nobody has to.
  public var trouble: String?
  /// A seal is there, but not all of the journals that it lists.
  public var isSealWaiting: Bool
  public var isVoided: Bool
  public var entries: UInt64
  /// Kept without effect.
  public var keptEntries: UInt64
  public var lastContactAt: Int64?
  public var deadline: Int64
}

/// The current answer sheet of one attempt, question by question.
public struct AttemptAnswers: Codable, Hashable, Sendable {
  public struct Answer: Codable, Hashable, Sendable {
    public var item: String
    /// Of ``AnswerValue``: `options`, `text`, `blanks`, `number`.
    public var kind: String
    /// The option ids, the one text, the blanks or the one number.
    public var values: [String]
    public var journal: ID128
    public var sequence: UInt64
    public var lease: UInt32
    /// `in-time`, `late` or `undecided`; always `in-time` for what is applied.
    public var timeClass: String
    /// ``TimeBasis``: `arrival` or `statement`; `nil` in a list that was stored without it.
    public var timeBasis: String?
  }

  public var attempt: ID128
  public var number: String
  public var username: String
  public var isSealed: Bool
  /// The seal that these answers were counted under; 0 before any.
  public var sealOrdinal: UInt32
  public var isVoided: Bool
  /// SHA-256 of the answer sheet's canonical bytes.
  public var digest: Digest256
  public var answers: [Answer]
}

public struct JournalEntryRow: Codable, Hashable, Sendable {
  public var attempt: ID128
  public var journal: ID128
  public var sequence: UInt64
  /// Hexadecimal, as pushed.
  public var body: String
}

public struct ReceiptRow: Codable, Hashable, Sendable {
  public var attempt: ID128
  public var candidateNumber: String
  public var ordinal: UInt32
  public var receiptNumber: String
  public var serverTime: Int64
  /// The encoded receipt, hexadecimal.
  public var receipt: String
  /// Whether the seal's own signature by the device key was found good.
  public var isSealSignatureValid: Bool
}

public struct DispositionRow: Codable, Hashable, Sendable {
  public var attempt: ID128
  public var journal: ID128
  public var from: UInt64
  public var to: UInt64
  /// ``KeptReason/name``
  public var reason: String
  /// ``TimeBasis`` of the range's first entry: `proof` or `statement` where the reason is `after-deadline`.
  public var timeBasis: String?
}

public struct RootRow: Codable, Hashable, Sendable {
  /// Hexadecimal, to hold 64 bits in JSON.
  public var epoch: String
  public var index: UInt64
  /// The signed bytes of the root statement, hexadecimal.
  public var statement: String
  public var signature: String
}

public struct AuditRow: Codable, Hashable, Sendable {
  public var index: UInt64
  public var at: Int64
  public var actor: String
  public var action: String
  public var subject: String
  public var detail: String
  /// SHA-256 over the hash before it and this row.
  public var hash: Digest256

  public init(
    index: UInt64, at: Int64, actor: String, action: String, subject: String, detail: String, hash: Digest256
  ) {
    self.index = index
    self.at = at
    self.actor = actor
    self.action = action
    self.subject = subject
    self.detail = detail
    self.hash = hash
  }
}

public struct ServerStatistics: Codable, Hashable, Sendable {
  public var node: ID128
  /// Hexadecimal.
  public var epoch: String
  public var serverTime: Int64
  public var exams: UInt64
  public var candidates: UInt64
  public var attempts: UInt64
  public var sessions: UInt64
  public var journals: UInt64
  public var entriesSinceStart: UInt64
  public var pushesSinceStart: UInt64
  public var keptSinceStart: UInt64
  public var divergedSinceStart: UInt64
  public var commitsSinceStart: UInt64
  public var failedCommitsSinceStart: UInt64
  public var receipts: UInt64
  public var clockSteps: UInt64
}

public struct OperatorRow: Codable, Hashable, Sendable {
  public var name: String
  public var role: String
  public var isRevoked: Bool
}

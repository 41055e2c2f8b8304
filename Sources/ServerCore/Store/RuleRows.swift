public import ExamModel

/// What the server noted of an attempt's course, so that it is known without reading the journals.
public struct AttemptProgress: Hashable, Sendable {
  /// Server time of the start that was applied; `nil` before it.
  public var startedAt: Int64?
  /// What the exam code in that start was worth; `nil` before it.
  public var startCode: StartCode?
  /// When the server found deadline and grace over without a seal; `nil` while they are not, and again after a grant.
  public var overdueAt: Int64?

  public init(startedAt: Int64? = nil, startCode: StartCode? = nil, overdueAt: Int64? = nil) {
    self.startedAt = startedAt
    self.startCode = startCode
    self.overdueAt = overdueAt
  }
}

/// The exam code that a start entry carried (S3-07), against the exam's own. The numbers are those of the store.
public enum StartCode: Int, Hashable, Sendable {
  /// The entry carried none.
  case absent = 0
  case right = 1
  /// Not the exam's: no honest device journals that. The start counts, and a person looks.
  case wrong = 2

  /// The name in boards and exports.
  public var name: String {
    switch self {
    case .absent: "absent"
    case .right: "right"
    case .wrong: "wrong"
    }
  }
}

/// An attempt that is started, without a seal and not marked overdue: its deadline is still to be watched.
public struct RunningAttemptRow: Hashable, Sendable {
  public var id: ID128
  public var exam: ID128
  public var startedAt: Int64

  public init(id: ID128, exam: ID128, startedAt: Int64) {
    self.id = id
    self.exam = exam
    self.startedAt = startedAt
  }
}

/// An extension of a whole exam that has not reached every attempt yet.
public struct ExtensionRow: Hashable, Sendable {
  /// 1, 2, 3 … in the order of the commands.
  public var id: Int64
  public var exam: ID128
  public var milliseconds: Int64
  public var reason: String
  public var actor: String
  /// The place of the last attempt that was reached, in the order of (number, id); `""` and zero for none.
  public var afterNumber: String
  public var afterID: ID128
  /// Attempts that were reached.
  public var done: UInt64

  public init(
    id: Int64, exam: ID128, milliseconds: Int64, reason: String, actor: String, afterNumber: String = "",
    afterID: ID128 = .zero, done: UInt64 = 0
  ) {
    self.id = id
    self.exam = exam
    self.milliseconds = milliseconds
    self.reason = reason
    self.actor = actor
    self.afterNumber = afterNumber
    self.afterID = afterID
    self.done = done
  }

  /// Whether an attempt at this place has its grant still before it.
  func isAhead(of attempt: AttemptRow) -> Bool {
    guard attempt.exam == exam else { return false }
    // As the store orders them: by bytes, where Swift takes texts for equal that look alike.
    if attempt.number.utf8.elementsEqual(afterNumber.utf8) { return afterID < attempt.id }
    return afterNumber.utf8.lexicographicallyPrecedes(attempt.number.utf8)
  }
}

/// What the server found of the proof in one context entry.
public struct TimeProofRow: Hashable, Sendable {
  /// The numbers are those of the store.
  public enum Finding: Int, Hashable, Sendable {
    /// No open session of the device gives this MAC: forged, or its session has ended. It proves nothing.
    case unproved = 0
    /// The server named this instant to the device, so the entry and all later ones came after it.
    case proved = 1
    /// Proved, and the entry claims to be earlier than that: its bounds are worth nothing.
    case contradicted = 2
  }

  /// The store's own number of the journal.
  public var journal: Int64
  public var sequence: UInt64
  public var milliseconds: Int64
  public var finding: Finding

  public init(journal: Int64, sequence: UInt64, milliseconds: Int64, finding: Finding) {
    self.journal = journal
    self.sequence = sequence
    self.milliseconds = milliseconds
    self.finding = finding
  }
}

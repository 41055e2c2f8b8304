/// Why the engine refused. Unless the message says otherwise, nothing was changed.
public struct ExamClientError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A stable name, for programs and metrics. More may come; treat an unknown one as a refusal.
  public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) {
      self.rawValue = rawValue
    }

    public var description: String { rawValue }

    // The attempt's state
    public static let locked = Code(rawValue: "locked")
    public static let notLocked = Code(rawValue: "not-locked")
    public static let sealed = Code(rawValue: "sealed")
    /// The server holds a receipt already (S3-33).
    public static let alreadySubmitted = Code(rawValue: "already-submitted")
    public static let notStarted = Code(rawValue: "not-started")
    public static let timeUp = Code(rawValue: "time-up")
    public static let sectionClosed = Code(rawValue: "section-closed")
    public static let informationMissing = Code(rawValue: "information-missing")
    /// Parts of the paper or its key are not there yet.
    public static let notReady = Code(rawValue: "not-ready")
    public static let notAssigned = Code(rawValue: "not-assigned")
    /// S3-27
    public static let wrongSpecialty = Code(rawValue: "wrong-specialty")
    /// The answers changed between the question and the confirmation (S3-12).
    public static let sheetChanged = Code(rawValue: "sheet-changed")
    public static let noReceipt = Code(rawValue: "no-receipt")

    // What was passed
    public static let answerInvalid = Code(rawValue: "answer-invalid")
    public static let entryTooLarge = Code(rawValue: "entry-too-large")
    public static let codeUnknown = Code(rawValue: "code-unknown")
    public static let unlockCodeWrong = Code(rawValue: "unlock-code-wrong")
    public static let tooManyTries = Code(rawValue: "too-many-tries")
    public static let badArgument = Code(rawValue: "bad-argument")

    // Who is there
    public static let loginNeeded = Code(rawValue: "login-needed")
    public static let wrongPassword = Code(rawValue: "wrong-password")
    /// S3-02
    public static let clientTooOld = Code(rawValue: "client-too-old")
    /// S3-04
    public static let phoneNotBound = Code(rawValue: "phone-not-bound")
    /// S3-05
    public static let noExamEntry = Code(rawValue: "no-exam-entry")
    /// Whoever answers is not the server on the card.
    public static let serverNotTrusted = Code(rawValue: "server-not-trusted")

    // Network and storage
    public static let network = Code(rawValue: "network")
    public static let diskFull = Code(rawValue: "disk-full")
    public static let storageFailed = Code(rawValue: "storage-failed")
    public static let storeInUse = Code(rawValue: "store-in-use")
    public static let closed = Code(rawValue: "closed")
  }

  /// Who can help next (S3-37).
  public enum NextActor: String, Hashable, Sendable {
    /// Nobody has to do anything: the engine goes on by itself.
    case engine
    case candidate
    case proctor
    case support
  }

  public var code: Code
  /// What happened and what to do next. Never holds an answer or a password.
  public var message: String
  public var nextActor: NextActor
  /// With ``Code/unlockCodeWrong`` and ``Code/tooManyTries``.
  public var triesLeft: Int?
  /// With ``Code/locked``: the lock that holds the attempt.
  public var lock: UInt32?
  /// Come again after this long, where the server said so.
  public var retryAfterSeconds: Int?

  public init(
    _ code: Code, _ message: String, nextActor: NextActor = .candidate, triesLeft: Int? = nil, lock: UInt32? = nil,
    retryAfterSeconds: Int? = nil
  ) {
    self.code = code
    self.message = message
    self.nextActor = nextActor
    self.triesLeft = triesLeft
    self.lock = lock
    self.retryAfterSeconds = retryAfterSeconds
  }

  public var description: String { "\(code): \(message)" }
}

extension ExamClientError {
  static let loginNeeded = ExamClientError(
    .loginNeeded, "Log in first. What was answered on this device is safe and stays.")
  static let notJoined = ExamClientError(
    .notAssigned, "No exam was joined on this device yet. Enter the six digits of the exam code first.")
  static let closed = ExamClientError(
    .closed, "The engine is not open. Open it again; what was saved is safe.", nextActor: .support)

  static func network(_ detail: String) -> ExamClientError {
    ExamClientError(
      .network, "The server cannot be reached (\(detail)). Check the connection, or switch mobile data off and on.")
  }
}

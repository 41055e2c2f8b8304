import ExamModel
import SQLite

/// Why the store refused. Unless ``Code/storageFailed`` says otherwise, nothing was changed.
public struct ExamStoreError: Error, Sendable {
  /// A stable name, for programs and metrics. More may come; treat an unknown one as a refusal.
  public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) {
      self.rawValue = rawValue
    }

    public var description: String { rawValue }

    // The attempt's state
    public static let locked = Code(rawValue: "locked")
    public static let sealed = Code(rawValue: "sealed")
    public static let notStarted = Code(rawValue: "not-started")
    public static let notLocked = Code(rawValue: "not-locked")
    public static let timeUp = Code(rawValue: "time-up")
    public static let sectionClosed = Code(rawValue: "section-closed")
    public static let informationMissing = Code(rawValue: "information-missing")
    public static let notAssigned = Code(rawValue: "not-assigned")
    public static let reopenInvalid = Code(rawValue: "reopen-invalid")
    public static let alreadySubmitted = Code(rawValue: "already-submitted")
    public static let sheetChanged = Code(rawValue: "sheet-changed")
    // What was passed
    public static let answerInvalid = Code(rawValue: "answer-invalid")
    public static let entryTooLarge = Code(rawValue: "entry-too-large")
    public static let codeMalformed = Code(rawValue: "code-malformed")
    public static let unlockCodeWrong = Code(rawValue: "unlock-code-wrong")
    public static let tooManyTries = Code(rawValue: "too-many-tries")
    public static let receiptInvalid = Code(rawValue: "receipt-invalid")
    public static let badArgument = Code(rawValue: "bad-argument")
    // The device
    public static let noIdentity = Code(rawValue: "login-needed")
    public static let serverKeyDiffers = Code(rawValue: "server-key-differs")
    public static let secretsLocked = Code(rawValue: "secrets-locked")
    public static let unknownJournal = Code(rawValue: "unknown-journal")
    public static let diverged = Code(rawValue: "diverged")
    public static let notDiscardable = Code(rawValue: "not-discardable")
    // The storage
    public static let diskFull = Code(rawValue: "disk-full")
    public static let storageFailed = Code(rawValue: "storage-failed")
    public static let storeInUse = Code(rawValue: "store-in-use")
    public static let newerStore = Code(rawValue: "newer-store")
    public static let foreignStore = Code(rawValue: "foreign-store")
    public static let damaged = Code(rawValue: "damaged")
    public static let recordUnreadable = Code(rawValue: "record-unreadable")
    public static let blobInvalid = Code(rawValue: "blob-invalid")
    public static let closed = Code(rawValue: "closed")
  }

  public var code: Code
  /// What happened and what to do next. Never holds an answer.
  public var message: String
  /// The lock that holds the attempt, with ``Code/locked``.
  public var lock: UInt32?
  /// Tries that are left for the lock that holds the attempt, with ``Code/unlockCodeWrong``.
  public var triesLeft: Int?
  public var underlying: (any Error)?

  public init(
    _ code: Code, _ message: String, lock: UInt32? = nil, triesLeft: Int? = nil, underlying: (any Error)? = nil
  ) {
    self.code = code
    self.message = message
    self.lock = lock
    self.triesLeft = triesLeft
    self.underlying = underlying
  }
}

extension ExamStoreError: CustomStringConvertible {
  public var description: String { "\(code): \(message)" }
}

// MARK: - The refusals of a save

extension ExamStoreError {
  public static func locked(lock: UInt32) -> ExamStoreError {
    ExamStoreError(
      .locked, "The exam is locked (lock \(lock)). Ask the proctor to unlock it; the answers so far are safe.",
      lock: lock)
  }

  public static let sealed = ExamStoreError(
    .sealed, "The paper was handed in. It cannot be changed; if that was a mistake, ask the proctor.")
  public static let alreadySubmitted = ExamStoreError(
    .alreadySubmitted,
    "This paper was handed in already. If you did that, all is well; if not, tell the proctor at once.")
  public static let notStarted = ExamStoreError(.notStarted, "The exam was not started yet. Press Start first.")
  public static let timeUp = ExamStoreError(
    .timeUp, "The time is up. What was saved before is safe and is handed in.")
  public static let sectionClosed = ExamStoreError(
    .sectionClosed,
    "This section was left, or its time is over, and nothing in it can be changed any more. What was saved is safe: go "
      + "on with the next section.")
  public static let noIdentity = ExamStoreError(.noIdentity, "This device has no identity yet. Log in first.")

  static func notAssigned(_ attempt: ID128) -> ExamStoreError {
    ExamStoreError(
      .notAssigned, "Attempt \(attempt) is not among this candidate's exams. Sync, then enter the exam code again.")
  }

  static func notJoined(_ attempt: ID128) -> ExamStoreError {
    ExamStoreError(.notAssigned, "Attempt \(attempt) was not joined on this device. Enter the exam code first.")
  }

  static func entryTooLarge(_ byteCount: Int, limit: Int) -> ExamStoreError {
    ExamStoreError(
      .entryTooLarge,
      "This answer takes \(byteCount) bytes and at most \(limit) can be kept. Shorten it and save again.")
  }

  static func badArgument(_ message: String) -> ExamStoreError { ExamStoreError(.badArgument, message) }
  static func damaged(_ message: String) -> ExamStoreError { ExamStoreError(.damaged, message) }
}

// MARK: - Storage

extension ExamStoreError {
  /// The error of a running store: whatever is not a full disk or a busy file means that it must be reopened.
  static func running(_ error: SQLiteError) -> ExamStoreError {
    if error.isDiskFull {
      return ExamStoreError(
        .diskFull,
        "The device's storage is full, and this was not saved. What was saved before is safe. Free some space, then "
          + "save again.", underlying: error)
    }
    switch error.code {
    case .busy, .locked:
      return ExamStoreError(
        .storeInUse, "Another program has the store open, and this was not saved. Close it, then save again.",
        underlying: error)
    case .ioErrOutOfMemory, .outOfMemory:
      return ExamStoreError(
        .diskFull, "The device's memory is full, and this was not saved. Close other apps, then save again.",
        underlying: error)
    default:
      return ExamStoreError(
        .storageFailed,
        "The device's storage failed, and this was not saved. What was saved before is checked when the app is "
          + "opened again: restart the app, and tell the proctor if it fails again. (\(error.message))",
        underlying: error)
    }
  }

  /// Whether the same succeeds as soon as there is room, or the other program has gone.
  public var isTemporary: Bool { code == .diskFull || code == .storeInUse }

  /// The disk or the memory did not give what was asked for, so nothing was found wrong with it.
  var isUnread: Bool {
    guard let error = underlying as? SQLiteError else { return false }
    switch error.code {
    case .ioErr, .outOfMemory, .busy, .locked, .cantOpen: return true
    default: return false
    }
  }

  /// The error of opening: tells a damaged file, which is set aside, from a file that must not be touched.
  static func opening(_ error: SQLiteError, path: String) -> ExamStoreError {
    switch error.code {
    case .busy, .locked:
      return ExamStoreError(
        .storeInUse, "Another program has \(path) open. Close it, then open this one again.", underlying: error)
    case .newerSchema:
      return ExamStoreError(
        .newerStore, "\(path) was written by a newer version of the app. Update the app; nothing was changed.",
        underlying: error)
    case .foreignFile:
      return ExamStoreError(
        .foreignStore, "\(path) belongs to another program. Choose another folder; nothing was changed.",
        underlying: error)
    case .corrupt, .notADatabase, .editedSchema, .settingRefused, .mismatch, .tooBig:
      return ExamStoreError(.damaged, error.message, underlying: error)
    default:
      return running(error)
    }
  }
}

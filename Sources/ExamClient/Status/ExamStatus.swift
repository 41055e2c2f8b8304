public import ExamModel

/// Everything that a screen shows. Each figure is what can be proved now; nothing in it is guessed.
public struct ExamStatus: Hashable, Sendable {
  /// Where the candidate stands.
  public enum Phase: String, Hashable, Sendable, CaseIterable {
    case loggedOut = "logged-out"
    case loggedIn = "logged-in"
    /// An exam was joined and not started yet.
    case joined
    case answering
    case locked
    /// Handed in on this device; the receipt is on its way.
    case sealed
    /// The server's receipt was verified and is on this device.
    case receipted
  }

  public var phase: Phase
  /// Answers by how far they are known to have come.
  public var counts: AnswerCounts
  public var answers: [AnswerState]
  /// What happened on this device and is not on the server yet, answers or not.
  public var pendingCount: Int
  /// Locks that count against the limit.
  public var lockCount: Int
  /// The lock that holds the attempt.
  public var lock: UInt32?
  public var receipt: ReceiptSummary?
  public var time: TimeLeft?
  public var downloads: DownloadProgress
  public var contact: Contact
  /// Sync rests until the candidate logs in again; answering goes on.
  public var isLoginNeeded: Bool
  /// How often this device went on beside another copy of its history. A person should know of any.
  public var forkCount: Int
  /// What keeps answers from the server although the network carries, and who can end it.
  public var syncTrouble: SyncTrouble?
  /// The server gave this attempt to another device: what is done here from now on is kept but does not count.
  public var isReplaced: Bool
  /// The history forked, and the answers that the server has are being fetched.
  public var isCatchingUp: Bool
  /// Free some space now: the reserve for the last answers was given up.
  public var isStorageLow: Bool
  /// The device's storage failed; nothing more is saved until the app was restarted.
  public var isStorageFailed: Bool
  /// What the exam's record says, once it is known.
  public var exam: ExamSummary?
  /// Where support looks things up.
  public var journal: ID128?
  public var sequence: UInt64
  /// Sections whose own time is running, and sections that were left, by their ids.
  public var sections: [SectionState]
  /// What happened on this device and can never be sent, because the server has another history in its place. Answers
  /// in it are said again by themselves while the exam goes on; the rest is evidence. A person should know of any.
  public var evidenceCount: Int
}

/// Why what is saved on this device does not reach the server although the network carries. Answering goes on, nothing
/// is lost, and the engine goes on trying.
public struct SyncTrouble: Hashable, Sendable {
  /// What kind of trouble it is.
  public enum Cause: String, Hashable, Sendable, CaseIterable {
    /// The server wants a newer app (S3-02), or another version of the protocol.
    case appTooOld = "app-too-old"
    /// The server refuses what this device sends.
    case refused
    /// The server does not know this device's history of the attempt, though it was offered from its beginning.
    case journalUnknown = "journal-unknown"
    /// The device's history was copied or went back 8 times within an hour; it is sent again when that is over.
    case tooManyForks = "too-many-forks"
  }

  public var cause: Cause
  /// What happened and what to do next.
  public var message: String
  public var nextActor: ExamClientError.NextActor
}

/// A section whose time is running, or that was left.
public struct SectionState: Hashable, Sendable {
  public var section: String
  /// Nothing in it can be changed any more; it can still be read.
  public var isLeft: Bool
  /// The section's own time; `nil` once it was left.
  public var time: TimeLeft?
}

/// Exact words: saved on this device (n) / on the server (m) / sealed / in the receipt.
public struct AnswerCounts: Hashable, Sendable {
  public var saved = 0
  public var onServer = 0
  public var sealed = 0
  public var receipted = 0
}

/// One item's current answer.
public struct AnswerState: Hashable, Sendable {
  public var item: String
  /// `nil` after it was cleared.
  public var value: AnswerValue?
  public var isFlagged: Bool
  public var isOnServer: Bool
  public var isSealed: Bool
  public var isReceipted: Bool
}

/// A receipt that was verified and is on this device.
public struct ReceiptSummary: Hashable, Sendable {
  /// Short enough to be read out.
  public var number: String
  public var attempt: ID128
  /// 1 for the first hand-in; one more after each reopening.
  public var ordinal: UInt32
  /// Server time, in milliseconds since 1970.
  public var serverTime: Int64
  public var answerCount: Int
  /// Whether this device handed in; `false` shows S3-33: it happened somewhere else.
  public var isFromThisDevice: Bool
  /// The server applied exactly the answers that were handed in.
  public var isComplete: Bool
}

/// The time that is left, as far as this device can tell.
public struct TimeLeft: Hashable, Sendable {
  /// Milliseconds; 0 when the bell has rung. Never grows except by a grant of more time.
  public var milliseconds: Int64
  /// No contact since the device was started: the time comes from the last one known and may be short.
  public var isDoubtful: Bool
}

/// How much of the paper is on this device.
public struct DownloadProgress: Hashable, Sendable {
  public var complete = 0
  public var total = 0
  public var receivedBytes: UInt64 = 0
  public var totalBytes: UInt64 = 0
  /// The key is on the device and fits.
  public var isKeyReleased = false

  public var isReady: Bool { isKeyReleased && total > 0 && complete == total }
}

/// How the network looks from here.
public enum Contact: String, Hashable, Sendable {
  /// Nothing was tried yet.
  case unknown
  case online
  /// The last try failed; the engine tries again by itself.
  case unreachable
  /// The app said that there is no network.
  case offline
}

/// What a screen shows of the exam that was joined.
public struct ExamSummary: Hashable, Sendable {
  public var attempt: ID128
  public var exam: ID128
  public var title: String
  /// Server milliseconds since 1970.
  public var opensAt: Int64
  public var closesAt: Int64
  public var informationFields: [String]
}

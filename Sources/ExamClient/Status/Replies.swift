public import ExamModel

/// What a save tells the candidate: it was committed, and survives a power cut from here on.
public struct SaveReceipt: Hashable, Sendable {
  /// Of what was saved, in this device's own history.
  public var sequence: UInt64
  /// Answered items on this device.
  public var answerCount: Int
}

/// A session was opened, or was there already.
public struct LoginReceipt: Hashable, Sendable {
  public var name: String
  /// No contact was needed: the device was logged in before (S3-03).
  public var wasLoggedIn: Bool
}

/// An exam that a code selected (S3-07).
public struct JoinReceipt: Hashable, Sendable {
  public var attempt: ID128
  public var exam: ID128
  public var title: String
}

/// Whether Start can be pressed, and what is missing if not (S3-28).
public struct PreflightReport: Hashable, Sendable {
  public var isReady: Bool
  /// What is missing, in words for a person.
  public var missing: [String]
  public var downloads: DownloadProgress
}

/// The paper as this candidate meets it.
public struct PresentedPaper: Hashable, Sendable {
  public var paper: Paper
  /// Items and options in the candidate's own order.
  public var order: PresentationOrder
  public var time: TimeLeft?
}

/// What a lock did (S3-14).
public struct LockReceipt: Hashable, Sendable {
  /// `nil` where the exam exempts this cause; then nothing was locked.
  public var number: UInt32?
  /// Locks that count against the limit.
  public var count: Int
  /// It was the last allowed lock, and the paper was handed in with it (S3-16).
  public var handedIn: Bool
}

/// The question before handing in, bound to the answers as they were when it was asked (S3-12).
public struct SubmitToken: Hashable, Sendable {
  public var attempt: ID128
  public var answerCount: Int
  let answers: [UInt8]

  init(attempt: ID128, answerCount: Int, answers: [UInt8]) {
    self.attempt = attempt
    self.answerCount = answerCount
    self.answers = answers
  }

  /// For a script, or an app that keeps the question over a restart.
  public var text: String { attempt.hex + "." + Hex.encode(answers) + ".\(answerCount)" }

  /// Reads ``text``; `nil` for anything else.
  public init?(text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, let attempt = ID128(hex: parts[0]), let answers = Hex.decode(parts[1]),
      answers.count == 32, let count = Int(parts[2]), count >= 0
    else { return nil }
    self.init(attempt: attempt, answerCount: count, answers: answers)
  }
}

/// Handed in on this device, durably, whatever the network does (S3-10, S3-11).
public struct SealReceipt: Hashable, Sendable {
  public var sequence: UInt64
  public var answerCount: Int
}

/// What the app hears of, in order.
@nonexhaustive
public enum ExamEvent: Hashable, Sendable {
  /// The attempt was locked, perhaps handed in with it.
  case locked(LockReceipt)
  case unlocked(number: UInt32)
  /// More time was granted, in milliseconds.
  case timeGranted(milliseconds: Int64)
  /// The bell rang, or had rung before the app was opened, and the paper was handed in.
  case handedInByBell
  /// The time of a section was over, or had been before the app was opened: it was left for good, with what was being
  /// typed in it saved. Go on with the next one.
  case sectionEnded(section: String)
  case receiptArrived(ReceiptSummary)
  /// The exam's key is there.
  case keyReleased
  case announcement(text: String)
  /// Entries were kept by the server but do not count.
  case notCounted(count: Int, reason: String, nextActor: ExamClientError.NextActor)
  /// The history forked, and went on in a successor.
  case forked
  /// The app may go on after a hand-in: a proctor reopened the attempt.
  case reopened(ordinal: UInt32)
  case loginNeeded
  /// Something keeps answers from the server; ``ExamStatus/syncTrouble`` shows it as long as it does.
  case syncTroubled(SyncTrouble)
  /// The store was damaged, was set aside, and what could be read was carried over.
  case storeSalvaged(path: String)
}

import CurlTransport
import ExamModel
import ExamStore
import SyncCore
import SyncProtocol

/// What the layers below say, in the words of the public API.
extension ExamClientError {
  init(_ error: ExamStoreError) {
    var code = Code(rawValue: error.code.rawValue)
    var actor = NextActor.candidate
    switch error.code {
    case .locked, .sealed, .alreadySubmitted, .tooManyTries, .reopenInvalid, .serverKeyDiffers: actor = .proctor
    case .storageFailed, .newerStore, .foreignStore, .damaged, .recordUnreadable, .closed, .receiptInvalid:
      actor = .support
    case .unknownJournal, .diverged, .notDiscardable, .blobInvalid: actor = .engine
    default: break
    }
    switch error.code {
    case .newerStore, .foreignStore, .damaged, .recordUnreadable, .secretsLocked: code = .storageFailed
    case .serverKeyDiffers: code = .serverNotTrusted
    case .codeMalformed: code = .badArgument
    default: break
    }
    self.init(code, error.message, nextActor: actor, triesLeft: error.triesLeft, lock: error.lock)
  }

  /// A refusal by the server to something that a person asked for.
  init(_ problem: Problem, retryAfterSeconds: Int? = nil) {
    let code: Code =
      switch problem.kind {
      case .wrongPassword: .wrongPassword
      case .clientTooOld: .clientTooOld
      case .codeUnknown: .codeUnknown
      case .tooManyTries: .tooManyTries
      case .sessionUnknown, .macInvalid, .certificateRefused: .loginNeeded
      case .forbidden, .notFound, .conflict: .notAssigned
      case .invalidValue: .badArgument
      case .tooManyRequests, .busy, .shuttingDown, .tooSlow, .internal, .storageLow, .storageFailed: .network
      default: .network
      }
    let actor: NextActor =
      switch problem.nextActor {
      case .engine: .engine
      case .candidate: .candidate
      case .proctor: .proctor
      case .support, .operator: .support
      }
    self.init(
      code, problem.detail.isEmpty ? problem.title : problem.detail, nextActor: actor,
      retryAfterSeconds: retryAfterSeconds ?? problem.retryAfterSeconds)
  }

  init(_ error: TransportError) {
    self =
      error.code == .serverNotTrusted
      ? ExamClientError(.serverNotTrusted, error.message, nextActor: .proctor) : .network(error.code.rawValue)
  }

  init(_ fault: GrantFault) {
    self.init(.serverNotTrusted, fault.description, nextActor: .proctor)
  }

  init(_ rejection: AnswerRejection) {
    self.init(.answerInvalid, rejection.message)
  }

  init(_ fault: PaperFault) {
    self.init(.notReady, fault.description, nextActor: .engine)
  }
}

extension SyncTrouble {
  init(_ trouble: SyncStatus.Trouble) {
    switch trouble {
    case .clientTooOld:
      self.init(
        cause: .appTooOld, message: "The server wants a newer app. Update it; what is saved stays.",
        nextActor: .candidate)
    case .requestRefused(.versionNotSupported):
      self.init(
        cause: .appTooOld, message: "The server speaks another version of the protocol. Update the app.",
        nextActor: .candidate)
    case .requestRefused(let kind):
      self.init(
        cause: .refused,
        message: "The server refuses what this device sends (\(kind?.rawValue ?? "no reason named")). Call support.",
        nextActor: .support)
    case .journalUnknown(let journal):
      self.init(
        cause: .journalUnknown,
        message: "The server does not know journal \(journal.hex). Keep the device, and call support.",
        nextActor: .support)
    case .successorLimitReached:
      self.init(
        cause: .tooManyForks,
        message: "This device's history was copied or put back too often. It is sent within an hour; call support.",
        nextActor: .support)
    }
  }
}

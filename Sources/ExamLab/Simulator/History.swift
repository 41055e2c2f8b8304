package import ExamModel

/// Who an event of a run belongs to. The numbers are the nodes of ``DecisionLabel``.
package enum SimNode: Hashable, Sendable {
  case world
  case server(Int)
  case phone(Int)
  case proctor(Int)

  package var number: UInt16 {
    switch self {
    case .world: 0
    case .server(let index): UInt16(1 + index)
    case .proctor(let index): UInt16(32 + index)
    case .phone(let index): UInt16(64 + index)
    }
  }
}

/// What happened, as checkers, stories and pictures see it. Never what a node believes: what it *did* and *showed*.
package enum Fact: Sendable {
  // Phones: what the candidate was told.
  /// "Saved": the store's call returned. `value` is what the item now says on this phone; `nil` for entries that
  /// are no answers. `head` is the chain head at that sequence.
  case saved(journal: ID128, sequence: UInt64, head: Digest256, item: String?, value: AnswerValue?)
  /// A save that was under way when its process died or its disk failed: it may be there afterwards, or not.
  case saveInterrupted(item: String?, value: AnswerValue?)
  /// A save that was refused; nothing may have changed. `code` is the error's name.
  case saveRefused(item: String?, code: String)
  /// What the phone shows as the current answer, when the candidate looks (`nil` is no answer).
  case shown(item: String, value: AnswerValue?)
  /// "Handed in" on the screen, with the digest of the answers that it says were handed in.
  case sealedShown(attempt: ID128, ordinal: UInt32, answers: Digest256, answerCount: Int)
  /// A receipt that this phone did not know, as the server gave it.
  case receiptRead(attempt: ID128, ordinal: UInt32, wire: Digest256)
  /// "Receipt no." on the screen.
  case receiptShown(attempt: ID128, ordinal: UInt32, isComplete: Bool)
  /// The time left on the screen.
  case remainingShown(milliseconds: Int64, isDoubtful: Bool)
  case lockedShown(number: UInt32)
  case unlockedShown(number: UInt32)
  /// The paper's text could be read on this phone; `content` is ``PaperContent/digest(_:)`` of what was read.
  case paperReadable(attempt: ID128, content: Digest256)
  /// A warning that the disk failed or is full, on the screen.
  case storageWarningShown(code: String)

  // Phones: life and death.
  case opened(isNew: Bool, quarantined: Bool)
  case openFailed(code: String)
  case killed
  case powerCut
  case rebooted
  case suspended
  case woke
  case clockJumped(milliseconds: Int64)
  case closed

  // Phones: sync.
  case acknowledgementStored(journal: ID128, sequence: UInt64, head: Digest256)
  case successorOpened(predecessor: ID128, fork: UInt64, successor: ID128)
  case scopeApplied(scope: ID128, epoch: UInt64, version: UInt64)
  case scopeReset(scope: ID128)
  case entriesDiscarded(journal: ID128, through: UInt64)

  // The network. `exchange` counts the run's exchanges.
  case requestSent(exchange: UInt64, kind: String, bytes: Int)
  case requestLost(exchange: UInt64, why: String)
  case requestDelivered(exchange: UInt64, isRepeat: Bool)
  case responseLost(exchange: UInt64, why: String)
  case responseDelivered(exchange: UInt64, status: Int)
  case linkDown
  case linkUp

  // Servers.
  case serverOpened(epoch: UInt64)
  case serverKilled
  case serverPowerCut
  case serverFaulted(message: String)
  /// The state of an earlier instant took the place of the newest.
  case serverRestored(fromTrueMilliseconds: Int64)
  /// An acknowledgement that left the server after its commit.
  case acknowledged(journal: ID128, sequence: UInt64, head: Digest256)
  /// Entries that the server kept without effect.
  case kept(journal: ID128, from: UInt64, to: UInt64, reason: KeptReason)
  case keyReleased(exam: ID128)
  case replied(exchange: UInt64, what: String)
  /// An operator's command was refused; `name` is the one of the audit trail.
  case commandRefused(name: String)

  // Proctors and operators.
  case commanded(name: String, succeeded: Bool)
  case codeReadOut(attempt: ID128, lock: UInt32)

  // The run.
  case began(what: String)
  case nemesis(name: String, begins: Bool)
  case diskFault(what: String)
}

/// One fact at one instant of true time, which only the run knows.
package struct HistoryEvent: Sendable {
  package var trueMilliseconds: Int64
  package var node: SimNode
  package var fact: Fact

  package init(_ trueMilliseconds: Int64, _ node: SimNode, _ fact: Fact) {
    self.trueMilliseconds = trueMilliseconds
    self.node = node
    self.fact = fact
  }
}

/// Everything that happened in a run, in order, and a digest of it: the same seed gives the same digest.
package final class History {
  package private(set) var events: [HistoryEvent] = []
  package private(set) var digest = TraceDigest()

  package init() {
    events.reserveCapacity(4_096)
  }

  package func append(_ event: HistoryEvent) {
    events.append(event)
    digest.take(event)
  }
}

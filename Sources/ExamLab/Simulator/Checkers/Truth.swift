package import ExamModel

/// What only the run knows. True milliseconds are those of ``HistoryEvent``; server times are milliseconds since 1970.
package struct Truth: Sendable {
  /// True millisecond 0, in milliseconds since 1970.
  package var startedAt: Int64 = 0
  /// The run came to rest: faults were healed, and everything had the time to settle. Checkers of the final state
  /// say nothing of a run that did not.
  package var cameToRest = false
  /// When the faults ended, and until when everything had to be settled (I24); true milliseconds.
  package var healedAt: Int64 = 0
  package var boundAt: Int64 = 0
  /// When everything was settled; `nil` if it never was.
  package var settledAt: Int64?

  package var exams: [ExamTruth] = []
  package var attempts: [AttemptTruth] = []
  package var intents: [Intent] = []
  package var grants: [GrantTruth] = []
  /// Each bell that an exam got after its first one, in the order of true time.
  package var closings: [TimeChange] = []
  /// Each instant of opening that an exam got after its first one, likewise.
  package var openings: [TimeChange] = []
  package var losses: [DeviceLoss] = []
  package var serverClocks: [ServerClockStep] = []
  package var canaries: [Canary] = []
  /// Phones that a person changed: copied stores, edited clocks below the system, forged requests. What holds for
  /// honest phones alone is not asked of them.
  package var modifiedPhones: Set<SimNode> = []

  package init() {}

  /// The server's clock at a true instant. Its offset is the last one before.
  package func serverTime(_ trueMilliseconds: Int64) -> Int64 {
    let offset = serverClocks.last { $0.trueMilliseconds <= trueMilliseconds }?.offsetMilliseconds ?? 0
    return startedAt + trueMilliseconds + offset
  }

  /// The latest that the server's clock ever said up to a true instant: what was due then was done then, and stays done
  /// when the clock is set back.
  package func latestServerTime(_ trueMilliseconds: Int64) -> Int64 {
    var latest = serverTime(trueMilliseconds)
    var offset: Int64 = 0
    for step in serverClocks where step.trueMilliseconds <= trueMilliseconds {
      latest = max(latest, startedAt + step.trueMilliseconds + max(offset, step.offsetMilliseconds))
      offset = step.offsetMilliseconds
    }
    return latest
  }

  /// The latest bell of an exam that was in force at any instant from one true instant to another.
  package func latestClosing(of exam: ExamTruth, from: Int64, to: Int64) -> Int64 {
    let changes = closings.filter { $0.exam == exam.id && $0.trueMilliseconds <= to }
    guard let first = closings.first(where: { $0.exam == exam.id }) else { return exam.closesAt }
    let atTheStart = changes.last { $0.trueMilliseconds <= from }?.instant ?? first.before
    return changes.filter { $0.trueMilliseconds > from }.reduce(atTheStart) { max($0, $1.instant) }
  }

  /// Whether an exam had opened by a true instant, at the time that was in force then or at one that a later restore
  /// undid: what was open cannot be closed again.
  package func hadOpened(_ exam: ExamTruth, by trueMilliseconds: Int64) -> Bool {
    let changes = openings.filter { $0.exam == exam.id }
    var end = trueMilliseconds
    for change in changes.reversed() where change.trueMilliseconds <= trueMilliseconds {
      if change.instant <= latestServerTime(end) { return true }
      end = change.trueMilliseconds
    }
    return (changes.first?.before ?? exam.opensAt) <= latestServerTime(end)
  }

  package func attempt(_ id: ID128) -> AttemptTruth? { attempts.first { $0.id == id } }
  package func exam(_ id: ID128) -> ExamTruth? { exams.first { $0.id == id } }

  /// Whether a phone lost, or may have lost, what it held at a true instant: by wiping or damage after it.
  package func mayHaveLost(_ node: SimNode, after trueMilliseconds: Int64) -> Bool {
    losses.contains { $0.node == node && $0.trueMilliseconds >= trueMilliseconds }
  }
}

package struct ExamTruth: Hashable, Sendable {
  package var id: ID128
  /// T0 and the bell as they stood at the end, server time.
  package var opensAt: Int64
  package var closesAt: Int64
  package var durationMilliseconds: Int64?
  /// Locks after which an attempt hands in by itself; 0 for never.
  package var maximumLocks: UInt32
  /// ``PaperContent/digest(_:)`` of the paper that was published.
  package var paper: Digest256

  package init(
    id: ID128, opensAt: Int64, closesAt: Int64, durationMilliseconds: Int64? = nil, maximumLocks: UInt32 = 5,
    paper: Digest256 = .zero
  ) {
    self.id = id
    self.opensAt = opensAt
    self.closesAt = closesAt
    self.durationMilliseconds = durationMilliseconds
    self.maximumLocks = maximumLocks
    self.paper = paper
  }
}

package struct AttemptTruth: Hashable, Sendable {
  package var id: ID128
  package var exam: ID128
  package var candidate: ID128

  package init(id: ID128, exam: ID128, candidate: ID128) {
    self.id = id
    self.exam = exam
    self.candidate = candidate
  }
}

/// What a candidate wanted an item to say, from an instant on, whatever became of it.
package struct Intent: Hashable, Sendable {
  package var trueMilliseconds: Int64
  package var node: SimNode
  package var attempt: ID128
  package var item: String
  /// `nil` for no answer.
  package var value: AnswerValue?

  package init(_ trueMilliseconds: Int64, _ node: SimNode, attempt: ID128, item: String, value: AnswerValue?) {
    self.trueMilliseconds = trueMilliseconds
    self.node = node
    self.attempt = attempt
    self.item = item
    self.value = value
  }
}

/// More time, as an operator gave it.
package struct GrantTruth: Hashable, Sendable {
  package var trueMilliseconds: Int64
  package var attempt: ID128
  package var milliseconds: Int64

  package init(_ trueMilliseconds: Int64, attempt: ID128, milliseconds: Int64) {
    self.trueMilliseconds = trueMilliseconds
    self.attempt = attempt
    self.milliseconds = milliseconds
  }
}

/// Another bell, or another time of opening: the exam was postponed, or a restore undid that.
package struct TimeChange: Hashable, Sendable {
  package var trueMilliseconds: Int64
  package var exam: ID128
  /// Server times.
  package var instant: Int64
  package var before: Int64

  package init(_ trueMilliseconds: Int64, exam: ID128, to instant: Int64, before: Int64) {
    self.trueMilliseconds = trueMilliseconds
    self.exam = exam
    self.instant = instant
    self.before = before
  }
}

/// A phone that lost what it held, in a way that no software on it can undo.
package struct DeviceLoss: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable {
    /// The app was removed, or the phone is gone.
    case wiped
    /// Bits were changed at rest, or files were deleted, swapped or rolled back.
    case damaged
    /// The disk said that data was safe, and it was not.
    case lied
  }

  package var trueMilliseconds: Int64
  package var node: SimNode
  package var kind: Kind

  package init(_ trueMilliseconds: Int64, _ node: SimNode, _ kind: Kind) {
    self.trueMilliseconds = trueMilliseconds
    self.node = node
    self.kind = kind
  }
}

/// From an instant on, how far the server's clock is ahead of the truth.
package struct ServerClockStep: Hashable, Sendable {
  package var trueMilliseconds: Int64
  package var offsetMilliseconds: Int64

  package init(_ trueMilliseconds: Int64, offsetMilliseconds: Int64) {
    self.trueMilliseconds = trueMilliseconds
    self.offsetMilliseconds = offsetMilliseconds
  }
}

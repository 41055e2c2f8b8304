public import ExamModel

/// One round: journal suffixes up, scope deltas down. Either part may be absent.
public struct SyncRequest: Hashable, Sendable {
  public var pushes: [Push]
  public var scopes: [ScopeCursor]
  /// How long the server may hold the answer while nothing is new, in milliseconds.
  public var waitMilliseconds: UInt32
  public var headQueries: [HeadQuery]
  /// Receipts that the device holds, shown to a server whose epoch changed; each an encoded receipt.
  public var presentedReceipts: [[UInt8]]
  public var appVersion: String

  public init(
    pushes: [Push] = [], scopes: [ScopeCursor] = [], waitMilliseconds: UInt32 = 0, headQueries: [HeadQuery] = [],
    presentedReceipts: [[UInt8]] = [], appVersion: String = ""
  ) {
    self.pushes = pushes
    self.scopes = scopes
    self.waitMilliseconds = waitMilliseconds
    self.headQueries = headQueries
    self.presentedReceipts = presentedReceipts
    self.appVersion = appVersion
  }
}

/// A suffix of one journal.
public struct Push: Hashable, Sendable {
  public var journal: ID128
  /// The attempt, or the candidate; on the wire only with `first` = 1.
  public var subject: ID128?
  /// The sequence of the first body; journals begin at 1.
  public var first: UInt64
  public var bodies: [[UInt8]]
  /// The chain head after the last body.
  public var head: Digest256
  public var lease: UInt32

  public init(
    journal: ID128, subject: ID128?, first: UInt64, bodies: [[UInt8]], head: Digest256, lease: UInt32
  ) {
    self.journal = journal
    self.subject = subject
    self.first = first
    self.bodies = bodies
    self.head = head
    self.lease = lease
  }

  public var last: UInt64 { first + UInt64(bodies.count) - 1 }
}

/// A place in a scope's history: good only while the scope lists its epoch.
public struct Cursor: Hashable, Sendable {
  public var epoch: UInt64
  public var version: UInt64

  /// Nothing read yet.
  public static let start = Cursor(epoch: 0, version: 0)

  public init(epoch: UInt64, version: UInt64) {
    self.epoch = epoch
    self.version = version
  }
}

/// What a device holds of a scope, and how far it has staged pages of a delta that is not complete yet.
public struct ScopeCursor: Hashable, Sendable {
  public var scope: ID128
  public var cursor: Cursor
  public var staged: UInt64

  public init(scope: ID128, cursor: Cursor, staged: UInt64 = 0) {
    self.scope = scope
    self.cursor = cursor
    self.staged = staged
  }
}

/// Asks for the server's heads at some sequences of a journal, to find the last common entry.
public struct HeadQuery: Hashable, Sendable {
  public var journal: ID128
  public var sequences: [UInt64]

  public init(journal: ID128, sequences: [UInt64]) {
    self.journal = journal
    self.sequences = sequences
  }
}

/// The answer to a round. Believed only with a good MAC.
public struct SyncResponse: Hashable, Sendable {
  /// One for each push, in the order of the request.
  public var acknowledgements: [Acknowledgement]
  public var deltas: [Delta]
  public var heads: [HeadAnswer]
  /// Server time at which the request was there, in milliseconds since 1970.
  public var receivedAt: Int64
  /// How long the server held it; `sentAt` = `receivedAt` + this.
  public var heldMilliseconds: UInt32
  /// The device comes again after this long.
  public var nextMilliseconds: UInt32
  /// Proof that the server named `sentAt`; empty in answers to pushes.
  public var timeProof: [UInt8]
  /// The request's time was too far off: deltas were withheld, and the device asks again at once.
  public var isStale: Bool

  public init(
    acknowledgements: [Acknowledgement] = [], deltas: [Delta] = [], heads: [HeadAnswer] = [], receivedAt: Int64,
    heldMilliseconds: UInt32 = 0, nextMilliseconds: UInt32 = 0, timeProof: [UInt8] = [], isStale: Bool = false
  ) {
    self.acknowledgements = acknowledgements
    self.deltas = deltas
    self.heads = heads
    self.receivedAt = receivedAt
    self.heldMilliseconds = heldMilliseconds
    self.nextMilliseconds = nextMilliseconds
    self.timeProof = timeProof
    self.isStale = isStale
  }

  public var sentAt: Int64 { receivedAt + Int64(heldMilliseconds) }
}

/// What became of a push. The numbers are those of the wire.
public enum PushVerdict: Int, Hashable, Sendable, CaseIterable {
  /// Something new was appended.
  case stored = 0
  /// The same bytes were there already.
  case duplicate = 1
  /// The server lacks entries before it: send from `sequence` + 1.
  case gap = 2
  /// The server holds other bytes or another head: open a successor.
  case diverged = 3
  /// The journal is somebody else's, or its first entry was never seen.
  case unknownJournal = 4
}

/// The server's high water of one journal. Pending is computed from it, even if it is lower than before.
public struct Acknowledgement: Hashable, Sendable {
  public var sequence: UInt64
  public var head: Digest256
  public var verdict: PushVerdict
  /// Entries of this push that were kept but not applied.
  public var kept: [KeptRange]

  public init(sequence: UInt64, head: Digest256, verdict: PushVerdict, kept: [KeptRange] = []) {
    self.sequence = sequence
    self.head = head
    self.verdict = verdict
    self.kept = kept
  }
}

/// Entries next to each other that were kept for one reason.
public struct KeptRange: Hashable, Sendable {
  public var from: UInt64
  public var to: UInt64
  public var reason: KeptReason

  public init(from: UInt64, to: UInt64, reason: KeptReason) {
    self.from = from
    self.to = to
    self.reason = reason
  }

  /// Adds one entry, merged with the range before it where that is adjacent and has the same reason.
  public static func append(_ sequence: UInt64, _ reason: KeptReason, to ranges: inout [KeptRange]) {
    if let last = ranges.last, last.reason == reason, last.to + 1 == sequence {
      ranges[ranges.count - 1].to = sequence
    } else {
      ranges.append(KeptRange(from: sequence, to: sequence, reason: reason))
    }
  }
}

/// The server's heads of one journal, as asked for.
public struct HeadAnswer: Hashable, Sendable {
  public var journal: ID128
  /// Only the heads of sequences that the server has.
  public var heads: [UInt64: Digest256]
  public var sequence: UInt64

  public init(journal: ID128, heads: [UInt64: Digest256], sequence: UInt64) {
    self.journal = journal
    self.heads = heads
    self.sequence = sequence
  }
}

/// One page of what changed in a scope.
public struct Delta: Hashable, Sendable {
  public var scope: ID128
  /// The cursor that the device named; a device whose stored cursor is another drops the delta.
  public var from: Cursor
  /// The delta replaces the scope at its checkpoint.
  public var isReset: Bool
  /// In version order.
  public var records: [Record]
  /// The page reads up to here.
  public var to: Cursor
  /// In the last page only.
  public var checkpoint: Checkpoint?

  public init(
    scope: ID128, from: Cursor, isReset: Bool = false, records: [Record], to: Cursor, checkpoint: Checkpoint?
  ) {
    self.scope = scope
    self.from = from
    self.isReset = isReset
    self.records = records
    self.to = to
    self.checkpoint = checkpoint
  }
}

/// Proof of what a scope holds at a version: the number of live records, and their digest.
public struct Checkpoint: Hashable, Sendable {
  public var count: UInt64
  public var digest: ScopeDigest

  public init(count: UInt64, digest: ScopeDigest) {
    self.count = count
    self.digest = digest
  }
}

/// One record of a scope: its latest version, or a tombstone.
public struct Record: Hashable, Sendable {
  public var collection: String
  public var key: String
  public var version: UInt64
  public var body: [UInt8]
  public var isDeleted: Bool

  public init(collection: String, key: String, version: UInt64, body: [UInt8], isDeleted: Bool = false) {
    self.collection = collection
    self.key = key
    self.version = version
    self.body = body
    self.isDeleted = isDeleted
  }
}

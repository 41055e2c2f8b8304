public import ExamModel
public import SyncProtocol
import SyncWire

/// One opening of the store for writing; cursors name it.
public struct EpochRow: Hashable, Sendable {
  /// 1, 2, 3 … in the order of the openings.
  public var ordinal: Int64
  public var epoch: UInt64
  public var openedAt: Int64

  public init(ordinal: Int64, epoch: UInt64, openedAt: Int64) {
    self.ordinal = ordinal
    self.epoch = epoch
    self.openedAt = openedAt
  }
}

/// The head of a scope: changed in the transaction that changes a record of it.
public struct ScopeRow: Hashable, Sendable {
  public var id: ID128
  /// Of the newest record; 0 for an empty scope.
  public var version: UInt64
  /// Live records.
  public var count: UInt64
  public var digest: ScopeDigest
  /// Tombstones up to here are purged: an older cursor starts anew.
  public var horizon: UInt64

  public init(id: ID128, version: UInt64, count: UInt64, digest: ScopeDigest, horizon: UInt64) {
    self.id = id
    self.version = version
    self.count = count
    self.digest = digest
    self.horizon = horizon
  }
}

/// Where an epoch began in a scope; only epochs that changed the scope have one.
public struct ScopeEpochRow: Hashable, Sendable {
  public var epochOrdinal: Int64
  public var firstVersion: UInt64

  public init(epochOrdinal: Int64, firstVersion: UInt64) {
    self.epochOrdinal = epochOrdinal
    self.firstVersion = firstVersion
  }
}

public struct ExamRow: Hashable, Sendable {
  public var id: ID128
  public var code: String
  public var record: ExamRecord
  public var isKeyReleased: Bool
  public var announcements: UInt32
  public var attempts: UInt64

  public init(
    id: ID128, code: String, record: ExamRecord, isKeyReleased: Bool, announcements: UInt32, attempts: UInt64
  ) {
    self.id = id
    self.code = code
    self.record = record
    self.isKeyReleased = isKeyReleased
    self.announcements = announcements
    self.attempts = attempts
  }
}

public struct PaperRow: Hashable, Sendable {
  public var exam: ID128
  public var version: UInt32
  public var key: [UInt8]
  /// JSON of `[PaperItem]`.
  public var items: [UInt8]
  /// JSON of ``PublishedParts``.
  public var parts: [UInt8]

  public init(exam: ID128, version: UInt32, key: [UInt8], items: [UInt8], parts: [UInt8]) {
    self.exam = exam
    self.version = version
    self.key = key
    self.items = items
    self.parts = parts
  }
}

public struct CandidateRow: Hashable, Sendable {
  public var id: ID128
  public var username: String
  public var number: String
  public var name: String
  public var specialty: String
  public var room: String
  public var isPhoneBound: Bool
  public var password: PasswordHash?
  /// Certificates issued before this instant are refused.
  public var certificatesFrom: Int64

  public init(
    id: ID128, username: String, number: String, name: String, specialty: String, room: String, isPhoneBound: Bool,
    password: PasswordHash? = nil, certificatesFrom: Int64
  ) {
    self.id = id
    self.username = username
    self.number = number
    self.name = name
    self.specialty = specialty
    self.room = room
    self.isPhoneBound = isPhoneBound
    self.password = password
    self.certificatesFrom = certificatesFrom
  }
}

public struct AttemptRow: Hashable, Sendable {
  public var id: ID128
  public var exam: ID128
  public var candidate: ID128
  /// The candidate's number: the order of lists.
  public var number: String
  public var record: AttemptRecord
  public var sealOrdinal: UInt32
  public var isSealed: Bool
  public var forcedAt: Int64?
  public var trouble: String?
  public var progress: AttemptProgress

  public init(
    id: ID128, exam: ID128, candidate: ID128, number: String, record: AttemptRecord, sealOrdinal: UInt32,
    isSealed: Bool, forcedAt: Int64? = nil, trouble: String? = nil, progress: AttemptProgress = AttemptProgress()
  ) {
    self.id = id
    self.exam = exam
    self.candidate = candidate
    self.number = number
    self.record = record
    self.sealOrdinal = sealOrdinal
    self.isSealed = isSealed
    self.forcedAt = forcedAt
    self.trouble = trouble
    self.progress = progress
  }
}

public struct JournalRow: Hashable, Sendable {
  /// The store's own short name of the journal.
  public var number: Int64
  public var id: ID128
  public var attempt: ID128
  public var device: ID128
  /// Among the attempt's journals, from 1.
  public var ordinal: UInt32
  public var sequence: UInt64
  public var head: Digest256
  /// The newest segment; 0 for none.
  public var lastSegment: Int64
  /// The first sequence that is kept as superseded when it comes: the one after the place at which a successor of the
  /// same device left the journal; `nil` for none. Stores of earlier versions have 1 there, and keep everything.
  public var supersededFrom: UInt64?
  /// Entries kept without effect.
  public var kept: UInt64
  public var contactAt: Int64
  /// Server time at which the server first stored something of it; 0 where that was not noted.
  public var openedAt: Int64

  public init(
    number: Int64, id: ID128, attempt: ID128, device: ID128, ordinal: UInt32, sequence: UInt64, head: Digest256,
    lastSegment: Int64, supersededFrom: UInt64? = nil, kept: UInt64, contactAt: Int64, openedAt: Int64 = 0
  ) {
    self.number = number
    self.id = id
    self.attempt = attempt
    self.device = device
    self.ordinal = ordinal
    self.sequence = sequence
    self.head = head
    self.lastSegment = lastSegment
    self.supersededFrom = supersededFrom
    self.kept = kept
    self.contactAt = contactAt
    self.openedAt = openedAt
  }
}

/// One push, as it came. Segments of a journal are a list, newest first, so that storing one touches no index.
public struct SegmentRow: Hashable, Sendable {
  /// Greater for later arrivals, over all journals.
  public var id: Int64
  /// The segment before in the same journal; 0 for none.
  public var previous: Int64
  public var journal: Int64
  public var first: UInt64
  public var count: Int
  public var lease: UInt32
  public var receivedAt: Int64
  public var headBefore: Digest256
  public var headAfter: Digest256
  /// Each body with a 32-bit length before it.
  public var bytes: [UInt8]

  public init(
    id: Int64, previous: Int64, journal: Int64, first: UInt64, count: Int, lease: UInt32, receivedAt: Int64,
    headBefore: Digest256, headAfter: Digest256, bytes: [UInt8]
  ) {
    self.id = id
    self.previous = previous
    self.journal = journal
    self.first = first
    self.count = count
    self.lease = lease
    self.receivedAt = receivedAt
    self.headBefore = headBefore
    self.headAfter = headAfter
    self.bytes = bytes
  }

  public var last: UInt64 { first + UInt64(count) - 1 }
}

/// Other bytes for sequences that a journal has already: evidence, without effect.
public struct ForkRow: Hashable, Sendable {
  public var journal: Int64
  public var first: UInt64
  public var count: Int
  public var head: Digest256
  public var receivedAt: Int64
  public var bytes: [UInt8]

  public init(journal: Int64, first: UInt64, count: Int, head: Digest256, receivedAt: Int64, bytes: [UInt8]) {
    self.journal = journal
    self.first = first
    self.count = count
    self.head = head
    self.receivedAt = receivedAt
    self.bytes = bytes
  }
}

public struct SealRow: Hashable, Sendable {
  public var attempt: ID128
  public var ordinal: UInt32
  public var journal: ID128
  public var sequence: UInt64
  public var device: ID128
  public var headBefore: Digest256
  public var headAfter: Digest256
  public var statement: [UInt8]
  public var signature: [UInt8]

  public init(
    attempt: ID128, ordinal: UInt32, journal: ID128, sequence: UInt64, device: ID128, headBefore: Digest256,
    headAfter: Digest256, statement: [UInt8], signature: [UInt8]
  ) {
    self.attempt = attempt
    self.ordinal = ordinal
    self.journal = journal
    self.sequence = sequence
    self.device = device
    self.headBefore = headBefore
    self.headAfter = headAfter
    self.statement = statement
    self.signature = signature
  }
}

public struct ReceiptStoreRow: Hashable, Sendable {
  public var attempt: ID128
  public var ordinal: UInt32
  public var number: String
  public var serverTime: Int64
  /// The encoded receipt.
  public var receipt: [UInt8]

  public init(attempt: ID128, ordinal: UInt32, number: String, serverTime: Int64, receipt: [UInt8]) {
    self.attempt = attempt
    self.ordinal = ordinal
    self.number = number
    self.serverTime = serverTime
    self.receipt = receipt
  }
}

public struct RootStoreRow: Hashable, Sendable {
  /// 1, 2, 3 … over all epochs.
  public var id: Int64
  public var epoch: UInt64
  public var index: UInt64
  public var statement: [UInt8]
  public var signature: [UInt8]

  public init(id: Int64, epoch: UInt64, index: UInt64, statement: [UInt8], signature: [UInt8]) {
    self.id = id
    self.epoch = epoch
    self.index = index
    self.statement = statement
    self.signature = signature
  }
}

public struct SessionRow: Hashable, Sendable {
  public var id: ID128
  public var secret: [UInt8]
  public var candidate: ID128
  public var device: ID128
  public var appVersion: String
  public var openedAt: Int64
  public var expiresAt: Int64

  public init(
    id: ID128, secret: [UInt8], candidate: ID128, device: ID128, appVersion: String, openedAt: Int64, expiresAt: Int64
  ) {
    self.id = id
    self.secret = secret
    self.candidate = candidate
    self.device = device
    self.appVersion = appVersion
    self.openedAt = openedAt
    self.expiresAt = expiresAt
  }
}

public struct DeviceRow: Hashable, Sendable {
  public var id: ID128
  public var candidate: ID128
  public var publicKey: [UInt8]
  public var registeredAt: Int64

  public init(id: ID128, candidate: ID128, publicKey: [UInt8], registeredAt: Int64) {
    self.id = id
    self.candidate = candidate
    self.publicKey = publicKey
    self.registeredAt = registeredAt
  }
}

/// Wrong exam codes within a window; the zero id counts those of everybody.
public struct JoinTriesRow: Hashable, Sendable {
  public var candidate: ID128
  public var windowStart: Int64
  public var tries: Int

  public init(candidate: ID128, windowStart: Int64, tries: Int) {
    self.candidate = candidate
    self.windowStart = windowStart
    self.tries = tries
  }
}

public struct OperatorStoreRow: Hashable, Sendable {
  public var name: String
  public var role: String
  public var tokenHash: Digest256
  public var isRevoked: Bool

  public init(name: String, role: String, tokenHash: Digest256, isRevoked: Bool) {
    self.name = name
    self.role = role
    self.tokenHash = tokenHash
    self.isRevoked = isRevoked
  }
}

/// Single values that the store keeps.
public enum StoreValue: String, Sendable, CaseIterable {
  /// The node's own id, to notice a store of another server.
  case node
  /// Server time of a recent commit, 8 bytes.
  case serverTime
}

/// Rows that statistics count.
public enum StoreTable: String, Sendable, CaseIterable {
  case candidates, attempts, journals, segments, sessions, receipts
}

/// Records inside rows, as a store keeps them.
extension ExamRow {
  public var recordBytes: [UInt8] { record.wire }

  public static func record(_ bytes: [UInt8]) -> ExamRecord? { try? ExamRecord(wire: bytes) }
}

extension AttemptRow {
  public var recordBytes: [UInt8] { record.wire }

  public static func record(_ bytes: [UInt8]) -> AttemptRecord? { try? AttemptRecord(wire: bytes) }
}

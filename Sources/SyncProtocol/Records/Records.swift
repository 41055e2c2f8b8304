public import ExamModel

/// The collections of the two kinds of scopes. A device skips those it does not know.
public enum ScopeCollection {
  // exam/<id>
  public static let exam = "exam"
  public static let paper = "paper"
  public static let key = "key"
  public static let announcement = "announcement"
  // candidate/<id>
  public static let profile = "profile"
  public static let attempt = "attempt"
  public static let unlock = "unlock"
  public static let void = "void"
  public static let grant = "grant"
  public static let reopen = "reopen"
  public static let disposition = "disposition"
  public static let answers = "answers"
  public static let receipt = "receipt"
}

/// Collection `exam`, key `info`.
public struct ExamRecord: Hashable, Sendable {
  public var title: String
  public var opensAt: Int64
  public var closesAt: Int64
  public var durationMilliseconds: Int64?
  public var policy: AttemptPolicy
  public var specialty: String
  public var isCancelled: Bool
  public var paperVersion: UInt32

  public init(
    title: String, opensAt: Int64, closesAt: Int64, durationMilliseconds: Int64? = nil, policy: AttemptPolicy,
    specialty: String, isCancelled: Bool = false, paperVersion: UInt32
  ) {
    self.title = title
    self.opensAt = opensAt
    self.closesAt = closesAt
    self.durationMilliseconds = durationMilliseconds
    self.policy = policy
    self.specialty = specialty
    self.isCancelled = isCancelled
    self.paperVersion = paperVersion
  }
}

/// A blob by the digest of its sealed bytes.
public struct BlobReference: Hashable, Sendable {
  public var digest: Digest256
  public var length: UInt64

  public init(digest: Digest256, length: UInt64) {
    self.digest = digest
    self.length = length
  }
}

/// Collection `paper`, key = version.
public struct PaperRecord: Hashable, Sendable {
  public var version: UInt32
  public var manifest: BlobReference
  public var keyCheck: Digest256
  /// Every pack and blob that the version needs, the manifest not among them.
  public var packs: [BlobReference]

  public init(version: UInt32, manifest: BlobReference, keyCheck: Digest256, packs: [BlobReference]) {
    self.version = version
    self.manifest = manifest
    self.keyCheck = keyCheck
    self.packs = packs
  }
}

/// Collection `attempt`, key = the attempt's id in hexadecimal.
public struct AttemptRecord: Hashable, Sendable {
  public var attempt: ID128
  public var exam: ID128
  /// A writer's fence: its ordinal and random id.
  public var lease: UInt32
  public var leaseID: ID128
  /// The device key that holds the lease; `nil` until the first device writes.
  public var leaseDevice: ID128?
  public var orderSeed: UInt64
  public var codeSalt: [UInt8]
  /// scrypt of the exam code (S3-07).
  public var codeVerifier: [UInt8]
  public var unlockSalt: [UInt8]
  /// scrypt of the codes of lock 1, 2, 3 … (S3-13)
  public var unlockVerifiers: [[UInt8]]
  public var scryptRounds: UInt32
  public var specialty: String
  public var isVoided: Bool

  public init(
    attempt: ID128, exam: ID128, lease: UInt32, leaseID: ID128, leaseDevice: ID128? = nil, orderSeed: UInt64,
    codeSalt: [UInt8], codeVerifier: [UInt8], unlockSalt: [UInt8], unlockVerifiers: [[UInt8]],
    scryptRounds: UInt32, specialty: String, isVoided: Bool = false
  ) {
    self.attempt = attempt
    self.exam = exam
    self.lease = lease
    self.leaseID = leaseID
    self.leaseDevice = leaseDevice
    self.orderSeed = orderSeed
    self.codeSalt = codeSalt
    self.codeVerifier = codeVerifier
    self.unlockSalt = unlockSalt
    self.unlockVerifiers = unlockVerifiers
    self.scryptRounds = scryptRounds
    self.specialty = specialty
    self.isVoided = isVoided
  }
}

/// Collection `profile`, key `self`.
public struct ProfileRecord: Hashable, Sendable {
  public var name: String
  public var number: String
  public var specialty: String
  public var room: String
  public var isPhoneBound: Bool

  public init(name: String, number: String, specialty: String, room: String, isPhoneBound: Bool) {
    self.name = name
    self.number = number
    self.specialty = specialty
    self.room = room
    self.isPhoneBound = isPhoneBound
  }
}

/// Collection `unlock`, key = attempt/number: a server's unlock of one lock (S3-17).
public struct UnlockRecord: Hashable, Sendable {
  public var attempt: ID128
  public var number: UInt32
  public var nonce: ID128
  public var mac: [UInt8]

  public init(attempt: ID128, number: UInt32, nonce: ID128, mac: [UInt8]) {
    self.attempt = attempt
    self.number = number
    self.nonce = nonce
    self.mac = mac
  }
}

/// Collection `grant`, key = attempt/number: more time.
public struct GrantRecord: Hashable, Sendable {
  public var attempt: ID128
  public var number: UInt32
  public var milliseconds: Int64
  public var reason: String

  public init(attempt: ID128, number: UInt32, milliseconds: Int64, reason: String) {
    self.attempt = attempt
    self.number = number
    self.milliseconds = milliseconds
    self.reason = reason
  }
}

/// Collections `void` (number of a lock) and `reopen` (ordinal of a seal), key = attempt/number.
public struct NumberedRecord: Hashable, Sendable {
  public var attempt: ID128
  public var number: UInt32

  public init(attempt: ID128, number: UInt32) {
    self.attempt = attempt
    self.number = number
  }

  /// The key of a record that belongs to one number of an attempt.
  public static func key(attempt: ID128, number: UInt32) -> String { "\(attempt.hex)/\(number)" }
}

/// Collection `disposition`, key = journal/from: entries that were kept but not applied.
public struct DispositionRecord: Hashable, Sendable {
  public var journal: ID128
  public var range: KeptRange
  public var decidedBy: String

  public init(journal: ID128, range: KeptRange, decidedBy: String) {
    self.journal = journal
    self.range = range
    self.decidedBy = decidedBy
  }
}

/// Collection `answers`: what a new device, or a successor, needs in order to go on.
///
/// The record with the attempt for its key says everything; answers that do not fit it are in further records, each
/// with a part of the answers and nothing else. All parts are written in one transaction, and a part that is not needed
/// any more is deleted in it, so the parts that are there are all of them.
public struct AnswersRecord: Hashable, Sendable {
  public var attempt: ID128
  public var answers: AnswerSheet
  public var journals: [JournalPosition]
  public var locks: [UInt32]
  public var unlocked: [UInt32]
  public var isStarted: Bool
  /// Server milliseconds, by the midpoint; `nil` before the start.
  public var startedAt: Int64?
  public var informationGiven: Bool
  public var closedSections: [String]
  /// Of the last seal; 0 for none. The next one has the next ordinal.
  public var sealOrdinal: UInt32
  /// Whether that seal stands: it was not reopened.
  public var isSealed: Bool

  public init(
    attempt: ID128, answers: AnswerSheet, journals: [JournalPosition] = [], locks: [UInt32] = [],
    unlocked: [UInt32] = [], isStarted: Bool = false, startedAt: Int64? = nil, informationGiven: Bool = false,
    closedSections: [String] = [], sealOrdinal: UInt32 = 0, isSealed: Bool = false
  ) {
    self.attempt = attempt
    self.answers = answers
    self.journals = journals
    self.locks = locks
    self.unlocked = unlocked
    self.isStarted = isStarted
    self.startedAt = startedAt
    self.informationGiven = informationGiven
    self.closedSections = closedSections
    self.sealOrdinal = sealOrdinal
    self.isSealed = isSealed
  }

  /// The key of a part: the attempt for the first, attempt/2, attempt/3 … for further ones.
  public static func key(attempt: ID128, part: Int = 1) -> String {
    part == 1 ? attempt.hex : "\(attempt.hex)/\(part)"
  }

  /// The number of the part that a key names; `nil` for a key of anything else.
  public static func part(ofKey key: String, attempt: ID128) -> Int? {
    if key == attempt.hex { return 1 }
    guard key.hasPrefix("\(attempt.hex)/"), let part = Int(key.dropFirst(attempt.hex.count + 1)), part > 1 else {
      return nil
    }
    return part
  }

  /// Takes the answers of a further part.
  public mutating func merge(_ part: AnswersRecord) {
    for (item, value) in part.answers.values { answers.set(value, for: item) }
  }
}

/// The parts of a paper version, in a sealed blob of its own.
public struct PaperManifest: Hashable, Sendable {
  public var id: String
  public var version: UInt32
  public var parts: [ManifestPart]

  public init(id: String, version: UInt32, parts: [ManifestPart]) {
    self.id = id
    self.version = version
    self.parts = parts
  }
}

/// One part: the paper's structure, an item, a shared stem, an option list or an asset.
public struct ManifestPart: Hashable, Sendable {
  /// `structure`, `item/<id>`, `stem/<id>`, `options/<id>` or `asset/<id>`.
  public var name: String
  /// SHA-256 of the part's own sealed bytes.
  public var digest: Digest256
  /// The blob that holds it.
  public var pack: Digest256
  public var offset: UInt64
  /// Of the sealed bytes.
  public var length: UInt64

  public init(name: String, digest: Digest256, pack: Digest256, offset: UInt64, length: UInt64) {
    self.name = name
    self.digest = digest
    self.pack = pack
    self.offset = offset
    self.length = length
  }
}

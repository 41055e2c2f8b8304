/// One entry of a journal, decoded. Its body on the wire is opaque and is hashed as it is.
public struct Entry: Hashable, Sendable {
  /// Boot-time milliseconds since the entry before. For an ``EntryKind/open(_:)`` entry, which carries its
  /// own instant, 0.
  public var bootDeltaMilliseconds: UInt64
  /// How far the wall clock strayed from boot time since the entry before; 0 while it stays within 2 s.
  public var wallDriftMilliseconds: Int64
  public var kind: EntryKind

  public init(bootDeltaMilliseconds: UInt64 = 0, wallDriftMilliseconds: Int64 = 0, kind: EntryKind) {
    self.bootDeltaMilliseconds = bootDeltaMilliseconds
    self.wallDriftMilliseconds = wallDriftMilliseconds
    self.kind = kind
  }
}

/// What a candidate or a device did.
public enum EntryKind: Hashable, Sendable {
  /// A store was opened: sixteen fresh random bytes, so two copies of one store fork at once and visibly.
  case open(Opening)
  /// What the device knows of the time.
  case context(ClockContext)
  case start(Start)
  /// The whole new value of one item.
  case answer(item: String, value: AnswerValue)
  case clear(item: String)
  case flag(item: String, isSet: Bool)
  case visit(item: String)
  /// A section with no way back was left.
  case sectionLeft(section: String)
  case lock(LockFact)
  case unlock(UnlockFact)
  /// A time grant of the server reached the candidate.
  case grantSeen(number: UInt32)
  /// The information form (S3-08).
  case information([InformationField])
  case seal(SignedStatement)
  /// The journal goes on after a reopen of the seal with this ordinal.
  case reopened(sealOrdinal: UInt32)
  /// A kind that this version does not know. It survives, and is skipped.
  case unknown
}

/// The first entry of a journal, and the first after each opening of its store.
public struct Opening: Hashable, Sendable {
  public var nonce: ID128
  public var bootID: ID128
  /// `CLOCK_BOOTTIME` at the entry, in milliseconds.
  public var bootMilliseconds: UInt64
  /// The wall clock at the entry, in milliseconds since 1970.
  public var wallMilliseconds: Int64
  /// The lease that the device writes under.
  public var leaseOrdinal: UInt32
  /// In the first entry of a successor: where the predecessor was left.
  public var predecessor: JournalPosition?
  /// The build of the app, such as `3.4.2` (S3-02).
  public var appVersion: String

  public init(
    nonce: ID128, bootID: ID128, bootMilliseconds: UInt64, wallMilliseconds: Int64, leaseOrdinal: UInt32,
    predecessor: JournalPosition? = nil, appVersion: String = ""
  ) {
    self.nonce = nonce
    self.bootID = bootID
    self.bootMilliseconds = bootMilliseconds
    self.wallMilliseconds = wallMilliseconds
    self.leaseOrdinal = leaseOrdinal
    self.predecessor = predecessor
    self.appVersion = appVersion
  }
}

/// A journal, a sequence in it and the chain head there.
public struct JournalPosition: Hashable, Sendable {
  public var journal: ID128
  public var sequence: UInt64
  public var head: Digest256

  public init(journal: ID128, sequence: UInt64, head: Digest256) {
    self.journal = journal
    self.sequence = sequence
    self.head = head
  }
}

/// The candidate pressed Start (S3-09).
public struct Start: Hashable, Sendable {
  /// The exam code as typed (S3-07); empty where the exam needs none.
  public var code: String
  public var paperVersion: UInt32

  public init(code: String, paperVersion: UInt32) {
    self.code = code
    self.paperVersion = paperVersion
  }
}

/// One field of the information form, as it was filled in (S3-08).
public struct InformationField: Hashable, Sendable {
  public var name: String
  public var value: String

  public init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

/// Signed bytes, kept exactly as they were signed.
public struct SignedStatement: Hashable, Sendable {
  public var statement: [UInt8]
  public var signature: [UInt8]

  public init(statement: [UInt8], signature: [UInt8]) {
    self.statement = statement
    self.signature = signature
  }
}

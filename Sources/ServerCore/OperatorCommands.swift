public import ExamModel

/// What an operator or a proctor may ask for. Each is one endpoint and one command of the shell.
public enum OperatorCommand: Codable, Hashable, Sendable {
  // Exams
  case createExam(ExamDraft)
  case listExams(PageRequest)
  case showExam(exam: ID128)
  /// Before T0 only; the new opening must lie in the future.
  case postponeExam(exam: ID128, opensAt: Int64, closesAt: Int64)
  case cancelExam(exam: ID128, reason: String)
  /// At most ``OperatorLimits/rosterRows`` rows, made ready by ``RosterPreparer``; repeating it changes nothing.
  case importRoster(exam: ID128, rows: [PreparedRosterRow])
  case announce(exam: ID128, text: String)

  // Papers
  /// What a next publication needs; never to leave the server process.
  case publishingState(exam: ID128)
  case publishPaper(exam: ID128, paper: PublishedPaper)

  // Attempts
  case listAttempts(exam: ID128, page: PageRequest)
  case showAttempt(attempt: ID128)
  /// Finds the attempt of a candidate by candidate number or user name.
  case findAttempt(exam: ID128, candidate: String)
  /// The next device that writes takes the attempt over (the lease's ordinal goes up by one).
  case releaseLease(attempt: ID128, reason: String)
  case reopen(attempt: ID128, reason: String)
  case voidLock(attempt: ID128, number: UInt32, reason: String)
  case voidAttempt(attempt: ID128, reason: String)
  case unlock(attempt: ID128, number: UInt32)
  /// The 8-digit code of one lock, for the proctor to read out.
  case unlockCode(attempt: ID128, number: UInt32)
  case extendAttempt(attempt: ID128, milliseconds: Int64, reason: String)
  case extendExam(exam: ID128, milliseconds: Int64, reason: String)
  /// A record of the state applied so far, for an attempt that no device seals.
  case forceHandIn(attempt: ID128, reason: String)

  // Reading
  case board(exam: ID128, page: PageRequest)
  case exportAnswers(exam: ID128, page: PageRequest)
  case exportJournals(exam: ID128, page: PageRequest)
  case exportReceipts(exam: ID128, page: PageRequest)
  case exportDispositions(exam: ID128, page: PageRequest)
  case exportRoots(PageRequest)
  case exportAudit(PageRequest)
  case statistics

  // People
  /// `tokenHash` is the SHA-256 of the token; the token itself is never given to the store.
  case addOperator(name: String, role: String, tokenHash: Digest256)
  case revokeOperator(name: String)
  case listOperators
  /// All sessions and certificates of a candidate end now.
  case revokeSessions(candidate: ID128, reason: String)
}

/// What a command gave.
public enum OperatorResult: Sendable {
  case done
  case exam(ExamSummary)
  case exams(Page<ExamSummary>)
  case roster(RosterOutcome)
  /// Holds the paper's key: for the publisher in the same process only.
  case publishing(PublishingState)
  case attempts(Page<AttemptSummary>)
  case attempt(AttemptDetail)
  case unlocked(UnlockSummary)
  case unlockCode(UnlockCodeSummary)
  case grants(GrantOutcome)
  case board(Page<BoardRow>)
  case answers(Page<AttemptAnswers>)
  case journals(Page<JournalEntryRow>)
  case receipts(Page<ReceiptRow>)
  case dispositions(Page<DispositionRow>)
  case roots(Page<RootRow>)
  case audit(Page<AuditRow>)
  case statistics(ServerStatistics)
  case operators([OperatorRow])

  /// What may be sent out, without a wrapper around it: the JSON of the operator plane. `nil` for ``done`` and for
  /// ``publishing(_:)``, which must not leave.
  public var payload: (any Encodable & Sendable)? {
    switch self {
    case .done, .publishing: nil
    case .exam(let value): value
    case .exams(let value): value
    case .roster(let value): value
    case .attempts(let value): value
    case .attempt(let value): value
    case .unlocked(let value): value
    case .unlockCode(let value): value
    case .grants(let value): value
    case .board(let value): value
    case .answers(let value): value
    case .journals(let value): value
    case .receipts(let value): value
    case .dispositions(let value): value
    case .roots(let value): value
    case .audit(let value): value
    case .statistics(let value): value
    case .operators(let value): value
    }
  }
}

/// Bounds of the operator plane, in one place.
public enum OperatorLimits {
  public static let rosterRows = 200
  /// What the operator plane stores of a roster in one transaction.
  public static let rosterRowsPerCommit = 25
  public static let pageRows = 200
  public static let textBytes = 1_024
  public static let announcementBytes = 4_096
  public static let tokenNameBytes = 64
  /// Unlock codes that a device gets verifiers for, where the policy sets no limit of locks.
  public static let unlockCodes: UInt32 = 16
  /// Codes beyond the limit of locks, for locks that follow a voided one.
  public static let unlockCodesBeyondLimit: UInt32 = 3
  /// Entries that one page of answers may fold; the page ends after the attempt that passes it.
  public static let foldedEntriesPerPage: UInt64 = 600
  /// The longest extension that one command gives: a day.
  public static let extensionMilliseconds: Int64 = 86_400_000
}

/// A place in a list, by key and never by offset.
public struct PageRequest: Codable, Hashable, Sendable {
  /// ``Page/next`` of the page before; `nil` for the first.
  public var after: String?
  /// 1 to ``OperatorLimits/pageRows``; more is cut down.
  public var limit: Int

  public init(after: String? = nil, limit: Int = 50) {
    self.after = after
    self.limit = limit
  }
}

public struct Page<Row: Codable & Sendable>: Codable, Sendable {
  public var rows: [Row]
  /// `nil` on the last page. A page may be empty and still have a next one.
  public var next: String?

  public init(rows: [Row], next: String?) {
    self.rows = rows
    self.next = next
  }
}

/// A new exam.
public struct ExamDraft: Codable, Hashable, Sendable {
  public var title: String
  /// T0 and bell, milliseconds since 1970.
  public var opensAt: Int64
  public var closesAt: Int64
  /// Each candidate's own time; `nil` for until the bell.
  public var durationMilliseconds: Int64?
  public var policy: ExamPolicy
  public var specialty: String
  /// 6 digits; `nil` draws one that no live exam has.
  public var code: String?

  public init(
    title: String, opensAt: Int64, closesAt: Int64, durationMilliseconds: Int64? = nil,
    policy: ExamPolicy = ExamPolicy(), specialty: String = "", code: String? = nil
  ) {
    self.title = title
    self.opensAt = opensAt
    self.closesAt = closesAt
    self.durationMilliseconds = durationMilliseconds
    self.policy = policy
    self.specialty = specialty
    self.code = code
  }
}

/// ``AttemptPolicy`` as people write it; what is left out has the default of S3.
public struct ExamPolicy: Codable, Hashable, Sendable {
  public var maximumLocks: UInt32?
  /// Names of ``LockCause``.
  public var exemptCauses: [String]?
  public var restartLocks: Bool?
  public var informationFields: [String]?
  public var minimumAppVersion: String?

  public init(
    maximumLocks: UInt32? = nil, exemptCauses: [String]? = nil, restartLocks: Bool? = nil,
    informationFields: [String]? = nil, minimumAppVersion: String? = nil
  ) {
    self.maximumLocks = maximumLocks
    self.exemptCauses = exemptCauses
    self.restartLocks = restartLocks
    self.informationFields = informationFields
    self.minimumAppVersion = minimumAppVersion
  }
}

/// One line of a roster, with everything slow computed already. Made by ``RosterPreparer``.
public struct PreparedRosterRow: Codable, Hashable, Sendable {
  public var number: String
  public var name: String
  public var username: String
  public var specialty: String
  public var room: String
  public var isPhoneBound: Bool
  /// `nil` leaves the password of a known candidate as it is.
  public var password: PasswordHash?
  /// Used if the candidate has no attempt in the exam yet.
  public var secrets: AttemptSecrets

  public init(
    number: String, name: String, username: String, specialty: String, room: String, isPhoneBound: Bool = true,
    password: PasswordHash?, secrets: AttemptSecrets
  ) {
    self.number = number
    self.name = name
    self.username = username
    self.specialty = specialty
    self.room = room
    self.isPhoneBound = isPhoneBound
    self.password = password
    self.secrets = secrets
  }
}

/// scrypt of a password (r = 8, p = 1, 32 bytes).
public struct PasswordHash: Codable, Hashable, Sendable {
  public var salt: [UInt8]
  public var verifier: [UInt8]
  public var rounds: Int

  public init(salt: [UInt8], verifier: [UInt8], rounds: Int) {
    self.salt = salt
    self.verifier = verifier
    self.rounds = rounds
  }
}

/// What an attempt's record holds of random and derived values.
public struct AttemptSecrets: Codable, Hashable, Sendable {
  public var attempt: ID128
  public var leaseID: ID128
  public var orderSeed: UInt64
  public var codeSalt: [UInt8]
  public var codeVerifier: [UInt8]
  public var unlockSalt: [UInt8]
  public var unlockVerifiers: [[UInt8]]
  public var scryptRounds: UInt32

  public init(
    attempt: ID128, leaseID: ID128, orderSeed: UInt64, codeSalt: [UInt8], codeVerifier: [UInt8],
    unlockSalt: [UInt8], unlockVerifiers: [[UInt8]], scryptRounds: UInt32
  ) {
    self.attempt = attempt
    self.leaseID = leaseID
    self.orderSeed = orderSeed
    self.codeSalt = codeSalt
    self.codeVerifier = codeVerifier
    self.unlockSalt = unlockSalt
    self.unlockVerifiers = unlockVerifiers
    self.scryptRounds = scryptRounds
  }
}

public struct RosterOutcome: Codable, Hashable, Sendable {
  public struct Row: Codable, Hashable, Sendable {
    public var number: String
    public var username: String
    public var candidate: ID128
    public var attempt: ID128
    /// `false` for a candidate who had an attempt in this exam before.
    public var isNew: Bool
  }

  public var rows: [Row]

  public init(rows: [Row]) {
    self.rows = rows
  }
}

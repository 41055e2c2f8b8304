public import ExamModel
public import SyncProtocol

/// What the server keeps, behind transactions. One owner uses a store, from one thread.
///
/// Every method throws ``StoreError`` and nothing else, except ``transaction(_:)``, which passes on what its body
/// throws. The rules of the data (contiguity, versions, digests) are ``ServerCore``'s; a store only keeps rows, all of
/// a transaction or none of it.
public protocol ServerStore: AnyObject {
  /// Runs `body` and commits; durable when it returns. On any error nothing of it remains.
  func transaction(_ body: () throws -> Void) throws

  func value(_ name: StoreValue) throws -> [UInt8]?
  func setValue(_ bytes: [UInt8], for name: StoreValue) throws

  // Epochs and scopes
  func epochs() throws -> [EpochRow]
  func insert(epoch: EpochRow) throws
  func scope(_ id: ID128) throws -> ScopeRow?
  func save(scope: ScopeRow) throws
  func scopeEpochs(of scope: ID128) throws -> [ScopeEpochRow]
  func insert(scopeEpoch: ScopeEpochRow, of scope: ID128) throws
  func record(scope: ID128, collection: String, key: String) throws -> Record?
  func save(record: Record, scope: ID128) throws
  /// Records above a version in version order, until `visit` gives `false`.
  func records(scope: ID128, above version: UInt64, visit: (Record) -> Bool) throws
  func records(scope: ID128, collection: String) throws -> [Record]
  func purgeTombstones(scope: ID128, through version: UInt64) throws

  // Exams and papers
  func exams() throws -> [ExamRow]
  func save(exam: ExamRow) throws
  func papers(exam: ID128) throws -> [PaperRow]
  func insert(paper: PaperRow) throws

  // People
  func candidate(_ id: ID128) throws -> CandidateRow?
  func candidate(username: String) throws -> CandidateRow?
  func save(candidate: CandidateRow) throws
  func sessions() throws -> [SessionRow]
  func save(session: SessionRow) throws
  func deleteSession(_ id: ID128) throws
  func device(_ id: ID128) throws -> DeviceRow?
  func save(device: DeviceRow) throws
  func joinTries(_ candidate: ID128) throws -> JoinTriesRow?
  func save(joinTries: JoinTriesRow) throws
  func operators() throws -> [OperatorStoreRow]
  func save(operator row: OperatorStoreRow) throws

  // Attempts
  func attempt(_ id: ID128) throws -> AttemptRow?
  func attempts(candidate: ID128) throws -> [AttemptRow]
  /// In the order of (candidate number, id), after the place of `after`.
  func attempts(exam: ID128, after: (number: String, id: ID128)?, limit: Int) throws -> [AttemptRow]
  func save(attempt: AttemptRow) throws
  /// Started, without a seal, not marked overdue; in the order of the ids, after one.
  func runningAttempts(after: ID128?, limit: Int) throws -> [RunningAttemptRow]
  /// The applied answer sheet with its provenance, once there is one.
  func applied(attempt: ID128) throws -> [UInt8]?
  func save(applied: [UInt8], attempt: ID128) throws

  // Journals
  func journal(_ id: ID128) throws -> JournalRow?
  func journals(attempt: ID128) throws -> [JournalRow]
  func insert(journal: JournalRow) throws
  /// Saves what changes with a push, by the journal's number.
  func update(journal: JournalRow) throws
  /// Makes room below an attempt's journals of this ordinal and above: each gets the next one.
  func raiseOrdinals(attempt: ID128, from first: UInt32) throws
  func insert(segment: SegmentRow) throws
  func segment(_ id: Int64) throws -> SegmentRow?
  func lastSegmentID() throws -> Int64
  func lastSegmentTime() throws -> Int64?
  func lastJournalNumber() throws -> Int64
  func dispositions(journal: Int64, from: UInt64, to: UInt64) throws -> [KeptRange]
  func save(disposition: KeptRange, journal: Int64) throws
  func insert(fork: ForkRow) throws
  func forks(journal: Int64) throws -> [ForkRow]

  // Rules that outlast a commit
  /// In the order of the ids.
  func extensions() throws -> [ExtensionRow]
  func save(extension row: ExtensionRow) throws
  func deleteExtension(_ id: Int64) throws
  func insert(timeProof: TimeProofRow) throws
  /// In the order of the sequences.
  func timeProofs(journal: Int64) throws -> [TimeProofRow]

  // Seals, receipts, roots
  func save(seal: SealRow) throws
  func seal(attempt: ID128, ordinal: UInt32) throws -> SealRow?
  func receipt(attempt: ID128, ordinal: UInt32) throws -> ReceiptStoreRow?
  func receipts(attempt: ID128) throws -> [ReceiptStoreRow]
  func save(receipt: ReceiptStoreRow) throws
  func lastRoot() throws -> RootStoreRow?
  func insert(root: RootStoreRow) throws
  func roots(after id: Int64, limit: Int) throws -> [RootStoreRow]

  // Audit
  func lastAudit() throws -> AuditRow?
  func insert(audit: AuditRow) throws
  func audit(after index: UInt64, limit: Int) throws -> [AuditRow]

  func count(_ table: StoreTable) throws -> UInt64
}

/// Why the store did not do something. Nothing of the transaction remains.
public struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: Hashable, Sendable {
    /// The disk, the quota or the store's limit is exhausted.
    case full
    /// The store can no longer be trusted: close it, open it again and verify it.
    case fault
    /// Anything else, such as a broken row.
    case failed
  }

  public var kind: Kind
  /// What happened and what to do next; without values of rows.
  public var message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  public var description: String { message }
}

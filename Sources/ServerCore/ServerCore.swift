public import ExamModel
public import SyncProtocol

#if PlantedBugs
  import Planted
#endif

/// The server's decisions: synchronous, without HTTP, clock or randomness of its own.
///
/// **Rule**: one thread creates a core and uses it. ``sessions`` and ``operators`` are the only parts that other
/// threads may look at; they show what is committed, never more.
///
/// **Rule**: a reply may leave only after ``perform(_:now:)`` returned it: all calls of a batch share one transaction
/// and one sync of the disk. State in memory that a failed commit touched is thrown away and read again.
public final class ServerCore {
  /// Durable sessions, for the threads that check MACs.
  public let sessions = SessionTable()
  /// Durable operator tokens, for the threads that check them.
  public let operators = OperatorTable()
  /// Drawn at this opening of the store.
  public let epoch: UInt64
  /// What the disk allowed at the last batch. With ``StoragePolicy/Decision/sealsOnly`` the reserve file is to be
  /// freed.
  public internal(set) var storage = StoragePolicy.Decision.normal
  /// Why the store can no longer be trusted: stop, close it, open and verify it. `nil` while it is sound.
  public internal(set) var storeFault: StoreError?
  public var publicKey: [UInt8] { identity.publicKey }
  /// The number of the newest committed record of the audit trail; 0 for none.
  package var auditIndex: UInt64 { newestAudit?.index ?? 0 }

  let store: any ServerStore
  let identity: SigningKey
  let node: ID128
  let configuration: ServerConfiguration
  let unlockSecret: SessionSecret
  var generator: CallGenerator

  var exams: [ID128: ExamEntry] = [:]
  var cache = AttemptCache()
  var scopes = ScopeBook()
  /// When the deadline and grace of attempts under way are over.
  var deadlines = DueList()
  /// In the order of their ids.
  var pendingExtensions: [ExtensionRow] = []
  var deltaPages: [DeltaKey: DeltaPage] = [:]
  var resets: Set<ResetPlace> = []
  var openSessions: [ID128: SessionEntry] = [:]
  /// Sessions whose device has shown a cursor of this epoch.
  var sessionsOfEpoch: Set<ID128> = []
  /// When devices were first told to push a predecessor first, in server time.
  var waitingForPredecessor: [ID128: Int64] = [:]
  var sessionsByDevice: [ID128: [ID128]] = [:]
  var candidateExams: [ID128: Set<ID128>] = [:]
  var newestAudit: AuditRow?
  var newestRoot: RootStoreRow?
  var nextSegment: Int64 = 1
  var nextJournal: Int64 = 1
  /// Where the entries of the push under judgement stand in their paper; kept for its memory.
  var plainPlaces: [Int32] = []
  var counters = ServerCounters()
  var work = BatchWork()
  /// Server time of this batch; never goes back.
  var time: Int64
  var savedTime: Int64 = 0
  var clockIsBehind = false

  /// Opens the store for writing: draws an epoch, loads what is always in memory, releases keys that are due.
  ///
  /// - Parameters:
  ///   - node: this server's own id; a store of another node is refused.
  ///   - now: the wall clock, in milliseconds since 1970.
  ///   - randomness: 64 fresh random bits at each call.
  public init(
    store: any ServerStore, identity: SigningKey, node: ID128,
    configuration: ServerConfiguration = ServerConfiguration(), now: Int64, randomness: @escaping () -> UInt64
  ) throws {
    var generator = CallGenerator(draw: randomness)
    self.store = store
    self.identity = identity
    self.node = node
    self.configuration = configuration
    self.unlockSecret = UnlockSecret.derive(from: identity)
    var epoch = UInt64.random(in: 1 ... .max, using: &generator)
    #if PlantedBugs
      if planted(.epochNotRenewed), let last = try store.epochs().max(by: { $0.ordinal < $1.ordinal }) {
        epoch = last.epoch
      }
    #endif
    self.epoch = epoch
    self.generator = generator
    self.time = now
    try openStore(now: now)
  }

  private func openStore(now: Int64) throws {
    if let owner = try store.value(.node), owner != node.bytes {
      throw StoreError(.failed, "This store belongs to another server. Give the server the identity it was made with.")
    }
    try loadTime(now: now)
    let epochs = try store.epochs()
    scopes.currentOrdinal = (epochs.map(\.ordinal).max() ?? 0) + 1
    #if PlantedBugs
      if planted(.epochNotRenewed), let last = epochs.last(where: { $0.epoch == epoch }) {
        scopes.currentOrdinal = last.ordinal
      }
    #endif
    for row in epochs { scopes.epochOrdinals[row.epoch] = row.ordinal }
    scopes.epochOrdinals[epoch] = scopes.currentOrdinal
    try loadGlobals()
    try loadDeadlines()
    try store.transaction {
      try store.setValue(node.bytes, for: .node)
      var isNew = true
      #if PlantedBugs
        if planted(.epochNotRenewed) { isNew = !epochs.contains { $0.epoch == epoch } }
      #endif
      if isNew {
        try store.insert(epoch: EpochRow(ordinal: scopes.currentOrdinal, epoch: epoch, openedAt: time))
      }
      try audit("store-opened", by: "server", of: node.hex, "epoch \(Hex.encode(epoch.bigEndianBytes))")
      try levelTriggeredWork()
      try flush()
    }
    committed()
  }

  func loadGlobals() throws {
    exams = [:]
    for row in try store.exams() {
      var entry = ExamEntry(row: row)
      for paper in try store.papers(exam: row.id).sorted(by: { $0.version < $1.version }) {
        entry.add(try StoredJSON.decode([PaperItem].self, from: paper.items), key: paper.key)
      }
      exams[row.id] = entry
    }
    openSessions = [:]
    sessionsByDevice = [:]
    for row in try store.sessions().sorted(by: { $0.openedAt < $1.openedAt }) where row.expiresAt > time {
      guard let entry = SessionEntry(row) else { continue }
      openSessions[row.id] = entry
      sessionsByDevice[row.device, default: []].append(row.id)
    }
    sessions.replace(openSessions)
    try loadOperators()
    newestAudit = try store.lastAudit()
    newestRoot = try store.lastRoot()
    nextSegment = try store.lastSegmentID() + 1
    nextJournal = try store.lastJournalNumber() + 1
    pendingExtensions = try store.extensions()
    candidateExams = [:]
  }

  func loadOperators() throws {
    var table: [Digest256: OperatorIdentity] = [:]
    for row in try store.operators() where !row.isRevoked {
      guard let role = OperatorIdentity.Role(rawValue: row.role) else { continue }
      table[row.tokenHash] = OperatorIdentity(name: row.name, role: role)
    }
    operators.replace(table)
  }

  /// The next instant at which ``ServerCall/tick`` has something to do; `nil` for none.
  public func nextWork() -> Int64? {
    if !pendingExtensions.isEmpty { return time }
    let release = exams.values.filter { $0.paperKey != nil && !$0.row.isKeyReleased && !$0.row.record.isCancelled }
      .map(\.row.record.opensAt).min()
    return [release, deadlines.first?.at].compactMap(\.self).min()
  }
}

@available(*, unavailable, message: "a core stays on the thread that owns its store")
extension ServerCore: Sendable {}

/// Randomness that is passed in, so that a simulator can drive it.
struct CallGenerator: RandomNumberGenerator {
  let draw: () -> UInt64

  mutating func next() -> UInt64 { draw() }

  mutating func bytes(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count { bytes.appendBigEndian(next()) }
    return Array(bytes.prefix(count))
  }
}

extension UInt64 {
  var bigEndianBytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(self)
    return bytes
  }
}

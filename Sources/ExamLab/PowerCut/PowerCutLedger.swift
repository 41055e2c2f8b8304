import ExamModel
import ExamStore
import SyncProtocol
import SyncWire

/// What a store did that it must not do, with the invariant's number.
struct PowerCutFinding: Error, CustomStringConvertible {
  let invariant: String
  let message: String

  init(_ invariant: String, _ message: String) {
    self.invariant = invariant
    self.message = message
  }

  var description: String { "\(invariant): \(message)" }
}

/// What a store has promised: everything that a call returned for, and nothing else.
struct PowerCutLedger {
  /// The bodies that the last verified opening found; they can never change or go.
  private(set) var bodies: [[UInt8]] = []
  /// Entries promised since then, each by the sequence of its last entry.
  private var promised: [(sequence: UInt64, step: PowerCutStep)] = []
  private var last: UInt64 = 0
  private var deviceKey: ID128?
  private var hasGrant = false
  private var journal: ID128?
  private var versions: [ID128: UInt64] = [:]
  private var settings: [String: [UInt8]] = [:]
  private var acknowledged: UInt64 = 0
  /// What the server holds at `acknowledged`.
  private(set) var serverHead: Digest256?
  private var tries: [UInt32: Int] = [:]
  private var receipts: Set<UInt32> = []
  /// The step that was under way when the power went; it may have happened or not.
  var inFlight: PowerCutStep?
  /// Openings that were tried since the last verified one, the one to be verified included.
  var openings = 0

  var lastPromised: UInt64 { last }
  var journalID: ID128? { journal }
  var acknowledgedSequence: UInt64 { acknowledged }

  func promisedStep(at sequence: UInt64) -> PowerCutStep? { promised.first { $0.sequence == sequence }?.step }

  /// A step returned: from here on its effect may never be missing.
  mutating func promise(_ step: PowerCutStep, _ saved: Saved?, _ store: ExamStore, _ phone: PowerCutPhone) {
    switch step {
    case .makeIdentity: deviceKey = store.identity?.signingKey.id
    case .logIn: hasGrant = true
    case .deliver(let scope): versions[scope] = phone.version(of: scope)
    case .announce: versions[PowerCutPhone.exam] = phone.version(of: PowerCutPhone.exam)
    case .setting(let name, let value): settings[name] = value
    case .acknowledge:
      let status = try? store.journalStatuses(of: PowerCutPhone.attempt).last
      acknowledged = status?.last ?? 0
      serverHead = status?.head
    case .receipt:
      if let receipt = try? store.status(of: PowerCutPhone.attempt).receipt { receipts.insert(receipt.ordinal) }
    case .join: journal = saved?.journal
    default: break
    }
    guard let saved, saved.sequence > last else { return }
    promised.append((sequence: saved.sequence, step: step))
    last = saved.sequence
  }

  /// A try of an unlock code was counted.
  mutating func countTry(_ lock: UInt32) { tries[lock, default: 0] += 1 }

  // MARK: - After an opening

  /// Whether the step in flight was found to have happened.
  mutating func verify(_ store: ExamStore, _ phone: PowerCutPhone) throws -> Bool {
    let report = store.report
    if let quarantine = report.quarantine {
      throw PowerCutFinding("I1", "a store was set aside: \(quarantine.reason)")
    }
    guard !report.isPredecessorMissing else { throw PowerCutFinding("I1", "the store is gone") }
    guard report.damagedScopes.isEmpty else { throw PowerCutFinding("I3", "a scope differs from its digest") }
    try verifyIdentity(store)
    let happened = try verifyJournal(store)
    try verifyRest(store, phone)
    inFlight = nil
    openings = 0
    return happened
  }

  private mutating func verifyIdentity(_ store: ExamStore) throws {
    let key = store.identity?.signingKey.id
    guard deviceKey == nil || key == deviceKey else { throw PowerCutFinding("I1", "the device's key is another") }
    deviceKey = key
    guard !hasGrant || store.identity?.grant?.session == PowerCutPhone.session else {
      throw PowerCutFinding("I1", "the session is gone")
    }
    hasGrant = store.identity?.grant != nil
  }

  private mutating func verifyJournal(_ store: ExamStore) throws -> Bool {
    guard let status = try? store.journalStatuses(of: PowerCutPhone.attempt).last else {
      guard journal == nil else { throw PowerCutFinding("I1", "the journal is gone") }
      return false
    }
    guard journal == nil || journal == status.id, journal != nil || inFlight == .join else {
      throw PowerCutFinding("I2", "there is another journal")
    }
    let found = try PowerCutPhone.bodies(of: status.id, in: store)
    let entries = try decoded(found, status)
    guard found.count >= bodies.count, found.prefix(bodies.count).elementsEqual(bodies) else {
      throw PowerCutFinding("I2", "the entries up to \(bodies.count) changed; there are \(found.count)")
    }
    try verifyPromised(entries)
    let isReceipted = try store.status(of: PowerCutPhone.attempt).receipt != nil
    let happened = try verifyExtra(Array(entries.dropFirst(Int(last))), mayNotOpen: isReceipted)
    try verifyStatus(store, entries)
    journal = status.id
    bodies = found
    promised = []
    last = UInt64(found.count)
    return happened
  }

  /// Recomputes the chain from its genesis.
  func decoded(_ bodies: [[UInt8]], _ status: JournalStatus) throws -> [Entry] {
    guard UInt64(bodies.count) == status.last else {
      throw PowerCutFinding("I3", "the journal says \(status.last) entries and has \(bodies.count)")
    }
    var head = Chain.genesis(journal: status.id, subject: PowerCutPhone.attempt, deviceKey: deviceKey ?? .zero)
    for (index, body) in bodies.enumerated() { head = Chain.next(head, sequence: UInt64(index + 1), body: body) }
    guard head == status.head else { throw PowerCutFinding("I2", "the chain is not that of its entries") }
    return try bodies.enumerated().map { index, body in
      do { return try Entry(wire: body) } catch {
        throw PowerCutFinding("I2", "entry \(index + 1) is not an entry")
      }
    }
  }

  private func verifyPromised(_ entries: [Entry]) throws {
    guard UInt64(entries.count) >= last else {
      throw PowerCutFinding("I1", "\(last) entries were saved and \(entries.count) are there")
    }
    for (sequence, step) in promised where !step.journals(entries[Int(sequence) - 1].kind) {
      throw PowerCutFinding("I1", "entry \(sequence) is not the \(step) that was saved")
    }
    let ends = Set(promised.map(\.sequence))
    for sequence in UInt64(bodies.count) + 1..<max(last, UInt64(bodies.count)) + 1 where !ends.contains(sequence) {
      switch entries[Int(sequence) - 1].kind {
      case .context, .lock: break
      default: throw PowerCutFinding("I2", "entry \(sequence) was never issued")
      }
    }
  }

  /// Above what was promised stand at most the step in flight, whole, and the openings.
  private func verifyExtra(_ entries: [Entry], mayNotOpen: Bool) throws -> Bool {
    var rest = entries[...]
    var happened = false
    if let inFlight {
      var kinds = rest
      if case .context? = kinds.first?.kind { kinds.removeFirst() }
      if let first = kinds.first, inFlight.journals(first.kind) {
        happened = true
        kinds.removeFirst()
        if case .lock = inFlight, case .seal? = kinds.first?.kind { kinds.removeFirst() }
        rest = kinds
      }
    }
    let opens = rest.filter { if case .open = $0.kind { true } else { false } }.count
    guard opens == rest.count, opens <= openings, opens > 0 || mayNotOpen || openings == 0 else {
      throw PowerCutFinding(
        "I2", "after entry \(last) come \(entries.count) entries that nobody issued: \(rest.map(\.kind).prefix(3))")
    }
    return happened
  }

  private func verifyStatus(_ store: ExamStore, _ entries: [Entry]) throws {
    let status = try store.status(of: PowerCutPhone.attempt)
    let fold = JournalFold(entries)
    var values: [String: AnswerValue] = [:]
    for answer in status.answers { values[answer.item] = answer.value }
    guard values == fold.answers else { throw PowerCutFinding("I4", "the answers are not the journal's last ones") }
    guard Set(status.answers.filter(\.isFlagged).map(\.item)) == fold.flags else {
      throw PowerCutFinding("I3", "the flags are not the journal's")
    }
    guard status.counts.saved == fold.answers.count, status.sequence == UInt64(entries.count) else {
      throw PowerCutFinding("I3", "the counters are not the journal's")
    }
    guard status.phase == fold.phase, status.locks.locks == fold.locks else {
      throw PowerCutFinding("I17", "\(status.phase) is not the journal's \(fold.phase)")
    }
  }

  private mutating func verifyRest(_ store: ExamStore, _ phone: PowerCutPhone) throws {
    for (scope, promised) in versions.sorted(by: { $0.key < $1.key }) {
      let version = try store.cursors(of: [scope])[0].cursor.version
      let checkpoint = try store.checkpoint(of: scope)
      guard version >= promised, checkpoint == phone.checkpoints[scope]?[version] else {
        throw PowerCutFinding("I3", "scope \(scope) is at version \(version) after \(promised), or has other records")
      }
      versions[scope] = version
    }
    for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
      let found = try store.setting(name)
      if case .setting(name, found ?? [])? = inFlight {
        settings[name] = found
      } else if found != value {
        throw PowerCutFinding("I1", "setting \(name) is not what was saved")
      }
    }
    guard journal != nil else { return }
    let status = try store.journalStatuses(of: PowerCutPhone.attempt).last
    let known = status?.greatestAcknowledged ?? 0
    guard known == acknowledged || (inFlight == .acknowledge && known > acknowledged) else {
      throw PowerCutFinding("I3", "\(known) is acknowledged, and \(acknowledged) was")
    }
    acknowledged = known
    for (number, count) in tries {
      let left = try store.triesLeft(lock: number, in: PowerCutPhone.attempt)
      guard left <= Limits.unlockTries - count else {
        throw PowerCutFinding("I17", "tries of lock \(number) came back")
      }
    }
    let ordinals = Set(try store.receipts(of: PowerCutPhone.attempt).map(\.statement.ordinal))
    guard ordinals.isSuperset(of: receipts) else { throw PowerCutFinding("I13", "a receipt is gone") }
    receipts = ordinals
  }
}

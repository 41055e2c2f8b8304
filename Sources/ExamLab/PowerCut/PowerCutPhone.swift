import ExamModel
import ExamStore
import SyncCore
import SyncProtocol
import SyncWire

/// A phone whose disk is virtual, and a server that answers from its hand.
final class PowerCutPhone {
  static let path = "phone/store.db"
  static let server = SigningKey(seed: [UInt8](repeating: 7, count: 32)) ?? SigningKey()
  static let candidate = ID128(high: 0xC0, low: 1)
  static let exam = ID128(high: 0xE0, low: 1)
  static let attempt = ID128(high: 0xA0, low: 1)
  static let session = ID128(high: 5, low: 5)
  static let unlockCode = "12345678"
  static let blob: [UInt8] = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 8)) }
  static let blobReference = BlobReference(digest: Hash.sha256(blob), length: UInt64(blob.count))
  private static let blobPartBytes = 9_000
  private static let policy = AttemptPolicy(maximumLocks: 4)

  let disk: VirtualDisk
  private let seed: UInt64
  private var openings: UInt64 = 0
  private var bootID = ID128(high: 0xB0, low: 1)
  private var bootMilliseconds: UInt64 = 1_000_000
  private var wallMilliseconds: Int64 = 1_800_000_000_000
  private var records: [ID128: [Record]] = [:]
  /// What each version of a scope adds up to.
  private(set) var checkpoints: [ID128: [UInt64: Checkpoint]] = [:]

  init(disk: VirtualDisk, seed: UInt64) {
    self.disk = disk
    self.seed = seed
    let attempt = AttemptRecord(
      attempt: Self.attempt, exam: Self.exam, lease: 1, leaseID: ID128(high: 3, low: 1), orderSeed: 42, codeSalt: [1],
      codeVerifier: [2], unlockSalt: [3], unlockVerifiers: [[4]], scryptRounds: 2, specialty: "")
    publish(ScopeCollection.attempt, Self.attempt.hex, attempt.wire, in: Self.candidate)
    let exam = ExamRecord(
      title: "考试", opensAt: 1_800_000_000_000, closesAt: 1_800_007_200_000, policy: Self.policy, specialty: "",
      paperVersion: 1)
    publish(ScopeCollection.exam, "info", exam.wire, in: Self.exam)
  }

  // MARK: - Life

  func open() throws(ExamStoreError) -> ExamStore {
    openings += 1
    return try ExamStore(
      path: Self.path, vfs: disk.vfsName, files: disk.files, appVersion: "3.4.2",
      randomness: SeededGenerator(seed: seed &+ openings &* 0x9E37_79B9_7F4A_7C15), at: moment().instant)
  }

  func reboot() {
    bootID = ID128(high: bootID.high, low: bootID.low + 1)
    bootMilliseconds = 5_000
    wallMilliseconds += 60_000
  }

  /// One second later.
  func moment(remaining: Int64? = nil) -> SaveMoment {
    bootMilliseconds += 1_000
    wallMilliseconds += 1_000
    disk.nowMilliseconds = wallMilliseconds
    let instant = DeviceInstant(
      bootID: bootID, bootMilliseconds: bootMilliseconds, wallMilliseconds: wallMilliseconds)
    return SaveMoment(instant, remainingMilliseconds: remaining)
  }

  // MARK: - The server's scopes

  func version(of scope: ID128) -> UInt64 { UInt64(records[scope]?.count ?? 0) }

  private func publish(_ collection: String, _ key: String, _ body: [UInt8], in scope: ID128) {
    let version = version(of: scope) + 1
    let record = Record(collection: collection, key: key, version: version, body: body)
    var digest = checkpoints[scope]?[version - 1]?.digest ?? .empty
    digest.add(record)
    records[scope, default: []].append(record)
    checkpoints[scope, default: [:]][version] = Checkpoint(count: version, digest: digest)
  }

  private func deliver(_ scope: ID128, to store: ExamStore) throws(ExamStoreError) {
    let cursor = try store.cursors(of: [scope])[0].cursor
    let all = records[scope] ?? []
    let checkpoint = checkpoints[scope]?[version(of: scope)] ?? Checkpoint(count: 0, digest: .empty)
    _ = try store.store(
      Delta(
        scope: scope, from: cursor, isReset: false, records: all.filter { $0.version > cursor.version },
        to: Cursor(epoch: 77, version: version(of: scope)), checkpoint: checkpoint))
  }

  // MARK: - Steps

  /// What the store still needs before answers; `nil` in the middle of an attempt.
  static func nextPreparation(_ store: ExamStore) -> PowerCutStep? {
    guard let identity = store.identity else { return .makeIdentity }
    guard identity.grant != nil else { return .logIn }
    guard let held = try? store.heldScopes else { return nil }
    for scope in [candidate, exam] where !held.contains(scope) { return .deliver(scope) }
    guard let phase = try? store.phase(of: attempt) else { return .join }
    return phase == .notStarted ? .start : nil
  }

  /// Gives what the store called saved; `nil` for what makes no entry.
  func perform(_ step: PowerCutStep, on store: ExamStore) throws(ExamStoreError) -> Saved? {
    let attempt = Self.attempt
    switch step {
    case .makeIdentity: _ = try store.makeIdentity()
    case .logIn: try logIn(store)
    case .deliver(let scope): try deliver(scope, to: store)
    case .join: return try store.join(attempt, at: moment())
    case .start: return try store.start(code: "000001", paperVersion: 1, in: attempt, at: moment())
    case .answer(let item, let value): return try store.save(value, for: item, in: attempt, at: moment())
    case .clear(let item): return try store.clear(item, in: attempt, at: moment())
    case .flag(let item, let isSet): return try store.flag(item, isSet: isSet, in: attempt, at: moment())
    case .visit(let item): return try store.visit(item, in: attempt, at: moment())
    case .leave(let section): return try store.leave(section: section, in: attempt, at: moment())
    case .lock(let cause): return try store.lock(cause, in: attempt, at: moment())?.saved
    case .unlock(let isRight):
      return try store.unlock(code: Self.unlockCode, in: attempt, at: moment()) { _, _ in isRight }.saved
    case .seal: return try store.seal(attempt, cause: .candidate, at: moment()).saved
    case .reopen:
      guard case .sealed(let ordinal) = try store.phase(of: attempt) else { return nil }
      return try store.reopen(sealOrdinal: ordinal, of: attempt, at: moment()).saved
    case .receipt: try storeReceipt(store)
    case .acknowledge: try acknowledge(store)
    case .announce:
      publish(ScopeCollection.announcement, "n\(version(of: Self.exam))", [1, 2, 3], in: Self.exam)
      try deliver(Self.exam, to: store)
    case .setting(let name, let value): try store.setSetting(name, to: value)
    case .blobPart: try fetchPart(store)
    case .persistClock(let remaining):
      try store.persistClock(remainingMilliseconds: remaining, of: attempt, at: moment().instant)
    }
    return nil
  }

  private func logIn(_ store: ExamStore) throws(ExamStoreError) {
    let device = try store.makeIdentity()
    try store.pinServerKey(Self.server.publicKey)
    let certificate = DeviceCertificate(
      candidate: Self.candidate, deviceKey: device.signingKey.publicKey, issuedAt: 1, expiresAt: 2)
    try store.storeGrant(
      SessionGrant(
        session: Self.session, secret: [UInt8](repeating: 9, count: 32), nonce: ID128(high: 1, low: 2),
        serverTime: 1_800_000_000_000, candidate: Self.candidate,
        certificate: SignedBytes(signing: certificate.wire, with: Self.server, context: .certificate), name: "林",
        isPhoneBound: true, minimumAppVersion: "3.4.2", hasQuestionBank: true, hasMyExams: true), user: "lin")
  }

  private func acknowledge(_ store: ExamStore) throws(ExamStoreError) {
    guard let journal = try store.journalStatuses(of: Self.attempt).last else { return }
    _ = try store.storeAcknowledgement(
      Acknowledgement(sequence: journal.last, head: journal.head, verdict: .stored), of: journal.id)
  }

  private func fetchPart(_ store: ExamStore) throws(ExamStoreError) {
    let held = Int(try store.blobProgress(Self.blobReference).held)
    guard held < Self.blob.count else {
      _ = try store.verify(Self.blobReference)
      return
    }
    let part = Array(Self.blob[held..<min(Self.blob.count, held + Self.blobPartBytes)])
    _ = try store.append(part, at: UInt64(held), to: Self.blobReference)
  }

  private func storeReceipt(_ store: ExamStore) throws(ExamStoreError) {
    guard let journal = try store.journalStatuses(of: Self.attempt).last,
      let seal = try store.status(of: Self.attempt).seal
    else { return }
    var sequence: UInt64 = 0
    for (index, body) in try Self.bodies(of: journal.id, in: store).enumerated() {
      if case .seal? = (try? Entry(wire: body))?.kind { sequence = UInt64(index + 1) }
    }
    guard let head = try store.heads(of: journal.id, at: [sequence])[sequence] else { return }
    let statement = ReceiptStatement(
      attempt: Self.attempt, ordinal: seal.ordinal, journal: journal.id, sequence: sequence, head: head,
      answers: seal.answers, answerCount: seal.answerCount, serverTime: wallMilliseconds, number: "R-\(seal.ordinal)",
      applied: seal.answers, appliedCount: seal.answerCount
    ).wire
    let root = RootStatement(
      node: ID128(high: 1, low: 1), epoch: 77, index: 0, previous: .zero, root: MerkleTree.leaf(statement),
      time: wallMilliseconds)
    let receipt = Receipt(
      statement: statement, leafIndex: 0, leafCount: 1, path: [], root: root.wire,
      signature: Self.server.sign(root.wire, context: .root), keyID: Self.server.id)
    try store.storeReceipt(receipt.wire)
  }

  /// The bodies of a journal's entries, in order.
  static func bodies(of journal: ID128, in store: ExamStore) throws(ExamStoreError) -> [[UInt8]] {
    var bodies: [[UInt8]] = []
    while let push = try store.pushLoad(journal, from: UInt64(bodies.count) + 1) { bodies += push.bodies }
    return bodies
  }
}

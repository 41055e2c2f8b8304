import ExamModel
import ExamStore
import Foundation
import SQLite
import SyncProtocol
import SyncWire
import Testing

/// A folder of its own for one test, removed afterwards.
final class TemporaryFolder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("exam-store-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}

/// Steele, Lea and Flood 2014: small, and the same everywhere.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}

/// One phone with its store, its clocks, and a server that answers from the test's hand.
final class Phone {
  static let server = SigningKey(seed: [UInt8](repeating: 7, count: 32))!
  static let candidate = ID128(high: 0xC0, low: 1)
  static let exam = ID128(high: 0xE0, low: 1)
  static let attempt = ID128(high: 0xA0, low: 1)

  let folder: TemporaryFolder
  let vfs: String?
  let files: any StoreFiles
  var vault: (any StoreVault)?
  private(set) var store: ExamStore
  var seed: UInt64
  var bootID = ID128(high: 0xB0, low: 1)
  var bootMilliseconds: UInt64 = 1_000_000
  var wallMilliseconds: Int64 = 1_800_000_000_000
  /// The scopes as the server has them.
  var scopes: [ID128: [String: Record]] = [:]
  var versions: [ID128: UInt64] = [:]

  var attempt: ID128 { Self.attempt }
  var path: String { folder.path + "/store.db" }

  init(
    seed: UInt64 = 1, vfs: String? = nil, files: any StoreFiles = SystemFiles(), folder: TemporaryFolder? = nil,
    vault: (any StoreVault)? = nil
  ) throws {
    self.vault = vault
    let folder = try folder ?? TemporaryFolder()
    self.folder = folder
    self.seed = seed
    self.vfs = vfs
    self.files = files
    let instant = DeviceInstant(
      bootID: bootID, bootMilliseconds: bootMilliseconds, wallMilliseconds: wallMilliseconds)
    store = try ExamStore(
      path: folder.path + "/store.db", vfs: vfs, files: files, appVersion: "3.4.2", vault: vault,
      randomness: SplitMix(state: seed), at: instant)
  }

  /// Logged in, with an attempt, joined and started.
  static func answering(
    seed: UInt64 = 1, policy: AttemptPolicy = AttemptPolicy(), vfs: String? = nil,
    files: any StoreFiles = SystemFiles(), folder: TemporaryFolder? = nil, vault: (any StoreVault)? = nil
  ) throws -> Phone {
    let phone = try Phone(seed: seed, vfs: vfs, files: files, folder: folder, vault: vault)
    try phone.logIn()
    try phone.assign(policy: policy)
    _ = try phone.store.join(phone.attempt, at: phone.moment())
    if policy.informationFields.isEmpty {
      _ = try phone.store.start(code: "000001", paperVersion: 1, in: phone.attempt, at: phone.moment())
    }
    return phone
  }

  var instant: DeviceInstant {
    DeviceInstant(bootID: bootID, bootMilliseconds: bootMilliseconds, wallMilliseconds: wallMilliseconds)
  }

  /// One second later.
  func moment(_ time: TimeClass = .inTime, remaining: Int64? = nil) -> SaveMoment {
    bootMilliseconds += 1_000
    wallMilliseconds += 1_000
    return SaveMoment(instant, time: time, remainingMilliseconds: remaining)
  }

  func reboot() {
    bootID = ID128(high: bootID.high, low: bootID.low + 1)
    bootMilliseconds = 5_000
    wallMilliseconds += 60_000
  }

  /// Closes and opens the store as a new process would.
  @discardableResult
  func restart() throws -> OpenReport {
    store.close()
    return try openAgain()
  }

  @discardableResult
  func openAgain() throws -> OpenReport {
    seed += 1
    store = try ExamStore(
      path: path, vfs: vfs, files: files, appVersion: "3.4.2", vault: vault,
      randomness: SplitMix(state: seed), at: moment().instant)
    return store.report
  }

  func logIn(candidate: ID128 = candidate) throws {
    let device = try store.makeIdentity()
    try store.pinServerKey(Self.server.publicKey)
    let certificate = DeviceCertificate(
      candidate: candidate, deviceKey: device.signingKey.publicKey, issuedAt: 1, expiresAt: 2)
    try store.storeGrant(
      SessionGrant(
        session: ID128(high: 5, low: 5), secret: [UInt8](repeating: 9, count: 32), nonce: ID128(high: 1, low: 2),
        serverTime: 1_800_000_000_000, candidate: candidate,
        certificate: SignedBytes(signing: certificate.wire, with: Self.server, context: .certificate), name: "林",
        isPhoneBound: true, minimumAppVersion: "3.4.2", hasQuestionBank: true, hasMyExams: true), user: "lin")
  }

  // MARK: - The server's side of the scopes

  func attemptRecord(_ attempt: ID128 = attempt, lease: UInt32 = 1, device: ID128? = nil) -> AttemptRecord {
    AttemptRecord(
      attempt: attempt, exam: Self.exam, lease: lease, leaseID: ID128(high: 3, low: UInt64(lease)),
      leaseDevice: device, orderSeed: 42, codeSalt: [1], codeVerifier: [2], unlockSalt: [3], unlockVerifiers: [[4]],
      scryptRounds: 2, specialty: "")
  }

  func assign(policy: AttemptPolicy = AttemptPolicy()) throws {
    set(ScopeCollection.attempt, attempt.hex, attemptRecord().wire, in: Self.candidate)
    let exam = ExamRecord(
      title: "考试", opensAt: 1_800_000_000_000, closesAt: 1_800_007_200_000, policy: policy, specialty: "",
      paperVersion: 1)
    set(ScopeCollection.exam, "info", exam.wire, in: Self.exam)
    try deliver(Self.candidate)
    try deliver(Self.exam)
  }

  func set(_ collection: String, _ key: String, _ body: [UInt8]?, in scope: ID128) {
    let version = (versions[scope] ?? 0) + 1
    versions[scope] = version
    scopes[scope, default: [:]][collection + "/" + key] = Record(
      collection: collection, key: key, version: version, body: body ?? [], isDeleted: body == nil)
  }

  /// The checkpoint of a scope as the server has it.
  func checkpoint(_ scope: ID128) -> Checkpoint {
    var digest = ScopeDigest.empty
    let live = (scopes[scope] ?? [:]).values.filter { !$0.isDeleted }
    for record in live { digest.add(record) }
    return Checkpoint(count: UInt64(live.count), digest: digest)
  }

  /// What changed since a cursor, in one page.
  func delta(_ scope: ID128, from cursor: Cursor, isReset: Bool = false) -> Delta {
    let records = (scopes[scope] ?? [:]).values
      .filter { isReset || $0.version > cursor.version }.filter { !isReset || !$0.isDeleted }
      .sorted { $0.version < $1.version }
    return Delta(
      scope: scope, from: cursor, isReset: isReset, records: records,
      to: Cursor(epoch: 77, version: versions[scope] ?? 0), checkpoint: checkpoint(scope))
  }

  @discardableResult
  func deliver(_ scope: ID128) throws -> DeltaOutcome {
    let cursor = try store.cursors(of: [scope])[0].cursor
    return try store.store(delta(scope, from: cursor))
  }

  // MARK: - Shorthand

  @discardableResult
  func answer(_ item: String, _ option: String, section: String? = nil, time: TimeClass = .inTime) throws -> Saved {
    try store.save(.options([option]), for: item, section: section, in: attempt, at: moment(time))
  }

  var status: AttemptStatus {
    get throws { try store.status(of: attempt) }
  }

  var journal: JournalStatus {
    get throws { try #require(try store.journalStatuses(of: attempt).last) }
  }

  var answers: [String: String] {
    get throws {
      var answers: [String: String] = [:]
      for answer in try status.answers { answers[answer.item] = answer.value?.description }
      return answers
    }
  }

  /// The journal's entries, read through the push path.
  func entries(of journal: ID128? = nil) throws -> [Entry] {
    let id = try journal ?? self.journal.id
    var entries: [Entry] = []
    while let push = try store.pushLoad(id, from: UInt64(entries.count) + 1) {
      entries += try push.bodies.map { try Entry(wire: $0) }
    }
    return entries
  }

  @discardableResult
  func acknowledge(_ sequence: UInt64, of journal: ID128? = nil, head: Digest256? = nil) throws -> AcknowledgementResult
  {
    let id = try journal ?? self.journal.id
    let known = try store.heads(of: id, at: [sequence])[sequence]
    return try store.storeAcknowledgement(
      Acknowledgement(sequence: sequence, head: head ?? known ?? .zero, verdict: .stored), of: id)
  }

  /// A receipt for the seal that stands.
  func receipt(
    number: String = "R-1", time: Int64 = 1_800_000_100_000, key: SigningKey = server,
    change: (inout ReceiptStatement) -> Void = { _ in }
  ) throws -> [UInt8] {
    let seal = try #require(try status.seal)
    let position = try sealPosition()
    var statement = ReceiptStatement(
      attempt: attempt, ordinal: seal.ordinal, journal: position.journal, sequence: position.sequence,
      head: position.head, answers: seal.answers, answerCount: seal.answerCount, serverTime: time, number: number,
      applied: seal.answers, appliedCount: seal.answerCount)
    change(&statement)
    let bytes = statement.wire
    let root = RootStatement(
      node: ID128(high: 1, low: 1), epoch: 77, index: 0, previous: .zero, root: MerkleTree.leaf(bytes), time: time)
    return Receipt(
      statement: bytes, leafIndex: 0, leafCount: 1, path: [], root: root.wire,
      signature: key.sign(root.wire, context: .root), keyID: key.id
    ).wire
  }

  func sealPosition() throws -> JournalPosition {
    for journal in try store.journalStatuses(of: attempt).reversed() {
      let entries = try entries(of: journal.id)
      guard let index = entries.lastIndex(where: { if case .seal = $0.kind { true } else { false } }) else { continue }
      let sequence = UInt64(index + 1)
      let head = try #require(try store.heads(of: journal.id, at: [sequence])[sequence])
      return JournalPosition(journal: journal.id, sequence: sequence, head: head)
    }
    throw ExamStoreError(.badArgument, "there is no seal")
  }
}

/// Runs `body` and gives the error it must throw.
@discardableResult
func refused(
  _ code: ExamStoreError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) throws -> ExamStoreError {
  let error = try #require(throws: ExamStoreError.self, sourceLocation: sourceLocation) { try body() }
  #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
  #expect(error.message.hasSuffix(".") || error.message.hasSuffix(")"), sourceLocation: sourceLocation)
  return error
}

func bytes(of path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

func write(_ bytes: [UInt8], to path: String) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}

/// Changes a closed store behind its back.
func edit(_ path: String, _ sql: String) throws {
  let connection = try Connection(path: path)
  try connection.execute(sql)
  try connection.close()
}

import ExamModel
import Foundation
import SQLite
import ServerStoreSQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// Deterministic randomness for servers and phones.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

/// A folder of its own for each test, removed with it.
final class TestFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("servercore-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }
}

/// A server over a real SQLite file, with a clock that a test turns.
final class TestServer {
  static let seed = [UInt8](repeating: 7, count: 32)
  static let node = ID128(high: 1, low: 99)
  static let start: Int64 = 1_800_000_000_000
  static let identity = SigningKey(seed: seed).unsafelyUnwrapped

  let folder: TestFolder
  let file: String
  var store: SQLiteServerStore
  var core: ServerCore
  var now = TestServer.start
  var configuration: ServerConfiguration
  private var openings: UInt64 = 0

  static let chief = OperatorIdentity(name: "chief", role: .operator)
  static let proctor = OperatorIdentity(name: "room 1", role: .proctor)

  init(configuration: ServerConfiguration = ServerConfiguration(), maximumPages: Int? = nil) throws {
    folder = try TestFolder()
    file = folder.path("server.sqlite")
    self.configuration = configuration
    store = try SQLiteServerStore(path: file, maximumPages: maximumPages)
    core = try Self.open(store, configuration, now: now, seed: 1)
    openings = 1
  }

  private static func open(
    _ store: SQLiteServerStore, _ configuration: ServerConfiguration, now: Int64, seed: UInt64
  ) throws -> ServerCore {
    var generator = SplitMix(seed &* 7_919)
    return try ServerCore(
      store: store, identity: identity, node: node, configuration: configuration, now: now,
      randomness: { generator.next() })
  }

  /// Closes the store and opens it again: another epoch, nothing in memory.
  func restart() throws {
    try store.close()
    store = try SQLiteServerStore(path: file)
    openings += 1
    core = try Self.open(store, configuration, now: now, seed: openings)
  }

  /// A copy of the file as it is now.
  ///
  /// - Parameter change: made to the copy's file.
  func backUp(to name: String, _ change: String? = nil) throws {
    try store.connection.backup(to: folder.path(name))
    guard let change else { return }
    let copy = try Connection(path: folder.path(name))
    try copy.execute(change)
    try copy.close()
  }

  /// Puts an older copy in the place of the file.
  func restore(from name: String) throws {
    try store.close()
    for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: file + suffix) }
    try FileManager.default.copyItem(atPath: folder.path(name), toPath: file)
    store = try SQLiteServerStore(path: file)
    openings += 1
    core = try Self.open(store, configuration, now: now, seed: openings)
  }

  /// Makes every transaction fail that writes to the audit trail: its next place is taken.
  func blockAudit() throws {
    try store.connection.execute(
      "INSERT INTO audit SELECT max(position) + 1, 0, 'block', '', '', '', zeroblob(32) FROM audit")
  }

  /// The rows of the audit trail with this action, the oldest first.
  func auditRows(_ action: String) throws -> [AuditRow] { try auditRows { $0 == action } }

  func auditRows(where isMeant: (_ action: String) -> Bool) throws -> [AuditRow] {
    guard case .audit(let page) = try command(.exportAudit(PageRequest(limit: 200))) else {
      throw Problem(.internal, "no audit")
    }
    #expect(page.next == nil)
    return page.rows.filter { isMeant($0.action) }
  }

  func unblockAudit() throws {
    try store.connection.execute("DELETE FROM audit WHERE actor = 'block'")
  }

  /// Makes every transaction fail that stores entries.
  func blockSegments() throws {
    try store.connection.execute(
      "CREATE TEMP TRIGGER block BEFORE INSERT ON segments BEGIN SELECT RAISE(ABORT, 'blocked'); END")
  }

  func unblockSegments() throws { try store.connection.execute("DROP TRIGGER block") }

  func perform(_ call: ServerCall) -> ServerReply {
    now += 1
    return core.perform([call], now: now).replies[0]
  }

  func perform(_ calls: [ServerCall]) -> [ServerReply] {
    now += 1
    return core.perform(calls, now: now).replies
  }

  @discardableResult
  func command(_ command: OperatorCommand, by identity: OperatorIdentity = TestServer.chief) throws -> OperatorResult {
    switch perform(.command(command, by: identity)) {
    case .done(let result): return result
    case .problem(let problem): throw problem
    default: throw Problem(.internal, "not the reply of a command")
    }
  }

  /// What a proctor reads out to a candidate.
  func unlockCode(of attempt: ID128, number: UInt32) throws -> String {
    guard case .unlockCode(let code) = try command(.unlockCode(attempt: attempt, number: number), by: Self.proctor)
    else { throw Problem(.internal, "no code") }
    return code.code
  }

  // MARK: Exams

  static let items = [
    PaperItem(id: "q1", section: "s1", form: .options(ids: ["a", "b", "c"], takesOne: true)),
    PaperItem(id: "q2", section: "s1", form: .options(ids: ["a", "b", "c"], takesOne: false)),
    PaperItem(id: "q3", section: "s2", form: .number(maximumCharacters: 40)),
    PaperItem(id: "q4", section: "s2", form: .blanks(count: 2, maximumCharacters: 20)),
    PaperItem(id: "q5", section: "s2", form: .text(maximumCharacters: 100)),
  ]
  static let paperKey = [UInt8](repeating: 0xAB, count: 32)

  /// An exam that opened a minute ago, has a paper, and lasts an hour.
  func makeExam(
    opensIn: Int64 = -60_000, lasts: Int64 = 3_600_000, duration: Int64? = nil, policy: ExamPolicy = ExamPolicy(),
    code: String? = "012345", paper: Bool = true
  ) throws -> ID128 {
    let draft = ExamDraft(
      title: "Medicine", opensAt: now + opensIn, closesAt: now + opensIn + lasts, durationMilliseconds: duration,
      policy: policy, code: code)
    guard case .exam(let summary) = try command(.createExam(draft)) else { throw Problem(.internal, "no exam") }
    if paper { try publishPaper(summary.exam) }
    return summary.exam
  }

  func publishPaper(_ exam: ID128, version: UInt32 = 1, items: [PaperItem] = TestServer.items) throws {
    let blob = BlobPointer(digest: Hash.sha256([UInt8(version)]), length: 100)
    let paper = PublishedPaper(
      version: version, manifest: blob, packs: [blob], key: Self.paperKey,
      keyCheck: BlobSeal.keyCheck(Self.paperKey), parts: PublishedParts(), items: items)
    try command(.publishPaper(exam: exam, paper: paper))
  }

  static let preparer = RosterPreparer(identity: identity, codeScryptRounds: 2, passwordScryptRounds: 2)

  /// Candidates c1, c2 … with their attempts.
  func addCandidates(_ count: Int, to exam: ID128, from first: Int = 1) throws -> [RosterOutcome.Row] {
    var generator = SplitMix(UInt64(first) &* 31 &+ exam.low)
    let rows = (first..<first + count).compactMap { index in
      Self.preparer.prepare(
        .init(
          number: String(10_000 + index), name: "Candidate \(index)", username: "c\(index)", password: "secret\(index)",
          specialty: "", room: "1"),
        examCode: "012345", maximumLocks: 5, using: &generator)
    }
    guard case .roster(let outcome) = try command(.importRoster(exam: exam, rows: rows)) else {
      throw Problem(.internal, "no roster")
    }
    return outcome.rows
  }

  /// One candidate in one exam, with a phone that is logged in.
  func makePhone(
    policy: ExamPolicy = ExamPolicy(), duration: Int64? = nil, seed: UInt64 = 1
  ) throws -> TestPhone {
    let exam = try makeExam(duration: duration, policy: policy)
    let row = try addCandidates(1, to: exam)[0]
    return try TestPhone(server: self, candidate: row.candidate, attempt: row.attempt, exam: exam, seed: seed)
  }
}

import ExamModel
import ExamStore
import Foundation
import ServerCore
import ServerStoreSQLite
import SyncCore
import SyncProtocol
import SyncWire
import Testing

@testable import ExamLab

/// A small exam of two candidates over the real stores and the real server's core: the good world that checkers are
/// shown, and that tests then break in one place.
final class CheckerRoom {
  static let start: Int64 = 1_800_000_000_000
  static let identity = SigningKey(seed: [UInt8](repeating: 7, count: 32)).unsafelyUnwrapped

  let folder: URL
  let serverStore: SQLiteServerStore
  let core: ServerCore
  var now = CheckerRoom.start
  var history: [HistoryEvent] = []
  var truth = Truth()
  private(set) var exam = ID128.zero
  private(set) var phones: [CheckerPhone] = []

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("checkers-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    serverStore = try SQLiteServerStore(path: folder.appendingPathComponent("server.sqlite").path)
    var generator = SeededGenerator(seed: 99)
    core = try ServerCore(
      store: serverStore, identity: Self.identity, node: ID128(high: 1, low: 99), now: now,
      randomness: { generator.next() })
    note(.server(0), .serverOpened(epoch: core.epoch))
    try makeExam()
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func note(_ node: SimNode, _ fact: Fact) {
    history.append(HistoryEvent(now - Self.start, node, fact))
  }

  func perform(_ call: ServerCall) -> ServerReply {
    now += 10
    return core.perform([call], now: now).replies[0]
  }

  @discardableResult
  func command(_ command: OperatorCommand) throws -> OperatorResult {
    switch perform(.command(command, by: OperatorIdentity(name: "chief", role: .operator))) {
    case .done(let result): return result
    case .problem(let problem): throw problem
    default: throw Problem(.internal, "not the reply of a command")
    }
  }

  private func makeExam() throws {
    let draft = ExamDraft(
      title: "Medicine", opensAt: now + 1_000, closesAt: now + 3_600_000, durationMilliseconds: nil,
      policy: ExamPolicy(), code: "012345")
    guard case .exam(let summary) = try command(.createExam(draft)) else { throw Problem(.internal, "no exam") }
    exam = summary.exam
    let key = [UInt8](repeating: 0xAB, count: 32)
    let blob = BlobPointer(digest: Hash.sha256([1]), length: 100)
    let items = (1...6).map {
      PaperItem(id: "q\($0)", section: "s", form: .options(ids: ["a", "b", "c"], takesOne: true))
    }
    try command(
      .publishPaper(
        exam: exam,
        paper: PublishedPaper(
          version: 1, manifest: blob, packs: [blob], key: key, keyCheck: BlobSeal.keyCheck(key),
          parts: PublishedParts(), items: items)))
    let preparer = RosterPreparer(identity: Self.identity, codeScryptRounds: 2, passwordScryptRounds: 2)
    var generator = SeededGenerator(seed: 5)
    let rows = (1...2).compactMap { index in
      preparer.prepare(
        .init(
          number: String(10_000 + index), name: "Candidate \(index)", username: "c\(index)",
          password: "secret\(index)", specialty: "", room: "1"),
        examCode: "012345", maximumLocks: 5, using: &generator)
    }
    guard case .roster(let outcome) = try command(.importRoster(exam: exam, rows: rows)) else {
      throw Problem(.internal, "no roster")
    }
    truth.startedAt = Self.start
    truth.exams = [ExamTruth(id: exam, opensAt: draft.opensAt, closesAt: draft.closesAt)]
    now += 2_000
    _ = perform(.tick)
    note(.server(0), .keyReleased(exam: exam))
    for (index, row) in outcome.rows.enumerated() {
      truth.attempts.append(AttemptTruth(id: row.attempt, exam: exam, candidate: row.candidate))
      phones.append(try CheckerPhone(self, index: index, candidate: row.candidate, attempt: row.attempt))
    }
  }

  func dump() throws -> WorldDump {
    var world = WorldDump()
    world.truth = truth
    world.truth.cameToRest = true
    world.truth.boundAt = now - Self.start + 1_000
    world.truth.settledAt = now - Self.start
    world.phones = try phones.map { try PhoneDump(reading: $0.store, node: $0.node) }
    world.servers = [try ServerDump(reading: serverStore, core: core, node: .server(0))]
    world.gauges = [Gauge("requests in flight", greatest: 2, bound: 2)]
    return world
  }

  /// A receipt under the server's signature that says what one likes.
  static func receipt(of statement: ReceiptStatement) throws -> [UInt8] {
    let leaf = MerkleTree.leaf(statement.wire)
    let root = RootStatement(
      node: identity.id, epoch: 1, index: 0, previous: .zero, root: MerkleTree.root([leaf][...]),
      time: statement.serverTime
    ).wire
    return Receipt(
      statement: statement.wire, leafIndex: 0, leafCount: 1, path: [], root: root,
      signature: identity.sign(root, context: .root), keyID: identity.id
    ).wire
  }

  /// The whole exam: answers, changes of mind, a lock and its unlock, seals, receipts.
  static func finished() throws -> CheckerRoom {
    let room = try CheckerRoom()
    for phone in room.phones { try phone.begin() }
    for (index, option) in ["a", "b", "c", "a", "b", "c"].enumerated() {
      for phone in room.phones { try phone.answer("q\(index + 1)", option) }
    }
    for phone in room.phones { try phone.answer("q2", "c") }
    try room.phones[0].lockAndUnlock()
    for phone in room.phones {
      try phone.sync()
      try phone.clear("q6")
      try phone.seal()
      try phone.sync()
    }
    return room
  }
}

/// One phone of the room, with a real store, that notes what its candidate is told.
final class CheckerPhone {
  unowned let room: CheckerRoom
  let node: SimNode
  let candidate: ID128
  let attempt: ID128
  let store: ExamStore
  private let session: ID128
  private let bootID: ID128

  init(_ room: CheckerRoom, index: Int, candidate: ID128, attempt: ID128) throws {
    self.room = room
    self.candidate = candidate
    self.attempt = attempt
    node = .phone(index)
    var generator = SeededGenerator(seed: UInt64(index) + 17)
    bootID = ID128.random(using: &generator)
    store = try ExamStore(
      path: room.folder.appendingPathComponent("phone\(index).db").path, appVersion: "3.4.2", randomness: generator,
      at: DeviceInstant(bootID: bootID, bootMilliseconds: 1_000, wallMilliseconds: room.now))
    let device = try store.makeIdentity()
    try store.pinServerKey(CheckerRoom.identity.publicKey)
    let request = LoginRequest(
      username: "", password: "", deviceKey: device.signingKey.publicKey, nonce: ID128(high: 4, low: UInt64(index)),
      appVersion: "3.4.2", signature: [])
    guard case .grant(let signed) = room.perform(.login(request, candidate: candidate)) else {
      throw Problem(.internal, "no grant")
    }
    let grant = try SessionGrant(wire: signed.statement)
    session = grant.session
    try store.storeGrant(grant, user: "c\(index + 1)")
    note(.opened(isNew: true, quarantined: false))
  }

  func note(_ fact: Fact) { room.note(node, fact) }

  func moment() -> SaveMoment {
    room.now += 1_000
    let boot = UInt64(room.now - CheckerRoom.start) + 1_000
    return SaveMoment(
      DeviceInstant(bootID: bootID, bootMilliseconds: boot, wallMilliseconds: room.now), time: .inTime,
      remainingMilliseconds: nil)
  }

  private func exchange(_ request: SyncRequest) throws -> SyncResponse {
    let call = DeviceCall(session: session, request: request, receivedAt: room.now, isFresh: true)
    guard case .sync(let response, _) = room.perform(.sync(call)) else { throw Problem(.internal, "no response") }
    return response
  }

  /// Pushes everything, then reads both scopes.
  func sync() throws {
    for journal in store.journalStatuses {
      while let push = try store.pushLoad(journal.id) {
        let answer = try #require(try exchange(SyncRequest(pushes: [push])).acknowledgements.first)
        room.note(
          .server(0), .acknowledged(journal: journal.id, sequence: answer.sequence, head: answer.head))
        _ = try store.storeAcknowledgement(answer, of: journal.id)
        note(.acknowledgementStored(journal: journal.id, sequence: answer.sequence, head: answer.head))
      }
    }
    for scope in [candidate, room.exam] {
      while let delta = try exchange(SyncRequest(scopes: try store.cursors(of: [scope]))).deltas.first {
        _ = try store.store(delta)
        note(.scopeApplied(scope: scope, epoch: delta.to.epoch, version: delta.to.version))
      }
    }
    for record in try store.records(ScopeCollection.receipt, in: candidate) {
      let statement = try store.storeReceipt(record.body)
      note(.receiptRead(attempt: attempt, ordinal: statement.ordinal, wire: Hash.sha256(record.body)))
      note(.receiptShown(attempt: attempt, ordinal: statement.ordinal, isComplete: true))
    }
  }

  func begin() throws {
    try sync()
    _ = try store.join(attempt, at: moment())
    let instant = moment().instant
    _ = try store.storeContext(
      ClockContext(
        bootID: bootID, bootMilliseconds: instant.bootMilliseconds, wallMilliseconds: instant.wallMilliseconds,
        server: TimeBounds(earliest: room.now - 50, latest: room.now + 50)), in: attempt, at: moment())
    note(.paperReadable(attempt: attempt, content: .zero))
    try saved(store.start(code: "012345", paperVersion: 1, in: attempt, at: moment()), item: nil, value: nil)
  }

  func answer(_ item: String, _ option: String) throws {
    let value = AnswerValue.options([option])
    try saved(store.save(value, for: item, section: "s", in: attempt, at: moment()), item: item, value: value)
    note(.shown(item: item, value: value))
    note(.remainingShown(milliseconds: CheckerRoom.start + 3_600_000 - room.now, isDoubtful: false))
  }

  func clear(_ item: String) throws {
    try saved(store.clear(item, section: "s", in: attempt, at: moment()), item: item, value: nil)
  }

  func lockAndUnlock() throws {
    let outcome = try #require(try store.lock(.appSwitch, in: attempt, at: moment()))
    note(.lockedShown(number: outcome.number))
    try sync()
    try room.command(.unlock(attempt: attempt, number: outcome.number))
    try sync()
    for record in try store.waitingUnlocks(of: attempt) { _ = try store.unlock(record, at: moment()) }
    note(.unlockedShown(number: outcome.number))
  }

  func seal() throws {
    let outcome = try store.seal(attempt, cause: .candidate, at: moment())
    note(
      .sealedShown(
        attempt: attempt, ordinal: outcome.statement.ordinal, answers: outcome.statement.answers,
        answerCount: Int(outcome.statement.answerCount)))
  }

  private func saved(_ saved: Saved, item: String?, value: AnswerValue?) throws {
    let head = try #require(try store.heads(of: saved.journal, at: [saved.sequence])[saved.sequence])
    note(.saved(journal: saved.journal, sequence: saved.sequence, head: head, item: item, value: value))
  }
}

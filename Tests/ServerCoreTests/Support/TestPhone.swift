import ExamModel
import ServerCore
import SyncProtocol
import SyncWire
import Testing

/// A journal as a phone keeps it.
struct TestJournal {
  var id: ID128
  var bodies: [[UInt8]] = []
  var heads: [Digest256]

  init(id: ID128, subject: ID128, device: ID128) {
    self.id = id
    heads = [Chain.genesis(journal: id, subject: subject, deviceKey: device)]
  }

  var sequence: UInt64 { UInt64(bodies.count) }
  var head: Digest256 { heads[bodies.count] }

  mutating func append(_ body: [UInt8]) {
    heads.append(Chain.next(head, sequence: sequence + 1, body: body))
    bodies.append(body)
  }
}

/// A device that speaks to a server without HTTP.
final class TestPhone {
  let server: TestServer
  let candidate: ID128
  let attempt: ID128
  let exam: ID128
  let key: SigningKey
  var session: ID128
  var certificate: SignedBytes
  var journal: TestJournal
  var others: [TestJournal] = []
  var lease: UInt32 = 1
  var sheet = AnswerSheet()
  var bootMilliseconds: UInt64 = 1_000
  var generator: SplitMix
  var bootID: ID128

  init(server: TestServer, candidate: ID128, attempt: ID128, exam: ID128, seed: UInt64) throws {
    self.server = server
    self.candidate = candidate
    self.attempt = attempt
    self.exam = exam
    generator = SplitMix(seed &* 1_000_003)
    key = try #require(SigningKey(seed: (0..<32).map { UInt8(truncatingIfNeeded: seed &+ $0 &* 5) }))
    bootID = ID128.random(using: &generator)
    let nonce = ID128.random(using: &generator)
    let request = LoginRequest(
      username: "", password: "", deviceKey: key.publicKey, nonce: nonce, appVersion: "3.4.2", signature: [])
    guard case .grant(let signed) = server.perform(.login(request, candidate: candidate)) else {
      throw Problem(.internal, "no grant")
    }
    let grant = try SessionGrant(wire: signed.statement)
    session = grant.session
    certificate = grant.certificate
    journal = TestJournal(id: ID128.random(using: &generator), subject: attempt, device: key.id)
  }

  // MARK: Journal

  func append(_ kind: EntryKind, after milliseconds: UInt64 = 10) {
    bootMilliseconds += milliseconds
    journal.append(Entry(bootDeltaMilliseconds: milliseconds, kind: kind).wire)
    if case .answer(let item, let value) = kind { sheet.set(value, for: item) }
    if case .clear(let item) = kind { sheet.clear(item) }
  }

  func open(predecessor: JournalPosition? = nil) {
    let opening = Opening(
      nonce: ID128.random(using: &generator), bootID: bootID, bootMilliseconds: bootMilliseconds,
      wallMilliseconds: server.now, leaseOrdinal: lease, predecessor: predecessor, appVersion: "3.4.2")
    journal.append(Entry(kind: .open(opening)).wire)
  }

  /// What a device that had contact knows of the time.
  func context(earliest: Int64? = nil, latest: Int64? = nil) {
    let bounds = TimeBounds(earliest: earliest ?? server.now - 50, latest: latest ?? server.now + 50)
    journal.append(
      Entry(
        kind: .context(
          ClockContext(
            bootID: bootID, bootMilliseconds: bootMilliseconds, wallMilliseconds: server.now, server: bounds))
      ).wire)
  }

  /// Open, context, start: what every attempt begins with.
  func begin() {
    open()
    context()
    append(.start(Start(code: "012345", paperVersion: 1)))
  }

  func answer(_ item: String, _ option: String) { append(.answer(item: item, value: .options([option]))) }

  @discardableResult
  func seal(
    ordinal: UInt32 = 1, journals: [JournalPosition]? = nil, answers: AnswerSheet? = nil
  ) -> SealStatement {
    let own = JournalPosition(journal: journal.id, sequence: journal.sequence, head: journal.head)
    let earlier = others.map { JournalPosition(journal: $0.id, sequence: $0.sequence, head: $0.head) }
    let sheet = answers ?? self.sheet
    let statement = SealStatement(
      attempt: attempt, ordinal: ordinal, journals: journals ?? earlier + [own],
      answers: Hash.sha256(sheet.canonicalBytes), answerCount: UInt32(sheet.count), cause: .candidate)
    let bytes = statement.wire
    let signature = key.sign(bytes + journal.head.bytes, context: .seal)
    append(.seal(SignedStatement(statement: bytes, signature: signature)))
    return statement
  }

  /// Leaves the journal and goes on in a successor, above a common entry.
  func succeed(at sequence: UInt64? = nil) {
    let at = sequence ?? journal.sequence
    let position = JournalPosition(journal: journal.id, sequence: at, head: journal.heads[Int(at)])
    others.append(journal)
    journal = TestJournal(id: ID128.random(using: &generator), subject: attempt, device: key.id)
    open(predecessor: position)
  }

  // MARK: Sync

  func push(from first: UInt64 = 1, to last: UInt64? = nil, of other: TestJournal? = nil) -> Push {
    let source = other ?? journal
    let last = last ?? source.sequence
    return Push(
      journal: source.id, subject: first == 1 ? attempt : nil, first: first,
      bodies: Array(source.bodies[Int(first - 1)..<Int(last)]), head: source.heads[Int(last)], lease: lease)
  }

  func call(_ request: SyncRequest, isFresh: Bool = true, receivedAt: Int64? = nil) -> ServerCall {
    .sync(DeviceCall(session: session, request: request, receivedAt: receivedAt ?? server.now, isFresh: isFresh))
  }

  func sync(_ request: SyncRequest, isFresh: Bool = true, receivedAt: Int64? = nil) throws -> SyncResponse {
    switch server.perform(call(request, isFresh: isFresh, receivedAt: receivedAt)) {
    case .sync(let response, _): return response
    case .problem(let problem): throw problem
    default: throw Problem(.internal, "not a reply to a sync")
    }
  }

  @discardableResult
  func send(_ push: Push, receivedAt: Int64? = nil) throws -> Acknowledgement {
    try #require(try sync(SyncRequest(pushes: [push]), receivedAt: receivedAt).acknowledgements.first)
  }

  /// Pushes everything from a sequence on.
  @discardableResult
  func send(from first: UInt64 = 1) throws -> Acknowledgement { try send(push(from: first)) }

  /// Reads a scope page by page until its checkpoint, checking count and digest.
  func read(_ scope: ID128? = nil, from cursor: Cursor = .start) throws -> [Record] {
    let scope = scope ?? candidate
    var staged: UInt64 = 0
    var records: [String: Record] = [:]
    for _ in 0..<100 {
      let request = SyncRequest(scopes: [ScopeCursor(scope: scope, cursor: cursor, staged: staged)])
      guard let delta = try sync(request).deltas.first else { return [] }
      if delta.isReset { records = [:] }
      for record in delta.records { records[record.collection + "/" + record.key] = record }
      staged = delta.to.version
      guard let checkpoint = delta.checkpoint else { continue }
      if cursor == .start {
        var digest = ScopeDigest.empty
        let live = records.values.filter { !$0.isDeleted }
        for record in live { digest.add(record) }
        #expect(digest == checkpoint.digest)
        #expect(UInt64(live.count) == checkpoint.count)
      }
      return records.values.sorted { $0.version < $1.version }
    }
    throw Problem(.internal, "the scope has no end")
  }

  func receipts() throws -> [Receipt] {
    try read().filter { $0.collection == ScopeCollection.receipt }.map { try Receipt(wire: $0.body) }
  }

  func board() throws -> BoardRow {
    guard case .board(let page) = try server.command(.board(exam: exam, page: PageRequest())),
      let row = page.rows.first(where: { $0.attempt == attempt })
    else { throw Problem(.notFound, "not on the board") }
    return row
  }

  /// What the server exports of this attempt, by item.
  func exported() throws -> AttemptAnswers {
    guard case .answers(let page) = try server.command(.exportAnswers(exam: exam, page: PageRequest())),
      let row = page.rows.first(where: { $0.attempt == attempt })
    else { throw Problem(.notFound, "not in the export") }
    return row
  }
}

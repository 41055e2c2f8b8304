import ExamModel
import SQLite
import ServerStoreSQLite
import SyncProtocol
import Testing

@testable import ServerCore

/// What every store has to do, written against the protocol; a second store is one more argument.
@Suite struct StoreContractTests {
  private let folder: TestFolder
  private let store: any ServerStore

  init() throws {
    folder = try TestFolder()
    store = try SQLiteServerStore(path: folder.path("store.sqlite"))
  }

  private struct Stop: Error {}

  private let journal = JournalRow(
    number: 1, id: ID128(high: 1, low: 1), attempt: ID128(high: 2, low: 2), device: ID128(high: 3, low: 3),
    ordinal: 1, sequence: 0, head: Hash.sha256([1]), lastSegment: 0, kept: 0, contactAt: 0)

  @Test func aTransactionThatThrowsLeavesNothing() throws {
    #expect(throws: Stop.self) {
      try store.transaction {
        try store.setValue([1], for: .node)
        try store.insert(journal: journal)
        throw Stop()
      }
    }
    #expect(try store.value(.node) == nil)
    #expect(try store.journal(journal.id) == nil)
    try store.transaction { try store.setValue([2], for: .node) }
    #expect(try store.value(.node) == [2])
  }

  @Test func valuesAndEpochsAreKept() throws {
    try store.setValue([1, 2], for: .serverTime)
    try store.setValue([3], for: .serverTime)
    #expect(try store.value(.serverTime) == [3])
    let rows = [
      EpochRow(ordinal: 1, epoch: .max, openedAt: 5), EpochRow(ordinal: 2, epoch: 1 << 63, openedAt: 6),
    ]
    for row in rows { try store.insert(epoch: row) }
    #expect(try store.epochs() == rows)
    #expect(throws: StoreError.self) { try store.insert(epoch: rows[0]) }
  }

  @Test func recordsAreReadInVersionOrder() throws {
    let scope = ID128(high: 7, low: 7)
    for version in 1...5 as ClosedRange<UInt64> {
      try store.save(
        record: Record(collection: "c", key: "k\(6 - version)", version: version, body: [UInt8(version)]),
        scope: scope)
    }
    try store.save(
      record: Record(collection: "c", key: "k5", version: 6, body: [], isDeleted: true), scope: scope)
    var seen: [Record] = []
    try store.records(scope: scope, above: 2) { record in
      seen.append(record)
      return seen.count < 3
    }
    #expect(seen.map(\.version) == [3, 4, 5])
    #expect(try store.record(scope: scope, collection: "c", key: "k5")?.isDeleted == true)
    #expect(try store.records(scope: scope, collection: "c").count == 4)
    #expect(try store.record(scope: ID128(high: 7, low: 8), collection: "c", key: "k1") == nil)
    try store.purgeTombstones(scope: scope, through: 6)
    #expect(try store.record(scope: scope, collection: "c", key: "k5") == nil)
    #expect(throws: StoreError.self) {
      try store.save(record: Record(collection: "c", key: "other", version: 2, body: []), scope: scope)
    }
  }

  @Test func scopesAndTheirEpochsAreKept() throws {
    let id = ID128(high: 7, low: 9)
    #expect(try store.scope(id) == nil)
    var row = ScopeRow(id: id, version: 3, count: 2, digest: ScopeDigest(sum: Hash.sha256([5])), horizon: 1)
    try store.save(scope: row)
    row.version = 4
    try store.save(scope: row)
    #expect(try store.scope(id) == row)
    try store.insert(scopeEpoch: ScopeEpochRow(epochOrdinal: 1, firstVersion: 1), of: id)
    try store.insert(scopeEpoch: ScopeEpochRow(epochOrdinal: 4, firstVersion: 3), of: id)
    #expect(try store.scopeEpochs(of: id).map(\.firstVersion) == [1, 3])
  }

  @Test func journalsAndSegmentsAreKept() throws {
    try store.insert(journal: journal)
    #expect(throws: StoreError.self) { try store.insert(journal: journal) }
    var changed = journal
    changed.sequence = 9
    changed.head = Hash.sha256([2])
    changed.supersededFrom = 7
    changed.kept = 4
    changed.lastSegment = 1
    try store.update(journal: changed)
    #expect(try store.journal(journal.id) == changed)
    #expect(try store.journals(attempt: journal.attempt) == [changed])
    #expect(try store.lastSegmentID() == 0)
    #expect(try store.lastSegmentTime() == nil)
    let segment = SegmentRow(
      id: 5, previous: 0, journal: 1, first: 1, count: 2, lease: 3, receivedAt: 77, headBefore: Hash.sha256([1]),
      headAfter: Hash.sha256([2]), bytes: SegmentBytes.encode([[1], [2, 3]]))
    try store.insert(segment: segment)
    #expect(try store.segment(5) == segment)
    #expect(try store.segment(6) == nil)
    #expect(try store.lastSegmentID() == 5)
    #expect(try store.lastSegmentTime() == 77)
    #expect(try store.lastJournalNumber() == 1)
  }

  @Test func ordinalsAreRaisedTogether() throws {
    for number in 1...4 {
      var row = journal
      row.number = Int64(number)
      row.id = ID128(high: 9, low: UInt64(number))
      row.ordinal = UInt32(number)
      if number == 4 { row.attempt = ID128(high: 9, low: 9) }
      try store.insert(journal: row)
    }
    try store.raiseOrdinals(attempt: journal.attempt, from: 2)
    #expect(try store.journals(attempt: journal.attempt).map(\.ordinal) == [1, 3, 4])
    #expect(try store.journals(attempt: ID128(high: 9, low: 9)).map(\.ordinal) == [4])
  }

  @Test func dispositionsGrowAndAreFoundByOverlap() throws {
    try store.save(disposition: KeptRange(from: 3, to: 3, reason: .afterSeal), journal: 1)
    try store.save(disposition: KeptRange(from: 3, to: 6, reason: .afterSeal), journal: 1)
    try store.save(disposition: KeptRange(from: 9, to: 9, reason: .unreadable), journal: 1)
    #expect(try store.dispositions(journal: 1, from: 6, to: 8) == [KeptRange(from: 3, to: 6, reason: .afterSeal)])
    #expect(try store.dispositions(journal: 1, from: 1, to: .max).count == 2)
    #expect(try store.dispositions(journal: 2, from: 1, to: .max).isEmpty)
  }

  @Test func attemptsAreListedByNumber() throws {
    let exam = ID128(high: 4, low: 4)
    for index in [3, 1, 2] as [UInt64] {
      let id = ID128(high: 5, low: index)
      let record = AttemptRecord(
        attempt: id, exam: exam, lease: 1, leaseID: id, orderSeed: .max, codeSalt: [1], codeVerifier: [2],
        unlockSalt: [3], unlockVerifiers: [[4], [5]], scryptRounds: 16, specialty: "x")
      try store.save(
        attempt: AttemptRow(
          id: id, exam: exam, candidate: ID128(high: 6, low: index), number: "n\(index)", record: record,
          sealOrdinal: 0, isSealed: false))
    }
    #expect(try store.attempts(exam: exam, after: nil, limit: 2).map(\.number) == ["n1", "n2"])
    let row = try #require(try store.attempts(exam: exam, after: ("n2", ID128(high: 5, low: 2)), limit: 5).first)
    #expect(row.number == "n3")
    #expect(row.record.orderSeed == .max)
    #expect(try store.attempts(candidate: row.candidate) == [row])
    #expect(try store.count(.attempts) == 3)
  }

  @Test func runningAttemptsAreThoseWhoseDeadlineIsWatched() throws {
    let exam = ID128(high: 4, low: 4)
    var row: AttemptRow?
    for index in 1...6 as ClosedRange<UInt64> {
      let id = ID128(high: 5, low: index)
      let record = AttemptRecord(
        attempt: id, exam: exam, lease: 1, leaseID: id, orderSeed: 1, codeSalt: [], codeVerifier: [], unlockSalt: [],
        unlockVerifiers: [], scryptRounds: 16, specialty: "")
      var attempt = AttemptRow(
        id: id, exam: exam, candidate: ID128(high: 6, low: index), number: "n", record: record, sealOrdinal: 0,
        isSealed: index == 3, progress: AttemptProgress(startedAt: Int64(index) * 10, startCode: .wrong))
      if index == 2 { attempt.progress.startedAt = nil }
      if index == 4 { attempt.progress.overdueAt = 99 }
      try store.save(attempt: attempt)
      row = attempt
    }
    let first = try store.runningAttempts(after: nil, limit: 2)
    #expect(first.map(\.id.low) == [1, 5])
    #expect(first.map(\.startedAt) == [10, 50])
    #expect(first.map(\.exam) == [exam, exam])
    #expect(try store.runningAttempts(after: first[1].id, limit: 2).map(\.id.low) == [6])
    #expect(try store.attempt(ID128(high: 5, low: 4))?.progress.overdueAt == 99)
    #expect(try store.attempt(ID128(high: 5, low: 6)) == row)
  }

  @Test func extensionsAndTimeProofsAreKept() throws {
    var row = ExtensionRow(id: 2, exam: .zero, milliseconds: 5, reason: "r", actor: "a")
    try store.save(extension: row)
    row.afterNumber = "n7"
    row.afterID = ID128(high: 1, low: 7)
    row.done = 7
    try store.save(extension: row)
    try store.save(extension: ExtensionRow(id: 1, exam: .zero, milliseconds: 6, reason: "", actor: "b"))
    #expect(try store.extensions().map(\.id) == [1, 2])
    #expect(try store.extensions().last == row)
    try store.deleteExtension(1)
    #expect(try store.extensions() == [row])
    let proofs = [
      TimeProofRow(journal: 1, sequence: 9, milliseconds: 5, finding: .contradicted),
      TimeProofRow(journal: 1, sequence: 2, milliseconds: 4, finding: .proved),
    ]
    for proof in proofs { try store.insert(timeProof: proof) }
    #expect(try store.timeProofs(journal: 1) == proofs.reversed())
    #expect(try store.timeProofs(journal: 2).isEmpty)
    #expect(throws: StoreError.self) { try store.insert(timeProof: proofs[0]) }
  }

  @Test func anAttemptIsAheadOfAnExtensionByItsPlaceInTheStoresOrder() throws {
    let exam = ID128(high: 4, low: 4)
    func attempt(_ number: String, _ low: UInt64) -> AttemptRow {
      let id = ID128(high: 5, low: low)
      let record = AttemptRecord(
        attempt: id, exam: exam, lease: 1, leaseID: id, orderSeed: 1, codeSalt: [], codeVerifier: [], unlockSalt: [],
        unlockVerifiers: [], scryptRounds: 16, specialty: "")
      return AttemptRow(
        id: id, exam: exam, candidate: id, number: number, record: record, sealOrdinal: 0, isSealed: false)
    }
    // Two texts that Swift takes for equal, and that differ in their bytes.
    let attempts = [attempt("e\u{301}", 1), attempt("\u{e9}", 2), attempt("\u{e9}", 3), attempt("a", 4)]
    for row in attempts { try store.save(attempt: row) }
    let listed = try store.attempts(exam: exam, after: nil, limit: 10)
    for (index, row) in listed.enumerated() {
      let at = ExtensionRow(
        id: 1, exam: exam, milliseconds: 1, reason: "", actor: "", afterNumber: row.number, afterID: row.id)
      #expect(listed.map { at.isAhead(of: $0) } == listed.indices.map { $0 > index })
    }
    #expect(!ExtensionRow(id: 1, exam: .zero, milliseconds: 1, reason: "", actor: "").isAhead(of: attempts[0]))
  }

  @Test func everythingIsThereAfterOpeningAgain() throws {
    let path = folder.path("again.sqlite")
    let first = try SQLiteServerStore(path: path)
    let seal = SealRow(
      attempt: .zero, ordinal: 1, journal: ID128(high: 1, low: 0), sequence: 4, device: ID128(high: 0, low: 1),
      headBefore: Hash.sha256([1]), headAfter: Hash.sha256([2]), statement: [1], signature: [2])
    let receipt = ReceiptStoreRow(attempt: .zero, ordinal: 1, number: "A", serverTime: 5, receipt: [9])
    let root = RootStoreRow(id: 1, epoch: .max, index: 0, statement: [1], signature: [2])
    let candidate = CandidateRow(
      id: ID128(high: 3, low: 3), username: "u", number: "1", name: "张", specialty: "", room: "", isPhoneBound: true,
      password: PasswordHash(salt: [1], verifier: [2], rounds: 4), certificatesFrom: 6)
    let session = SessionRow(
      id: .zero, secret: [1], candidate: .zero, device: .zero, appVersion: "1", openedAt: 1, expiresAt: 2)
    try first.transaction {
      try first.save(seal: seal)
      try first.save(receipt: receipt)
      try first.insert(root: root)
      try first.save(candidate: candidate)
      try first.save(session: session)
      try first.save(joinTries: JoinTriesRow(candidate: .zero, windowStart: 5, tries: 2))
    }
    try first.close()
    let second = try SQLiteServerStore(path: path)
    #expect(try second.seal(attempt: .zero, ordinal: 1) == seal)
    #expect(try second.receipt(attempt: .zero, ordinal: 1) == receipt)
    #expect(try second.lastRoot() == root)
    #expect(try second.candidate(username: "u") == candidate)
    #expect(try second.candidate(candidate.id) == candidate)
    #expect(try second.sessions() == [session])
    #expect(try second.joinTries(.zero)?.tries == 2)
  }

  @Test func anEditedFileIsRefused() throws {
    let path = folder.path("edited.sqlite")
    try SQLiteServerStore(path: path).close()
    let editor = try Connection(path: path)
    try editor.execute("CREATE TRIGGER sneak AFTER INSERT ON segments BEGIN DELETE FROM segments; END")
    try editor.close()
    #expect(throws: StoreError.self) { try SQLiteServerStore(path: path) }
  }
}

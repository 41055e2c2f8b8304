import ExamModel
import Foundation
import SyncProtocol
import SyncWire
import Testing

@Suite struct WireTests {
  @Test func everyKindOfEntryComesBack() throws {
    let kinds: [EntryKind] =
      Fixed.entries.map(\.kind) + [
        .context(
          ClockContext(
            bootID: Fixed.node, bootMilliseconds: 5, wallMilliseconds: -4,
            server: TimeBounds(earliest: 1_795_000_000_000, latest: 1_795_000_000_900),
            proof: TimeProof(milliseconds: 9, mac: [1, 2]))),
        .clear(item: "q9"), .flag(item: "q1", isSet: true), .visit(item: "q2"), .sectionLeft(section: "s1"),
        .grantSeen(number: 3), .information([InformationField(name: "phone", value: "138")]),
        .seal(SignedStatement(statement: Fixed.seal.wire, signature: [UInt8](repeating: 1, count: 64))),
        .reopened(sealOrdinal: 1), .unlock(UnlockFact(number: 2, proof: .server(nonce: Fixed.node, mac: [3]))),
      ]
    for kind in kinds {
      let entry = Entry(bootDeltaMilliseconds: 12, wallDriftMilliseconds: -3_000, kind: kind)
      #expect(try Entry(wire: entry.wire) == entry)
    }
  }

  @Test func anUnknownKindIsSkippedAndABrokenBodyIsNot() throws {
    // Field 99, wire type 2: a kind of a later version.
    #expect(try Entry(wire: [0x08, 0x05, 0x9a, 0x06, 0x01, 0x61]).kind == .unknown)
    #expect(throws: WireError.self) { try Entry(wire: [0x32, 0x7f]) }
    #expect(throws: WireError.self) { try Entry(wire: Array("not protobuf".utf8)) }
  }

  @Test func aRoundComesBack() throws {
    let bodies = Fixed.entries.map(\.wire)
    let request = SyncRequest(
      pushes: [
        Push(journal: Fixed.journal, subject: Fixed.attempt, first: 1, bodies: bodies, head: Fixed.heads[9], lease: 1)
      ],
      scopes: [ScopeCursor(scope: Fixed.attempt, cursor: Cursor(epoch: 4, version: 9), staged: 12)],
      waitMilliseconds: 55_000, headQueries: [HeadQuery(journal: Fixed.journal, sequences: [1, 2, 4])],
      presentedReceipts: [[1, 2]], appVersion: "3.4.2")
    #expect(try SyncRequest(wire: request.wire) == request)
    let response = SyncResponse(
      acknowledgements: [
        Acknowledgement(
          sequence: 9, head: Fixed.heads[9], verdict: .stored,
          kept: [KeptRange(from: 3, to: 4, reason: .whileLocked)])
      ],
      deltas: [
        Delta(
          scope: Fixed.attempt, from: .start, isReset: true,
          records: [Record(collection: "a", key: "b", version: 2, body: [1], isDeleted: false)],
          to: Cursor(epoch: 4, version: 2), checkpoint: Checkpoint(count: 1, digest: .empty))
      ], heads: [HeadAnswer(journal: Fixed.journal, heads: [2: Fixed.heads[2]], sequence: 9)],
      receivedAt: 1_795_000_000_000, heldMilliseconds: 7, nextMilliseconds: 100, timeProof: [9], isStale: true)
    #expect(try SyncResponse(wire: response.wire) == response)
  }

  @Test func pushesOverAnyLimitAreRefused() {
    func push(_ change: (inout Push) -> Void) -> [UInt8] {
      var push = Push(
        journal: Fixed.journal, subject: nil, first: 1, bodies: [[1]], head: Fixed.heads[1], lease: 1)
      change(&push)
      return SyncRequest(pushes: [push]).wire
    }
    #expect(throws: Never.self) { try SyncRequest(wire: push { _ in }) }
    let broken = [
      push { $0.bodies = [] }, push { $0.first = 0 }, push { $0.first = .max },
      push { $0.bodies = Array(repeating: [1], count: Limits.pushEntries + 1) },
      push { $0.bodies = [[UInt8](repeating: 0, count: Limits.entryBytes + 1)] },
      push { $0.bodies = Array(repeating: [UInt8](repeating: 0, count: Limits.entryBytes), count: 5) },
    ]
    for wire in broken { #expect(throws: WireError.self) { try SyncRequest(wire: wire) } }
  }

  @Test func whatIsOverALimitSaysSo() {
    func error(_ wire: [UInt8]) -> WireError? { #expect(throws: WireError.self) { try SyncRequest(wire: wire) } }
    func request(_ bodies: [[UInt8]], pushes: Int = 1) -> SyncRequest {
      let push = Push(
        journal: Fixed.journal, subject: nil, first: 1, bodies: bodies, head: Fixed.heads[1], lease: 1)
      return SyncRequest(pushes: Array(repeating: push, count: pushes))
    }
    let queries = HeadQuery(journal: Fixed.journal, sequences: Array(1...UInt64(Limits.headsPerQuery) + 1))
    let over = [
      request(Array(repeating: [1], count: Limits.pushEntries + 1)),
      request([[1]], pushes: Limits.pushesPerRequest + 1),
      request([[UInt8](repeating: 0, count: Limits.entryBytes + 1)]),
      request(Array(repeating: [UInt8](repeating: 0, count: Limits.entryBytes), count: 5)),
      SyncRequest(headQueries: [queries]),
      SyncRequest(presentedReceipts: Array(repeating: [1], count: Limits.presentedReceiptsPerRequest + 1)),
    ]
    for request in over { #expect(error(request.wire)?.isOverLimit == true) }
    for wire in [request([]).wire, [0x08, 0x63], [0xFF]] { #expect(error(wire)?.isOverLimit == false) }
  }

  // MARK: What a later version may add

  @Test func aHandInIsNotRefusedForItsCause() throws {
    let later = try replaced("bell", by: "moon", in: SealStatement(Fixed.seal, cause: .bell).wire)
    let statement = try SealStatement(wire: later)
    #expect(statement == SealStatement(Fixed.seal, cause: .other))
    // The signed bytes travel as they are.
    let entry = Entry(kind: .seal(SignedStatement(statement: later, signature: [1])))
    #expect(try Entry(wire: entry.wire) == entry)
  }

  private func replaced(_ old: String, by new: String, in wire: [UInt8]) throws -> [UInt8] {
    var wire = wire
    wire.replaceSubrange(try #require(wire.firstRange(of: Array(old.utf8))), with: Array(new.utf8))
    return wire
  }

  @Test(arguments: [UInt8(0), 16, 99, 127])
  func anUnknownReasonLeavesTheRestReadable(number: UInt8) throws {
    let range = KeptRange(from: 3, to: 4, reason: .afterSeal)
    // KeptRange: field 3 is the reason, a varint; it ends the message.
    #expect(Array(range.wire.suffix(2)) == [0x18, 0x01])
    let known = SyncResponse(
      acknowledgements: [Acknowledgement(sequence: 9, head: Fixed.heads[9], verdict: .stored, kept: [range])],
      receivedAt: 1_795_000_000_000, heldMilliseconds: 7, nextMilliseconds: 100)
    var wire = known.wire
    let place = try #require(wire.firstRange(of: range.wire))
    wire[place.upperBound - 1] = number
    let response = try SyncResponse(wire: wire)
    #expect(response.acknowledgements.first?.kept == [KeptRange(from: 3, to: 4, reason: .other)])
    #expect(response.acknowledgements.first?.sequence == 9)
    #expect(KeptReason.other.name == "other")

    let disposition = DispositionRecord(journal: Fixed.journal, range: range, decidedBy: "server")
    var body = disposition.wire
    let reason = try #require(body.firstRange(of: [0x20, 0x01]))
    body[reason.lowerBound + 1] = number
    #expect(try DispositionRecord(wire: body).range.reason == .other)
  }

  @Test func anUnknownVerdictIsAnError() throws {
    let wire = Acknowledgement(sequence: 9, head: Fixed.heads[9], verdict: .duplicate).wire
    #expect(try Acknowledgement(wire: wire).verdict == .duplicate)
    var later = wire
    let place = try #require(later.firstRange(of: [0x18, 0x01]))
    later[place.lowerBound + 1] = 99
    #expect(throws: WireError.self) { try Acknowledgement(wire: later) }
  }

  @Test func answersComeBackWithTheirSeal() throws {
    var record = AnswersRecord(
      attempt: Fixed.attempt, answers: AnswerSheet(["q1": .options(["a"]), "q2": .text("字")]),
      journals: [JournalPosition(journal: Fixed.journal, sequence: 9, head: Fixed.heads[9])], locks: [1, 2],
      unlocked: [1], isStarted: true, startedAt: 1_795_000_000_000, informationGiven: true, closedSections: ["s"],
      sealOrdinal: 3, isSealed: true)
    #expect(try AnswersRecord(wire: record.wire) == record)
    record.isSealed = false
    #expect(try AnswersRecord(wire: record.wire) == record)
    let part = AnswersRecord(attempt: Fixed.attempt, answers: AnswerSheet(["q3": .text("x")]))
    record.merge(try AnswersRecord(wire: part.wire))
    #expect(record.answers.count == 3 && record.sealOrdinal == 3)
  }

  @Test func keysOfPartsAreReadAsTheyAreWritten() {
    for part in [1, 2, 3, 10, 117] {
      let key = AnswersRecord.key(attempt: Fixed.attempt, part: part)
      #expect(AnswersRecord.part(ofKey: key, attempt: Fixed.attempt) == part)
      #expect(AnswersRecord.part(ofKey: key, attempt: Fixed.node) == nil)
    }
    for key in ["/2", "/1", "/0", "/x", "/"] {
      #expect(AnswersRecord.part(ofKey: Fixed.attempt.hex + key, attempt: Fixed.attempt) == (key == "/2" ? 2 : nil))
    }
  }

  @Test func aVersionOutsideTheWindowIsRefused() {
    #expect(throws: WireError.self) { try SyncRequest(wire: []) }
    #expect(throws: WireError.self) { try SyncRequest(wire: [0x08, 0x63]) }
  }

  @Test(arguments: ["", "12345", "1234567", "12a456", "１２３４５６", " 12345"])
  func s3_07_aCodeIsExactlySixDigits(code: String) {
    #expect(throws: WireError.self) { try JoinRequest(wire: JoinRequest(code: code).wire) }
  }

  @Test func s3_07_leadingZerosStay() throws {
    #expect(try JoinRequest(wire: JoinRequest(code: "000042").wire).code == "000042")
  }

  @Test func randomBytesNeverCrashTheDecoders() {
    var generator = SeededGenerator(state: 11)
    let seeds = [Fixed.entries[0].wire, Fixed.seal.wire, SyncRequest(waitMilliseconds: 9).wire]
    for round in 0..<4_000 {
      var bytes = seeds[round % seeds.count]
      for _ in 0...Int(generator.next() % 6) where !bytes.isEmpty {
        bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
      }
      if round % 3 == 0 { bytes = Array(bytes.prefix(Int(generator.next() % 40))) }
      _ = try? Entry(wire: bytes)
      _ = try? SyncRequest(wire: bytes)
      _ = try? SyncResponse(wire: bytes)
      _ = try? Receipt(wire: bytes)
      _ = try? SealStatement(wire: bytes)
    }
  }

  /// A change of the schema must be meant: it needs a line in HISTORY.md and a new digest here.
  @Test func theSchemaIsTheOneOfThisVersion() throws {
    let schema = VectorFile.folder.deletingLastPathComponent().appendingPathComponent("examsync.proto")
    let digest = Hash.sha256(Array(try Data(contentsOf: schema))).hex
    let history = try String(
      contentsOf: schema.deletingLastPathComponent().appendingPathComponent("HISTORY.md"), encoding: .utf8)
    #expect(history.contains(digest), "Protocol/examsync.proto changed: say so in HISTORY.md, with SHA-256 \(digest)")
  }
}

extension SealStatement {
  /// The same with another cause.
  init(_ statement: SealStatement, cause: Cause) {
    self = statement
    self.cause = cause
  }
}

/// SplitMix64, for tests that repeat.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}

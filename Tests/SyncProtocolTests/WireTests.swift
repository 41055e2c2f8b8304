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

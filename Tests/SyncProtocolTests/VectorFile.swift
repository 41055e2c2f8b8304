import ExamModel
import Foundation
import SyncProtocol
import SyncWire

/// The test vectors of `Protocol/vectors`, built by this code from fixed inputs.
///
/// `EXAMSYNC_WRITE_VECTORS=1 swift test --filter VectorTests` writes them anew; without it they are compared.
enum VectorFile {
  static let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Protocol/vectors")

  static var isWriting: Bool { ProcessInfo.processInfo.environment["EXAMSYNC_WRITE_VECTORS"] == "1" }

  static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }

  /// The committed text; written first when asked to.
  static func committed(_ name: String, current: String) throws -> String {
    let file = folder.appendingPathComponent(name)
    if isWriting {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try current.write(to: file, atomically: true, encoding: .utf8)
    }
    return try String(contentsOf: file, encoding: .utf8)
  }
}

/// Fixed inputs of the vectors.
enum Fixed {
  static let journal = ID128(hex: "000102030405060708090a0b0c0d0e0f")!
  static let attempt = ID128(hex: "101112131415161718191a1b1c1d1e1f")!
  static let session = ID128(hex: "202122232425262728292a2b2c2d2e2f")!
  static let node = ID128(hex: "303132333435363738393a3b3c3d3e3f")!
  static let deviceSeed = [UInt8](0..<32)
  static let serverSeed = [UInt8](32..<64)
  static let deviceKey = SigningKey(seed: deviceSeed)!
  static let serverKey = SigningKey(seed: serverSeed)!
  static let secret = SessionSecret([UInt8](64..<96))!
  static let paperKey = [UInt8](96..<128)
  static let salt = [UInt8](128..<160)

  static let entries: [Entry] = [
    Entry(
      kind: .open(
        Opening(
          nonce: ID128(hex: "404142434445464748494a4b4c4d4e4f")!,
          bootID: ID128(hex: "505152535455565758595a5b5c5d5e5f")!, bootMilliseconds: 1_000,
          wallMilliseconds: 1_795_000_000_000, leaseOrdinal: 1, appVersion: "3.4.2"))),
    Entry(bootDeltaMilliseconds: 1_500, kind: .start(Start(code: "012345", paperVersion: 1))),
    Entry(bootDeltaMilliseconds: 2_000, kind: .answer(item: "q1", value: .options(["B"]))),
    Entry(bootDeltaMilliseconds: 900, kind: .answer(item: "q2", value: .options(["A", "C"]))),
    Entry(bootDeltaMilliseconds: 4_000, kind: .answer(item: "q3", value: .text("血压下降"))),
    Entry(bootDeltaMilliseconds: 700, kind: .answer(item: "q4", value: .blanks(["insulin", ""]))),
    Entry(bootDeltaMilliseconds: 300, kind: .answer(item: "q5", value: .number("-12.5"))),
    Entry(bootDeltaMilliseconds: 10, kind: .lock(LockFact(number: 1, cause: .appSwitch))),
    Entry(bootDeltaMilliseconds: 9_000, kind: .unlock(UnlockFact(number: 1, proof: .code("00000042")))),
  ]

  static let sheet = AnswerSheet([
    "q1": .options(["B"]), "q2": .options(["A", "C"]), "q3": .text("血压下降"), "q4": .blanks(["insulin", ""]),
    "q5": .number("-12.5"),
  ])

  /// Heads after each entry; the first is the genesis.
  static let heads: [Digest256] = {
    var heads = [Chain.genesis(journal: journal, subject: attempt, deviceKey: deviceKey.id)]
    for (index, entry) in entries.enumerated() {
      heads.append(Chain.next(heads[index], sequence: UInt64(index + 1), body: entry.wire))
    }
    return heads
  }()

  static let seal = SealStatement(
    attempt: attempt, ordinal: 1,
    journals: [JournalPosition(journal: journal, sequence: UInt64(entries.count), head: heads[entries.count])],
    answers: Hash.sha256(sheet.canonicalBytes), answerCount: 5, cause: .candidate)
}

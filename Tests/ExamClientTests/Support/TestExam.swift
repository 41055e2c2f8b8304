import ExamModel
import ExamStore
import Foundation
import SyncProtocol
import SyncWire

@testable import ExamClient

/// An exam as a server would have put it on a device: real scopes, real sealed blobs, real signatures.
struct TestExam {
  static let code = "042917"
  static let unlockCodes = ["11111111", "22222222", "33333333", "44444444", "55555555"]
  static let unlockSecret = [UInt8](repeating: 9, count: 32)

  var server = SigningKey()
  var candidate = ID128.random()
  var exam = ID128.random()
  var attempt = ID128.random()
  var policy = AttemptPolicy()
  var opensAt = testT0
  var closesAt = testT0 + 3_600_000
  var durationMilliseconds: Int64?
  var candidateSpecialty = ""
  var examSpecialty = ""
  var isPhoneBound = true
  var hasMyExams = true
  var isKeyReleased = true
  var paperKey = [UInt8](repeating: 7, count: 32)
  /// Sections with a time of their own.
  var sectionSeconds: [String: Int] = [:]

  static let paper: Paper = {
    let options = ["A", "B", "C", "D"].map { ItemOption(id: $0, text: "Option \($0)") }
    let picture = [UInt8](repeating: 0x50, count: 3_000)
    return Paper(
      id: "test", version: 1, title: "Test", language: "en",
      sections: [
        PaperSection(
          id: "s1", title: "First",
          items: [
            Item(id: "q1", kind: .singleBest(.a1), stem: "One?", options: options),
            Item(id: "q2", kind: .multiple, stem: "Many?", options: options, assetIDs: ["p1"]),
            Item(id: "q3", kind: .fillIn(blankCount: 2), stem: "{{1}} {{2}}"),
            Item(id: "q4", kind: .numeric(unit: nil), stem: "How many?"),
          ]),
        PaperSection(
          id: "s2", title: "No way back", canGoBack: false,
          items: [
            Item(id: "q5", kind: .trueFalse, stem: "True?"),
            Item(id: "q6", kind: .essay(maximumCharacters: 500), stem: "Write."),
          ]),
      ],
      assets: [
        AssetReference(
          id: "p1", mediaType: "image/png", byteLength: picture.count, sha256: Hash.sha256(picture).bytes,
          widthPixels: 10, heightPixels: 10, description: "A picture")
      ])
  }()
  private var timedPaper: Paper {
    var paper = Self.paper
    for index in paper.sections.indices {
      paper.sections[index].timeLimitSeconds = sectionSeconds[paper.sections[index].id]
    }
    return paper
  }
  static let picture = [UInt8](repeating: 0x50, count: 3_000)

  /// The paper's blobs: the manifest, then the packs.
  struct Blobs {
    var record: PaperRecord
    var bytes: [(reference: BlobReference, sealed: [UInt8])]
  }

  func blobs() throws -> Blobs {
    var salt: UInt8 = 0
    func seal(_ plaintext: [UInt8]) -> [UInt8] {
      salt += 1
      return BlobSeal.seal(plaintext, paperKey: paperKey, salt: [UInt8](repeating: salt, count: 32))
    }
    var texts: [UInt8] = []
    var places: [(name: String, offset: Int, sealed: [UInt8])] = []
    let parts = try timedPaper.publicationParts(assets: ["p1": Self.picture])
    for part in parts where !part.name.hasPrefix("asset/") {
      let sealed = seal(part.plaintext)
      places.append((part.name, texts.count, sealed))
      texts += sealed
    }
    let picture = seal(Self.picture)
    let textPack = Hash.sha256(texts)
    let picturePack = Hash.sha256(picture)
    var manifest = PaperManifest(id: "test", version: 1, parts: [])
    for place in places {
      manifest.parts.append(
        ManifestPart(
          name: place.name, digest: Hash.sha256(place.sealed), pack: textPack, offset: UInt64(place.offset),
          length: UInt64(place.sealed.count)))
    }
    manifest.parts.append(
      ManifestPart(
        name: "asset/p1", digest: picturePack, pack: picturePack, offset: 0, length: UInt64(picture.count)))
    let sealedManifest = seal(manifest.wire)
    let manifestReference = BlobReference(
      digest: Hash.sha256(sealedManifest), length: UInt64(sealedManifest.count))
    let packs = [
      BlobReference(digest: textPack, length: UInt64(texts.count)),
      BlobReference(digest: picturePack, length: UInt64(picture.count)),
    ]
    return Blobs(
      record: PaperRecord(
        version: 1, manifest: manifestReference, keyCheck: BlobSeal.keyCheck(paperKey), packs: packs),
      bytes: [(manifestReference, sealedManifest), (packs[0], texts), (packs[1], picture)])
  }

  // MARK: - Records

  func attemptRecord() throws -> AttemptRecord {
    let rounds = 2
    let salt = [UInt8](repeating: 3, count: 32)
    let unlockSalt = [UInt8](repeating: 4, count: 32)
    var verifiers: [[UInt8]] = []
    for (index, code) in Self.unlockCodes.enumerated() {
      var salt = unlockSalt
      salt.appendBigEndian(UInt32(index + 1))
      verifiers.append(CodeCheck.scrypt(Array(code.utf8), salt: salt, rounds: rounds) ?? [])
    }
    return AttemptRecord(
      attempt: attempt, exam: exam, lease: 1, leaseID: ID128(high: 5, low: 5), orderSeed: 42, codeSalt: salt,
      codeVerifier: CodeCheck.scrypt(Array(Self.code.utf8), salt: salt, rounds: rounds) ?? [],
      unlockSalt: unlockSalt, unlockVerifiers: verifiers, scryptRounds: UInt32(rounds),
      specialty: candidateSpecialty)
  }

  func examRecord() -> ExamRecord {
    ExamRecord(
      title: "Finals", opensAt: opensAt, closesAt: closesAt, durationMilliseconds: durationMilliseconds,
      policy: policy, specialty: examSpecialty, paperVersion: 1)
  }

  func grant(device: SigningKey) -> SessionGrant {
    let certificate = DeviceCertificate(
      candidate: candidate, deviceKey: device.publicKey, issuedAt: testT0 - 1, expiresAt: testT0 + 86_400_000)
    return SessionGrant(
      session: ID128(high: 8, low: 8), secret: [UInt8](repeating: 0xA6, count: 32), nonce: .random(),
      serverTime: testT0, candidate: candidate,
      certificate: SignedBytes(signing: certificate.wire, with: server, context: .certificate), name: "Wang Fang",
      isPhoneBound: isPhoneBound, minimumAppVersion: "3.4.2", hasQuestionBank: true, hasMyExams: hasMyExams)
  }

  func unlockRecord(number: UInt32) -> UnlockRecord {
    let nonce = ID128(high: 77, low: UInt64(number))
    return UnlockRecord(
      attempt: attempt, number: number, nonce: nonce, mac: [UInt8](repeating: UInt8(number), count: 16))
  }

  /// A receipt as the server signs it, for a seal in `journal`.
  func receipt(journal: ID128, ordinal: UInt32 = 1, answers: Digest256 = .zero, count: UInt32 = 0) -> Receipt {
    let statement = ReceiptStatement(
      attempt: attempt, ordinal: ordinal, journal: journal, sequence: 9, head: .zero, answers: answers,
      answerCount: count, serverTime: testT0 + 60_000, number: "7K3M-Q9TD", applied: answers, appliedCount: count
    ).wire
    let leaf = MerkleTree.leaf(statement)
    let root = RootStatement(
      node: ID128(high: 1, low: 2), epoch: 1, index: 0, previous: .zero, root: leaf, time: testT0 + 60_000
    ).wire
    return Receipt(
      statement: statement, leafIndex: 0, leafCount: 1, path: [], root: root,
      signature: server.sign(root, context: .root), keyID: server.id)
  }

  // MARK: - The device

  /// A scope's delta from nothing.
  static func delta(_ scope: ID128, _ records: [(String, String, [UInt8])], from: Cursor = .start) -> Delta {
    var digest = ScopeDigest.empty
    let list = records.enumerated().map { index, record in
      Record(collection: record.0, key: record.1, version: UInt64(index + 1), body: record.2)
    }
    for record in list { digest.add(record) }
    return Delta(
      scope: scope, from: from, isReset: true, records: list,
      to: Cursor(epoch: from.epoch + 1, version: UInt64(list.count)),
      checkpoint: Checkpoint(count: UInt64(list.count), digest: digest))
  }

  func candidateRecords(_ more: [(String, String, [UInt8])] = []) throws -> [(String, String, [UInt8])] {
    [(ScopeCollection.attempt, attempt.hex, try attemptRecord().wire)] + more
  }

  func examRecords(_ record: PaperRecord) -> [(String, String, [UInt8])] {
    var records = [
      (ScopeCollection.exam, "info", examRecord().wire), (ScopeCollection.paper, "1", record.wire),
    ]
    if isKeyReleased { records.append((ScopeCollection.key, "paper", KeyRecord(key: paperKey).wire)) }
    return records
  }
}

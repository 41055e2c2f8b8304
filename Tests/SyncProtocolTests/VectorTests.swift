import ExamModel
import SyncProtocol
import SyncWire
import Testing

/// The vectors stand for every client in another language: a change of any byte is a change of the protocol.
@Suite struct VectorTests {
  @Test func chain() throws {
    struct Step: Encodable {
      var sequence: Int
      var body: String
      var head: String
    }
    struct Vector: Encodable {
      var journal = Fixed.journal.hex
      var subject = Fixed.attempt.hex
      var deviceKey = Hex.encode(Fixed.deviceKey.publicKey)
      var deviceKeyID = Fixed.deviceKey.id.hex
      var genesis = Fixed.heads[0].hex
      var entries = zip(Fixed.entries, Fixed.heads.dropFirst()).enumerated().map { index, pair in
        Step(sequence: index + 1, body: Hex.encode(pair.0.wire), head: pair.1.hex)
      }
    }
    try expectCommitted("chain.json", Vector())
  }

  @Test func requestAndResponseMAC() throws {
    struct Vector: Encodable {
      var secret: String
      var method = "POST"
      var path = "/v1/sync"
      var sentAt = 1_795_000_000_123
      var body: String
      var requestMAC: String
      var authorization: String
      var status = 200
      var responseBody: String
      var responseMAC: String
      var timeProofAt: Int
      var timeProof: String
      var unlockNonce: String
      var unlockMAC: String
      var unlockCodeOfLock1: String
    }
    let body: [UInt8] = [0] + Array("hello".utf8)
    let reply: [UInt8] = [0] + Array("world".utf8)
    let mac = MessageAuthentication.request(
      secret: Fixed.secret, method: "POST", path: "/v1/sync", sentAt: 1_795_000_000_123, body: body)
    let vector = Vector(
      secret: Hex.encode(Fixed.secret.bytes), body: Hex.encode(body), requestMAC: mac.hex,
      authorization: Authorization(session: Fixed.session, sentAt: 1_795_000_000_123, mac: mac).headerValue,
      responseBody: Hex.encode(reply),
      responseMAC: MessageAuthentication.response(secret: Fixed.secret, requestMAC: mac, status: 200, body: reply).hex,
      timeProofAt: 1_795_000_000_456,
      timeProof: Hex.encode(MessageAuthentication.timeProof(secret: Fixed.secret, milliseconds: 1_795_000_000_456)),
      unlockNonce: Fixed.node.hex,
      unlockMAC: Hex.encode(
        MessageAuthentication.unlock(secret: Fixed.secret, attempt: Fixed.attempt, number: 1, nonce: Fixed.node)),
      unlockCodeOfLock1: MessageAuthentication.unlockCode(secret: Fixed.secret, attempt: Fixed.attempt, number: 1))
    try expectCommitted("mac.json", vector)
  }

  @Test func seal() throws {
    struct Vector: Encodable {
      var deviceSeed = Hex.encode(Fixed.deviceSeed)
      var answerSheet = Hex.encode(Fixed.sheet.canonicalBytes)
      var answerSheetDigest = Fixed.seal.answers.hex
      var statement = Hex.encode(Fixed.seal.wire)
      var headBefore = Fixed.heads[Fixed.entries.count].hex
      var signature = Hex.encode(
        Fixed.deviceKey.sign(Fixed.seal.wire + Fixed.heads[Fixed.entries.count].bytes, context: .seal))
    }
    try expectCommitted("seal.json", Vector())
  }

  @Test func receipt() throws {
    struct Vector: Encodable {
      var serverSeed = Hex.encode(Fixed.serverSeed)
      var serverKey = Hex.encode(Fixed.serverKey.publicKey)
      var leaves: [String]
      var receipt: String
      var statement: String
      var leafIndex: UInt64
      var leafCount: UInt64
      var path: [String]
      var root: String
      var signature: String
    }
    let receipt = try Receipts.three()[1]
    #expect(try receipt.verified(publicKey: Fixed.serverKey.publicKey).receipt.attempt == Fixed.attempt)
    try expectCommitted(
      "receipt.json",
      Vector(
        leaves: Receipts.leaves.map { Hex.encode($0) }, receipt: Hex.encode(receipt.wire),
        statement: Hex.encode(receipt.statement), leafIndex: receipt.leafIndex, leafCount: receipt.leafCount,
        path: receipt.path.map(\.hex), root: Hex.encode(receipt.root), signature: Hex.encode(receipt.signature)))
  }

  @Test func sealedBlob() throws {
    struct Vector: Encodable {
      var paperKey = Hex.encode(Fixed.paperKey)
      var keyCheck = BlobSeal.keyCheck(Fixed.paperKey).hex
      var salt = Hex.encode(Fixed.salt)
      var plaintext: String
      var sealed: String
      var digest: String
      var longPlaintext = "65537 bytes, byte i is i mod 251"
      var longSealedLength: Int
      var longSealedDigest: String
    }
    let plaintext = Array("An item of a paper.".utf8)
    let sealed = BlobSeal.seal(plaintext, paperKey: Fixed.paperKey, salt: Fixed.salt)
    let long = (0..<65_537).map { UInt8($0 % 251) }
    let longSealed = BlobSeal.seal(long, paperKey: Fixed.paperKey, salt: Fixed.salt)
    try expectCommitted(
      "blob.json",
      Vector(
        plaintext: Hex.encode(plaintext), sealed: Hex.encode(sealed), digest: Hash.sha256(sealed).hex,
        longSealedLength: longSealed.count, longSealedDigest: Hash.sha256(longSealed).hex))
  }

  @Test func scopeDigest() throws {
    struct Step: Encodable {
      var collection: String
      var key: String
      var version: UInt64
      var body: String
      var term: String
    }
    struct Vector: Encodable {
      var records: [Step]
      var digest: String
    }
    let records = (1...3).map { number in
      Record(collection: "grant", key: "a/\(number)", version: UInt64(number * 7), body: [UInt8(number), 255])
    }
    var digest = ScopeDigest.empty
    records.forEach { digest.add($0) }
    try expectCommitted(
      "scope-digest.json",
      Vector(
        records: records.map {
          Step(
            collection: $0.collection, key: $0.key, version: $0.version, body: Hex.encode($0.body),
            term: ScopeDigest.term($0).hex)
        }, digest: digest.sum.hex))
  }

  private func expectCommitted(_ name: String, _ vector: some Encodable) throws {
    let current = try VectorFile.text(vector)
    #expect(try VectorFile.committed(name, current: current) == current, "\(name) differs: the wire has changed")
  }
}

/// Three receipts of one commit.
enum Receipts {
  static var leaves: [[UInt8]] {
    (1...3).map { number in
      ReceiptStatement(
        attempt: number == 2 ? Fixed.attempt : ID128(high: 9, low: UInt64(number)), ordinal: 1, journal: Fixed.journal,
        sequence: 10, head: Fixed.heads[9], answers: Fixed.seal.answers, answerCount: 5,
        serverTime: 1_795_000_100_000, number: "R-\(number)", applied: Fixed.seal.answers, appliedCount: 5
      ).wire
    }
  }

  static func three() throws -> [Receipt] {
    let hashes = leaves.map(MerkleTree.leaf)
    let root = RootStatement(
      node: Fixed.node, epoch: 77, index: 4, previous: Hash.sha256([1]), root: MerkleTree.root(hashes[...]),
      time: 1_795_000_100_000
    ).wire
    let signature = Fixed.serverKey.sign(root, context: .root)
    return leaves.enumerated().map { index, statement in
      Receipt(
        statement: statement, leafIndex: UInt64(index), leafCount: 3,
        path: MerkleTree.path(to: index, in: hashes[...]), root: root, signature: signature,
        keyID: Fixed.serverKey.id)
    }
  }
}

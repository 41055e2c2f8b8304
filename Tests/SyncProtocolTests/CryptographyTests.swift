import ExamModel
import SyncProtocol
import SyncWire
import Testing

@Suite struct CryptographyTests {
  @Test func aChainDependsOnEveryByteAndOnItsOwner() {
    let body: [UInt8] = [1, 2, 3]
    let head = Chain.next(Fixed.heads[0], sequence: 1, body: body)
    #expect(head != Chain.next(Fixed.heads[0], sequence: 2, body: body))
    #expect(head != Chain.next(Fixed.heads[0], sequence: 1, body: [1, 2, 4]))
    #expect(head != Chain.next(Fixed.heads[1], sequence: 1, body: body))
    let other = Chain.genesis(journal: Fixed.journal, subject: Fixed.attempt, deviceKey: Fixed.serverKey.id)
    #expect(other != Fixed.heads[0])
  }

  @Test(arguments: 1...20)
  func everyLeafOfATreeProvesItself(count: Int) {
    let leaves = (0..<count).map { MerkleTree.leaf([UInt8($0)]) }
    let root = MerkleTree.root(leaves[...])
    for index in 0..<count {
      let path = MerkleTree.path(to: index, in: leaves[...])
      let proof = { (leaf: Digest256, index: Int, path: [Digest256]) in
        MerkleTree.root(leaf: leaf, index: UInt64(index), count: UInt64(count), path: path)
      }
      #expect(proof(leaves[index], index, path) == root)
      #expect(proof(MerkleTree.leaf([200]), index, path) != root)
      #expect(proof(leaves[index], index, path + [root]) != root)
      if count > 1 { #expect(proof(leaves[index], (index + 1) % count, path) != root) }
    }
    #expect(MerkleTree.root(leaf: leaves[0], index: UInt64(count), count: UInt64(count), path: []) == nil)
  }

  @Test func aReceiptFailsWithAnyByteChanged() throws {
    let receipt = try Receipts.three()[2]
    let key = Fixed.serverKey.publicKey
    #expect(try receipt.verified(publicKey: key).receipt.number == "R-3")
    let wire = receipt.wire
    for index in wire.indices {
      var changed = wire
      changed[index] ^= 1
      let verified = try? Receipt(wire: changed).verified(publicKey: key)
      // A change may hit an unknown or repeated field, but never what the receipt says.
      if let verified { #expect(verified.receipt.wire == receipt.statement, "byte \(index)") }
    }
    #expect(throws: WireError.self) { try receipt.verified(publicKey: Fixed.deviceKey.publicKey) }
  }

  @Test func aSignatureServesOneContextOnly() {
    let message: [UInt8] = [7]
    let signature = Fixed.deviceKey.sign(message, context: .seal)
    let key = Fixed.deviceKey.publicKey
    #expect(Signatures.verify(signature, of: message, context: .seal, publicKey: key))
    #expect(!Signatures.verify(signature, of: message, context: .login, publicKey: key))
    #expect(!Signatures.verify(signature, of: [8], context: .seal, publicKey: key))
    #expect(!Signatures.verify(signature, of: message, context: .seal, publicKey: [1, 2]))
  }

  @Test func aRequestMACCoversMethodPathTimeAndBody() {
    func mac(
      _ method: String = "POST", _ path: String = "/v1/sync", _ sentAt: UInt64 = 5, _ body: [UInt8] = [0]
    ) -> MAC {
      MessageAuthentication.request(secret: Fixed.secret, method: method, path: path, sentAt: sentAt, body: body)
    }
    let all = [mac(), mac("GET"), mac("POST", "/v1/join"), mac("POST", "/v1/sync", 6), mac("POST", "/v1/sync", 5, [1])]
    #expect(Set(all).count == all.count)
    #expect(mac().isEqualInConstantTime(to: mac()))
    #expect(!mac().isEqualInConstantTime(to: mac("GET")))
  }

  @Test(arguments: [0, 1, 15, 65_535, 65_536, 65_537, 200_000])
  func aBlobOpensWholeOrNotAtAll(length: Int) throws {
    let plaintext = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let sealed = BlobSeal.seal(plaintext, paperKey: Fixed.paperKey, salt: Fixed.salt)
    #expect(sealed.count == BlobSeal.sealedLength(ofPlaintext: length))
    #expect(try BlobSeal.open(sealed, paperKey: Fixed.paperKey) == plaintext)
    #expect(throws: BlobError.self) { try BlobSeal.open(sealed, paperKey: Fixed.salt) }
    #expect(throws: BlobError.self) { try BlobSeal.open(Array(sealed.dropLast()), paperKey: Fixed.paperKey) }
    #expect(throws: BlobError.self) { try BlobSeal.open(sealed + [0], paperKey: Fixed.paperKey) }
    for index in stride(from: 0, to: sealed.count, by: max(1, sealed.count / 97)) {
      var changed = sealed
      changed[index] ^= 0x40
      #expect(throws: BlobError.self) { try BlobSeal.open(changed, paperKey: Fixed.paperKey) }
    }
  }

  @Test func aBlobCutAtAChunkIsRefused() {
    let sealed = BlobSeal.seal([UInt8](repeating: 1, count: 70_000), paperKey: Fixed.paperKey, salt: Fixed.salt)
    let firstChunk = 5 + 32 + 65_536 + 16
    #expect(throws: BlobError.notAuthentic) {
      try BlobSeal.open(Array(sealed[..<firstChunk]), paperKey: Fixed.paperKey)
    }
  }

  @Test func theScopeDigestForgetsNothingAndOrderDoesNotMatter() {
    let records = (0..<50).map { Record(collection: "c", key: "\($0)", version: UInt64($0), body: [UInt8($0)]) }
    var forward = ScopeDigest.empty
    var backward = ScopeDigest.empty
    records.forEach { forward.add($0) }
    records.reversed().forEach { backward.add($0) }
    #expect(forward == backward)
    records.forEach { forward.remove($0) }
    #expect(forward == .empty)
    forward.remove(records[0])
    forward.add(records[0])
    #expect(forward == .empty)
    forward.add(Record(collection: "c", key: "x", version: 9, body: [], isDeleted: true))
    #expect(forward == .empty)
  }

  @Test func anUnlockCodeHasEightDigitsAndBelongsToOneLock() {
    let codes = (1...200).map {
      MessageAuthentication.unlockCode(secret: Fixed.secret, attempt: Fixed.attempt, number: $0)
    }
    #expect(codes.allSatisfy { $0.utf8.count == 8 && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } })
    #expect(Set(codes).count == codes.count)
  }
}

import ExamModel
import ExamStore
import SyncProtocol
import Testing

@Suite struct BlobTests {
  private let content: [UInt8] = (0..<600_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 8)) }

  private var reference: BlobReference {
    BlobReference(digest: Hash.sha256(content), length: UInt64(content.count))
  }

  private func fetch(_ phone: Phone, from start: Int = 0, step: Int = 200_000, restarts: Bool = false) throws {
    var offset = start
    while offset < content.count {
      let end = min(offset + step, content.count)
      let progress = try phone.store.append(Array(content[offset..<end]), at: UInt64(offset), to: reference)
      #expect(progress.held == UInt64(end))
      offset = end
      if restarts { try phone.restart() }
    }
  }

  @Test func blobArrivesInPartsAcrossReopening() throws {
    let phone = try Phone()
    #expect(try phone.store.blobProgress(reference).held == 0)
    try fetch(phone, restarts: true)
    #expect(try !phone.store.blobProgress(reference).isVerified)
    #expect(try phone.store.readBlob(reference) == nil)
    #expect(try phone.store.verify(reference))
    try phone.restart()
    #expect(try phone.store.readBlob(reference) == content)
  }

  @Test func partsAreReadAcrossChunks() throws {
    let phone = try Phone()
    try fetch(phone)
    #expect(try phone.store.verify(reference))
    for (offset, length) in [(0, 1), (199_990, 20), (150_000, 300_000), (599_999, 1), (600_000, 0)] {
      let part = try phone.store.readPart(of: reference.digest, offset: UInt64(offset), length: UInt64(length))
      #expect(part == Array(content[offset..<offset + length]))
    }
    #expect(try phone.store.readPart(of: reference.digest, offset: 599_999, length: 2) == nil)
    #expect(try phone.store.readPart(of: reference.digest, offset: .max, length: .max) == nil)
    #expect(try phone.store.readPart(of: .zero, offset: 0, length: 1) == nil)
  }

  @Test func overlapIsSkippedAndAGapIsRefused() throws {
    let phone = try Phone()
    _ = try phone.store.append(Array(content[..<1_000]), at: 0, to: reference)
    let again = try phone.store.append(Array(content[500..<2_000]), at: 500, to: reference)
    #expect(again.held == 2_000)
    #expect(try phone.store.append(Array(content[..<100]), at: 0, to: reference).held == 2_000)
    try refused(.blobInvalid) { _ = try phone.store.append([1], at: 2_001, to: reference) }
    try fetch(phone, from: 2_000)
    #expect(try phone.store.verify(reference))
  }

  @Test func bytesOutsideTheBlobAreRefused() throws {
    let phone = try Phone()
    let small = BlobReference(digest: .zero, length: 4)
    let huge = BlobReference(digest: .zero, length: UInt64(Limits.blobBytes) + 1)
    try refused(.blobInvalid) { _ = try phone.store.append([1, 2, 3, 4, 5], at: 0, to: small) }
    try refused(.blobInvalid) { _ = try phone.store.append([1], at: .max, to: small) }
    try refused(.blobInvalid) { _ = try phone.store.append([1], at: 0, to: huge) }
    let range = [UInt8](repeating: 0, count: Limits.blobRangeBytes + 1)
    try refused(.blobInvalid) { _ = try phone.store.append(range, at: 0, to: reference) }
  }

  @Test func wrongBytesAreThrownAway() throws {
    let phone = try Phone()
    let address = BlobReference(digest: Hash.sha256([9]), length: 3)
    _ = try phone.store.append([1, 2, 3], at: 0, to: address)
    #expect(try !phone.store.verify(address))
    #expect(try phone.store.blobProgress(address).held == 0)
  }

  @Test func otherLengthForTheSameAddressStartsAnew() throws {
    let phone = try Phone()
    let digest = Hash.sha256([1, 2, 3])
    _ = try phone.store.append([1, 2, 3, 4], at: 0, to: BlobReference(digest: digest, length: 9))
    let right = BlobReference(digest: digest, length: 3)
    #expect(try phone.store.blobProgress(right).held == 0)
    _ = try phone.store.append([1, 2, 3], at: 0, to: right)
    #expect(try phone.store.verify(right))
  }

  @Test func emptyBlobIsWhole() throws {
    let phone = try Phone()
    let empty = BlobReference(digest: Hash.sha256([]), length: 0)
    _ = try phone.store.append([], at: 0, to: empty)
    #expect(try phone.store.verify(empty))
    #expect(try phone.store.readBlob(empty) == [])
  }

  @Test func removedBlobIsFetchedAgain() throws {
    let phone = try Phone()
    try fetch(phone)
    #expect(try phone.store.verify(reference))
    try phone.store.removeBlob(reference.digest)
    #expect(try phone.store.blobProgress(reference).held == 0)
    try fetch(phone)
    #expect(try phone.store.verify(reference))
  }

  @Test func bitFlipInABlobIsFoundWhenItIsVerifiedAgain() throws {
    let phone = try Phone()
    try fetch(phone)
    #expect(try phone.store.verify(reference))
    phone.store.close()
    var file = try bytes(of: phone.path + "-blobs")
    file[file.count / 2] ^= 4
    try write(file, to: phone.path + "-blobs")
    try phone.openAgain()
    #expect(try !phone.store.verify(reference, again: true))
    try fetch(phone)
    #expect(try phone.store.verify(reference))
  }

  @Test func damagedBlobFileIsSetAsideAndSavingGoesOn() throws {
    let phone = try Phone.answering()
    try fetch(phone)
    phone.store.close()
    try write([UInt8](repeating: 0x5A, count: 20_000), to: phone.path + "-blobs")
    try phone.openAgain()
    #expect(try phone.store.blobProgress(reference).held == 0)
    try phone.answer("q1", "A")
    #expect(phone.folder.names.contains("store.db-blobs.quarantined-1"))
    try fetch(phone)
    #expect(try phone.store.verify(reference))
  }
}

import ExamModel
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

@Suite struct PaperPublisherTests {
  private let key = [UInt8](repeating: 9, count: 32)

  private func parts(_ count: Int, size: Int) -> [(name: String, plaintext: [UInt8])] {
    [("structure", Array("structure".utf8))]
      + (0..<count).map { ("item/q\($0)", [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: size)) }
  }

  private func read(_ publication: PaperPublisher.Publication, _ blobs: [Digest256: [UInt8]]) throws
    -> [String: [UInt8]]
  {
    let manifest = try PaperManifest(
      wire: try BlobSeal.open(try #require(blobs[publication.manifest.digest]), paperKey: key))
    var plain: [String: [UInt8]] = [:]
    for part in manifest.parts {
      let pack = try #require(blobs[part.pack])
      let sealed = Array(pack[Int(part.offset)..<Int(part.offset + part.length)])
      #expect(Hash.sha256(sealed) == part.digest)
      plain[part.name] = try BlobSeal.open(sealed, paperKey: key)
    }
    return plain
  }

  @Test func everyPartOpensFromItsPack() throws {
    var generator = SplitMix(1)
    let parts = parts(40, size: 20_000)
    let publication = try PaperPublisher.publish(
      id: "p", version: 1, parts: parts, key: key, previous: nil, using: &generator)
    #expect(publication.packs.count > 2)
    #expect(publication.packs.allSatisfy { $0.length <= UInt64(Limits.packBytes) })
    for (digest, bytes) in publication.blobs { #expect(Hash.sha256(bytes) == digest) }
    let plain = try read(publication, publication.blobs)
    #expect(plain == Dictionary(parts.map { ($0.name, $0.plaintext) }) { $1 })
    #expect(publication.keyCheck == BlobSeal.keyCheck(key))
  }

  @Test func aPartLargerThanAPackHasItsOwn() throws {
    var generator = SplitMix(2)
    let parts = parts(2, size: 10) + [("asset/a", [UInt8](repeating: 1, count: 600_000))]
    let publication = try PaperPublisher.publish(
      id: "p", version: 1, parts: parts, key: key, previous: nil, using: &generator)
    #expect(publication.packs.count == 2)
    #expect(try read(publication, publication.blobs)["asset/a"]?.count == 600_000)
  }

  @Test func unchangedPartsStayWhereTheyAre() throws {
    var generator = SplitMix(3)
    var parts = parts(30, size: 20_000)
    let first = try PaperPublisher.publish(
      id: "p", version: 1, parts: parts, key: key, previous: nil, using: &generator)
    parts[5].plaintext = Array("corrected".utf8)
    let second = try PaperPublisher.publish(
      id: "p", version: 2, parts: parts, key: key, previous: first.parts, using: &generator)
    #expect(second.blobs.count == 2)
    let moved = zip(first.parts.parts, second.parts.parts).filter { $0 != $1 }.map(\.1.name)
    #expect(moved == ["item/q4"])
    let plain = try read(second, first.blobs.merging(second.blobs) { $1 })
    #expect(plain["item/q4"] == Array("corrected".utf8))
    #expect(plain.count == 31)
    #expect(Set(second.packs.map(\.digest)) == Set(second.parts.parts.map(\.pack)))
  }

  @Test func wrongInputIsRefused() {
    var generator = SplitMix(4)
    #expect(throws: PaperPublisher.Failure.self) {
      try PaperPublisher.publish(
        id: "p", version: 1, parts: parts(1, size: 1), key: [1], previous: nil, using: &generator)
    }
    #expect(throws: PaperPublisher.Failure.self) {
      try PaperPublisher.publish(id: "p", version: 1, parts: [], key: key, previous: nil, using: &generator)
    }
    #expect(throws: PaperPublisher.Failure.self) {
      try PaperPublisher.publish(
        id: "p", version: 1, parts: parts(1, size: 1) + parts(1, size: 1), key: key, previous: nil, using: &generator)
    }
  }
}

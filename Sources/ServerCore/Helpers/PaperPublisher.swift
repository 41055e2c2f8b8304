public import ExamModel
import SyncProtocol
import SyncWire

/// Seals a paper's parts, once, at publication.
public enum PaperPublisher {
  /// What is to be stored as blobs, and what the store is told.
  public struct Publication: Sendable {
    /// New blobs by their digest; blobs of earlier versions stay where they are.
    public var blobs: [Digest256: [UInt8]]
    public var manifest: BlobPointer
    /// Every pack that the version needs, old and new.
    public var packs: [BlobPointer]
    public var keyCheck: Digest256
    public var parts: PublishedParts
  }

  public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String
  }

  /// Parts whose plaintext did not change keep their place; the others are sealed each under a fresh salt, and
  /// concatenated into packs of about ``Limits/packBytes``. The manifest is a sealed blob of its own.
  ///
  /// - Parameters:
  ///   - parts: `structure`, `item/<id>`, `stem/<id>`, `options/<id>`, `asset/<id>` with their plain bytes.
  ///   - key: the exam's paper key, 32 bytes.
  ///   - previous: of the version before, sealed under the same key.
  public static func publish(
    id: String, version: UInt32, parts: [(name: String, plaintext: [UInt8])], key: [UInt8],
    previous: PublishedParts?, using generator: inout some RandomNumberGenerator
  ) throws(Failure) -> Publication {
    guard key.count == 32 else { throw Failure(description: "A paper key has 32 bytes.") }
    guard Set(parts.map(\.name)).count == parts.count, !parts.isEmpty else {
      throw Failure(description: "The parts of a paper have names of their own; at least one is needed.")
    }
    let known = Dictionary((previous?.parts ?? []).map { ($0.name, $0) }) { first, _ in first }
    var packer = Packer()
    var placed: [PublishedParts.Part] = []
    for part in parts {
      let plaintext = Hash.sha256(part.plaintext)
      if let old = known[part.name], old.plaintext == plaintext {
        placed.append(old)
        continue
      }
      let sealed = BlobSeal.seal(part.plaintext, paperKey: key, salt: salt(&generator))
      guard sealed.count <= Limits.blobBytes else {
        throw Failure(description: "\(part.name) is larger than a blob may be. Make it smaller.")
      }
      packer.add(sealed, name: part.name, plaintext: plaintext)
    }
    packer.close()
    placed += packer.placed
    let used = Set(placed.map(\.pack))
    let packs =
      (previous?.packs.filter { used.contains($0.digest) } ?? [])
      + packer.packs.map { BlobPointer(digest: $0.digest, length: UInt64($0.bytes.count)) }
    let order = Dictionary(parts.enumerated().map { ($1.name, $0) }) { first, _ in first }
    placed.sort { order[$0.name, default: 0] < order[$1.name, default: 0] }
    let manifest = PaperManifest(
      id: id, version: version,
      parts: placed.map {
        ManifestPart(name: $0.name, digest: $0.digest, pack: $0.pack, offset: $0.offset, length: $0.length)
      })
    let sealed = BlobSeal.seal(manifest.wire, paperKey: key, salt: salt(&generator))
    let digest = Hash.sha256(sealed)
    var blobs = Dictionary(packer.packs.map { ($0.digest, $0.bytes) }) { first, _ in first }
    blobs[digest] = sealed
    return Publication(
      blobs: blobs, manifest: BlobPointer(digest: digest, length: UInt64(sealed.count)), packs: packs,
      keyCheck: BlobSeal.keyCheck(key), parts: PublishedParts(parts: placed, packs: packs))
  }

  private static func salt(_ generator: inout some RandomNumberGenerator) -> [UInt8] {
    ID128.random(using: &generator).bytes + ID128.random(using: &generator).bytes
  }

  /// Fills packs one after another; a part larger than a pack has one of its own.
  private struct Packer {
    var packs: [(digest: Digest256, bytes: [UInt8])] = []
    var placed: [PublishedParts.Part] = []
    private var bytes: [UInt8] = []
    private var open: [PublishedParts.Part] = []

    mutating func add(_ sealed: [UInt8], name: String, plaintext: Digest256) {
      if !bytes.isEmpty, bytes.count + sealed.count > Limits.packBytes { close() }
      open.append(
        PublishedParts.Part(
          name: name, plaintext: plaintext, digest: Hash.sha256(sealed), pack: .zero, offset: UInt64(bytes.count),
          length: UInt64(sealed.count)))
      bytes += sealed
    }

    mutating func close() {
      guard !bytes.isEmpty else { return }
      let digest = Hash.sha256(bytes)
      packs.append((digest, bytes))
      for var part in open {
        part.pack = digest
        placed.append(part)
      }
      bytes = []
      open = []
    }
  }
}

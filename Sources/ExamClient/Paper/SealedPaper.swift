package import ExamModel
package import SyncProtocol
import SyncWire

/// A paper version as it lies sealed on the device, opened with its key.
package struct SealedPaper {
  package let manifest: PaperManifest
  private let key: [UInt8]
  private let places: [String: ManifestPart]
  /// The bytes of a pack, verified by their digest; `nil` if they are not there.
  private let pack: (Digest256) -> [UInt8]?

  /// Opens the manifest.
  ///
  /// - Parameters:
  ///   - record: of the paper version.
  ///   - key: as released, or empty for none.
  ///   - pack: gives the whole of a blob by its address.
  package init(
    _ record: PaperRecord, key: [UInt8], pack: @escaping (Digest256) -> [UInt8]?
  ) throws(PaperFault) {
    guard BlobSeal.keyCheck(key) == record.keyCheck else { throw .wrongKey }
    guard let sealed = pack(record.manifest.digest) else { throw .missing("manifest") }
    do {
      manifest = try PaperManifest(wire: try BlobSeal.open(sealed, paperKey: key))
    } catch {
      throw .damaged("manifest")
    }
    self.key = key
    self.pack = pack
    places = Dictionary(manifest.parts.map { ($0.name, $0) }) { first, _ in first }
  }

  /// The whole paper without its pictures. Each pack is read once.
  package func paper() throws(PaperFault) -> Paper {
    var packs: [Digest256: [UInt8]] = [:]
    do {
      return try Paper { name throws(WireError) in
        do throws(PaperFault) {
          return try part(name, packs: &packs)
        } catch {
          throw WireError(name, error.description)
        }
      }
    } catch {
      throw .damaged(error.field)
    }
  }

  /// One picture, its SHA-256 checked against the paper's own word.
  func asset(_ reference: AssetReference) throws(PaperFault) -> [UInt8] {
    var packs: [Digest256: [UInt8]] = [:]
    let name = Paper.assetPartName(reference.id)
    let bytes = try part(name, packs: &packs)
    guard bytes.count == reference.byteLength, Hash.sha256(bytes).bytes == reference.sha256 else {
      throw .damaged(name)
    }
    return bytes
  }

  /// The blob that holds a part, so that a missing picture can be fetched again (S3-28).
  func pack(ofAsset id: String) -> Digest256? { places[Paper.assetPartName(id)]?.pack }

  private func part(_ name: String, packs: inout [Digest256: [UInt8]]) throws(PaperFault) -> [UInt8] {
    guard let place = places[name] else { throw .missing(name) }
    guard let bytes = packs[place.pack] ?? pack(place.pack) else { throw .missing(name) }
    packs[place.pack] = bytes
    let (end, overflow) = place.offset.addingReportingOverflow(place.length)
    guard !overflow, end <= UInt64(bytes.count) else { throw .damaged(name) }
    let sealed = Array(bytes[Int(place.offset)..<Int(end)])
    guard Hash.sha256(sealed) == place.digest, let opened = try? BlobSeal.open(sealed, paperKey: key) else {
      throw .damaged(name)
    }
    return opened
  }
}

/// Why a paper does not open.
package enum PaperFault: Error, Hashable, Sendable, CustomStringConvertible {
  case wrongKey
  case missing(String)
  case damaged(String)

  package var description: String {
    switch self {
    case .wrongKey: "The key does not open this paper: wait for the next contact with the server."
    case .missing(let name): "The part \(name) is not on this device yet: stay connected until it is."
    case .damaged(let name): "The part \(name) does not read: it is fetched again."
    }
  }
}

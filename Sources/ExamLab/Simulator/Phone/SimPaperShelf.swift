import ExamClient
package import ExamModel
import Foundation
import SyncProtocol
import SyncWire

/// Papers that were opened in this process: five phones of an exam, and every exam of a shape, open the same bytes.
///
/// Opening is a function of the record, the key and the blobs. A phone's blobs are read from its own store each time,
/// and only where every byte is the same as before is the paper the one that came of it then.
///
/// `@unchecked Sendable`: the list is read and written under the lock.
final class SimPaperShelf: @unchecked Sendable {
  static let shared = SimPaperShelf()
  private let lock = NSLock()
  private var opened: [Opened] = []
  private static let mostKept = 16

  private struct Opened {
    var record: PaperRecord
    var key: [UInt8]
    /// In the order in which opening asks for them.
    var blobs: [(digest: Digest256, bytes: [UInt8])]
    var found: FoundPaper
  }

  func paper(
    _ record: PaperRecord, key: [UInt8], pack: @escaping (Digest256) -> [UInt8]?
  ) throws(PaperFault) -> FoundPaper {
    let read = ReadOnce(pack)
    let known = lock.withLock { opened.filter { $0.record == record && $0.key == key } }
    for candidate in known where candidate.blobs.allSatisfy({ read.bytes(of: $0.digest) == $0.bytes }) {
      return candidate.found
    }
    let paper = try SealedPaper(record, key: key, pack: { read.bytes(of: $0) }).paper()
    // A paper that cannot be taken apart again is none that was published.
    let found = FoundPaper(paper: paper, content: (try? PaperContent.digest(paper)) ?? .zero)
    lock.withLock {
      if opened.count >= Self.mostKept { opened.removeFirst() }
      opened.append(Opened(record: record, key: key, blobs: read.found, found: found))
    }
    return found
  }

  /// Reads each blob once, and remembers what was found.
  private final class ReadOnce {
    private let read: (Digest256) -> [UInt8]?
    private(set) var found: [(digest: Digest256, bytes: [UInt8])] = []

    init(_ read: @escaping (Digest256) -> [UInt8]?) {
      self.read = read
    }

    func bytes(of digest: Digest256) -> [UInt8]? {
      if let known = found.first(where: { $0.digest == digest }) { return known.bytes }
      guard let bytes = read(digest) else { return nil }
      found.append((digest, bytes))
      return bytes
    }
  }
}

/// A paper as a phone read it, and the digest of what it says.
struct FoundPaper {
  var paper: Paper
  var content: Digest256
}

/// What a paper says, as one digest: the same on whichever side, in whichever version of the blobs.
package enum PaperContent {
  /// SHA-256 over the names and the bytes of all parts.
  ///
  /// - Throws: where a part cannot be encoded; papers with assets are not meant.
  package static func digest(_ paper: Paper) throws -> Digest256 {
    var bytes: [UInt8] = []
    for part in try paper.publicationParts(assets: [:]) {
      bytes += Hash.sha256(Array(part.name.utf8)).bytes + Hash.sha256(part.plaintext).bytes
    }
    return Hash.sha256(bytes)
  }
}

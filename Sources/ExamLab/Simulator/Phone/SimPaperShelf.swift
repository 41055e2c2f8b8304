import ExamClient
import ExamModel
import Foundation
import SyncProtocol

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
    var paper: Paper
  }

  func paper(
    _ record: PaperRecord, key: [UInt8], pack: @escaping (Digest256) -> [UInt8]?
  ) throws(PaperFault) -> Paper {
    let read = ReadOnce(pack)
    let known = lock.withLock { opened.filter { $0.record == record && $0.key == key } }
    for candidate in known where candidate.blobs.allSatisfy({ read.bytes(of: $0.digest) == $0.bytes }) {
      return candidate.paper
    }
    let paper = try SealedPaper(record, key: key, pack: { read.bytes(of: $0) }).paper()
    lock.withLock {
      if opened.count >= Self.mostKept { opened.removeFirst() }
      opened.append(Opened(record: record, key: key, blobs: read.found, paper: paper))
    }
    return paper
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

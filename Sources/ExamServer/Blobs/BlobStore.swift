public import ExamModel
import Foundation
import SyncProtocol

/// Content-addressed files: `blobs/ab/<64 hexadecimal digits>`. A name is data and never a path.
public struct BlobStore: Sendable {
  public let directory: String

  public init(directory: String) {
    self.directory = directory
  }

  func path(_ digest: Digest256) -> String {
    let name = digest.hex
    return "\(directory)/\(name.prefix(2))/\(name)"
  }

  /// Writes a blob so that it is there, whole and on the disk, when this returns; one that is there already stays.
  public func write(_ bytes: [UInt8], digest: Digest256) throws(StorageError) {
    guard Hash.sha256(bytes) == digest else {
      throw StorageError("the blob \(digest.hex) has other bytes than its name says: publish the paper again")
    }
    let path = path(digest)
    if FileSystem.size(path) == bytes.count { return }
    let folder = String(path.dropLast(65))
    try FileSystem.makeDirectory(folder)
    try FileSystem.writeDurably(bytes, to: path, mode: 0o644)
    try FileSystem.synchronizeDirectory(directory)
  }

  /// The length of a blob in bytes; `nil` if it is not here.
  public func length(_ digest: Digest256) -> Int? { FileSystem.size(path(digest)) }

  /// Reads a part; `nil` if the blob is not here. Blocks.
  public func read(_ digest: Digest256, _ range: Range<Int>) throws(StorageError) -> [UInt8]? {
    try FileSystem.read(path(digest), range)
  }
}

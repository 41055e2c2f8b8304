import ExamModel
import ExamStore
import Foundation
import SyncProtocol

/// The files of a phone's store as its first opening makes them, before anything is in it.
///
/// A run makes dozens of stores, and making the tables takes longer than all answers of a question. One phone in four
/// makes its own all the same; the others begin on a copy, which their first opening verifies like any other file.
///
/// `@unchecked Sendable`: the image is read and written under the lock.
final class SimNewStore: @unchecked Sendable {
  static let shared = SimNewStore()
  private let lock = NSLock()
  private var image: DiskImage?

  func files() throws -> DiskImage {
    try lock.withLock {
      if let image { return image }
      let made = try Self.make()
      image = made
      return made
    }
  }

  private static func make() throws -> DiskImage {
    let disk = VirtualDisk(decisions: Decisions(seed: 0, plan: []), node: 0)
    defer { disk.close() }
    let instant = DeviceInstant(bootID: .zero, bootMilliseconds: 0, wallMilliseconds: 0)
    let store = try ExamStore(
      path: SimPhone.storeFile, vfs: disk.vfsName, files: disk.files, randomness: SystemRandomNumberGenerator(),
      at: instant)
    // The first question about a blob makes the file of blobs.
    _ = try store.blobProgress(BlobReference(digest: .zero, length: 1))
    store.close()
    // The reserve tells that a store was used here, and this one was not.
    return DiskImage(files: disk.snapshot().files.filter { $0.reservedByteCount == 0 && !$0.bytes.isEmpty })
  }
}

extension VirtualDisk {
  /// Lays files on a disk on which nothing was opened yet.
  func lay(_ image: DiskImage) {
    directory.replace(
      with: image.files.map { copy in
        let file = DiskFile()
        file.replace(with: copy.bytes, reservedByteCount: copy.reservedByteCount)
        return DiskDirectory.Entry(name: copy.path, file: file)
      })
  }
}

import ExamStore
import ServerCore

/// What `ExamStore` does with files beside SQLite, on a virtual disk. Its calls count like SQLite's.
struct VirtualFiles: StoreFiles {
  private let generation: DiskGeneration?

  init(_ generation: DiskGeneration?) {
    self.generation = generation
  }

  func lock(_ path: String) throws(ExamStoreError) -> any StoreLock {
    guard let generation, generation.admit() != nil else { throw Self.dead }
    guard generation.lockedPaths.insert(path).inserted else {
      throw ExamStoreError(
        .storeInUse, "Another program on this disk has this store open. Use or close that one; nothing was changed.")
    }
    return VirtualLock(generation: generation, path: path)
  }

  func exists(_ path: String) -> Bool { generation?.exists(path) ?? false }

  func rename(_ path: String, to newPath: String) throws(ExamStoreError) {
    guard let generation, let disk = generation.admit() else { throw Self.dead }
    guard disk.directory[path] != nil, disk.directory[newPath] == nil else {
      throw ExamStoreError(
        .storageFailed, "\(path) could not be renamed to \(newPath). Check the disk, then open the store again.")
    }
    guard Self.move(path, to: newPath, on: disk, of: generation) else { throw Self.dead }
  }

  /// Renames a file, and makes the new name durable.
  ///
  /// - Returns: `false` where the process died before it was.
  private static func move(
    _ path: String, to newPath: String, on disk: VirtualDisk, of generation: DiskGeneration
  ) -> Bool {
    disk.directory.rename(path, to: newPath)
    // A sync of the folder is a call of its own: the power may go before it.
    guard generation.admit() != nil else { return false }
    if !disk.liesNow() { disk.directory.sync() }
    return true
  }

  func remove(_ path: String) {
    guard let disk = generation?.admit(), disk.directory[path] != nil else { return }
    disk.directory.unlink(path)
  }

  func reserve(_ path: String, byteCount: Int) {
    guard let disk = generation?.admit(), disk.directory[path] == nil, disk.hasRoom(for: byteCount) else { return }
    let file = DiskFile()
    file.reservedByteCount = byteCount
    disk.directory.link(path, file)
  }

  /// What ``RenewedLog`` does with the log that an end without warning left.
  func renewLog(_ path: String) throws(StoreError) {
    let dead = StoreError(.fault, Self.dead.message)
    guard let generation, let disk = generation.admit() else { throw dead }
    guard let old = disk.directory[path], old.sizeBytes > 0, disk.hasRoom(for: old.sizeBytes) else { return }
    let new = DiskFile()
    disk.directory.link(path + ".new", new)
    new.write(old.live.base, count: old.live.count, at: 0)
    guard generation.admit() != nil else { throw dead }
    guard disk.sync(new) else {
      throw StoreError(.fault, "\(path).new could not be synced. Check the disk, then open it again.")
    }
    guard generation.admit() != nil, Self.move(path + ".new", to: path, on: disk, of: generation) else { throw dead }
  }

  private static let dead = ExamStoreError(
    .storageFailed, "The power is off or the process is dead. Start the disk again, then open the store.")
}

private final class VirtualLock: StoreLock {
  private let generation: DiskGeneration
  private let path: String
  private var isHeld = true

  init(generation: DiskGeneration, path: String) {
    self.generation = generation
    self.path = path
  }

  func release() {
    if isHeld { generation.lockedPaths.remove(path) }
    isHeld = false
  }

  deinit { release() }
}

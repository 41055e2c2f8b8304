import CSQLite
import SyncCore

/// One open file of a connection.
final class DiskHandle {
  let generation: DiskGeneration
  private let file: DiskFile
  /// The name to remove at the close, for files of the moment.
  private let removedPath: String?
  /// A new journal or WAL: its first sync is one of the folder too, as in SQLite's own VFS for Unix. That sync is what
  /// makes the removal of an older journal durable.
  private var syncsFolder: Bool
  private var level = SQLITE_LOCK_NONE
  private var index: SharedIndex?
  private var heldSlots: UInt8 = 0

  private var id: ObjectIdentifier { ObjectIdentifier(self) }

  init(generation: DiskGeneration, file: DiskFile, removing path: String? = nil, syncsFolder: Bool = false) {
    self.generation = generation
    self.file = file
    self.syncsFolder = syncsFolder
    removedPath = path
  }

  /// A dead generation's close changes nothing.
  func close() {
    guard let disk = generation.admit() else { return }
    file.locks.lower(&level, to: SQLITE_LOCK_NONE, by: id)
    unmap()
    if let removedPath { disk.directory.unlink(removedPath) }
  }

  func read(into target: UnsafeMutableRawPointer, count: Int, at offset: Int) -> Int32 {
    guard let disk = generation.admit() else { return DiskError.read }
    guard disk.strikes(disk.faults.readErrorsPerMillion) == 0 else {
      disk.report("a read of \(count) bytes failed")
      return DiskError.read
    }
    var found = file.live.read(into: target, count: count, at: offset)
    let strike = disk.strikes(disk.faults.shortReadsPerMillion)
    if strike != 0 {
      found = min(found, Int(strike) % max(1, count))
      disk.report("a read of \(count) bytes gave \(found)")
    }
    guard found < count else { return SQLITE_OK }
    (target + found).initializeMemory(as: UInt8.self, repeating: 0, count: count - found)
    return DiskError.shortRead
  }

  func write(_ source: UnsafeRawPointer, count: Int, at offset: Int) -> Int32 {
    guard let disk = generation.admit() else { return DiskError.write }
    let strike = disk.strikes(disk.faults.writeErrorsPerMillion)
    guard strike == 0 else {
      let sectors = Int(strike - 1) % (count / DiskFile.sectorBytes + 1)
      if sectors > 0 { file.write(source, count: sectors * DiskFile.sectorBytes, at: offset) }
      disk.report("a write of \(count) bytes failed after \(sectors) sectors")
      return DiskError.write
    }
    guard disk.hasRoom(for: offset + count - file.live.count) else { return SQLITE_FULL }
    file.write(source, count: count, at: offset)
    return SQLITE_OK
  }

  func truncate(to size: Int) -> Int32 {
    guard let disk = generation.admit() else { return DiskError.truncate }
    guard disk.strikes(disk.faults.truncateErrorsPerMillion) == 0 else {
      disk.report("cutting a file to \(size) bytes failed")
      return DiskError.truncate
    }
    file.truncate(to: size)
    return SQLITE_OK
  }

  func sync() -> Int32 {
    guard let disk = generation.admit() else { return DiskError.sync }
    guard disk.sync(file, withFolder: syncsFolder) else { return DiskError.sync }
    syncsFolder = false
    return SQLITE_OK
  }

  func size(_ size: UnsafeMutablePointer<Int64>) -> Int32 {
    guard generation.admit() != nil else { return DiskError.fileStatus }
    size.pointee = Int64(file.live.count)
    return SQLITE_OK
  }

  // MARK: - Locks

  func lock(_ wanted: Int32) -> Int32 {
    guard generation.admit() != nil else { return DiskError.lock }
    return file.locks.raise(&level, to: wanted, by: id)
  }

  func unlock(_ wanted: Int32) -> Int32 {
    guard generation.admit() != nil else { return DiskError.unlock }
    file.locks.lower(&level, to: wanted, by: id)
    return SQLITE_OK
  }

  func checkReservedLock(_ answer: UnsafeMutablePointer<Int32>) -> Int32 {
    guard generation.admit() != nil else { return DiskError.lock }
    answer.pointee = file.locks.isReserved ? 1 : 0
    return SQLITE_OK
  }

  // MARK: - The shared index of a WAL

  func map(
    _ number: Int, byteCount: Int, extends: Bool, _ place: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  ) -> Int32 {
    guard generation.admit() != nil else { return DiskError.sharedMemory }
    let shared = file.sharedIndex ?? SharedIndex()
    file.sharedIndex = shared
    index = shared
    place.pointee = shared.region(number, byteCount: byteCount, extends: extends)
    return SQLITE_OK
  }

  func lockIndex(from first: Int, count: Int, flags: Int32) -> Int32 {
    guard generation.admit() != nil, let index else { return DiskError.sharedMemory }
    let slots = first..<first + count
    guard flags & SQLITE_SHM_UNLOCK == 0 else {
      index.unlock(slots, held: &heldSlots, by: id)
      return SQLITE_OK
    }
    return index.lock(slots, isExclusive: flags & SQLITE_SHM_EXCLUSIVE != 0, held: &heldSlots, by: id)
  }

  func unmap() {
    index?.unlock(0..<Int(SQLITE_SHM_NLOCK), held: &heldSlots, by: id)
    index = nil
  }
}

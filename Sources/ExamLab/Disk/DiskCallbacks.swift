import CSQLite

/// The C side of the disk: finds the Swift object behind each pointer and hands the call on.
enum DiskCallbacks {
  /// What SQLite allocates for an open file.
  private struct OpenFile {
    var base: sqlite3_file
    /// Retained from xOpen to xClose.
    var handle: UnsafeMutableRawPointer?
  }

  private static let longestPathBytes: Int32 = 512
  /// As the system's VFS reports it.
  private static let sectorBytes: Int32 = 4096

  /// Written once, before the first disk.
  nonisolated(unsafe) private static let methods: UnsafePointer<sqlite3_io_methods> = {
    let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    methods.initialize(to: ioMethods())
    return UnsafePointer(methods)
  }()

  private static func handle(_ file: UnsafeMutablePointer<sqlite3_file>?) -> DiskHandle? {
    guard let file else { return nil }
    let raw = UnsafeMutableRawPointer(file).assumingMemoryBound(to: OpenFile.self).pointee.handle
    return raw.map { Unmanaged<DiskHandle>.fromOpaque($0).takeUnretainedValue() }
  }

  private static func generation(_ vfs: UnsafeMutablePointer<sqlite3_vfs>?) -> DiskGeneration? {
    guard let raw = vfs?.pointee.pAppData else { return nil }
    return Unmanaged<DiskGeneration>.fromOpaque(raw).takeUnretainedValue()
  }

  private static func open(
    _ vfs: UnsafeMutablePointer<sqlite3_vfs>?, _ path: UnsafePointer<CChar>?,
    _ file: UnsafeMutablePointer<sqlite3_file>?,
    _ flags: Int32, _ outFlags: UnsafeMutablePointer<Int32>?
  ) -> Int32 {
    guard let file, let generation = generation(vfs) else { return SQLITE_CANTOPEN }
    file.pointee.pMethods = nil
    let (code, handle) = generation.open(path.map { String(cString: $0) }, flags: flags)
    guard code == SQLITE_OK, let handle else { return code }
    UnsafeMutableRawPointer(file).assumingMemoryBound(to: OpenFile.self).pointee.handle =
      Unmanaged.passRetained(handle).toOpaque()
    file.pointee.pMethods = methods
    outFlags?.pointee = flags
    return SQLITE_OK
  }

  private static func close(_ file: UnsafeMutablePointer<sqlite3_file>?) -> Int32 {
    guard let file else { return SQLITE_OK }
    let place = UnsafeMutableRawPointer(file).assumingMemoryBound(to: OpenFile.self)
    guard let raw = place.pointee.handle else { return SQLITE_OK }
    place.pointee.handle = nil
    Unmanaged<DiskHandle>.fromOpaque(raw).takeRetainedValue().close()
    return SQLITE_OK
  }

  private static func ioMethods() -> sqlite3_io_methods {
    var methods = sqlite3_io_methods()
    // Version 2 has shared memory and no memory map.
    methods.iVersion = 2
    methods.xClose = { DiskCallbacks.close($0) }
    methods.xRead = { file, target, count, offset in
      guard let target, let handle = DiskCallbacks.handle(file) else { return DiskError.read }
      return handle.read(into: target, count: Int(count), at: Int(offset))
    }
    methods.xWrite = { file, source, count, offset in
      guard let source, let handle = DiskCallbacks.handle(file) else { return DiskError.write }
      return handle.write(source, count: Int(count), at: Int(offset))
    }
    methods.xTruncate = { file, size in DiskCallbacks.handle(file)?.truncate(to: Int(size)) ?? DiskError.truncate }
    methods.xSync = { file, _ in DiskCallbacks.handle(file)?.sync() ?? DiskError.sync }
    methods.xFileSize = { file, size in
      guard let size, let handle = DiskCallbacks.handle(file) else { return DiskError.fileStatus }
      return handle.size(size)
    }
    methods.xLock = { file, level in DiskCallbacks.handle(file)?.lock(level) ?? DiskError.lock }
    methods.xUnlock = { file, level in DiskCallbacks.handle(file)?.unlock(level) ?? DiskError.unlock }
    methods.xCheckReservedLock = { file, answer in
      guard let answer, let handle = DiskCallbacks.handle(file) else { return DiskError.lock }
      return handle.checkReservedLock(answer)
    }
    methods.xFileControl = { _, _, _ in SQLITE_NOTFOUND }
    methods.xSectorSize = { _ in DiskCallbacks.sectorBytes }
    methods.xDeviceCharacteristics = { _ in SQLITE_IOCAP_POWERSAFE_OVERWRITE }
    addSharedMemory(to: &methods)
    return methods
  }

  private static func addSharedMemory(to methods: inout sqlite3_io_methods) {
    methods.xShmMap = { file, number, byteCount, extends, place in
      guard let place, let handle = DiskCallbacks.handle(file) else { return DiskError.sharedMemory }
      return handle.map(Int(number), byteCount: Int(byteCount), extends: extends != 0, place)
    }
    methods.xShmLock = { file, first, count, flags in
      DiskCallbacks.handle(file)?.lockIndex(from: Int(first), count: Int(count), flags: flags)
        ?? DiskError.sharedMemory
    }
    methods.xShmBarrier = { _ in }
    methods.xShmUnmap = { file, _ in
      DiskCallbacks.handle(file)?.unmap()
      return SQLITE_OK
    }
  }

  /// The VFS under a name that outlives it.
  static func vfs(name: UnsafePointer<CChar>?) -> sqlite3_vfs {
    var vfs = sqlite3_vfs()
    vfs.iVersion = 2
    vfs.szOsFile = Int32(MemoryLayout<OpenFile>.size)
    vfs.mxPathname = longestPathBytes
    vfs.zName = name
    vfs.xOpen = { DiskCallbacks.open($0, $1, $2, $3, $4) }
    vfs.xDelete = { vfs, path, syncsFolder in
      guard let path, let generation = DiskCallbacks.generation(vfs) else { return DiskError.delete }
      return generation.delete(String(cString: path), syncsFolder: syncsFolder != 0)
    }
    vfs.xAccess = { vfs, path, _, answer in
      guard let path, let answer, let exists = DiskCallbacks.generation(vfs)?.exists(String(cString: path)) else {
        return DiskError.access
      }
      answer.pointee = exists ? 1 : 0
      return SQLITE_OK
    }
    vfs.xFullPathname = { _, path, room, target in
      guard let path, let target else { return SQLITE_CANTOPEN }
      // Every path is a name of its own: there are no folders and no links here.
      var length = 0
      while path[length] != 0 { length += 1 }
      guard length < room else { return SQLITE_CANTOPEN }
      target.update(from: path, count: length + 1)
      return SQLITE_OK
    }
    addClock(to: &vfs)
    return vfs
  }

  private static func addClock(to vfs: inout sqlite3_vfs) {
    vfs.xRandomness = { vfs, count, target in
      guard let target, let disk = DiskCallbacks.generation(vfs)?.disk else { return 0 }
      for index in 0..<Int(count) { target[index] = CChar(truncatingIfNeeded: disk.nextRandom()) }
      return count
    }
    vfs.xSleep = { vfs, microseconds in
      DiskCallbacks.generation(vfs)?.disk.nowMilliseconds += Int64(microseconds + 999) / 1000
      return microseconds
    }
    vfs.xCurrentTime = { vfs, days in
      guard let days, let disk = DiskCallbacks.generation(vfs)?.disk else { return SQLITE_ERROR }
      days.pointee = Double(disk.julianMilliseconds) / 86_400_000
      return SQLITE_OK
    }
    vfs.xCurrentTimeInt64 = { vfs, milliseconds in
      guard let milliseconds, let disk = DiskCallbacks.generation(vfs)?.disk else { return SQLITE_ERROR }
      milliseconds.pointee = disk.julianMilliseconds
      return SQLITE_OK
    }
    vfs.xGetLastError = { _, _, _ in 0 }
  }
}

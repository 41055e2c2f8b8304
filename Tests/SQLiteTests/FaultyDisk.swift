import CSQLite

/// The system's VFS with one difference: when told so, it fails. Every path goes to the real disk otherwise.
///
/// One instance for the process, because C callbacks carry no context; the suite that uses it is serialized.
enum FaultyDisk {
  static let name = "faulty-disk"

  /// What `fsync` answers from now on; `SQLITE_OK` lets it through.
  nonisolated(unsafe) static var syncResult = SQLITE_OK
  /// What a write to any file answers from now on.
  nonisolated(unsafe) static var writeResult = SQLITE_OK
  nonisolated(unsafe) static var syncs = 0

  nonisolated(unsafe) private static let system = sqlite3_vfs_find(nil)!
  /// The methods handed out, and the system's behind them: the system has one table for each kind of locking.
  nonisolated(unsafe) private static var tables:
    [UnsafePointer<sqlite3_io_methods>: UnsafePointer<sqlite3_io_methods>] = [:]

  private static let registration: Int32 = {
    let vfs = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    vfs.initialize(to: system.pointee)
    vfs.pointee.pNext = nil
    let characters = UnsafeMutableBufferPointer<CChar>.allocate(capacity: name.utf8CString.count)
    _ = characters.initialize(from: name.utf8CString)
    vfs.pointee.zName = UnsafePointer(characters.baseAddress)
    vfs.pointee.xOpen = { _, path, file, flags, outFlags in
      let code = FaultyDisk.system.pointee.xOpen(FaultyDisk.system, path, file, flags, outFlags)
      if code == SQLITE_OK, let file { FaultyDisk.replaceMethods(of: file) }
      return code
    }
    return sqlite3_vfs_register(vfs, 0)
  }()

  static func register() -> Int32 { registration }

  static func repair() {
    syncResult = SQLITE_OK
    writeResult = SQLITE_OK
  }

  private static func system(behind file: UnsafeMutablePointer<sqlite3_file>?) -> sqlite3_io_methods {
    tables[file!.pointee.pMethods]!.pointee
  }

  private static func replaceMethods(of file: UnsafeMutablePointer<sqlite3_file>) {
    let original = file.pointee.pMethods!
    if let known = tables.first(where: { $0.value == original }) {
      file.pointee.pMethods = known.key
      return
    }
    let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    methods.initialize(to: original.pointee)
    methods.pointee.xSync = { file, flags in
      FaultyDisk.syncs += 1
      guard FaultyDisk.syncResult == SQLITE_OK else { return FaultyDisk.syncResult }
      return FaultyDisk.system(behind: file).xSync(file, flags)
    }
    methods.pointee.xWrite = { file, bytes, count, offset in
      guard FaultyDisk.writeResult == SQLITE_OK else { return FaultyDisk.writeResult }
      return FaultyDisk.system(behind: file).xWrite(file, bytes, count, offset)
    }
    tables[UnsafePointer(methods)] = original
    file.pointee.pMethods = UnsafePointer(methods)
  }
}

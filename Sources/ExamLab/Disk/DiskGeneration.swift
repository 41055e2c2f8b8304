import CSQLite

/// The life of the programs on a disk from one start to the next crash: an SQLite VFS of its own.
///
/// Dead, it refuses every call and changes nothing, whoever still holds a connection of it.
final class DiskGeneration {
  unowned let disk: VirtualDisk
  private(set) var isDead = false
  /// The lock files that a program of this generation holds.
  var lockedPaths: Set<String> = []
  private let vfs: UnsafeMutablePointer<sqlite3_vfs>
  private let name: UnsafeMutableBufferPointer<CChar>
  private var isRegistered = false

  init(disk: VirtualDisk, name text: String) {
    self.disk = disk
    let characters = text.utf8CString
    name = .allocate(capacity: characters.count)
    _ = name.initialize(from: characters)
    vfs = .allocate(capacity: 1)
    vfs.initialize(to: DiskCallbacks.vfs(name: UnsafePointer(name.baseAddress)))
    vfs.pointee.pAppData = Unmanaged.passUnretained(self).toOpaque()
    // Registering fails only when there is no memory; then no connection finds the name.
    isRegistered = sqlite3_vfs_register(vfs, 0) == SQLITE_OK
  }

  deinit {
    retire()
    vfs.deallocate()
    name.deallocate()
  }

  /// Nothing happens any more on behalf of this generation.
  func die() { isDead = true }

  /// Frees the name for the next generation.
  func retire() {
    die()
    if isRegistered { sqlite3_vfs_unregister(vfs) }
    isRegistered = false
  }

  /// Counts a call and gives the disk to make it on; `nil` if this generation is dead or dies at this call.
  func admit() -> VirtualDisk? {
    guard !isDead else { return nil }
    disk.countCall()
    return isDead ? nil : disk
  }

  // MARK: - What SQLite asks of a VFS

  func open(_ path: String?, flags: Int32) -> (code: Int32, handle: DiskHandle?) {
    guard let disk = admit() else { return (SQLITE_CANTOPEN, nil) }
    guard let path else {
      return (SQLITE_OK, DiskHandle(generation: self, file: DiskFile()))
    }
    let removed = flags & SQLITE_OPEN_DELETEONCLOSE != 0 ? path : nil
    if let file = disk.directory[path] {
      guard flags & SQLITE_OPEN_EXCLUSIVE == 0 else { return (SQLITE_CANTOPEN, nil) }
      return (SQLITE_OK, DiskHandle(generation: self, file: file, removing: removed))
    }
    guard flags & SQLITE_OPEN_CREATE != 0 else { return (SQLITE_CANTOPEN, nil) }
    let file = DiskFile()
    disk.directory.link(path, file)
    let journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL
    return (
      SQLITE_OK, DiskHandle(generation: self, file: file, removing: removed, syncsFolder: flags & journals != 0)
    )
  }

  func delete(_ path: String, syncsFolder: Bool) -> Int32 {
    guard let disk = admit() else { return DiskError.delete }
    guard disk.directory[path] != nil else { return DiskError.deleteMissing }
    guard disk.strikes(disk.faults.deleteErrorsPerMillion) == 0 else {
      disk.report("removing \(path) failed")
      return DiskError.delete
    }
    disk.directory.unlink(path)
    if syncsFolder, !disk.liesNow() { disk.directory.sync() }
    return SQLITE_OK
  }

  /// `nil` if the generation is dead.
  func exists(_ path: String) -> Bool? {
    guard let disk = admit() else { return nil }
    return disk.directory[path] != nil
  }
}

/// The extended result codes that the disk answers with; the C header defines them in a way that Swift cannot read.
enum DiskError {
  static let read = SQLITE_IOERR | 1 << 8
  static let shortRead = SQLITE_IOERR | 2 << 8
  static let write = SQLITE_IOERR | 3 << 8
  static let sync = SQLITE_IOERR | 4 << 8
  static let truncate = SQLITE_IOERR | 6 << 8
  static let fileStatus = SQLITE_IOERR | 7 << 8
  static let unlock = SQLITE_IOERR | 8 << 8
  static let delete = SQLITE_IOERR | 10 << 8
  static let access = SQLITE_IOERR | 13 << 8
  static let lock = SQLITE_IOERR | 15 << 8
  static let sharedMemory = SQLITE_IOERR | 19 << 8
  static let deleteMissing = SQLITE_IOERR | 23 << 8
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The operating system's files.
public struct SystemFiles: StoreFiles {
  public init() {}

  public func lock(_ path: String) throws(ExamStoreError) -> any StoreLock {
    try SystemLock(path: path)
  }

  public func exists(_ path: String) -> Bool {
    // A disk that does not answer has not said that there is no file: nothing may be put in its place then.
    access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR)
  }

  public func rename(_ path: String, to newPath: String) throws(ExamStoreError) {
    guard !exists(newPath), systemRename(path, newPath) == 0 else {
      throw ExamStoreError(
        .storageFailed,
        "\(path) could not be renamed to \(newPath) (system error \(errno)). Check the folder's permissions, then "
          + "open the store again.")
    }
    Self.syncFolder(of: newPath)
  }

  public func remove(_ path: String) {
    unlink(path)
  }

  public func reserve(_ path: String, byteCount: Int) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    // Written, not only made longer: a hole reserves nothing.
    let block = [UInt8](repeating: 0x52, count: 64 * 1024)
    var written = 0
    while written < byteCount {
      let count = block.withUnsafeBytes { write(descriptor, $0.baseAddress, min($0.count, byteCount - written)) }
      guard count > 0 else {
        unlink(path)
        return
      }
      written += count
    }
  }

  /// A new name survives a power cut only after its folder was synced.
  private static func syncFolder(of path: String) {
    let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}

private func systemRename(_ path: String, _ newPath: String) -> Int32 { rename(path, newPath) }

/// `flock` on a file that also names its owner for people. The kernel lets go of it when the process dies.
private final class SystemLock: StoreLock {
  private var descriptor: Int32

  init(path: String) throws(ExamStoreError) {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw ExamStoreError(
        .storageFailed,
        "\(path) could not be made (system error \(errno)). Check that the folder exists and may be written.")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      var bytes = [UInt8](repeating: 0, count: 32)
      let count = pread(descriptor, &bytes, bytes.count, 0)
      let owner = String(decoding: bytes.prefix(max(0, count)).prefix { $0 != 0x0A }, as: UTF8.self)
      close(descriptor)
      descriptor = -1
      throw ExamStoreError(
        .storeInUse,
        "Process \(owner.isEmpty ? "unknown" : owner) has this store open. Use or close that one; nothing was changed.")
    }
    let owner = Array("\(getpid())\n".utf8)
    ftruncate(descriptor, 0)
    _ = pwrite(descriptor, owner, owner.count, 0)
  }

  func release() {
    guard descriptor >= 0 else { return }
    // A child that is being started at this moment still shares the descriptor: closing ours alone would keep the lock.
    _ = flock(descriptor, LOCK_UN)
    close(descriptor)
    descriptor = -1
  }

  deinit {
    release()
  }
}

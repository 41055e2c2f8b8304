import Foundation

#if canImport(CDispatch)
  // The module in which the compiler finds the C library's `stat` on Linux.
  import CDispatch
#endif

/// A file or a folder that could not be used: which, why, and what to do next.
public struct StorageError: Error, Hashable, Sendable, CustomStringConvertible {
  public var message: String

  public init(_ message: String) {
    self.message = message
  }

  static func system(_ action: String, _ path: String) -> StorageError {
    let code = errno
    return StorageError("\(action) \(path) failed: \(String(cString: strerror(code))). Check the disk and the owner.")
  }

  public var description: String { message }
}

/// The few calls of the file system that must reach the disk before anybody is told so.
enum FileSystem {
  static func size(_ path: String) -> Int? {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(status.st_size)
  }

  /// The permission bits of a file.
  static func mode(_ path: String) -> mode_t? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
  }

  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  static func makeDirectory(_ path: String) throws(StorageError) {
    guard mkdir(path, 0o750) == 0 || errno == EEXIST else { throw .system("Making", path) }
    guard isDirectory(path) else { throw StorageError("\(path) is not a folder: name another data directory.") }
  }

  /// Writes beside the file, synchronizes, renames, synchronizes the folder: whole or not at all.
  static func writeDurably(_ bytes: [UInt8], to path: String, mode: mode_t) throws(StorageError) {
    let temporary = "\(path).\(getpid()).new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw .system("Writing", temporary) }
    var isWritten = false
    defer { if !isWritten { unlink(temporary) } }
    do throws(StorageError) {
      try writeAll(bytes, to: descriptor, path: temporary)
      guard fsync(descriptor) == 0 else { throw .system("Synchronizing", temporary) }
    } catch {
      close(descriptor)
      throw error
    }
    guard close(descriptor) == 0 else { throw .system("Closing", temporary) }
    guard rename(temporary, path) == 0 else { throw .system("Renaming", temporary) }
    isWritten = true
    try synchronizeDirectory(folder(of: path))
  }

  static func synchronizeDirectory(_ path: String) throws(StorageError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system("Opening", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .system("Synchronizing", path) }
  }

  /// Reads a part of a regular file; `nil` if there is none.
  static func read(_ path: String, _ range: Range<Int>) throws(StorageError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw .system("Opening", path)
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: range.count)
    var done = 0
    while done < range.count {
      let count = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress! + done, range.count - done, off_t(range.lowerBound + done))
      }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw .system("Reading", path) }
      guard count > 0 else { break }
      done += count
    }
    return done == range.count ? bytes : Array(bytes[..<done])
  }

  static func readAll(_ path: String, limit: Int) throws(StorageError) -> [UInt8]? {
    guard let size = size(path) else { return nil }
    guard size <= limit else { throw StorageError("\(path) has \(size) bytes, more than \(limit): it is not ours.") }
    return try read(path, 0..<size)
  }

  /// Bytes that an ordinary user may still write where `path` lies.
  static func freeBytes(_ path: String) -> UInt64? {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return nil }
    return UInt64(status.f_bavail) * UInt64(status.f_frsize)
  }

  /// Gives a file this many blocks of its own; without the room there is none.
  static func reserve(_ path: String, bytes: Int) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    let result = posix_fallocate(descriptor, 0, off_t(bytes))
    close(descriptor)
    if result != 0 { unlink(path) }
  }

  static func remove(_ path: String) {
    unlink(path)
  }

  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(StorageError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + done, bytes.count - done) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw .system("Writing", path) }
      done += count
    }
  }
}

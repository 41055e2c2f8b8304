import ServerCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Writes the log that an end without warning left into a new file, which takes its place, before a store is opened.
///
/// After a sync that failed the system's cache takes what it was to write for clean: every read finds it, no later sync
/// writes it, and it is gone with the power (Rebello et al., USENIX ATC 2020). While a commit of that kind is folded
/// into the file, a power cut would leave it there in part, and the log that mends it would be gone. The new file is
/// synced before anything is folded.
///
/// **Rule**: the caller holds the store's lock; nobody else may have the log open.
public enum RenewedLog {
  /// Without effect where there is no log. A disk without room for a second one is no reason not to open: nothing was
  /// acknowledged after the failure, and a server that does not start helps nobody.
  ///
  /// - Throws: ``StoreError`` of the kind `fault` where the log cannot be read, written or synced.
  public static func renew(_ path: String) throws {
    let old = open(path, O_RDONLY | O_CLOEXEC)
    guard old >= 0 else {
      if errno == ENOENT { return }
      throw failure("could not be opened", path)
    }
    defer { close(old) }
    var status = stat()
    guard fstat(old, &status) == 0 else { throw failure("could not be looked at", path) }
    guard status.st_size > 0 else { return }
    let newPath = path + ".new"
    do {
      try copy(old, to: newPath, count: Int(status.st_size), mode: status.st_mode & 0o777)
    } catch {
      unlink(newPath)
      guard error.kind == .full else { throw error }
      return
    }
    guard rename(newPath, path) == 0 else { throw failure("could not take its place", newPath) }
    let folder = open(path.lastIndex(of: "/").map { String(path[...$0]) } ?? ".", O_RDONLY | O_CLOEXEC)
    guard folder >= 0 else { throw failure("lies in a folder that could not be opened", path) }
    defer { close(folder) }
    guard fsync(folder) == 0 else { throw failure("lies in a folder that could not be synced", path) }
  }

  private static func copy(_ old: Int32, to newPath: String, count: Int, mode: mode_t) throws(StoreError) {
    // What an earlier start left half-written may have other rights.
    unlink(newPath)
    let new = open(newPath, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
    guard new >= 0 else { throw failure("could not be made", newPath) }
    defer { close(new) }
    var block = [UInt8](repeating: 0, count: 1 << 20)
    var done = 0
    while done < count {
      let length = block.withUnsafeMutableBytes { read(old, $0.baseAddress, min($0.count, count - done)) }
      guard length > 0 else { throw failure("could not be read to its end", newPath) }
      var written = 0
      while written < length {
        let more = block.withUnsafeBytes { write(new, $0.baseAddress! + written, length - written) }
        guard more > 0 else { throw failure("could not be written", newPath) }
        written += more
      }
      done += length
    }
    guard fsync(new) == 0 else { throw failure("could not be synced", newPath) }
  }

  private static func failure(_ what: String, _ path: String) -> StoreError {
    let code = errno
    return StoreError(
      code == ENOSPC || code == EDQUOT ? .full : .fault,
      "\(path) \(what) (system error \(code)). Check the disk and the folder's permissions, then start again.")
  }
}

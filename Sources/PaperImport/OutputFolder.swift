import ExamModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads a file that the user names and writes new files into a folder that the user names.
enum OutputFolder {
  static func read(_ path: String) throws(PaperImportError) -> [UInt8] {
    var parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let name = String(parts.removeLast())
    let folder = parts.isEmpty ? "." : parts.joined(separator: "/")
    let source = FolderSource(folder: folder.isEmpty ? "/" : folder)
    guard let bytes = try source.bytes(of: name, limit: PaperLimits.documentBytes) else {
      throw PaperImportError(.missingFile, file: path, message: "There is no such file. Check the path.")
    }
    return bytes
  }

  static func write(_ files: [String: [UInt8]], to folder: String) throws(PaperImportError) {
    guard mkdir(folder, 0o755) == 0 || errno == EEXIST else { throw unwritable(folder, errno) }
    for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
      let path = "\(folder)/\(name)"
      let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw unwritable(path, errno) }
      defer { close(descriptor) }
      try write(bytes, to: descriptor, path: path)
    }
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(PaperImportError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        #if canImport(Glibc)
          Glibc.write(descriptor, buffer.baseAddress! + written, buffer.count - written)
        #else
          Darwin.write(descriptor, buffer.baseAddress! + written, buffer.count - written)
        #endif
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw unwritable(path, errno) }
      written += count
    }
    guard fsync(descriptor) == 0 else { throw unwritable(path, errno) }
  }

  private static func unwritable(_ path: String, _ code: Int32) -> PaperImportError {
    PaperImportError(
      .unreadableFile, file: path,
      message: "It cannot be written: \(String(cString: strerror(code))). Name a folder that is new or empty.")
  }
}

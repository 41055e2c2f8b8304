import ExamModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Files in a folder. Every open refuses symbolic links and anything that is not a regular file, on the descriptor
/// that is then read: there is no moment between check and use.
struct FolderSource: PaperSource {
  let folder: String

  func bytes(of name: String, limit: Int) throws(PaperImportError) -> [UInt8]? {
    var directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw Self.unreadable(folder, errno) }
    defer { close(directory) }
    let parts = name.split(separator: "/")
    for part in parts.dropLast() {
      let inner = openat(directory, String(part), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      if inner < 0 {
        let code = errno
        if code == ENOENT { return nil }
        throw code == ELOOP || code == ENOTDIR
          ? Self.link(String(part)) : Self.unreadable(String(part), code)
      }
      close(directory)
      directory = inner
    }
    let descriptor = openat(directory, String(parts[parts.count - 1]), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    if descriptor < 0 {
      let code = errno
      if code == ENOENT { return nil }
      throw code == ELOOP ? Self.link(name) : Self.unreadable(name, code)
    }
    defer { close(descriptor) }
    return try Self.read(descriptor, name: name, limit: limit)
  }

  private static func read(_ descriptor: Int32, name: String, limit: Int) throws(PaperImportError) -> [UInt8] {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw unreadable(name, errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw PaperImportError(.notRegularFile, file: name, message: "This is not a regular file. Put a file there.")
    }
    guard status.st_size <= limit else { throw .tooLarge(name, limit: limit) }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size) + 1)
    var filled = 0
    while filled < bytes.count {
      let count = bytes.withUnsafeMutableBytes { buffer in
        #if canImport(Glibc)
          Glibc.read(descriptor, buffer.baseAddress! + filled, buffer.count - filled)
        #else
          Darwin.read(descriptor, buffer.baseAddress! + filled, buffer.count - filled)
        #endif
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw unreadable(name, errno) }
      if count == 0 { break }
      filled += count
    }
    guard filled <= Int(status.st_size) else {
      throw PaperImportError(.unreadableFile, file: name, message: "The file grew while it was read. Import it again.")
    }
    return Array(bytes.prefix(filled))
  }

  func assetNames() throws(PaperImportError) -> [String] {
    let path = folder + "/assets"
    if PathKind.of(path) == .symbolicLink { throw Self.link("assets") }
    guard let stream = opendir(path) else {
      if errno == ENOENT { return [] }
      throw Self.unreadable("assets", errno)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { buffer in
        String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
      guard names.count <= PaperLimits.assets + 1 else { break }
    }
    return names.sorted()
  }

  private static func link(_ name: String) -> PaperImportError {
    PaperImportError(
      .symbolicLink, file: name, message: "This is a symbolic link. Put the file itself there: links are not followed.")
  }

  private static func unreadable(_ name: String, _ code: Int32) -> PaperImportError {
    PaperImportError(
      .unreadableFile, file: name,
      message: "It cannot be read: \(String(cString: strerror(code))). Check that it exists and who may read it.")
  }
}

/// What stands at a path, following no link at its end.
enum PathKind {
  case folder, file, symbolicLink, other, absent

  static func of(_ path: String) -> PathKind {
    var status = stat()
    guard lstat(path, &status) == 0 else { return .absent }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: return .folder
    case S_IFREG: return .file
    case S_IFLNK: return .symbolicLink
    default: return .other
    }
  }
}

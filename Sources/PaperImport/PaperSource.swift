import ExamModel

/// Where a paper's files come from.
protocol PaperSource {
  /// The file's bytes; `nil` if there is none. Never follows a symbolic link, never reads more than `limit` bytes.
  func bytes(of name: String, limit: Int) throws(PaperImportError) -> [UInt8]?
  /// The names of all files in `assets/`, without the folder.
  func assetNames() throws(PaperImportError) -> [String]
}

/// Files in memory, by name (`paper.json`, `key.json`, `assets/ecg.png`).
struct MemorySource: PaperSource {
  var files: [String: [UInt8]]

  func bytes(of name: String, limit: Int) throws(PaperImportError) -> [UInt8]? {
    guard let bytes = files[name] else { return nil }
    guard bytes.count <= limit else { throw .tooLarge(name, limit: limit) }
    return bytes
  }

  func assetNames() throws(PaperImportError) -> [String] {
    files.keys.filter { $0.hasPrefix("assets/") }.map { String($0.dropFirst("assets/".count)) }.sorted()
  }
}

extension PaperImportError {
  static func tooLarge(_ name: String, limit: Int) -> PaperImportError {
    PaperImportError(
      .fileTooLarge, file: name, message: "The file has more than \(limit) bytes. Split the paper or shrink the file.")
  }
}

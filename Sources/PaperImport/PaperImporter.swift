public import ExamModel

/// A paper that passed every check, its key, and its pictures' bytes by asset id.
public struct ImportedPaper: Hashable, Sendable {
  public var paper: Paper
  /// Stays on the server.
  public var key: PaperKey
  public var assets: [String: [UInt8]]

  public init(paper: Paper, key: PaperKey, assets: [String: [UInt8]]) {
    self.paper = paper
    self.key = key
    self.assets = assets
  }
}

/// Reads papers in the project's own JSON format, `Protocol/paper-format.md`.
///
/// Whatever the format does not define is refused with its file and line, and so is whatever the paper declares and
/// never uses: nothing is silently dropped. A refusal imports nothing.
public enum PaperImporter {
  public static let paperFormat = "examsync-paper/1"
  public static let keyFormat = "examsync-key/1"
  static let paperFile = "paper.json"
  static let keyFile = "key.json"

  /// Loads a folder (`paper.json`, `key.json` unless the paper holds its key, `assets/`), or one JSON file that holds
  /// its key, with `assets/` beside it.
  public static func load(_ directoryOrFile: String) throws(PaperImportError) -> ImportedPaper {
    switch PathKind.of(directoryOrFile) {
    case .folder:
      return try load(FolderSource(folder: directoryOrFile), document: paperFile, isFolder: true)
    case .file:
      var parts = directoryOrFile.split(separator: "/", omittingEmptySubsequences: false)
      let name = String(parts.removeLast())
      let folder = parts.isEmpty ? "." : parts.joined(separator: "/")
      return try load(FolderSource(folder: folder.isEmpty ? "/" : folder), document: name, isFolder: false)
    case .symbolicLink:
      throw PaperImportError(
        .symbolicLink, file: directoryOrFile, message: "This is a symbolic link. Name the folder or file itself.")
    case .other:
      throw PaperImportError(
        .notRegularFile, file: directoryOrFile, message: "This is neither a folder nor a regular file.")
    case .absent:
      throw PaperImportError(
        .missingFile, file: directoryOrFile, message: "There is no such folder or file. Check the path.")
    }
  }

  /// Loads a paper from files in memory, by their names in the paper's folder.
  public static func load(files: [String: [UInt8]]) throws(PaperImportError) -> ImportedPaper {
    try load(MemorySource(files: files), document: paperFile, isFolder: true)
  }

  private static func load(_ source: any PaperSource, document: String, isFolder: Bool) throws(PaperImportError)
    -> ImportedPaper
  {
    guard let bytes = try source.bytes(of: document, limit: PaperLimits.documentBytes) else {
      throw PaperImportError(
        .missingFile, file: document, message: "The file is missing. Add it to the paper's folder.")
    }
    let root = try JSONParser.parse(bytes, file: document)
    var decoder = PaperDecoder(file: document, assets: AssetLoader(source: source, file: document))
    let decoded = try decoder.decode(root)
    if isFolder { try decoder.assets.refuseUnlistedFiles() }
    let key = try loadKey(source, of: decoded, document: document, isFolder: isFolder)
    return ImportedPaper(paper: decoded.paper, key: key, assets: decoder.assets.bytes)
  }

  private static func loadKey(
    _ source: any PaperSource, of decoded: DecodedPaper, document: String, isFolder: Bool
  ) throws(PaperImportError) -> PaperKey {
    let separate = isFolder ? try source.bytes(of: keyFile, limit: PaperLimits.documentBytes) : nil
    switch (decoded.inlineKey, separate) {
    case (let inline?, nil):
      return try KeyDecoder(file: document, decoded: decoded).decode(inline, isInline: true)
    case (nil, let bytes?):
      let root = try JSONParser.parse(bytes, file: keyFile)
      return try KeyDecoder(file: keyFile, decoded: decoded).decode(root, isInline: false)
    case (let inline?, _?):
      throw PaperImportError(
        .twoKeys, file: document, line: inline.position.line, column: inline.position.column, path: "key",
        message: "The paper holds a key and key.json stands beside it. Keep one of the two.")
    case (nil, nil):
      let advice = isFolder ? "Add key.json, or a \"key\" to the paper." : "Add a \"key\", or name the folder."
      throw PaperImportError(.missingKey, file: document, message: "The paper has no key. \(advice)")
    }
  }
}

import Foundation

/// The files of this checkout, read once.
enum Checkout {
  static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Swift files that people wrote, of `Sources`, `Tests` and the manifest.
  static let swift: [SourceFile] = (paths(under: "Sources") + paths(under: "Tests") + ["Package.swift"])
    .filter { $0.hasSuffix(".swift") && !$0.contains("/Generated/") }.compactMap(SourceFile.init(path:))

  static let sources = swift.filter { $0.path.hasPrefix("Sources/") }
  static let tests = swift.filter { $0.path.hasPrefix("Tests/") }

  /// Everything that a person can read, generated code aside.
  static let texts: [TextFile] = (folders.flatMap(paths(under:)) + topLevelFiles)
    .filter { path in !path.contains("/Generated/") && readableEndings.contains { path.hasSuffix($0) } }
    .compactMap(TextFile.init(path:))

  static let folders = ["Sources", "Tests", "Protocol", "SampleData", ".ci"]
  private static let topLevelFiles = [
    "Package.swift", "README.md", "CHANGELOG.md", "Makefile", ".gitignore", ".swift-format",
  ]
  private static let readableEndings = [
    ".swift", ".md", ".proto", ".json", ".csv", ".c", ".h", ".modulemap", ".toml", ".html", "Makefile", ".gitignore",
    ".swift-format", ".ci/run", ".ci/setup",
  ]

  static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
  }

  static func text(_ path: String) -> String? {
    try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  /// Relative paths of the files below a folder, sorted.
  static func paths(under folder: String) -> [String] {
    let base = root.appendingPathComponent(folder)
    guard let found = FileManager.default.enumerator(atPath: base.path) else { return [] }
    var paths: [String] = []
    for case let name as String in found where !name.split(separator: "/").contains(where: { $0.hasPrefix(".build") }) {
      var isDirectory: ObjCBool = false
      let path = base.appendingPathComponent(name).path
      if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue {
        paths.append("\(folder)/\(name)")
      }
    }
    return paths.sorted()
  }

  /// The names of the folders directly below a folder.
  static func modules(in folder: String) -> [String] {
    Set(paths(under: folder).compactMap { $0.split(separator: "/").dropFirst().first.map(String.init) })
      .filter { !$0.contains(".") }.sorted()
  }
}

/// A file with its lines.
struct TextFile: Sendable {
  let path: String
  let lines: [String]

  init(path: String, text: String) {
    self.path = path
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  init?(path: String) {
    guard let text = Checkout.text(path) else { return nil }
    self.init(path: path, text: text)
  }
}

/// A Swift file, and the same with comments and the contents of strings blanked out.
struct SourceFile: Sendable {
  let path: String
  let lines: [String]
  /// As long as the text: what is blanked became spaces, line ends stayed.
  let code: [UInt8]
  let codeLines: [String]

  init(path: String, text: String) {
    self.path = path
    lines = TextFile(path: path, text: text).lines
    code = CodeScanner.blank(Array(text.utf8))
    codeLines = String(decoding: code, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .map(String.init)
  }

  init?(path: String) {
    guard let text = Checkout.text(path) else { return nil }
    self.init(path: path, text: text)
  }

  /// The module that the file belongs to: the folder below `Sources` or `Tests`.
  var module: String {
    let parts = path.split(separator: "/")
    return parts.count > 2 ? String(parts[1]) : ""
  }

  /// The line, from 1, of a place in the code.
  func line(at offset: Int) -> Int {
    code[..<offset].reduce(1) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 }
  }
}

/// What a rule found, for a person to click on.
struct Finding: Hashable, CustomStringConvertible {
  var path: String
  var line: Int
  var what: String

  var description: String { "\(path):\(line): \(what)" }
}

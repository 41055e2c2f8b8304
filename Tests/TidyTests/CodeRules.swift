/// Rules on single files, as functions, so that each can be shown to catch what it is for.
enum CodeRules {
  static let lineCharacters = 120
  static let functionLines = 70
  static let fileLines = 400

  static func longFile(_ file: SourceFile) -> [Finding] {
    let count = file.lines.last == "" ? file.lines.count - 1 : file.lines.count
    guard count > fileLines, Layers.longFiles[file.path] == nil else { return [] }
    return [Finding(path: file.path, line: fileLines + 1, what: "the file has \(count) lines; split it")]
  }

  static func longLines(_ file: SourceFile) -> [Finding] {
    file.lines.enumerated().filter { $0.element.count > lineCharacters }.map {
      Finding(path: file.path, line: $0.offset + 1, what: "the line has \($0.element.count) characters")
    }
  }

  static func longFunctions(_ file: SourceFile) -> [Finding] {
    FunctionScanner.functions(in: file).filter { $0.lineCount > functionLines }.map {
      Finding(path: file.path, line: $0.firstLine, what: "\($0.name) has \($0.lineCount) lines; split it")
    }
  }

  /// `try!`, `as!`, `fatalError(` and postfix `!`.
  static func traps(_ file: SourceFile) -> [Finding] {
    var found: [Finding] = []
    for (offset, line) in file.codeLines.enumerated() {
      let bytes = Array(line.utf8)
      for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "!") && index > 0 {
        let next = index + 1 < bytes.count ? bytes[index + 1] : 0
        guard next != UInt8(ascii: "="), isOperandEnd(bytes[index - 1]) else { continue }
        let word = lastWord(of: bytes[..<index])
        // A buffer that was just found not to be empty, and the context that a C callback was given.
        if word == "baseAddress" || word == "0" && bytes[..<(index - 1)].last == UInt8(ascii: "$") { continue }
        found.append(Finding(path: file.path, line: offset + 1, what: "\(word)! traps; handle the other case"))
      }
    }
    for word in CodeWords(file.code) where word.text == "fatalError" {
      found.append(Finding(path: file.path, line: file.line(at: word.range.lowerBound), what: "fatalError traps"))
    }
    return found
  }

  private static func isOperandEnd(_ byte: UInt8) -> Bool {
    CodeWords.isWordByte(byte) || byte == UInt8(ascii: ")") || byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}")
  }

  private static func lastWord(of bytes: ArraySlice<UInt8>) -> String {
    let word = bytes.reversed().prefix { CodeWords.isWordByte($0) }.reversed()
    return String(decoding: Array(word), as: UTF8.self)
  }

  /// Tests wait for events, not for time.
  static func sleeps(_ file: SourceFile) -> [Finding] {
    let sleepers: Set<String> = ["sleep", "usleep", "nanosleep", "sleepForTimeInterval"]
    return CodeWords(file.code).filter { sleepers.contains($0.text) && $0.range.upperBound < file.code.count }
      .filter { file.code[$0.range.upperBound] == UInt8(ascii: "(") }
      .map { Finding(path: file.path, line: file.line(at: $0.range.lowerBound), what: "\($0.text) in a test") }
  }

  /// Words that a module must not name.
  static func forbiddenWords(_ file: SourceFile, _ words: Set<String>) -> [Finding] {
    CodeWords(file.code).filter { words.contains($0.text) }.map {
      Finding(
        path: file.path, line: file.line(at: $0.range.lowerBound), what: "\(file.module) must not use \($0.text)")
    }
  }

  /// The modules that a file imports, with their lines.
  static func imports(_ file: SourceFile) -> [(module: String, line: Int)] {
    let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
    var found: [(module: String, line: Int)] = []
    for (offset, line) in file.codeLines.enumerated() {
      var words = line.split(separator: " ").drop { $0.hasPrefix("@") || accessLevels.contains($0) }
      guard words.first == "import" else { continue }
      words.removeFirst()
      if let kind = words.first, kinds.contains(kind) { words.removeFirst() }
      guard let module = words.first?.split(separator: ".").first else { continue }
      found.append((module: String(module), line: offset + 1))
    }
    return found
  }

  static func strayImports(_ file: SourceFile, allowed: Set<String>) -> [Finding] {
    imports(file).filter { !allowed.contains($0.module) }.map {
      Finding(path: file.path, line: $0.line, what: "\(file.module) must not import \($0.module)")
    }
  }

  /// Public types and functions without a documentation comment.
  static func undocumented(_ file: SourceFile) -> [Finding] {
    var found: [Finding] = []
    for (offset, line) in file.codeLines.enumerated() {
      guard let name = publicDeclaration(line), !isDocumented(offset, in: file) else { continue }
      found.append(Finding(path: file.path, line: offset + 1, what: "public \(name) has no documentation comment"))
    }
    return found
  }

  private static let accessLevels: Set<Substring> = ["public", "package", "internal", "private", "fileprivate"]
  private static let declarations: Set<Substring> = ["struct", "enum", "class", "actor", "protocol", "func"]
  private static let modifiers: Set<Substring> = ["static", "final", "mutating", "nonisolated", "indirect", "override"]
  /// What the standard library documents.
  private static let witnesses = ["hash", "encode", "next", "makeIterator", "==", "<", "callAsFunction"]

  private static func publicDeclaration(_ line: String) -> String? {
    var words = line.split(separator: " ")[...]
    while let word = words.first, word.hasPrefix("@") { words.removeFirst() }
    guard words.first == "public" else { return nil }
    words.removeFirst()
    while let word = words.first, modifiers.contains(word) { words.removeFirst() }
    guard let kind = words.first, declarations.contains(kind), let next = words.dropFirst().first else { return nil }
    let name = next.prefix { $0 != "(" && $0 != ":" && $0 != "<" || next.first == "<" && $0 == "<" }
    return witnesses.contains(String(name)) ? nil : "\(kind) \(name)"
  }

  private static func isDocumented(_ offset: Int, in file: SourceFile) -> Bool {
    var index = offset - 1
    while index >= 0 {
      let line = file.lines[index].drop { $0 == " " }
      if line.hasPrefix("///") { return true }
      guard line.hasPrefix("@") else { return false }
      index -= 1
    }
    return false
  }
}

/// Rules on texts of every kind.
enum TextRules {
  /// Split, so that this file does not hold them.
  private static let unfinished = ["TO" + "DO", "FIX" + "ME", "XX" + "X:"]
  private static let strangers = ["/ho" + "me/", "/us" + "ers/", "/ro" + "ot/"]

  static func unfinished(_ file: TextFile) -> [Finding] {
    find(unfinished, in: file) { "\($0): finish it, or write an issue" }
  }

  static func strangers(_ file: TextFile) -> [Finding] {
    find(strangers, in: file, isCaseSensitive: false) { "\"\($0)\" does not belong in the product" }
  }

  private static func find(
    _ words: [String], in file: TextFile, isCaseSensitive: Bool = true, _ message: (String) -> String
  ) -> [Finding] {
    var found: [Finding] = []
    for (offset, line) in file.lines.enumerated() {
      let text = isCaseSensitive ? line : line.lowercased()
      for word in words where stands(word, in: text) {
        found.append(Finding(path: file.path, line: offset + 1, what: message(word)))
      }
    }
    return found
  }

  /// A path counts only where it begins at the root.
  private static func stands(_ word: String, in text: String) -> Bool {
    guard word.hasPrefix("/") else { return text.contains(word) }
    return text.split(separator: word, omittingEmptySubsequences: false).dropLast().contains { before in
      guard let last = before.last else { return true }
      return !last.isLetter && !last.isNumber && !")}._-".contains(last)
    }
  }

  /// Links of a Markdown file to places in this checkout that are not there.
  static func brokenLinks(_ file: TextFile) -> [Finding] {
    let folder = file.path.split(separator: "/").dropLast().joined(separator: "/")
    var found: [Finding] = []
    for (offset, line) in file.lines.enumerated() {
      for target in line.split(separator: "](").dropFirst().compactMap({ $0.split(separator: ")").first }) {
        guard !target.contains("://"), !target.hasPrefix("doc:"), !target.contains(" ") else { continue }
        let parts = target.split(separator: "#", omittingEmptySubsequences: false).map(String.init)
        let path = parts[0].isEmpty ? file.path : normalized("\(folder)/\(parts[0])")
        if !Checkout.exists(path) {
          found.append(Finding(path: file.path, line: offset + 1, what: "the link to \(target) leads nowhere"))
        } else if parts.count > 1, let text = Checkout.text(path), !anchors(text).contains(parts[1]) {
          found.append(Finding(path: file.path, line: offset + 1, what: "\(path) has no heading for #\(parts[1])"))
        }
      }
    }
    return found
  }

  private static func normalized(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return parts.joined(separator: "/")
  }

  /// The anchors of a text's headings, as forges make them.
  private static func anchors(_ text: String) -> Set<String> {
    Set(
      text.split(separator: "\n").filter { $0.hasPrefix("#") }.map { heading in
        String(
          heading.drop { $0 == "#" || $0 == " " }.lowercased().compactMap { character -> Character? in
            if character.isLetter || character.isNumber || character == "-" || character == "_" { return character }
            return character == " " ? "-" : nil
          })
      })
  }
}

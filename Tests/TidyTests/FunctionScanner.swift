/// Finds functions, initialisers, subscripts and computed properties by their braces.
struct FunctionScanner {
  struct Function {
    var name: String
    var firstLine: Int
    var lastLine: Int
    var lineCount: Int { lastLine - firstLine + 1 }
  }

  private let code: [UInt8]
  private let lineOfOffset: [Int]

  static func functions(in file: SourceFile) -> [Function] { FunctionScanner(file.code).functions() }

  private init(_ code: [UInt8]) {
    self.code = code
    var lines: [Int] = []
    lines.reserveCapacity(code.count + 1)
    var line = 1
    for byte in code {
      lines.append(line)
      if byte == UInt8(ascii: "\n") { line += 1 }
    }
    lines.append(line)
    lineOfOffset = lines
  }

  private func functions() -> [Function] {
    var found: [Function] = []
    for word in CodeWords(code) where Self.introducers.contains(word.text) {
      if let last = CodeWords.lastByte(before: word.range.lowerBound, in: code), last == UInt8(ascii: ".") { continue }
      guard let open = openingBrace(after: word.range.upperBound), let close = closingBrace(of: open) else { continue }
      let name = CodeWords(code[word.range.upperBound..<open]).first?.text ?? word.text
      found.append(
        Function(name: name, firstLine: lineOfOffset[word.range.lowerBound], lastLine: lineOfOffset[close]))
    }
    return found
  }

  private static let introducers: Set<String> = ["func", "init", "deinit", "subscript", "var"]
  private static let continuations: [String] = ["{", "->", "where ", "throws", "async", "rethrows", ")", "&", ":"]

  /// The brace that opens the body; `nil` for a declaration without one.
  private func openingBrace(after start: Int) -> Int? {
    var depth = 0
    var index = start
    while index < code.count {
      switch code[index] {
      case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: ")"), UInt8(ascii: "]"):
        depth -= 1
        if depth < 0 { return nil }
      case UInt8(ascii: "{") where depth == 0: return index
      case UInt8(ascii: "}") where depth == 0: return nil
      case UInt8(ascii: "\n") where depth == 0:
        if !continues(after: index + 1) { return nil }
      default: break
      }
      index += 1
    }
    return nil
  }

  private func continues(after offset: Int) -> Bool {
    let rest = code[offset...].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
    let beginning = String(decoding: rest.prefix(10), as: UTF8.self)
    return Self.continuations.contains { beginning.hasPrefix($0) }
  }

  private func closingBrace(of open: Int) -> Int? {
    var depth = 0
    for index in open..<code.count {
      if code[index] == UInt8(ascii: "{") { depth += 1 }
      if code[index] == UInt8(ascii: "}") {
        depth -= 1
        if depth == 0 { return index }
      }
    }
    return nil
  }
}

/// The identifiers and keywords of code, in order.
struct CodeWords: Sequence {
  struct Word {
    var text: String
    var range: Range<Int>
  }

  private let code: ArraySlice<UInt8>

  init(_ code: [UInt8]) { self.code = code[...] }
  init(_ code: ArraySlice<UInt8>) { self.code = code }

  func makeIterator() -> AnyIterator<Word> {
    var index = code.startIndex
    return AnyIterator {
      while index < code.endIndex, !Self.isWordByte(code[index]) { index += 1 }
      guard index < code.endIndex else { return nil }
      let start = index
      while index < code.endIndex, Self.isWordByte(code[index]) { index += 1 }
      return Word(text: String(decoding: code[start..<index], as: UTF8.self), range: start..<index)
    }
  }

  var first: Word? { makeIterator().next() }

  static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }

  /// The byte directly before a place.
  static func lastByte(before offset: Int, in code: [UInt8]) -> UInt8? { offset > 0 ? code[offset - 1] : nil }
}

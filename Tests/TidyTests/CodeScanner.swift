/// Blanks comments and string contents, so that a search finds code only. Code inside interpolations stays.
struct CodeScanner {
  private let text: [UInt8]
  private var result: [UInt8]
  private var index = 0

  static func blank(_ text: [UInt8]) -> [UInt8] {
    var scanner = CodeScanner(text)
    scanner.scanCode(untilParenthesis: false)
    return scanner.result
  }

  private init(_ text: [UInt8]) {
    self.text = text
    result = text
  }

  private func at(_ offset: Int) -> UInt8 { index + offset < text.count ? text[index + offset] : 0 }

  private mutating func blankOne() {
    if text[index] != Self.newline { result[index] = Self.space }
    index += 1
  }

  private mutating func scanCode(untilParenthesis: Bool) {
    var depth = 0
    while index < text.count {
      switch text[index] {
      case Self.slash where at(1) == Self.slash:
        while index < text.count, text[index] != Self.newline { blankOne() }
      case Self.slash where at(1) == Self.star: scanBlockComment()
      case Self.quote: scanString(hashes: 0)
      case Self.hash: scanHashes()
      case UInt8(ascii: "("):
        depth += 1
        index += 1
      case UInt8(ascii: ")"):
        if untilParenthesis, depth == 0 { return }
        depth -= 1
        index += 1
      default: index += 1
      }
    }
  }

  private mutating func scanBlockComment() {
    var depth = 0
    repeat {
      if text[index] == Self.slash, at(1) == Self.star {
        depth += 1
        blankOne()
      } else if text[index] == Self.star, at(1) == Self.slash {
        depth -= 1
        blankOne()
      }
      if index < text.count { blankOne() }
    } while depth > 0 && index < text.count
  }

  private mutating func scanHashes() {
    var count = 0
    while at(count) == Self.hash { count += 1 }
    if at(count) == Self.quote {
      index += count
      scanString(hashes: count)
    } else {
      index += count
    }
  }

  private mutating func scanString(hashes: Int) {
    let isMultiline = at(1) == Self.quote && at(2) == Self.quote
    if hashes == 0, !isMultiline, at(1) == Self.quote {
      index += 2
      return
    }
    let quotes = isMultiline ? 3 : 1
    index += quotes
    while index < text.count {
      if isEnd(quotes: quotes, hashes: hashes) {
        index += quotes + hashes
        return
      }
      if text[index] == Self.backslash, (0..<hashes).allSatisfy({ at(1 + $0) == Self.hash }) {
        scanEscape(hashes: hashes)
      } else if text[index] == Self.newline, !isMultiline {
        return
      } else {
        blankOne()
      }
    }
  }

  private func isEnd(quotes: Int, hashes: Int) -> Bool {
    (0..<quotes).allSatisfy { at($0) == Self.quote } && (0..<hashes).allSatisfy { at(quotes + $0) == Self.hash }
  }

  private mutating func scanEscape(hashes: Int) {
    for _ in 0...hashes { blankOne() }
    guard index < text.count else { return }
    guard text[index] == UInt8(ascii: "(") else { return blankOne() }
    blankOne()
    scanCode(untilParenthesis: true)
    if index < text.count { blankOne() }
  }

  private static let newline = UInt8(ascii: "\n")
  private static let space = UInt8(ascii: " ")
  private static let slash = UInt8(ascii: "/")
  private static let star = UInt8(ascii: "*")
  private static let quote = UInt8(ascii: "\"")
  private static let hash = UInt8(ascii: "#")
  private static let backslash = UInt8(ascii: "\\")
}

import ExamModel

/// A strict JSON parser (RFC 8259) that knows the line and column of every value.
///
/// Stricter than the standard where leniency would let two readers see two papers: a name that stands twice in one
/// object, an escaped lone surrogate, a null character, a byte-order mark and nesting beyond
/// ``PaperLimits/jsonDepth`` are errors.
struct JSONParser {
  private let file: String
  private let bytes: [UInt8]
  private var offset = 0
  private var position = TextPosition.start

  private init(_ bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
  }

  /// Parses one document.
  static func parse(_ bytes: [UInt8], file: String) throws(PaperImportError) -> JSONValue {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      throw PaperImportError(
        .byteOrderMark, file: file, message: "The file begins with a byte-order mark. Save it as UTF-8 without BOM.")
    }
    var parser = JSONParser(bytes, file: file)
    try parser.checkEncoding()
    try parser.skipSpace()
    let value = try parser.value(depth: 1)
    try parser.skipSpace()
    guard parser.offset == bytes.count else {
      throw parser.error(.trailingText, "Text follows the end of the document. Remove it.")
    }
    return value
  }

  private func error(_ code: PaperImportErrorCode, _ message: String, at place: TextPosition? = nil)
    -> PaperImportError
  {
    let place = place ?? position
    return PaperImportError(code, file: file, line: place.line, column: place.column, message: message)
  }

  private var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private mutating func advance() {
    let byte = bytes[offset]
    offset += 1
    if byte == 0x0A {
      position.line += 1
      position.column = 1
    } else if byte & 0xC0 != 0x80 {
      position.column += 1
    }
  }

  /// Names the first byte that is not UTF-8 by its line.
  private func checkEncoding() throws(PaperImportError) {
    if String(validating: bytes, as: UTF8.self) != nil { return }
    var line = 1
    for lineBytes in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
      if String(validating: lineBytes, as: UTF8.self) == nil {
        throw error(
          .encoding, "The line is not UTF-8. Save the file as UTF-8.", at: TextPosition(line: line, column: 1))
      }
      line += 1
    }
  }

  private mutating func skipSpace() throws(PaperImportError) {
    while let byte = current {
      switch byte {
      case 0x20, 0x09, 0x0A, 0x0D: advance()
      case 0x00: throw error(.nullCharacter, "The file holds a null character. Remove it.")
      default: return
      }
    }
  }

  private mutating func value(depth: Int) throws(PaperImportError) -> JSONValue {
    guard depth <= PaperLimits.jsonDepth else {
      throw error(.tooDeep, "Values are nested deeper than \(PaperLimits.jsonDepth) levels. Flatten the document.")
    }
    let start = position
    guard let byte = current else { throw error(.syntax, "The file ends where a value should stand.") }
    switch byte {
    case UInt8(ascii: "{"): return JSONValue(position: start, content: .object(try object(depth: depth)))
    case UInt8(ascii: "["): return JSONValue(position: start, content: .array(try array(depth: depth)))
    case UInt8(ascii: "\""): return JSONValue(position: start, content: .string(try string()))
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      return JSONValue(position: start, content: .number(try number()))
    case UInt8(ascii: "t"): return JSONValue(position: start, content: try word("true", .boolean(true)))
    case UInt8(ascii: "f"): return JSONValue(position: start, content: try word("false", .boolean(false)))
    case UInt8(ascii: "n"): return JSONValue(position: start, content: try word("null", .null))
    case 0x00: throw error(.nullCharacter, "The file holds a null character. Remove it.")
    default: throw error(.syntax, "A value should stand here: an object, array, string, number, true, false or null.")
    }
  }

  private mutating func word(_ text: String, _ content: JSONValue.Content) throws(PaperImportError)
    -> JSONValue.Content
  {
    let start = position
    for expected in text.utf8 {
      guard current == expected else { throw error(.syntax, "Only \(text) can stand here.", at: start) }
      advance()
    }
    return content
  }

  private mutating func object(depth: Int) throws(PaperImportError) -> [JSONMember] {
    advance()
    var members: [JSONMember] = []
    var names: Set<String> = []
    try skipSpace()
    if current == UInt8(ascii: "}") {
      advance()
      return []
    }
    while true {
      let namePosition = position
      guard current == UInt8(ascii: "\"") else { throw error(.syntax, "A member's name in quotes should stand here.") }
      let name = try string()
      guard names.insert(name).inserted else {
        throw error(.duplicateMember, "\"\(name)\" stands twice in one object. Keep one.", at: namePosition)
      }
      try skipSpace()
      guard current == UInt8(ascii: ":") else { throw error(.syntax, "A colon should follow the name \"\(name)\".") }
      advance()
      try skipSpace()
      members.append(JSONMember(name: name, namePosition: namePosition, value: try value(depth: depth + 1)))
      try skipSpace()
      if try ends(with: UInt8(ascii: "}")) { return members }
    }
  }

  private mutating func array(depth: Int) throws(PaperImportError) -> [JSONValue] {
    advance()
    var values: [JSONValue] = []
    try skipSpace()
    if current == UInt8(ascii: "]") {
      advance()
      return []
    }
    while true {
      values.append(try value(depth: depth + 1))
      try skipSpace()
      if try ends(with: UInt8(ascii: "]")) { return values }
    }
  }

  private mutating func ends(with closing: UInt8) throws(PaperImportError) -> Bool {
    if current == closing {
      advance()
      return true
    }
    guard current == UInt8(ascii: ",") else {
      throw error(.syntax, "A comma or \(String(UnicodeScalar(closing))) should stand here.")
    }
    advance()
    try skipSpace()
    return false
  }

  private mutating func number() throws(PaperImportError) -> String {
    let start = position
    let first = offset
    if current == UInt8(ascii: "-") { advance() }
    if current == UInt8(ascii: "0") { advance() } else { try digits(from: start) }
    if current == UInt8(ascii: ".") {
      advance()
      try digits(from: start)
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      advance()
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { advance() }
      try digits(from: start)
    }
    return String(decoding: bytes[first..<offset], as: UTF8.self)
  }

  private mutating func digits(from start: TextPosition) throws(PaperImportError) {
    let first = offset
    while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { advance() }
    guard offset > first else { throw error(.syntax, "This is not a JSON number.", at: start) }
  }

  private mutating func string() throws(PaperImportError) -> String {
    advance()
    var text: [UInt8] = []
    while let byte = current {
      switch byte {
      case UInt8(ascii: "\""):
        advance()
        return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): text.append(contentsOf: try escape())
      case 0x00: throw error(.nullCharacter, "The text holds a null character. Remove it.")
      case 0x01..<0x20:
        throw error(.controlCharacter, "The text holds a raw control character. Write a line break as \\n.")
      default: text.append(contentsOf: plainRun())
      }
    }
    throw error(.syntax, "The file ends inside a string. Close it with a quote.")
  }

  /// The bytes up to the next quote, backslash or control character, all on one line.
  private mutating func plainRun() -> ArraySlice<UInt8> {
    let rest = bytes[offset...]
    let run = rest.prefix { $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C }
    position.column += run.count { $0 & 0xC0 != 0x80 }
    offset = run.endIndex
    return run
  }

  private mutating func escape() throws(PaperImportError) -> [UInt8] {
    let start = position
    advance()
    guard let byte = current else { throw error(.syntax, "The file ends inside a string. Close it with a quote.") }
    if byte == UInt8(ascii: "u") { return try unicodeEscape(from: start) }
    let plain: [UInt8: UInt8] = [
      UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "/"): 0x2F, UInt8(ascii: "b"): 0x08,
      UInt8(ascii: "f"): 0x0C, UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09,
    ]
    guard let meant = plain[byte] else { throw error(.syntax, "JSON has no such escape.", at: start) }
    advance()
    return [meant]
  }

  private mutating func unicodeEscape(from start: TextPosition) throws(PaperImportError) -> [UInt8] {
    let unit = try codeUnit(from: start)
    if unit == 0 { throw error(.nullCharacter, "The text holds a null character. Remove it.", at: start) }
    guard (0xD800...0xDFFF).contains(unit) else { return Array(String(Unicode.Scalar(unit) ?? "\u{FFFD}").utf8) }
    let lone = error(
      .loneSurrogate, "Half a surrogate pair stands alone. Write both halves, or the character.", at: start)
    guard unit < 0xDC00, current == UInt8(ascii: "\\") else { throw lone }
    advance()
    guard current == UInt8(ascii: "u") else { throw lone }
    let low = try codeUnit(from: start)
    guard (0xDC00...0xDFFF).contains(low),
      let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
    else { throw lone }
    return Array(String(scalar).utf8)
  }

  /// Reads `uXXXX`.
  private mutating func codeUnit(from start: TextPosition) throws(PaperImportError) -> UInt32 {
    advance()
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = current, let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
        throw error(.syntax, "Four hexadecimal digits should follow \\u.", at: start)
      }
      unit = unit << 4 | UInt32(digit)
      advance()
    }
    return unit
  }
}

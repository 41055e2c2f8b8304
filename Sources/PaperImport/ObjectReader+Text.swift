import ExamModel

extension ObjectReader {
  mutating func identifier(_ name: String) throws(PaperImportError) -> String {
    try identifier(try required(name), name)
  }

  mutating func optionalIdentifier(_ name: String) throws(PaperImportError) -> String? {
    guard let value = try optional(name) else { return nil }
    return try identifier(value, name)
  }

  /// A list of ids, each with its place.
  mutating func identifiers(_ name: String, atMost limit: Int) throws(PaperImportError) -> [(
    id: String, position: TextPosition
  )]? {
    guard let values = try array(name, atMost: limit) else { return nil }
    var result: [(id: String, position: TextPosition)] = []
    for value in values {
      let id = try identifier(value, name)
      guard !result.contains(where: { $0.id == id }) else {
        throw error(.duplicateIdentifier, "\(id) is named twice. Name it once.", at: value.position, member: name)
      }
      result.append((id: id, position: value.position))
    }
    return result
  }

  private func identifier(_ value: JSONValue, _ name: String) throws(PaperImportError) -> String {
    guard case .string(let text) = value.content else {
      throw Self.wrongType(value, wanted: "an id in quotes", file: file, path: pathOf(name))
    }
    guard Self.isIdentifier(text) else {
      throw error(
        .badIdentifier,
        "\"\(Self.short(text))\" is not an id. Use 1 to 64 of the characters A–Z a–z 0–9 . _ -",
        at: value.position, member: name)
    }
    return text
  }

  static func isIdentifier(_ text: String) -> Bool {
    PaperLimits.identifierBytes.contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  /// A text that must be there and must not be blank.
  mutating func text(_ name: String, atMost limit: Int) throws(PaperImportError) -> String {
    let value = try required(name)
    return try Self.text(value, name: name, atMost: limit, mayBeEmpty: false, file: file, path: pathOf(name))
  }

  /// A text that may be left out; `nil` then.
  mutating func optionalText(_ name: String, atMost limit: Int, mayBeEmpty: Bool = true) throws(PaperImportError)
    -> String?
  {
    guard let value = try optional(name) else { return nil }
    return try Self.text(value, name: name, atMost: limit, mayBeEmpty: mayBeEmpty, file: file, path: pathOf(name))
  }

  static func text(
    _ value: JSONValue, name: String, atMost limit: Int, mayBeEmpty: Bool, file: String, path: String
  ) throws(PaperImportError) -> String {
    func error(_ code: PaperImportErrorCode, _ message: String) -> PaperImportError {
      PaperImportError(
        code, file: file, line: value.position.line, column: value.position.column, path: path, message: message)
    }
    guard case .string(let text) = value.content else {
      throw wrongType(value, wanted: "a text in quotes", file: file, path: path)
    }
    let count = text.unicodeScalars.count
    guard count <= limit else {
      throw error(.outOfRange, "\"\(name)\" has \(count) characters; at most \(limit) are taken. Shorten it.")
    }
    guard mayBeEmpty || !text.allSatisfy(\.isWhitespace) else {
      throw error(.empty, "\"\(name)\" is empty. Write it, or remove what it belongs to.")
    }
    if let control = text.unicodeScalars.first(where: isForbidden) {
      let code = "U+" + String(control.value, radix: 16, uppercase: true)
      throw error(.badText, "\"\(name)\" holds the control character \(code). Only line breaks and tabs are taken.")
    }
    return text
  }

  private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A: false
    case 0x00..<0x20, 0x7F..<0xA0: true
    default: false
    }
  }
}

import ExamModel

/// Reads one JSON object member by member and refuses what nobody asked for: nothing is silently dropped.
struct ObjectReader {
  let file: String
  let path: String
  let position: TextPosition
  private let members: [JSONMember]
  private var taken: Set<String> = []

  init(_ value: JSONValue, file: String, path: String) throws(PaperImportError) {
    guard case .object(let members) = value.content else {
      throw Self.wrongType(value, wanted: "an object", file: file, path: path)
    }
    guard members.count <= PaperLimits.objectMembers else {
      throw PaperImportError(
        .tooMany, file: file, line: value.position.line, column: value.position.column, path: path,
        message: "The object has \(members.count) members; at most \(PaperLimits.objectMembers) are taken.")
    }
    self.file = file
    self.path = path
    self.position = value.position
    self.members = members
  }

  /// An error at `place`, or at the object itself.
  func error(_ code: PaperImportErrorCode, _ message: String, at place: TextPosition? = nil, member: String? = nil)
    -> PaperImportError
  {
    let place = place ?? position
    return PaperImportError(
      code, file: file, line: place.line, column: place.column, path: member.map(pathOf) ?? path, message: message)
  }

  func pathOf(_ member: String) -> String {
    path.isEmpty ? member : "\(path).\(member)"
  }

  /// The member's value; `nil` if it is absent. An explicit `null` is an error wherever it stands.
  mutating func optional(_ name: String) throws(PaperImportError) -> JSONValue? {
    taken.insert(name)
    guard let member = members.first(where: { $0.name == name }) else { return nil }
    if case .null = member.value.content {
      throw error(
        .wrongType, "\"\(name)\" is null. Leave it out, or give a value.", at: member.value.position, member: name)
    }
    return member.value
  }

  mutating func required(_ name: String) throws(PaperImportError) -> JSONValue {
    guard let value = try optional(name) else {
      throw error(.missingField, "\"\(name)\" is missing. Add it to this object.")
    }
    return value
  }

  /// Call last: refuses every member that was not asked for.
  func finish(_ context: String) throws(PaperImportError) {
    guard let stranger = members.first(where: { !taken.contains($0.name) }) else { return }
    throw error(
      .unknownField, "\"\(Self.short(stranger.name))\" is not a field of \(context). Correct its name or remove it.",
      at: stranger.namePosition)
  }

  mutating func boolean(_ name: String, default standard: Bool) throws(PaperImportError) -> Bool {
    guard let value = try optional(name) else { return standard }
    guard case .boolean(let flag) = value.content else {
      throw Self.wrongType(value, wanted: "true or false", file: file, path: pathOf(name))
    }
    return flag
  }

  mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(PaperImportError) -> Int {
    try integer(try required(name), name, in: range)
  }

  mutating func optionalInteger(_ name: String, in range: ClosedRange<Int>) throws(PaperImportError) -> Int? {
    guard let value = try optional(name) else { return nil }
    return try integer(value, name, in: range)
  }

  private func integer(_ value: JSONValue, _ name: String, in range: ClosedRange<Int>) throws(PaperImportError) -> Int {
    guard case .number(let digits) = value.content else {
      throw Self.wrongType(value, wanted: "an integer", file: file, path: pathOf(name))
    }
    guard digits.utf8.allSatisfy({ $0 != UInt8(ascii: ".") && $0 | 0x20 != UInt8(ascii: "e") }) else {
      throw error(
        .notAnInteger, "\"\(name)\" is \(Self.short(digits)); it must be a whole number without point or exponent.",
        at: value.position, member: name)
    }
    guard let number = Int(digits), range.contains(number) else {
      throw error(
        .outOfRange,
        "\"\(name)\" is \(Self.short(digits)); it must be from \(range.lowerBound) to \(range.upperBound).",
        at: value.position, member: name)
    }
    return number
  }

  /// A decimal number in canonical form, exactly as written.
  mutating func decimal(_ name: String) throws(PaperImportError) -> String? {
    guard let value = try optional(name) else { return nil }
    guard case .number(let digits) = value.content else {
      throw Self.wrongType(value, wanted: "a number", file: file, path: pathOf(name))
    }
    guard let canonical = CanonicalDecimal.canonicalize(digits) else {
      throw error(
        .outOfRange,
        "\"\(name)\" is \(Self.short(digits)); write at most \(PaperLimits.numberCharacters) digits, no exponent.",
        at: value.position, member: name)
    }
    return canonical
  }

  mutating func array(_ name: String, atMost limit: Int) throws(PaperImportError) -> [JSONValue]? {
    guard let value = try optional(name) else { return nil }
    guard case .array(let values) = value.content else {
      throw Self.wrongType(value, wanted: "an array", file: file, path: pathOf(name))
    }
    guard values.count <= limit else {
      throw error(
        .tooMany, "\"\(name)\" has \(values.count) entries; at most \(limit) are taken.", at: value.position,
        member: name)
    }
    return values
  }

  static func wrongType(_ value: JSONValue, wanted: String, file: String, path: String) -> PaperImportError {
    PaperImportError(
      .wrongType, file: file, line: value.position.line, column: value.position.column, path: path,
      message: "This is \(value.kindName); \(wanted) should stand here.")
  }

  /// What a file says, cut to a length that fits a message.
  static func short(_ text: String) -> String {
    let cut = String(text.unicodeScalars.prefix(60).map { $0.value < 0x20 ? " " : Character($0) })
    return text.unicodeScalars.count > 60 ? cut + "…" : cut
  }
}

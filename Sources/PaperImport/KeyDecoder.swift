import ExamModel

/// JSON → ``PaperKey``, checked against the paper: one fitting key for each item, and none for anything else.
struct KeyDecoder {
  let file: String
  let decoded: DecodedPaper

  /// - Parameter isInline: The key stands inside the paper and does not name it again.
  func decode(_ root: JSONValue, isInline: Bool) throws(PaperImportError) -> PaperKey {
    let path = isInline ? "key" : ""
    var reader = try ObjectReader(root, file: file, path: path)
    let paper = decoded.paper
    if !isInline {
      try PaperDecoder.checkFormat(PaperImporter.keyFormat, &reader)
      let place = try reader.required("paper").position
      let id = try reader.identifier("paper")
      let version = try reader.integer("version", in: PaperLimits.version)
      guard id == paper.id, version == paper.version else {
        throw reader.error(
          .keyForAnotherPaper,
          "This is the key to \(id) version \(version); the paper is \(paper.id) version \(paper.version).", at: place)
      }
    }
    _ = try reader.required("answers")
    let values = try reader.array("answers", atMost: PaperLimits.items.upperBound) ?? []
    try reader.finish("a key")
    let items = Dictionary(paper.items.map { ($0.id, $0) }) { first, _ in first }
    var entries: [String: KeyEntry] = [:]
    for (index, value) in values.enumerated() {
      let (item, entry) = try decodeEntry(value, items, path: "\(reader.pathOf("answers"))[\(index)]")
      guard entries.updateValue(entry, forKey: item) == nil else {
        throw reader.error(.duplicateKey, "Item \(item) has two keys. Keep one.", at: value.position, member: "answers")
      }
    }
    if let orphan = paper.items.first(where: { entries[$0.id] == nil }) {
      let itemLine = decoded.itemPositions[orphan.id]?.line ?? 1
      throw reader.error(
        .missingKey, "Item \(orphan.id) (line \(itemLine) of the paper) has no key. Add one.", member: "answers")
    }
    return PaperKey(paperID: paper.id, paperVersion: paper.version, entries: entries)
  }

  private func decodeEntry(_ value: JSONValue, _ items: [String: Item], path: String) throws(PaperImportError)
    -> (item: String, entry: KeyEntry)
  {
    var reader = try ObjectReader(value, file: file, path: path)
    let place = try reader.required("item").position
    let itemID = try reader.identifier("item")
    guard let item = items[itemID] else {
      throw reader.error(
        .keyForUnknownItem, "The paper has no item \(itemID). Correct the id or remove the key.", at: place,
        member: "item")
    }
    let note = try reader.optionalText("note", atMost: PaperLimits.textScalars) ?? ""
    let rationale = try reader.optionalText("rationale", atMost: PaperLimits.textScalars, mayBeEmpty: false)
    let expected = try expectedAnswer(to: item, &reader)
    try reader.finish("the key to an item that asks for \(item.kind.answerForm)")
    let key = AnswerKey(expected: expected, note: note)
    return (itemID, KeyEntry(key: key, rationale: rationale.map { Rationale(text: $0) }))
  }

  private func expectedAnswer(to item: Item, _ reader: inout ObjectReader) throws(PaperImportError) -> ExpectedAnswer {
    let field =
      switch item.kind {
      case .singleBest, .sharedStem, .sharedOptions, .multiple, .trueFalse: "options"
      case .fillIn: "blanks"
      case .numeric: "number"
      case .essay: "modelAnswer"
      }
    guard let value = try reader.optional(field) else {
      let other = ["options", "blanks", "number", "modelAnswer"]
      for name in other where name != field {
        if let stranger = try reader.optional(name) {
          throw reader.error(
            .keyOfWrongType,
            "Item \(item.id) asks for \(item.kind.answerForm): its key is \"\(field)\", not \"\(name)\".",
            at: stranger.position, member: name)
        }
      }
      throw reader.error(.missingKey, "The key to item \(item.id) needs \"\(field)\". Add it.")
    }
    switch item.kind {
    case .fillIn(let blankCount): return .blanks(try blanks(value, blankCount, &reader))
    case .numeric:
      let number = try reader.decimal("number") ?? "0"
      let tolerancePlace = try reader.optional("tolerance")?.position
      let tolerance = try reader.decimal("tolerance") ?? "0"
      guard !tolerance.hasPrefix("-") else {
        throw reader.error(
          .outOfRange, "\"tolerance\" is negative. Write how far an answer may lie off.", at: tolerancePlace,
          member: "tolerance")
      }
      return .number(number, tolerance: tolerance)
    case .essay: return .essay(modelAnswer: try reader.text("modelAnswer", atMost: PaperLimits.textScalars))
    default: return .options(try options(of: item, at: value.position, &reader))
    }
  }

  private func options(of item: Item, at place: TextPosition, _ reader: inout ObjectReader) throws(PaperImportError)
    -> [String]
  {
    let named = try reader.identifiers("options", atMost: PaperLimits.options.upperBound) ?? []
    let known = decoded.paper.optionIDs(of: item)
    for option in named where !known.contains(option.id) {
      throw reader.error(
        .keyNamesUnknownOption,
        "The key to item \(item.id) names option \(option.id); it has \(known.joined(separator: ", ")).",
        at: option.position, member: "options")
    }
    guard !named.isEmpty else {
      throw reader.error(.empty, "The key to item \(item.id) names no option.", at: place, member: "options")
    }
    guard named.count == 1 || !item.kind.takesOneOption else {
      throw reader.error(
        .keyNotSingle, "Item \(item.id) takes one option; its key names \(named.count).", at: place, member: "options")
    }
    return AnswerValue.canonicalOptionIDs(named.map(\.id))
  }

  private func blanks(_ value: JSONValue, _ blankCount: Int, _ reader: inout ObjectReader) throws(PaperImportError)
    -> [[String]]
  {
    let values = try reader.array("blanks", atMost: PaperLimits.blanks.upperBound) ?? []
    guard values.count == blankCount else {
      throw reader.error(
        .blankMismatch, "The item has \(blankCount) blanks; the key gives texts for \(values.count).",
        at: value.position, member: "blanks")
    }
    var result: [[String]] = []
    for (index, blank) in values.enumerated() {
      let path = "\(reader.pathOf("blanks"))[\(index)]"
      guard case .array(let texts) = blank.content else {
        throw ObjectReader.wrongType(blank, wanted: "an array of accepted texts", file: file, path: path)
      }
      guard PaperLimits.acceptedTextsPerBlank.contains(texts.count) else {
        throw reader.error(
          texts.isEmpty ? .empty : .tooMany,
          "Blank \(index + 1) accepts \(texts.count) texts; it must accept from 1 to "
            + "\(PaperLimits.acceptedTextsPerBlank.upperBound).", at: blank.position, member: "blanks")
      }
      var accepted: [String] = []
      for text in texts {
        accepted.append(
          try ObjectReader.text(
            text, name: "blanks", atMost: PaperLimits.blankCharacters, mayBeEmpty: false, file: file, path: path))
      }
      result.append(accepted)
    }
    return result
  }
}

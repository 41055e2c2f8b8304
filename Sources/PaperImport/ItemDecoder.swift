import ExamModel

extension PaperDecoder {
  /// One item. Which fields it may have depends on its type; every other field is refused by name.
  mutating func decodeItem(_ value: JSONValue, path: String) throws(PaperImportError) -> Item {
    var reader = try ObjectReader(value, file: file, path: path)
    let id = try reader.identifier("id")
    try declareItem(id, at: value.position, reader)
    let typeValue = try reader.required("type")
    guard case .string(let type) = typeValue.content else {
      throw ObjectReader.wrongType(typeValue, wanted: "an item type", file: file, path: reader.pathOf("type"))
    }
    let stem = try reader.text("stem", atMost: PaperLimits.textScalars)
    let scoreHundredths = try score(&reader)
    let assetIDs = try assetIDs(&reader)
    let kind = try kind(type, at: typeValue.position, &reader)
    var options: [ItemOption] = []
    switch kind {
    case .singleBest, .sharedStem, .multiple: options = try decodeOptions(&reader)
    case .sharedOptions, .trueFalse, .fillIn, .numeric, .essay: break
    }
    try reader.finish("an item of type \(type)")
    try groups.add(kind.groupID, type: type, reader)
    if case .fillIn(let blankCount) = kind { try checkBlanks(stem, blankCount, reader) }
    return Item(
      id: id, kind: kind, stem: stem, options: options, assetIDs: assetIDs, scoreHundredths: scoreHundredths)
  }

  private mutating func kind(_ type: String, at place: TextPosition, _ reader: inout ObjectReader)
    throws(PaperImportError) -> ItemKind
  {
    if let form = SingleBestForm(rawValue: type) { return .singleBest(form) }
    if let form = SharedStemForm(rawValue: type) {
      return .sharedStem(stemID: try reference("sharedStem", as: .sharedStem, &reader), form: form)
    }
    switch type {
    case "B1": return .sharedOptions(listID: try reference("sharedOptions", as: .optionList, &reader))
    case "X": return .multiple
    case "trueFalse": return .trueFalse
    case "fillIn": return .fillIn(blankCount: try reader.integer("blanks", in: PaperLimits.blanks))
    case "numeric":
      return .numeric(unit: try reader.optionalText("unit", atMost: PaperLimits.unitScalars, mayBeEmpty: false))
    case "essay":
      return .essay(maximumCharacters: try reader.integer("maximumCharacters", in: PaperLimits.essayCharacters))
    default:
      throw reader.error(
        .unknownItemType,
        "\"\(ObjectReader.short(type))\" is not supported. Types are A1, A2, A3, A4, B1, X, trueFalse, fillIn, "
          + "numeric and essay.", at: place, member: "type")
    }
  }

  private mutating func reference(
    _ name: String, as kind: PaperReferences.Kind, _ reader: inout ObjectReader
  ) throws(PaperImportError) -> String {
    let value = try reader.required(name)
    let id = try reader.identifier(name)
    try references.use(id, as: kind, at: value.position, file: file, path: reader.pathOf(name))
    return id
  }

  /// Points with at most two decimals, kept as hundredths: 1.5 is 150.
  private func score(_ reader: inout ObjectReader) throws(PaperImportError) -> Int {
    let position = try reader.required("score").position
    guard let text = try reader.decimal("score") else { return 0 }
    let parts = text.split(separator: ".")
    let fraction = parts.count == 2 ? String(parts[1]) : ""
    let digits = parts[0] + fraction + String(repeating: "0", count: max(0, 2 - fraction.utf8.count))
    guard fraction.utf8.count <= 2, let hundredths = Int(digits), PaperLimits.scoreHundredths.contains(hundredths)
    else {
      throw reader.error(
        .outOfRange, "\"score\" is \(text); it must be from 0.01 to 1000 with at most two decimals.", at: position,
        member: "score")
    }
    return hundredths
  }

  mutating func assetIDs(_ reader: inout ObjectReader) throws(PaperImportError) -> [String] {
    let named = try reader.identifiers("assets", atMost: PaperLimits.assetsPerText) ?? []
    for asset in named {
      try references.use(asset.id, as: .asset, at: asset.position, file: file, path: reader.pathOf("assets"))
    }
    return named.map(\.id)
  }

  /// Options in the author's order: an importer that reordered them could tell which is right.
  mutating func decodeOptions(_ reader: inout ObjectReader) throws(PaperImportError) -> [ItemOption] {
    let place = try reader.required("options").position
    let values = try reader.array("options", atMost: PaperLimits.options.upperBound) ?? []
    guard values.count >= PaperLimits.options.lowerBound else {
      throw reader.error(
        .empty, "There are \(values.count) options; at least \(PaperLimits.options.lowerBound) are needed.", at: place,
        member: "options")
    }
    var options: [ItemOption] = []
    for (index, value) in values.enumerated() {
      let option = try decodeOption(value, path: "\(reader.pathOf("options"))[\(index)]")
      if options.contains(where: { $0.id == option.id }) {
        throw reader.error(
          .duplicateIdentifier, "Two options have the id \(option.id). Rename one.", at: value.position,
          member: "options")
      }
      if options.contains(where: { $0.text == option.text && $0.assetID == option.assetID }) {
        throw reader.error(
          .duplicateOption, "Option \(option.id) says the same as another. Change or remove one.", at: value.position,
          member: "options")
      }
      options.append(option)
    }
    return options
  }

  private mutating func decodeOption(_ value: JSONValue, path: String) throws(PaperImportError) -> ItemOption {
    var reader = try ObjectReader(value, file: file, path: path)
    let id = try reader.identifier("id")
    let assetPosition = try reader.optional("asset")?.position
    let assetID = try reader.optionalIdentifier("asset")
    let text: String
    if let assetID, let assetPosition {
      try references.use(assetID, as: .asset, at: assetPosition, file: file, path: reader.pathOf("asset"))
      text = try reader.optionalText("text", atMost: PaperLimits.textScalars) ?? ""
    } else {
      text = try reader.text("text", atMost: PaperLimits.textScalars)
    }
    try reader.finish("an option")
    return ItemOption(id: id, text: text, assetID: assetID)
  }

  /// `{{1}}` … `{{n}}` each stand in the stem once, and no other marker does.
  private func checkBlanks(_ stem: String, _ blankCount: Int, _ reader: ObjectReader) throws(PaperImportError) {
    let markers = stem.split(separator: "{{", omittingEmptySubsequences: false).dropFirst().map { piece in
      piece.firstRange(of: "}}").map { String(piece[..<$0.lowerBound]) } ?? ""
    }
    guard markers.sorted() == (1...blankCount).map(String.init).sorted() else {
      throw reader.error(
        .blankMismatch, "\"blanks\" is \(blankCount): the stem must hold {{1}} to {{\(blankCount)}}, each once.",
        member: "blanks")
    }
  }
}

import ExamModel

/// A decoded paper and what the key's checks need to know about its file.
struct DecodedPaper {
  var paper: Paper
  var itemPositions: [String: TextPosition]
  var inlineKey: JSONValue?
}

/// JSON → ``Paper``, in the paper's own order; every id is checked where it is declared and where it is used.
struct PaperDecoder {
  let file: String
  var assets: AssetLoader
  var references = PaperReferences()
  private(set) var itemPositions: [String: TextPosition] = [:]
  var groups = GroupRules()

  init(file: String, assets: AssetLoader) {
    self.file = file
    self.assets = assets
  }

  mutating func decode(_ root: JSONValue) throws(PaperImportError) -> DecodedPaper {
    var reader = try ObjectReader(root, file: file, path: "")
    try Self.checkFormat(PaperImporter.paperFormat, &reader)
    let id = try reader.identifier("id")
    let version = try reader.integer("version", in: PaperLimits.version)
    let title = try reader.text("title", atMost: PaperLimits.titleScalars)
    let language = try Self.language(&reader)
    let specialty = try reader.optionalText("specialty", atMost: PaperLimits.specialtyScalars) ?? ""
    let assetValues = try reader.array("assets", atMost: PaperLimits.assets) ?? []
    let stemValues = try reader.array("sharedStems", atMost: PaperLimits.sharedStems) ?? []
    let listValues = try reader.array("sharedOptionLists", atMost: PaperLimits.sharedOptionLists) ?? []
    let sectionsPosition = try reader.required("sections").position
    let sectionValues = try reader.array("sections", atMost: PaperLimits.sections.upperBound) ?? []
    let inlineKey = try reader.optional("key")
    try reader.finish("a paper")

    let assetReferences = try decodeAssets(assetValues)
    let stems = try decodeStems(stemValues)
    let lists = try decodeLists(listValues)
    let sections = try decodeSections(sectionValues, at: sectionsPosition, reader)
    try references.refuseUnused(file: file)
    let paper = Paper(
      id: id, version: version, title: title, language: language, specialty: specialty, sections: sections,
      sharedStems: stems, sharedOptionLists: lists, assets: assetReferences)
    return DecodedPaper(paper: paper, itemPositions: itemPositions, inlineKey: inlineKey)
  }

  static func checkFormat(_ expected: String, _ reader: inout ObjectReader) throws(PaperImportError) {
    let value = try reader.required("format")
    guard case .string(expected) = value.content else {
      throw reader.error(
        .unknownFormat, "\"format\" must be \"\(expected)\". Other formats and versions are not read.",
        at: value.position, member: "format")
    }
  }

  private static func language(_ reader: inout ObjectReader) throws(PaperImportError) -> String {
    let value = try reader.required("language")
    let tag = try reader.text("language", atMost: 35)
    let parts = tag.split(separator: "-", omittingEmptySubsequences: false)
    let isTag =
      (2...3).contains(parts[0].utf8.count)
      && parts.allSatisfy { part in
        (1...8).contains(part.utf8.count) && part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
      }
    guard isTag, parts[0].allSatisfy(\.isLetter) else {
      throw reader.error(
        .badLanguage, "\"\(ObjectReader.short(tag))\" is not a language tag. Write one like zh-Hans or en.",
        at: value.position, member: "language")
    }
    return tag
  }

  private mutating func decodeAssets(_ values: [JSONValue]) throws(PaperImportError) -> [AssetReference] {
    var result: [AssetReference] = []
    for (index, value) in values.enumerated() {
      let reference = try assets.load(value, path: "assets[\(index)]")
      try references.declare(reference.id, as: .asset, at: value.position, file: file)
      result.append(reference)
    }
    return result
  }

  private mutating func decodeStems(_ values: [JSONValue]) throws(PaperImportError) -> [SharedStem] {
    var result: [SharedStem] = []
    for (index, value) in values.enumerated() {
      var reader = try ObjectReader(value, file: file, path: "sharedStems[\(index)]")
      let id = try reader.identifier("id")
      let text = try reader.text("text", atMost: PaperLimits.textScalars)
      let assetIDs = try assetIDs(&reader)
      try reader.finish("a shared stem")
      try references.declare(id, as: .sharedStem, at: value.position, file: file)
      result.append(SharedStem(id: id, text: text, assetIDs: assetIDs))
    }
    return result
  }

  private mutating func decodeLists(_ values: [JSONValue]) throws(PaperImportError) -> [SharedOptionList] {
    var result: [SharedOptionList] = []
    for (index, value) in values.enumerated() {
      var reader = try ObjectReader(value, file: file, path: "sharedOptionLists[\(index)]")
      let id = try reader.identifier("id")
      let options = try decodeOptions(&reader)
      try reader.finish("a shared option list")
      try references.declare(id, as: .optionList, at: value.position, file: file)
      result.append(SharedOptionList(id: id, options: options))
    }
    return result
  }

  private mutating func decodeSections(
    _ values: [JSONValue], at place: TextPosition, _ root: ObjectReader
  ) throws(PaperImportError) -> [PaperSection] {
    guard !values.isEmpty else {
      throw root.error(.empty, "The paper has no sections. Add one.", at: place, member: "sections")
    }
    var sections: [PaperSection] = []
    var identifiers: Set<String> = []
    for (index, value) in values.enumerated() {
      let section = try decodeSection(value, path: "sections[\(index)]")
      guard identifiers.insert(section.id).inserted else {
        throw PaperImportError(
          .duplicateIdentifier, file: file, line: value.position.line, column: value.position.column,
          path: "sections[\(index)].id", message: "Two sections have the id \(section.id). Rename one.")
      }
      sections.append(section)
    }
    return sections
  }

  private mutating func decodeSection(_ value: JSONValue, path: String) throws(PaperImportError) -> PaperSection {
    var reader = try ObjectReader(value, file: file, path: path)
    var section = PaperSection(
      id: try reader.identifier("id"), title: try reader.text("title", atMost: PaperLimits.titleScalars),
      instructions: try reader.optionalText("instructions", atMost: PaperLimits.textScalars) ?? "",
      canGoBack: try reader.boolean("canGoBack", default: true),
      timeLimitSeconds: try reader.optionalInteger("timeLimitSeconds", in: PaperLimits.sectionTimeSeconds),
      drawnUnits: try reader.optionalInteger("drawnUnits", in: PaperLimits.items),
      shufflesItems: try reader.boolean("shufflesItems", default: false),
      shufflesOptions: try reader.boolean("shufflesOptions", default: false), items: [])
    let itemsPosition = try reader.required("items").position
    let drawPosition = try reader.optional("drawnUnits")?.position
    let values = try reader.array("items", atMost: PaperLimits.items.upperBound) ?? []
    try reader.finish("a section")
    guard !values.isEmpty else {
      throw reader.error(
        .empty, "Section \(section.id) has no items. Add one, or remove it.", at: itemsPosition, member: "items")
    }
    groups.beginSection()
    for (index, itemValue) in values.enumerated() {
      let item = try decodeItem(itemValue, path: "\(path).items[\(index)]")
      section.items.append(item)
    }
    try checkDraw(section, at: drawPosition, reader)
    return section
  }

  private func checkDraw(_ section: PaperSection, at place: TextPosition?, _ reader: ObjectReader)
    throws(PaperImportError)
  {
    guard let drawnUnits = section.drawnUnits else { return }
    let units = section.units
    guard drawnUnits <= units.count else {
      throw reader.error(
        .outOfRange, "\"drawnUnits\" is \(drawnUnits), but the section has only \(units.count) units. Lower it.",
        at: place, member: "drawnUnits")
    }
    let scores = units.map { unit in unit.reduce(0) { $0 + section.items[$1].scoreHundredths } }
    guard scores.allSatisfy({ $0 == scores[0] }) else {
      throw reader.error(
        .unequalDraw,
        "The units that section \(section.id) draws from are not worth the same. Give each the same score.",
        at: place, member: "drawnUnits")
    }
  }

  /// Notes an item's id; the limit on items is on the whole paper.
  mutating func declareItem(_ id: String, at position: TextPosition, _ reader: ObjectReader) throws(PaperImportError) {
    guard itemPositions.updateValue(position, forKey: id) == nil else {
      throw reader.error(.duplicateIdentifier, "Two items have the id \(id). Rename one.", at: position, member: "id")
    }
    guard itemPositions.count <= PaperLimits.items.upperBound else {
      throw reader.error(
        .tooMany, "The paper has more than \(PaperLimits.items.upperBound) items. Split it.", at: position)
    }
  }
}

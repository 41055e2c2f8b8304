/// Why an answer cannot be an answer to its item. Nothing was changed.
public enum AnswerRejection: Error, Hashable, Sendable {
  case unknownItem(String)
  /// The value is of another type than the item asks for.
  case wrongType(item: String, expected: String)
  case unknownOption(item: String, option: String)
  case moreThanOneOption(item: String, count: Int)
  /// Options stand twice or out of order; ``Paper/canonicalAnswer(_:for:)`` mends that.
  case optionsNotCanonical(item: String)
  case tooManyBlanks(item: String, count: Int, maximum: Int)
  /// Unicode scalars are counted.
  case tooLong(item: String, count: Int, maximum: Int)
  case notANumber(item: String)
  /// A number in another form than the canonical one; ``Paper/canonicalAnswer(_:for:)`` mends that.
  case numberNotCanonical(item: String, canonical: String)
  /// The text holds U+0000, which no store and no export keeps faithfully.
  case forbiddenCharacter(item: String)

  /// What is wrong and what to do next.
  public var message: String {
    switch self {
    case .unknownItem(let item):
      "This paper has no item \(item). Check the item's id; if the paper was replaced, open it again."
    case .wrongType(let item, let expected):
      "Item \(item) asks for \(expected). Answer it in that form."
    case .unknownOption(let item, let option):
      "Item \(item) has no option \(option). Choose one of the options shown."
    case .moreThanOneOption(let item, let count):
      "Item \(item) takes one option and got \(count). Choose one."
    case .optionsNotCanonical(let item):
      "The options chosen for item \(item) must be sorted and each named once. Sort them and send them again."
    case .tooManyBlanks(let item, let count, let maximum):
      "Item \(item) has \(maximum) blanks and got \(count) texts. Give one text for each blank."
    case .tooLong(let item, let count, let maximum):
      "The answer to item \(item) has \(count) characters; at most \(maximum) are taken. Shorten it."
    case .notANumber(let item):
      "The answer to item \(item) is not a number. Write digits with at most one decimal point, such as 12.5."
    case .numberNotCanonical(let item, let canonical):
      "Write the answer to item \(item) as \(canonical)."
    case .forbiddenCharacter(let item):
      "The answer to item \(item) holds a null character. Remove it and save again."
    }
  }
}

extension AnswerRejection: CustomStringConvertible {
  public var description: String { message }
}

extension Paper {
  /// Checks that `answer` is a possible and canonical answer to the item. An empty value of the right type passes: it
  /// clears the answer. Whether the answer is right is not asked: a paper does not know.
  public func validate(answer: AnswerValue, for itemID: String) throws(AnswerRejection) {
    guard let item = item(itemID) else { throw .unknownItem(itemID) }
    try validate(answer, itemID, of: item)
  }

  private func validate(_ answer: AnswerValue, _ itemID: String, of item: Item) throws(AnswerRejection) {
    // Swift's == takes U+212A for K; ids are compared by their bytes.
    guard item.id.utf8.elementsEqual(itemID.utf8) else { throw .unknownItem(itemID) }
    switch (item.kind, answer) {
    case (.fillIn(let blankCount), .blanks(let texts)):
      guard texts.count <= blankCount else {
        throw .tooManyBlanks(item: itemID, count: texts.count, maximum: blankCount)
      }
      for text in texts {
        try Self.checkText(text, of: itemID, maximum: PaperLimits.blankCharacters)
      }
    case (.numeric, .number(let text)):
      try Self.checkNumber(text, of: itemID)
    case (.essay(let maximumCharacters), .text(let text)):
      try Self.checkText(text, of: itemID, maximum: maximumCharacters)
    case (.fillIn, _), (.numeric, _), (.essay, _):
      throw .wrongType(item: itemID, expected: item.kind.answerForm)
    case (_, .options(let chosen)):
      try checkOptions(chosen, of: item)
    default:
      throw .wrongType(item: itemID, expected: item.kind.answerForm)
    }
  }

  /// The canonical form of an answer as it was entered: options sorted and named once, numbers in canonical form,
  /// missing blanks filled with empty texts.
  ///
  /// Throws what ``validate(answer:for:)`` would throw of the result.
  public func canonicalAnswer(_ answer: AnswerValue, for itemID: String) throws(AnswerRejection) -> AnswerValue {
    guard let item = item(itemID) else { throw .unknownItem(itemID) }
    let canonical: AnswerValue
    switch answer {
    case .options(let chosen):
      canonical = .options(AnswerValue.canonicalOptionIDs(chosen))
    case .number(let text):
      canonical = .number(CanonicalDecimal.canonicalize(text) ?? text)
    case .blanks(let texts):
      var filled = texts
      if case .fillIn(let blankCount) = item.kind {
        while filled.count < blankCount { filled.append("") }
      }
      canonical = .blanks(filled)
    case .text:
      canonical = answer
    }
    try validate(canonical, itemID, of: item)
    return canonical
  }

  private func checkOptions(_ chosen: [String], of item: Item) throws(AnswerRejection) {
    let known = optionIDs(of: item)
    if let stranger = chosen.first(where: { id in !known.contains { $0.utf8.elementsEqual(id.utf8) } }) {
      throw .unknownOption(item: item.id, option: stranger)
    }
    guard chosen == AnswerValue.canonicalOptionIDs(chosen) else { throw .optionsNotCanonical(item: item.id) }
    if item.kind.takesOneOption, chosen.count > 1 {
      throw .moreThanOneOption(item: item.id, count: chosen.count)
    }
  }

  private static func checkNumber(_ text: String, of itemID: String) throws(AnswerRejection) {
    if text.isEmpty { return }
    let count = text.unicodeScalars.count
    guard count <= PaperLimits.numberCharacters else {
      throw .tooLong(item: itemID, count: count, maximum: PaperLimits.numberCharacters)
    }
    guard let canonical = CanonicalDecimal.canonicalize(text) else { throw .notANumber(item: itemID) }
    guard CanonicalDecimal.isCanonical(text) else {
      throw .numberNotCanonical(item: itemID, canonical: canonical)
    }
  }

  private static func checkText(_ text: String, of itemID: String, maximum: Int) throws(AnswerRejection) {
    let count = text.unicodeScalars.count
    guard count <= maximum else { throw .tooLong(item: itemID, count: count, maximum: maximum) }
    guard !text.utf8.contains(0) else { throw .forbiddenCharacter(item: itemID) }
  }
}

extension AnswerValue {
  /// Option ids in the order of their bytes, each once.
  public static func canonicalOptionIDs(_ ids: [String]) -> [String] {
    // Most answers are one option, and this runs at every touch.
    guard ids.count > 1 else { return ids }
    return Set(ids).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

extension ItemKind {
  /// How an answer to such an item looks, for messages.
  public var answerForm: String {
    switch self {
    case .singleBest, .sharedStem, .sharedOptions: "one option"
    case .multiple: "options"
    case .trueFalse: "\(Self.trueOptionID) or \(Self.falseOptionID)"
    case .fillIn: "one text for each blank"
    case .numeric: "a number"
    case .essay: "a text"
    }
  }
}

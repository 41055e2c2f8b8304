/// One question of a paper, as candidates see it. It says nothing about which answer is right.
public struct Item: Hashable, Sendable {
  /// Unique in the paper; 1 to 64 of `A–Z a–z 0–9 . _ -`.
  public var id: String
  public var kind: ItemKind
  public var stem: String
  /// The item's own options, in the paper's order; empty for B1 items (see ``Paper/options(of:)``), for true/false
  /// and for items that are answered in writing.
  public var options: [ItemOption]
  /// Pictures shown with the stem, in this order.
  public var assetIDs: [String]
  /// Hundredths of a point, so that halves and quarters stay exact.
  public var scoreHundredths: Int

  public init(
    id: String, kind: ItemKind, stem: String, options: [ItemOption] = [], assetIDs: [String] = [],
    scoreHundredths: Int = 100
  ) {
    self.id = id
    self.kind = kind
    self.stem = stem
    self.options = options
    self.assetIDs = assetIDs
    self.scoreHundredths = scoreHundredths
  }
}

/// What an item asks for. The letters are the names that medical examiners use for these types.
public enum ItemKind: Hashable, Sendable {
  /// One option of the item's own is chosen.
  case singleBest(SingleBestForm)
  /// One option of the item's own is chosen; the case is told by a shared stem.
  case sharedStem(stemID: String, form: SharedStemForm)
  /// One option of a list that several items share is chosen (B1).
  case sharedOptions(listID: String)
  /// Any number of the item's own options is chosen (X).
  case multiple
  /// True or false: option ids ``trueOptionID`` and ``falseOptionID``.
  case trueFalse
  /// A text for each blank. Blanks stand in the stem as `{{1}}`, `{{2}}` …
  case fillIn(blankCount: Int)
  /// A decimal number, in `unit` if one is named.
  case numeric(unit: String?)
  /// Free text of at most `maximumCharacters` Unicode scalars.
  case essay(maximumCharacters: Int)

  /// The answer "true" to a true/false item.
  public static let trueOptionID = "T"
  /// The answer "false" to a true/false item.
  public static let falseOptionID = "F"

  /// What binds an item to its neighbours: items of one group stay together and in the paper's order.
  public var groupID: String? {
    switch self {
    case .sharedStem(let stemID, _): stemID
    case .sharedOptions(let listID): listID
    default: nil
    }
  }

  /// Whether exactly one option is the whole answer.
  public var takesOneOption: Bool {
    switch self {
    case .singleBest, .sharedStem, .sharedOptions, .trueFalse: true
    case .multiple, .fillIn, .numeric, .essay: false
    }
  }
}

/// A1: one short question. A2: a case told in the stem.
public enum SingleBestForm: String, Hashable, Sendable, CaseIterable {
  case a1 = "A1"
  case a2 = "A2"
}

/// A3: a case, then two or three questions. A4: a case that unfolds from question to question.
public enum SharedStemForm: String, Hashable, Sendable, CaseIterable {
  case a3 = "A3"
  case a4 = "A4"
}

/// One choice. Its id is what an answer names, wherever the option stands on the screen.
public struct ItemOption: Hashable, Sendable {
  /// Unique among the options of its item or list. It says nothing about which option is right.
  public var id: String
  /// May be empty only if there is a picture.
  public var text: String
  public var assetID: String?

  public init(id: String, text: String, assetID: String? = nil) {
    self.id = id
    self.text = text
    self.assetID = assetID
  }
}

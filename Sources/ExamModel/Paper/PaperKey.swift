/// The right answers and their reasons. Never part of a ``Paper``, and never in anything a candidate can fetch.
public struct PaperKey: Hashable, Sendable {
  public var paperID: String
  public var paperVersion: Int
  /// By item id; one entry for each item of the paper.
  public var entries: [String: KeyEntry]

  public init(paperID: String, paperVersion: Int, entries: [String: KeyEntry]) {
    self.paperID = paperID
    self.paperVersion = paperVersion
    self.entries = entries
  }

  public subscript(item: String) -> KeyEntry? { entries[item] }
}

/// One item's key and the reason for it.
public struct KeyEntry: Hashable, Sendable {
  public var key: AnswerKey
  /// `nil` where the author gave none.
  public var rationale: Rationale?

  public init(key: AnswerKey, rationale: Rationale? = nil) {
    self.key = key
    self.rationale = rationale
  }
}

/// What counts as right.
public struct AnswerKey: Hashable, Sendable {
  public var expected: ExpectedAnswer
  /// A note for markers.
  public var note: String

  public init(expected: ExpectedAnswer, note: String = "") {
    self.expected = expected
    self.note = note
  }
}

/// Why the key is right: for review after the exam.
public struct Rationale: Hashable, Sendable {
  public var text: String

  public init(text: String) {
    self.text = text
  }
}

/// The right answer, by kind of item.
public enum ExpectedAnswer: Hashable, Sendable {
  /// Exactly these options: sorted, unique ids.
  case options([String])
  /// For each blank, the texts that are accepted.
  case blanks([[String]])
  /// A canonical decimal, and how far an answer may lie from it on either side.
  case number(String, tolerance: String)
  /// A person marks it; this is a model answer.
  case essay(modelAnswer: String)
}

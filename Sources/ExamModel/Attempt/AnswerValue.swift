/// The whole new value of one item's answer. Option ids, never positions.
public enum AnswerValue: Hashable, Sendable {
  /// Chosen options of A1, A2, A3, A4, B1, X and true/false items: sorted, unique ids (`T` and `F` for true/false).
  case options([String])
  /// An essay's full text.
  case text(String)
  /// One text for each blank of a fill-in item, in the item's order; a blank left open is empty.
  case blanks([String])
  /// A decimal number as the candidate wrote it, in canonical form (`-12.5`).
  case number(String)

  /// An empty value is the same as no answer.
  public var isEmpty: Bool {
    switch self {
    case .options(let ids): ids.isEmpty
    case .text(let text): text.isEmpty
    case .blanks(let texts): texts.allSatisfy(\.isEmpty)
    case .number(let text): text.isEmpty
    }
  }

  /// The bytes that the answer sheet's digest covers: a tag, a count, and each text with its length.
  public var canonicalBytes: [UInt8] {
    var bytes: [UInt8] = []
    func append(tag: UInt8, _ texts: [String]) {
      bytes.append(tag)
      bytes.appendBigEndian(UInt32(texts.count))
      for text in texts { bytes.appendLengthPrefixed(Array(text.utf8)) }
    }
    switch self {
    case .options(let ids): append(tag: 1, ids)
    case .text(let text): append(tag: 2, [text])
    case .blanks(let texts): append(tag: 3, texts)
    case .number(let text): append(tag: 4, [text])
    }
    return bytes
  }
}

extension AnswerValue: CustomStringConvertible {
  /// For people and for the scripts of `exam-client`: ids joined by commas, blanks by `|`.
  public var description: String {
    switch self {
    case .options(let ids): ids.joined(separator: ",")
    case .text(let text), .number(let text): text
    case .blanks(let texts): texts.joined(separator: "|")
    }
  }
}

/// The current answer to every answered item of one attempt.
public struct AnswerSheet: Hashable, Sendable {
  /// Never holds an empty value.
  public private(set) var values: [String: AnswerValue]

  public init(_ values: [String: AnswerValue] = [:]) {
    self.values = values.filter { !$0.value.isEmpty }
  }

  public subscript(item: String) -> AnswerValue? { values[item] }
  public var count: Int { values.count }

  /// Sets an item's whole value; an empty value clears it.
  public mutating func set(_ value: AnswerValue, for item: String) {
    values[item] = value.isEmpty ? nil : value
  }

  /// Takes an item's answer back.
  public mutating func clear(_ item: String) {
    values[item] = nil
  }

  /// Items in the canonical order: by the bytes of their ids.
  public var sorted: [(item: String, value: AnswerValue)] {
    values.map { (bytes: Array($0.key.utf8), item: $0.key, value: $0.value) }
      .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }.map { (item: $0.item, value: $0.value) }
  }

  /// The canonical list that a seal's digest covers, before hashing.
  public var canonicalBytes: [UInt8] {
    var bytes = Array("examsync answers v1".utf8)
    bytes.appendBigEndian(UInt32(values.count))
    for (item, value) in sorted {
      bytes.appendLengthPrefixed(Array(item.utf8))
      bytes.appendLengthPrefixed(value.canonicalBytes)
    }
    return bytes
  }
}

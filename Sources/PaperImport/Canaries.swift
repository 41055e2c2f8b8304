import ExamModel

/// The strings of a paper that must not be found where a candidate can read.
public struct Canaries: Hashable, Sendable {
  /// In keys, notes and rationales: never to be found in anything a candidate can fetch.
  public var secrets: [String]
  /// In stems: not to be found before the paper's key is released.
  public var stems: [String]

  /// Lists the canaries of `imported`: the marks `CANARY-…` and `⟦…⟧` in its key, and in its stems the mark, or the
  /// whole stem where there is none.
  public init(of imported: ImportedPaper) {
    var secrets: [String] = []
    for (_, entry) in imported.key.entries.sorted(by: { $0.key < $1.key }) {
      for text in entry.texts { secrets += Self.marks(in: text) }
    }
    var stems: [String] = []
    for text in imported.paper.sharedStems.map(\.text) + imported.paper.items.map(\.stem) {
      let marks = Self.marks(in: text)
      stems += marks.isEmpty ? [text] : marks
    }
    self.secrets = secrets
    self.stems = stems
  }

  /// Which of `needles` occur in `bytes`.
  public static func found(_ needles: [String], in bytes: [UInt8]) -> [String] {
    bytes.withUnsafeBytes { haystack in
      needles.filter { occurs(Array($0.utf8), in: haystack) }
    }
  }

  private static func occurs(_ needle: [UInt8], in haystack: UnsafeRawBufferPointer) -> Bool {
    guard let first = needle.first, needle.count <= haystack.count else { return false }
    for start in 0...(haystack.count - needle.count) where haystack[start] == first {
      if (1..<needle.count).allSatisfy({ haystack[start + $0] == needle[$0] }) { return true }
    }
    return false
  }

  private static func marks(in text: String) -> [String] {
    var marks: [String] = []
    let scalars = Array(text.unicodeScalars)
    let prefix = Array("CANARY-".unicodeScalars)
    var offset = 0
    while offset < scalars.count {
      var end = offset
      if scalars[offset...].starts(with: prefix) {
        while end < scalars.count, isMarkBody(scalars[end]) { end += 1 }
      } else if scalars[offset] == "⟦", let close = scalars[offset...].firstIndex(of: "⟧") {
        end = close + 1
      }
      if end > offset { marks.append(String(String.UnicodeScalarView(scalars[offset..<end]))) }
      offset = max(end, offset + 1)
    }
    return marks
  }

  private static func isMarkBody(_ scalar: Unicode.Scalar) -> Bool {
    ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar) || scalar == "-"
  }
}

extension KeyEntry {
  /// Every text of the entry.
  fileprivate var texts: [String] {
    let expected: [String] =
      switch key.expected {
      case .options, .number: []
      case .blanks(let blanks): blanks.flatMap { $0 }
      case .essay(let modelAnswer): [modelAnswer]
      }
    return expected + [key.note] + (rationale.map { [$0.text] } ?? [])
  }
}

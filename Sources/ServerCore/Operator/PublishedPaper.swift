public import ExamModel
public import SyncProtocol

/// A paper version that was sealed and whose blobs lie ready: what the store is told of it.
public struct PublishedPaper: Codable, Hashable, Sendable {
  /// One more than the version before; all versions of an exam's paper share its key.
  public var version: UInt32
  public var manifest: BlobPointer
  public var packs: [BlobPointer]
  /// 32 bytes; released at T0 and in no scope before.
  public var key: [UInt8]
  public var keyCheck: Digest256
  public var parts: PublishedParts
  /// Kept on the server only.
  public var items: [PaperItem]

  public init(
    version: UInt32, manifest: BlobPointer, packs: [BlobPointer], key: [UInt8], keyCheck: Digest256,
    parts: PublishedParts, items: [PaperItem]
  ) {
    self.version = version
    self.manifest = manifest
    self.packs = packs
    self.key = key
    self.keyCheck = keyCheck
    self.parts = parts
    self.items = items
  }
}

/// ``BlobReference`` for JSON.
public struct BlobPointer: Codable, Hashable, Sendable {
  public var digest: Digest256
  public var length: UInt64

  public init(digest: Digest256, length: UInt64) {
    self.digest = digest
    self.length = length
  }

  public var reference: BlobReference { BlobReference(digest: digest, length: length) }
}

/// Where the parts of a publication lie, so that the next one can leave unchanged parts where they are.
public struct PublishedParts: Codable, Hashable, Sendable {
  public struct Part: Codable, Hashable, Sendable {
    public var name: String
    /// SHA-256 of the part before sealing; never given out.
    public var plaintext: Digest256
    public var digest: Digest256
    public var pack: Digest256
    public var offset: UInt64
    public var length: UInt64
  }

  public var parts: [Part]
  public var packs: [BlobPointer]

  public init(parts: [Part] = [], packs: [BlobPointer] = []) {
    self.parts = parts
    self.packs = packs
  }
}

/// What a publisher must know of what was published before.
public struct PublishingState: Codable, Hashable, Sendable {
  public var examTitle: String
  /// 0 for none.
  public var version: UInt32
  /// `nil` before the first publication.
  public var key: [UInt8]?
  public var parts: PublishedParts
}

/// One item as the server needs to know it: its section, and which answers are possible.
public struct PaperItem: Codable, Hashable, Sendable {
  public var id: String
  public var section: String
  public var form: AnswerForm

  public init(id: String, section: String, form: AnswerForm) {
    self.id = id
    self.section = section
    self.form = form
  }

  /// The index of a paper's items.
  public static func index(of paper: Paper) -> [PaperItem] {
    paper.sections.flatMap { section in
      section.items.map { item in
        let options = paper.optionIDs(of: item)
        let form: AnswerForm =
          switch item.kind {
          case .fillIn(let blankCount): .blanks(count: blankCount, maximumCharacters: PaperLimits.blankCharacters)
          case .numeric: .number(maximumCharacters: PaperLimits.numberCharacters)
          case .essay(let maximumCharacters): .text(maximumCharacters: maximumCharacters)
          default: .options(ids: options, takesOne: item.kind.takesOneOption)
          }
        return PaperItem(id: item.id, section: section.id, form: form)
      }
    }
  }
}

/// Which answers an item takes.
public enum AnswerForm: Codable, Hashable, Sendable {
  case options(ids: [String], takesOne: Bool)
  case blanks(count: Int, maximumCharacters: Int)
  case number(maximumCharacters: Int)
  case text(maximumCharacters: Int)

  /// Whether the value could have been entered by an honest device; an empty one clears, and always could.
  public func accepts(_ value: AnswerValue) -> Bool {
    if value.isEmpty { return true }
    switch (self, value) {
    case (.options(let ids, let takesOne), .options(let chosen)):
      if takesOne, chosen.count > 1 { return false }
      return chosen == AnswerValue.canonicalOptionIDs(chosen)
        && chosen.allSatisfy { id in ids.contains { $0.utf8.elementsEqual(id.utf8) } }
    case (.blanks(let count, let maximum), .blanks(let texts)):
      return texts.count <= count && texts.allSatisfy { Self.isPlain($0, maximum: maximum) }
    case (.number(let maximum), .number(let text)):
      return text.utf8.count <= maximum && CanonicalDecimal.isCanonical(text)
    case (.text(let maximum), .text(let text)):
      return Self.isPlain(text, maximum: maximum)
    default:
      return false
    }
  }

  private static func isPlain(_ text: String, maximum: Int) -> Bool {
    text.unicodeScalars.count <= maximum && !text.utf8.contains(0)
  }
}

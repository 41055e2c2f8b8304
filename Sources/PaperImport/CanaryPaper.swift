import ExamModel

/// Makes papers that are valid, use every item type, and carry a string of their own in every stem, key and
/// rationale, so that a search through what candidates can fetch finds any leak.
///
/// A function of its arguments: the same seed gives the same files.
public enum CanaryPaper {
  /// At this many items every type occurs.
  public static let leastItemCount = 16

  /// A paper of `itemCount` items (at least ``leastItemCount``), imported through ``PaperImporter``.
  public static func make(seed: UInt64, itemCount: Int) throws(PaperImportError) -> ImportedPaper {
    try PaperImporter.load(files: files(seed: seed, itemCount: itemCount))
  }

  /// The files of such a paper: `paper.json`, `key.json` and one picture.
  public static func files(seed: UInt64, itemCount: Int) -> [String: [UInt8]] {
    var builder = CanaryBuilder(seed: seed)
    let count = min(max(itemCount, leastItemCount), PaperLimits.items.upperBound)
    for index in 0..<count { builder.addItem(index, of: count) }
    return builder.files()
  }
}

/// Builds the JSON of one canary paper.
private struct CanaryBuilder {
  private let seed: UInt64
  private var generator: OrderGenerator
  private var openItems: [String] = []
  private var finalItems: [String] = []
  private var stems: [String] = []
  private var lists: [String] = []
  private var answers: [String] = []

  init(seed: UInt64) {
    self.seed = seed
    generator = OrderGenerator(seed: seed, label: "canary paper")
  }

  private mutating func canary(_ kind: String) -> String {
    let digits = String(generator.next(), radix: 16, uppercase: true)
    return "CANARY-\(kind)-" + String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }

  /// Types come in blocks of sixteen, so that groups stay together; a group cut short by the end is still one.
  mutating func addItem(_ index: Int, of count: Int) {
    let block = index / 16
    let slot = index % 16
    var members: [(name: String, value: String)] = []
    var stem = canary("STEM")
    let type: String
    switch slot {
    case 0, 1: type = slot == 0 ? "A1" : "A2"
    case 2, 3, 4, 5, 6:
      type = slot < 4 ? "A3" : "A4"
      let id = "case\(slot < 4 ? "A" : "B")\(block)"
      if slot == 2 || slot == 4 { addStem(id) }
      members.append(("sharedStem", JSONWriter.string(id)))
    case 7, 8, 9:
      type = "B1"
      if slot == 7 { addList("list\(block)") }
      members.append(("sharedOptions", JSONWriter.string("list\(block)")))
    case 10, 11: type = "X"
    case 12: type = "trueFalse"
    case 13:
      type = "fillIn"
      stem += ": {{1}}, {{2}}"
      members.append(("blanks", "2"))
    case 14:
      type = "numeric"
      members.append(("unit", JSONWriter.string("mmol/L")))
    default:
      type = "essay"
      members.append(("maximumCharacters", "600"))
    }
    if ["A1", "A2", "A3", "A4", "X"].contains(type) { members.append(("options", options("option"))) }
    if index == 0 { members.append(("assets", "[\"picture\"]")) }
    let id = "q\(index + 1)"
    let item = JSONWriter.object(
      [
        ("id", JSONWriter.string(id)), ("type", JSONWriter.string(type)), ("stem", JSONWriter.string(stem)),
        ("score", "1"),
      ] + members)
    if index >= count / 16 * 16 - 2, slot >= 14 { finalItems.append(item) } else { openItems.append(item) }
    answers.append(answer(id, type: type))
  }

  private mutating func addStem(_ id: String) {
    stems.append(
      JSONWriter.object([("id", JSONWriter.string(id)), ("text", JSONWriter.string(canary("STEM")))]))
  }

  private mutating func addList(_ id: String) {
    lists.append(JSONWriter.object([("id", JSONWriter.string(id)), ("options", options("choice"))]))
  }

  private mutating func options(_ word: String) -> String {
    JSONWriter.options(
      ["A", "B", "C", "D", "E"].map { (id: $0, text: "\(word) \($0) \(generator.next(below: 1_000))") })
  }

  private mutating func answer(_ id: String, type: String) -> String {
    var letters = ["A", "B", "C", "D", "E"]
    generator.shuffle(&letters)
    let expected: (name: String, value: String) =
      switch type {
      case "X": ("options", JSONWriter.array(letters.prefix(3).map(JSONWriter.string)))
      case "trueFalse": ("options", generator.next(below: 2) == 0 ? "[\"T\"]" : "[\"F\"]")
      case "fillIn":
        (
          "blanks",
          JSONWriter.array((0..<2).map { _ in JSONWriter.array([JSONWriter.string(canary("KEY"))]) })
        )
      case "numeric": ("number", "\(generator.next(below: 100)).25")
      case "essay": ("modelAnswer", JSONWriter.string(canary("KEY")))
      default: ("options", JSONWriter.array([JSONWriter.string(letters[0])]))
      }
    return JSONWriter.object([
      ("item", JSONWriter.string(id)), expected, ("note", JSONWriter.string(canary("KEY"))),
      ("rationale", JSONWriter.string(canary("RATIONALE"))),
    ])
  }

  func files() -> [String: [UInt8]] {
    let first = JSONWriter.object([
      ("id", JSONWriter.string("open")), ("title", JSONWriter.string("Open section")), ("shufflesItems", "true"),
      ("shufflesOptions", "true"), ("items", JSONWriter.lines(openItems, indent: "  ")),
    ])
    let last = JSONWriter.object([
      ("id", JSONWriter.string("final")), ("title", JSONWriter.string("Final section")), ("canGoBack", "false"),
      ("timeLimitSeconds", "900"), ("items", JSONWriter.lines(finalItems, indent: "  ")),
    ])
    let identity: [(name: String, value: String)] = [("version", "1")]
    let id = JSONWriter.string("canary-\(String(seed, radix: 16))")
    let picture = JSONWriter.object([
      ("id", JSONWriter.string("picture")), ("file", JSONWriter.string("picture.png")),
      ("description", JSONWriter.string("A grey square")),
    ])
    let paper = JSONWriter.document(
      [("format", JSONWriter.string(PaperImporter.paperFormat)), ("id", id)] + identity + [
        ("title", JSONWriter.string("Canary paper")), ("language", JSONWriter.string("en")),
        ("assets", JSONWriter.array([picture])), ("sharedStems", JSONWriter.lines(stems, indent: "  ")),
        ("sharedOptionLists", JSONWriter.lines(lists, indent: "  ")),
        ("sections", JSONWriter.array([first, last])),
      ])
    let key = JSONWriter.document(
      [("format", JSONWriter.string(PaperImporter.keyFormat)), ("paper", id)] + identity + [
        ("answers", JSONWriter.lines(answers, indent: "  "))
      ])
    return [
      PaperImporter.paperFile: Array(paper.utf8), PaperImporter.keyFile: Array(key.utf8),
      "assets/picture.png": Self.picture,
    ]
  }

  /// A PNG of 8 × 8 grey pixels.
  private static let picture: [UInt8] = [
    0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0x00, 0x00, 0x00, 0x0D, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x08, 0x08, 0x00, 0x00, 0x00, 0x00, 0xE1, 0x64, 0xE1,
    0x57, 0x00, 0x00, 0x00, 0x0E, 0x49, 0x44, 0x41, 0x54, 0x78, 0xDA, 0x63, 0x68, 0x80, 0x02, 0x06,
    0xCA, 0x18, 0x00, 0x80, 0x84, 0x20, 0x01, 0x10, 0xE8, 0x6A, 0x17, 0x00, 0x00, 0x00, 0x00, 0x49,
    0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82,
  ]
}

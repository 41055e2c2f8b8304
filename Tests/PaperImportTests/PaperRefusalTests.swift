import ExamModel
import PaperImport
import Testing

/// One change to a valid paper or key, and what must be said about it.
struct Refusal: Sendable, CustomTestStringConvertible {
  var code: PaperImportErrorCode
  var line: Int
  var old: String
  var new: String
  var testDescription: String { "\(code.rawValue), line \(line): \(old.prefix(40)) → \(new.prefix(40))" }

  init(_ code: PaperImportErrorCode, _ line: Int, _ old: String, _ new: String) {
    (self.code, self.line, self.old, self.new) = (code, line, old, new)
  }
}

@Suite("A paper that is not right is refused by name, file and line")
struct PaperRefusalTests {
  private static let a1Options = #""options": [{"id": "A", "text": "x"}, {"id": "B", "text": "y"}]"#

  static let documents: [Refusal] = [
    Refusal(.unknownFormat, 2, "examsync-paper/1", "examsync-paper/2"),
    Refusal(.missingField, 1, #"  "format": "examsync-paper/1","#, ""),
    Refusal(.badIdentifier, 3, #""small""#, #""small paper""#),
    Refusal(.badIdentifier, 3, #""small""#, #""prüfung""#),
    Refusal(.outOfRange, 3, #""version": 1"#, #""version": 0"#),
    Refusal(.outOfRange, 3, #""version": 1"#, #""version": 99999999999999999999999"#),
    Refusal(.notAnInteger, 3, #""version": 1"#, #""version": 1.0"#),
    Refusal(.notAnInteger, 3, #""version": 1"#, #""version": 1e9999"#),
    Refusal(.wrongType, 3, #""version": 1"#, #""version": "1""#),
    Refusal(.wrongType, 3, #""version": 1"#, #""version": null"#),
    Refusal(.empty, 3, "Small paper", " \\n "),
    Refusal(.badText, 3, "Small paper", "Small\\u0007paper"),
    Refusal(.badText, 3, "Small paper", "Small\\rpaper"),
    Refusal(.outOfRange, 3, "Small paper", String(repeating: "x", count: 301)),
    Refusal(.badLanguage, 3, #""en""#, #""English language""#),
    Refusal(.badLanguage, 3, #""en""#, #""-""#),
    Refusal(.unknownField, 3, #""language": "en""#, #""language": "en", "autor": "me""#),
    Refusal(.unknownField, 5, #""description":"#, #""alt": "x", "description":"#),
    Refusal(.missingField, 5, #", "description": "A grey square""#, ""),
    Refusal(.badAssetName, 5, "picture.png", "../picture.png"),
    Refusal(.badAssetName, 5, "picture.png", "/etc/passwd"),
    Refusal(.badAssetName, 5, "picture.png", #"C:\\picture.png"#),
    Refusal(.badAssetName, 5, "picture.png", ".."),
    Refusal(.badAssetName, 5, "picture.png", ".picture.png"),
    Refusal(.badAssetName, 5, "picture.png", "sub/picture.png"),
    Refusal(.missingAsset, 5, "picture.png", "other.png"),
    Refusal(
      .badAssetName, 5, #""A grey square"}"#,
      #""A grey square"}, {"id": "again", "file": "PICTURE.png", "description": "x"}"#),
    Refusal(.unknownAsset, 8, #"["picture"]"#, #"["pictures"]"#),
    Refusal(.unknownAsset, 8, #"["picture"]"#, #"["case"]"#),
    Refusal(.duplicateIdentifier, 8, #"["picture"]"#, #"["picture", "picture"]"#),
    Refusal(.duplicateIdentifier, 8, #""id": "case""#, #""id": "picture""#),
    Refusal(.unusedAsset, 5, #", "assets": ["picture"]"#, ""),
    Refusal(.duplicateIdentifier, 11, #"{"id": "B", "text": "two"}"#, #"{"id": "A", "text": "two"}"#),
    Refusal(.duplicateOption, 11, #""two""#, #""one""#),
    Refusal(.empty, 11, #", {"id": "B", "text": "two"}"#, ""),
    Refusal(.empty, 13, paperSections, "[]"),
  ]

  /// Everything between the brackets of `sections`.
  private static var paperSections: String {
    let text = PaperFragments.paper
    guard let start = text.firstRange(of: #""sections": "#)?.upperBound, let end = text.lastIndex(of: "]") else {
      return ""
    }
    return String(text[start...end])
  }

  static let sections: [Refusal] = [
    Refusal(.empty, 14, #""First""#, #""""#),
    Refusal(.outOfRange, 14, #""drawnUnits": 3"#, #""drawnUnits": 7"#),
    Refusal(.outOfRange, 14, #""drawnUnits": 3"#, #""drawnUnits": 0"#),
    Refusal(.unequalDraw, 14, #""So?", "score": 1"#, #""So?", "score": 2"#),
    Refusal(.wrongType, 14, #""shufflesItems": true"#, #""shufflesItems": 1"#),
    Refusal(.unknownField, 14, #""shufflesItems""#, #""shuffleItems""#),
    Refusal(.duplicateIdentifier, 23, #""id": "s2""#, #""id": "s1""#),
    Refusal(.outOfRange, 23, #""timeLimitSeconds": 60"#, #""timeLimitSeconds": 9"#),
    Refusal(.notAnInteger, 23, #""timeLimitSeconds": 60"#, #""timeLimitSeconds": 60.5"#),
    Refusal(.wrongType, 23, #""canGoBack": false"#, #""canGoBack": "no""#),
  ]

  static let items: [Refusal] = [
    Refusal(.unknownItemType, 16, #""type": "A1""#, #""type": "K""#),
    Refusal(.wrongType, 16, #""type": "A1""#, #""type": 1"#),
    Refusal(.missingField, 16, #""type": "A1", "#, ""),
    Refusal(.missingField, 16, #""score": 1, "#, ""),
    Refusal(.empty, 16, #""Which?""#, #""""#),
    Refusal(.missingField, 16, ", " + a1Options, ""),
    Refusal(.empty, 16, a1Options, #""options": []"#),
    Refusal(.empty, 16, #"{"id": "A", "text": "x"}"#, #"{"id": "A", "text": ""}"#),
    Refusal(.missingField, 16, #"{"id": "A", "text": "x"}"#, #"{"id": "A"}"#),
    Refusal(.unknownField, 16, #"{"id": "A", "text": "x"}"#, #"{"id": "A", "text": "x", "correct": true}"#),
    Refusal(.unknownAsset, 16, #"{"id": "A", "text": "x"}"#, #"{"id": "A", "text": "x", "asset": "none"}"#),
    Refusal(.tooMany, 16, a1Options, #""options": ["# + String(repeating: "1,", count: 26) + "1]"),
    Refusal(.outOfRange, 16, #""score": 1"#, #""score": 0"#),
    Refusal(.outOfRange, 16, #""score": 1"#, #""score": -1"#),
    Refusal(.outOfRange, 16, #""score": 1"#, #""score": 0.125"#),
    Refusal(.outOfRange, 16, #""score": 1"#, #""score": 1e2"#),
    Refusal(.outOfRange, 16, #""score": 1"#, #""score": 1000.01"#),
    Refusal(.unknownField, 16, #""score": 1"#, #""score": 1, "answer": "A""#),
    Refusal(.unknownField, 16, #""score": 1"#, #""score": 1, "blanks": 1"#),
    Refusal(.duplicateIdentifier, 17, #""id": "x1""#, #""id": "a1""#),
    Refusal(.unknownField, 18, #""So?", "score": 1"#, #""So?", "score": 1, "options": []"#),
    Refusal(.blankMismatch, 19, "{{1}} and {{2}}", "{{1}} and {{1}}"),
    Refusal(.blankMismatch, 19, #""blanks": 2"#, #""blanks": 3"#),
    Refusal(.blankMismatch, 19, "{{1}} and {{2}}", "{{1}} and {{2"),
    Refusal(.outOfRange, 19, #""blanks": 2"#, #""blanks": 0"#),
    Refusal(.empty, 20, #""unit": "ml""#, #""unit": """#),
    Refusal(.missingField, 21, #", "maximumCharacters": 100"#, ""),
    Refusal(.outOfRange, 21, #""maximumCharacters": 100"#, #""maximumCharacters": 15001"#),
    Refusal(.missingField, 25, #""sharedStem": "case", "#, ""),
    Refusal(.unknownSharedStem, 25, #""sharedStem": "case""#, #""sharedStem": "list""#),
    Refusal(.mixedGroup, 26, #""c2", "type": "A3""#, #""c2", "type": "A4""#),
    Refusal(.missingField, 27, #", "sharedOptions": "list""#, ""),
    Refusal(.unknownOptionList, 27, #""sharedOptions": "list""#, #""sharedOptions": "lost""#),
    Refusal(.splitGroup, 28, #""b2", "type": "B1", "stem": "Two?", "score": 1, "sharedOptions": "list""#, splitItems),
  ]

  /// A true/false item between two items of one B1 group; all on line 28.
  private static let splitItems =
    #""t9", "type": "trueFalse", "stem": "So?", "score": 1}, "#
    + #"{"id": "b2", "type": "B1", "stem": "Two?", "score": 1, "sharedOptions": "list""#

  @Test("the paper", arguments: documents + sections + items)
  func paper(refusal: Refusal) throws {
    let text = try #require(PaperFragments.replace(refusal.old, refusal.new, in: PaperFragments.paper))
    try expect(refusal.code, file: "paper.json", line: refusal.line, PaperFragments.files(paper: text))
  }

  static let keys: [Refusal] = [
    Refusal(.unknownFormat, 2, "examsync-key/1", "examsync-paper/1"),
    Refusal(.keyForAnotherPaper, 2, #""small""#, #""large""#),
    Refusal(.keyForAnotherPaper, 2, #""version": 1"#, #""version": 2"#),
    Refusal(.keyForUnknownItem, 4, #""a1""#, #""a9""#),
    Refusal(.keyNamesUnknownOption, 4, #"["A"]"#, #"["C"]"#),
    Refusal(.keyNotSingle, 4, #"["A"]"#, #"["A", "B"]"#),
    Refusal(.empty, 4, #"["A"]"#, "[]"),
    Refusal(.empty, 4, #""rationale": "r""#, #""rationale": """#),
    Refusal(.unknownField, 4, #""note""#, #""notes""#),
    Refusal(.missingKey, 4, #", "options": ["A"]"#, ""),
    Refusal(.keyOfWrongType, 4, #""options": ["A"]"#, #""number": 1"#),
    Refusal(.duplicateIdentifier, 5, #"["B", "A"]"#, #"["B", "B"]"#),
    Refusal(.duplicateKey, 5, #"{"item": "x1", "options": ["B", "A"]}"#, #"{"item": "a1", "options": ["B"]}"#),
    Refusal(.keyNamesUnknownOption, 6, #"["T"]"#, #"["true"]"#),
    Refusal(.blankMismatch, 7, #", ["right"]"#, ""),
    Refusal(.empty, 7, #"["right"]"#, "[]"),
    Refusal(.wrongType, 7, #"["right"]"#, #""right""#),
    Refusal(.empty, 7, #""left", "#, #""", "#),
    Refusal(.keyOfWrongType, 7, #""blanks": [["left", "l"], ["right"]]"#, #""modelAnswer": "x""#),
    Refusal(.wrongType, 8, "12.50", #""12.50""#),
    Refusal(.outOfRange, 8, "12.50", "1e9999"),
    Refusal(.outOfRange, 8, #""tolerance": 0.1"#, #""tolerance": -0.1"#),
    Refusal(.empty, 9, "A model.", ""),
    Refusal(.keyNamesUnknownOption, 12, #"{"item": "b1", "options": ["A"]}"#, #"{"item": "b1", "options": ["E"]}"#),
    Refusal(.missingKey, 1, #",\#n    {"item": "b2", "options": ["B"]}"#, ""),
    Refusal(.syntax, 4, #"{"item": "a1""#, #"{item: "a1""#),
  ]

  @Test("the key", arguments: keys)
  func key(refusal: Refusal) throws {
    let text = try #require(PaperFragments.replace(refusal.old, refusal.new, in: PaperFragments.key))
    try expect(refusal.code, file: "key.json", line: refusal.line, PaperFragments.files(key: text))
  }

  @Test("a paper without a key, or with two")
  func keysMissingOrDouble() throws {
    try expect(.missingKey, file: "paper.json", line: 1, PaperFragments.files(key: nil))
    let inline = try #require(
      PaperFragments.replace(
        #""sections": ["#, "\"key\": {\"answers\": []},\n\"sections\": [", in: PaperFragments.paper))
    try expect(.twoKeys, file: "paper.json", line: 13, PaperFragments.files(paper: inline))
    try expect(.missingKey, file: "paper.json", line: 13, PaperFragments.files(paper: inline, key: nil))
    try expect(.missingFile, file: "paper.json", line: 1, ["key.json": Array(PaperFragments.key.utf8)])
  }

  @Test("more items than the limit, counted over all sections")
  func tooManyItems() throws {
    let item = { (id: Int) in #"{"id": "i\#(id)", "type": "trueFalse", "stem": "So?", "score": 1}"# }
    let half = { (range: Range<Int>) in range.map(item).joined(separator: ",\n") }
    let text = """
      {"format": "examsync-paper/1", "id": "big", "version": 1, "title": "Big", "language": "en", "sections": [
      {"id": "s1", "title": "1", "items": [
      \(half(0..<600))
      ]}, {"id": "s2", "title": "2", "items": [
      \(half(600..<1_001))
      ]}]}
      """
    try expect(.tooMany, file: "paper.json", line: 2 + 600 + 1 + 401, PaperFragments.files(paper: text, picture: nil))
  }

  @Test("files that are too large, and files that nobody declared")
  func filesTooLargeOrUnlisted() throws {
    let spaces = [UInt8](repeating: 0x20, count: PaperLimits.documentBytes + 1)
    try expect(.fileTooLarge, file: "paper.json", line: 1, ["paper.json": spaces])
    var files = PaperFragments.files()
    files["assets/notes.txt"] = [0x41]
    try expect(.unlistedFile, file: "assets/notes.txt", line: 1, files)
  }

  @Test("the untouched paper is taken, in the author's order")
  func takesTheOriginal() throws {
    let imported = try PaperImporter.load(files: PaperFragments.files())
    #expect(imported.paper.items.map(\.id) == ["a1", "x1", "t1", "f1", "n1", "e1", "c1", "c2", "b1", "b2"])
    #expect(imported.key["x1"]?.key.expected == .options(["A", "B"]))
    #expect(imported.key["n1"]?.key.expected == .number("12.5", tolerance: "0.1"))
    #expect(imported.key["a1"]?.rationale == Rationale(text: "r"))
    #expect(imported.key["x1"]?.rationale == nil)
    #expect(imported.paper.item("c1")?.scoreHundredths == 150)
    #expect(imported.paper.sections[1].canGoBack == false)
    #expect(imported.paper.sections[1].timeLimitSeconds == 60)
    #expect(imported.paper.sections[0].drawnUnits == 3)
    #expect(imported.assets["picture"] == PaperFragments.picture)
  }

  /// `files` must be refused exactly so.
  private func expect(
    _ code: PaperImportErrorCode, file: String, line: Int, _ files: [String: [UInt8]],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let error = #expect(throws: PaperImportError.self, sourceLocation: sourceLocation) {
      try PaperImporter.load(files: files)
    }
    #expect(error?.code == code, "\(error.map(String.init(describing:)) ?? "")", sourceLocation: sourceLocation)
    #expect(error?.file == file, sourceLocation: sourceLocation)
    #expect(error?.line == line, "\(error.map(String.init(describing:)) ?? "")", sourceLocation: sourceLocation)
    #expect(error?.message.isEmpty == false, sourceLocation: sourceLocation)
  }
}

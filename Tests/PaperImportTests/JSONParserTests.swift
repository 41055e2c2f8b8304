import ExamModel
import PaperImport
import Testing

@Suite("The strict JSON reader, through the importer")
struct JSONParserTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var code: PaperImportErrorCode
    var line: Int
    var column: Int
    var text: String
    var testDescription: String { "\(code.rawValue) at \(line):\(column)" }

    init(_ code: PaperImportErrorCode, _ line: Int, _ column: Int, _ text: String) {
      (self.code, self.line, self.column, self.text) = (code, line, column, text)
    }
  }

  static let cases: [Case] = [
    Case(.syntax, 1, 1, ""),
    Case(.syntax, 3, 1, " \n\t\n"),
    Case(.syntax, 1, 1, "paper"),
    Case(.syntax, 1, 2, "{"),
    Case(.syntax, 2, 1, "{\n"),
    Case(.syntax, 1, 2, "{,}"),
    Case(.syntax, 2, 8, "{\n  \"id\" 1}"),
    Case(.syntax, 2, 11, "{\n  \"id\": 1 2}"),
    Case(.syntax, 1, 9, "{\"id\":1,}"),
    Case(.syntax, 1, 8, "{\"id\": tru}"),
    Case(.syntax, 1, 8, "{\"id\": NaN}"),
    Case(.syntax, 1, 8, "{\"id\": +1}"),
    Case(.syntax, 1, 8, "{\"id\": .5}"),
    Case(.syntax, 1, 8, "{\"id\": 1.}"),
    Case(.syntax, 1, 8, "{\"id\": 1e}"),
    Case(.syntax, 1, 9, "{\"id\": 01}"),
    Case(.syntax, 1, 8, "{\"id\": -}"),
    Case(.syntax, 1, 12, "{\"id\": \"abc"),
    Case(.syntax, 1, 10, "{\"id\": \"a\\x\"}"),
    Case(.syntax, 1, 9, "{\"id\": \"\\u12G4\"}"),
    Case(.syntax, 1, 8, "{\"id\": /* no */ 1}"),
    Case(.trailingText, 2, 1, "{}\n{}"),
    Case(.duplicateMember, 3, 2, "{\"id\": \"a\",\n \"version\": 1,\n \"id\": \"b\"}"),
    Case(.duplicateMember, 1, 11, "{\"id\": 1, \"\\u0069d\": 1}"),
    Case(.loneSurrogate, 1, 11, "{\"id\": \"试x\\uD800\"}"),
    Case(.loneSurrogate, 1, 9, "{\"id\": \"\\uDC00\\uD800\"}"),
    Case(.loneSurrogate, 1, 9, "{\"id\": \"\\uD800\\u0041\"}"),
    Case(.nullCharacter, 1, 9, "{\"id\": \"\\u0000\"}"),
    Case(.nullCharacter, 1, 10, "{\"id\": \"a\u{0}\"}"),
    Case(.nullCharacter, 1, 1, "\u{0}"),
    Case(.controlCharacter, 1, 10, "{\"id\": \"a\nb\"}"),
    Case(.byteOrderMark, 1, 1, "\u{FEFF}{}"),
    Case(.wrongType, 1, 1, "[]"),
    Case(.tooDeep, 1, 33, String(repeating: "[", count: 100_000)),
    Case(.tooDeep, 1, 161, String(repeating: "{\"a\":", count: 5_000)),
  ]

  @Test("what is not a document is refused at its line and column", arguments: cases)
  func refuses(example: Case) throws {
    let error = #expect(throws: PaperImportError.self) {
      try PaperImporter.load(files: ["paper.json": Array(example.text.utf8)])
    }
    let said = error.map(String.init(describing:)) ?? ""
    #expect(error?.code == example.code, "\(said)")
    #expect(error?.line == example.line, "\(said)")
    #expect(error?.column == example.column, "\(said)")
  }

  @Test("bytes that are not UTF-8 are refused with their line")
  func refusesOtherEncodings() {
    let bytes = Array("{\n\"title\": \"".utf8) + [0xC4, 0xE3] + Array("\"}".utf8)
    let error = #expect(throws: PaperImportError.self) { try PaperImporter.load(files: ["paper.json": bytes]) }
    #expect(error?.code == .encoding)
    #expect(error?.line == 2)
  }

  @Test("escapes and surrogate pairs become the characters they stand for")
  func readsEscapes() throws {
    let title = #"Sm\u0061ll \ud83e\uddec \"\\\/ \u6D4B\t"#
    let text = try #require(PaperFragments.replace("Small paper", title, in: PaperFragments.paper))
    let paper = try PaperImporter.load(files: PaperFragments.files(paper: text)).paper
    #expect(paper.title == "Small 🧬 \"\\/ 测\t")
  }

  @Test("an object with a flood of members is refused before its members are looked at")
  func refusesMemberFloods() {
    let members = (0..<10_000).map { "\"m\($0)\": 1" }.joined(separator: ",")
    let error = #expect(throws: PaperImportError.self) {
      try PaperImporter.load(files: ["paper.json": Array("{\(members)}".utf8)])
    }
    #expect(error?.code == .tooMany)
  }
}

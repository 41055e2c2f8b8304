import ExamModel
import Testing

@Suite("Answers to the items of a paper")
struct PaperAnswerValidationTests {
  private let paper = PaperFixture.paper

  @Test(
    "possible answers pass, and so does an empty one, which clears",
    arguments: [
      ("a1", AnswerValue.options(["C"])), ("a2", .options([])), ("a3", .options(["E"])), ("a4", .options(["A"])),
      ("b1", .options(["D"])), ("x", .options(["A", "B", "E"])), ("tf", .options(["T"])), ("tf", .options(["F"])),
      ("fill", .blanks(["left ventricle", ""])), ("fill", .blanks([])), ("number", .number("-12.5")),
      ("number", .number("")), ("essay", .text("十个字以内的论述题")), ("essay", .text("")),
    ])
  func passes(item: String, answer: AnswerValue) throws {
    try paper.validate(answer: answer, for: item)
    #expect(try paper.canonicalAnswer(answer, for: item).isEmpty == answer.isEmpty)
  }

  @Test(
    "what cannot be an answer is refused by name",
    arguments: [
      ("nobody", AnswerValue.options(["A"]), AnswerRejection.unknownItem("nobody")),
      ("a1", .text("A"), .wrongType(item: "a1", expected: "one option")),
      ("x", .number("1"), .wrongType(item: "x", expected: "options")),
      ("tf", .text("true"), .wrongType(item: "tf", expected: "T or F")),
      ("essay", .options(["A"]), .wrongType(item: "essay", expected: "a text")),
      ("number", .text("1"), .wrongType(item: "number", expected: "a number")),
      ("fill", .text("x"), .wrongType(item: "fill", expected: "one text for each blank")),
      ("a1", .options(["Z"]), .unknownOption(item: "a1", option: "Z")),
      ("b1", .options(["E"]), .unknownOption(item: "b1", option: "E")),
      ("tf", .options(["A"]), .unknownOption(item: "tf", option: "A")),
      ("a1", .options(["A", "B"]), .moreThanOneOption(item: "a1", count: 2)),
      ("tf", .options(["F", "T"]), .moreThanOneOption(item: "tf", count: 2)),
      ("x", .options(["B", "A"]), .optionsNotCanonical(item: "x")),
      ("x", .options(["A", "A"]), .optionsNotCanonical(item: "x")),
      ("fill", .blanks(["1", "2", "3"]), .tooManyBlanks(item: "fill", count: 3, maximum: 2)),
      (
        "fill", .blanks([String(repeating: "x", count: 501)]),
        .tooLong(item: "fill", count: 501, maximum: PaperLimits.blankCharacters)
      ),
      ("essay", .text("elevenchars"), .tooLong(item: "essay", count: 11, maximum: 10)),
      ("essay", .text("a\u{0}b"), .forbiddenCharacter(item: "essay")),
      ("number", .number("twelve"), .notANumber(item: "number")),
      ("number", .number("1e5"), .notANumber(item: "number")),
      ("number", .number("1,5"), .notANumber(item: "number")),
      ("number", .number("012.50"), .numberNotCanonical(item: "number", canonical: "12.5")),
      ("number", .number(String(repeating: "9", count: 41)), .tooLong(item: "number", count: 41, maximum: 40)),
    ])
  func refuses(item: String, answer: AnswerValue, rejection: AnswerRejection) {
    #expect(throws: rejection) { try paper.validate(answer: answer, for: item) }
    #expect(rejection.message.contains(item))
  }

  @Test("ids are compared by their bytes: the Kelvin sign is not the letter K, though Swift's == says so")
  func identifiersAreBytes() {
    let options = ["K", "L"].map { ItemOption(id: $0, text: $0) }
    let item = Item(id: "K", kind: .multiple, stem: "stem", options: options)
    let paper = Paper(
      id: "p", version: 1, title: "t", language: "en", sections: [PaperSection(id: "s", title: "s", items: [item])])
    #expect("\u{212A}" == "K")
    #expect(throws: AnswerRejection.self) { try paper.validate(answer: .options(["\u{212A}"]), for: "K") }
    #expect(throws: AnswerRejection.self) { try paper.validate(answer: .options(["K"]), for: "\u{212A}") }
  }

  @Test("an answer as entered is brought into its canonical form")
  func canonicalises() throws {
    #expect(try paper.canonicalAnswer(.options(["E", "A", "E"]), for: "x") == .options(["A", "E"]))
    #expect(try paper.canonicalAnswer(.blanks(["left"]), for: "fill") == .blanks(["left", ""]))
    #expect(try paper.canonicalAnswer(.number(" +０１２．５０ "), for: "number") == .number("12.5"))
    #expect(throws: AnswerRejection.notANumber(item: "number")) {
      try paper.canonicalAnswer(.number("--1"), for: "number")
    }
  }

  @Test("the largest answer that the rules allow fits one journal entry of 64 KiB")
  func largestAnswersFit() {
    let widest = "\u{1F9EC}"
    let essay = AnswerValue.text(String(repeating: widest, count: PaperLimits.essayCharacters.upperBound))
    let blank = String(repeating: widest, count: PaperLimits.blankCharacters)
    let blanks = AnswerValue.blanks(Array(repeating: blank, count: PaperLimits.blanks.upperBound))
    #expect(essay.canonicalBytes.count < 65_000)
    #expect(blanks.canonicalBytes.count < 65_000)
  }

  @Test(
    "every decimal number has one canonical form",
    arguments: [
      ("0", "0"), ("-0", "0"), ("+0.00", "0"), ("007", "7"), (".5", "0.5"), ("5.", "5"), ("-.50", "-0.5"),
      ("  12.500 ", "12.5"), ("－３．１４", "-3.14"), ("−2", "-2"), ("100", "100"),
    ])
  func canonicalDecimals(text: String, canonical: String) {
    #expect(CanonicalDecimal.canonicalize(text) == canonical)
    #expect(CanonicalDecimal.isCanonical(canonical))
    #expect(CanonicalDecimal.isCanonical(text) == (text == canonical))
  }

  @Test(
    "what is no decimal number has no canonical form",
    arguments: [
      "", " ", ".", "-", "+-1", "1.2.3", "1e3", "0x10", "1 000", "1,5", "١٢", "NaN", "∞",
      String(repeating: "1", count: 41),
    ])
  func notDecimals(text: String) {
    #expect(CanonicalDecimal.canonicalize(text) == nil)
    #expect(!CanonicalDecimal.isCanonical(text))
  }

  @Test("look-up finds items, sections, stems, lists and the options an answer may name")
  func lookup() {
    #expect(paper.items.count == 10)
    #expect(paper.item("b1").map(paper.optionIDs) == ["A", "B", "C", "D"])
    #expect(paper.item("tf").map(paper.optionIDs) == ["T", "F"])
    #expect(paper.item("essay").map(paper.optionIDs) == [])
    #expect(paper.section(ofItem: "fill")?.id == "written")
    #expect(paper.item("nobody") == nil)
    #expect(paper.sharedStem("case")?.text == "case")
    #expect(paper.sharedOptionList("list")?.options.count == 4)
    #expect(paper.asset("none") == nil)
    #expect(paper.maximumScoreHundredths == 8 * 100 + 200 + 1_000)
  }
}

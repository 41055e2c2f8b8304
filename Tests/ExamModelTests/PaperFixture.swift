import ExamModel

/// A small paper with one item of every kind.
enum PaperFixture {
  static let options = ["A", "B", "C", "D", "E"].map { ItemOption(id: $0, text: "option \($0)") }

  static let paper = Paper(
    id: "fixture", version: 1, title: "Fixture", language: "en",
    sections: [
      PaperSection(
        id: "choices", title: "Choices",
        items: [
          Item(id: "a1", kind: .singleBest(.a1), stem: "a1", options: options),
          Item(id: "a2", kind: .singleBest(.a2), stem: "a2", options: options),
          Item(id: "a3", kind: .sharedStem(stemID: "case", form: .a3), stem: "a3", options: options),
          Item(id: "a4", kind: .sharedStem(stemID: "case4", form: .a4), stem: "a4", options: options),
          Item(id: "b1", kind: .sharedOptions(listID: "list"), stem: "b1"),
          Item(id: "x", kind: .multiple, stem: "x", options: options),
          Item(id: "tf", kind: .trueFalse, stem: "tf"),
        ]),
      PaperSection(
        id: "written", title: "Written",
        items: [
          Item(id: "fill", kind: .fillIn(blankCount: 2), stem: "{{1}} {{2}}", scoreHundredths: 200),
          Item(id: "number", kind: .numeric(unit: "ml"), stem: "number"),
          Item(id: "essay", kind: .essay(maximumCharacters: 10), stem: "essay", scoreHundredths: 1_000),
        ]),
    ],
    sharedStems: [SharedStem(id: "case", text: "case"), SharedStem(id: "case4", text: "case4")],
    sharedOptionLists: [SharedOptionList(id: "list", options: Array(options.prefix(4)))])
}

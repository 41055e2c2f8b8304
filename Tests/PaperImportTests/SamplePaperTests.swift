import ExamModel
import Foundation
import PaperImport
import Testing

@Suite("The sample papers, generated papers and converted papers")
struct SamplePaperTests {
  static let samples = ["medical-zh", "medical-en"]

  private func load(_ name: String) throws -> ImportedPaper {
    try PaperImporter.load(ProjectFiles.root.appendingPathComponent("SampleData/\(name)").path)
  }

  /// The name that the format gives to an item's type.
  private func type(_ item: Item) -> String {
    switch item.kind {
    case .singleBest(let form): form.rawValue
    case .sharedStem(_, let form): form.rawValue
    case .sharedOptions: "B1"
    case .multiple: "X"
    case .trueFalse: "trueFalse"
    case .fillIn: "fillIn"
    case .numeric: "numeric"
    case .essay: "essay"
    }
  }

  private static let allTypes: Set<String> = [
    "A1", "A2", "A3", "A4", "B1", "X", "trueFalse", "fillIn", "numeric", "essay",
  ]

  /// Every string inside `value`, however deep.
  private func texts(in value: Any) -> [String] {
    if let text = value as? String { return [text] }
    return Mirror(reflecting: value).children.flatMap { texts(in: $0.value) }
  }

  @Test("both samples import and use everything that the format has", arguments: samples)
  func imports(name: String) throws {
    let imported = try load(name)
    let paper = imported.paper
    #expect(paper.items.count >= 60)
    #expect(Set(paper.items.map(type)) == Self.allTypes)
    #expect(paper.sections.contains { !$0.canGoBack })
    #expect(paper.sections.contains { $0.timeLimitSeconds != nil })
    #expect(paper.sections.contains { $0.drawnUnits != nil })
    #expect(Set(paper.assets.map(\.mediaType)) == ["image/png", "image/jpeg"])
    #expect(paper.assets.count { $0.mediaType == "image/png" } >= 4)
    #expect(paper.items.contains { item in item.options.contains { $0.assetID != nil } })
    #expect(imported.key.entries.count == paper.items.count)
    #expect(imported.key.entries.values.allSatisfy { $0.rationale != nil })
    #expect(Set(paper.items.map(\.stem)).count == paper.items.count)
  }

  @Test("the two samples are one paper in two languages: the same ids, types, keys and pictures")
  func samplesAgree() throws {
    let (chinese, english) = (try load("medical-zh"), try load("medical-en"))
    #expect(chinese.paper.items.map(\.id) == english.paper.items.map(\.id))
    #expect(chinese.paper.items.map(type) == english.paper.items.map(type))
    #expect(chinese.assets == english.assets)
    for item in chinese.paper.items {
      #expect(chinese.paper.optionIDs(of: item) == english.paper.item(item.id).map(english.paper.optionIDs))
      let (left, right) = (chinese.key[item.id]?.key.expected, english.key[item.id]?.key.expected)
      switch (left, right) {
      case (.options(let one)?, .options(let other)?): #expect(one == other)
      case (.number(let one, let near)?, .number(let other, let far)?): #expect(one == other && near == far)
      case (.blanks(let one)?, .blanks(let other)?): #expect(one.count == other.count)
      case (.essay?, .essay?): break
      default: Issue.record("The keys to \(item.id) are of different kinds.")
      }
    }
  }

  @Test("the right option of single-best items is not told by its letter")
  func keysAreSpread() throws {
    let key = try load("medical-zh").key
    var counts: [String: Int] = [:]
    for entry in key.entries.values {
      if case .options(let ids) = entry.key.expected, ids.count == 1 { counts[ids[0], default: 0] += 1 }
    }
    for letter in ["A", "B", "C", "D", "E"] { #expect((5...14).contains(counts[letter] ?? 0), "\(letter): \(counts)") }
  }

  @Test("no text of a key or rationale can be reached from the paper", arguments: samples + ["canary"])
  func paperHoldsNoKey(name: String) throws {
    let imported = name == "canary" ? try CanaryPaper.make(seed: 3, itemCount: 100) : try load(name)
    let canaries = Canaries(of: imported)
    let reachable = texts(in: imported.paper)
    #expect(reachable.count > 300)
    #expect(canaries.secrets.count >= 2 * imported.paper.items.count)
    #expect(Set(canaries.secrets).count == canaries.secrets.count)
    let all = Array(reachable.joined(separator: "\n").utf8)
    #expect(Canaries.found(canaries.secrets, in: all) == [])
    #expect(Canaries.found(canaries.stems, in: all) == canaries.stems)
    let secret = Array(texts(in: imported.key.entries.values.map { $0 }).joined(separator: "\n").utf8)
    #expect(Canaries.found(canaries.secrets, in: secret) == canaries.secrets)
    for entry in imported.key.entries.values {
      if let rationale = entry.rationale { #expect(!reachable.contains(rationale.text)) }
    }
  }

  @Test("generated papers of every size are valid, use every type, and depend on the seed alone")
  func canaryPapers() throws {
    for count in [1, 16, 17, 19, 23, 24, 31, 32, 33, 200, 1_000] {
      let imported = try CanaryPaper.make(seed: UInt64(count), itemCount: count)
      #expect(imported.paper.items.count == max(count, CanaryPaper.leastItemCount))
      #expect(Set(imported.paper.items.map(type)) == Self.allTypes)
      #expect(imported.paper.sections.map(\.canGoBack) == [true, false])
    }
    #expect(CanaryPaper.files(seed: 5, itemCount: 40) == CanaryPaper.files(seed: 5, itemCount: 40))
    let other = Canaries(of: try CanaryPaper.make(seed: 6, itemCount: 40))
    let first = Canaries(of: try CanaryPaper.make(seed: 5, itemCount: 40))
    #expect(Set(first.secrets).isDisjoint(with: other.secrets))
    #expect(first.secrets.allSatisfy { $0.hasPrefix("CANARY-KEY-") || $0.hasPrefix("CANARY-RATIONALE-") })
    #expect(first.stems.allSatisfy { $0.hasPrefix("CANARY-STEM-") })
  }

  @Test(
    "the 312 questions of FrenchMedMCQA convert with all keys and import",
    .enabled(
      if: FileManager.default.fileExists(atPath: ProjectFiles.frenchMedMCQA.path),
      "SKIPPED: papers/frenchmedmcqa/dev.json is not in ../shared/data (or EXAMSYNC_SHARED_DATA)"))
  func convertsFrenchMedMCQA() throws {
    struct Question: Decodable {
      var id: String, question: String, answers: [String: String], correct: [String], type: String

      enum CodingKeys: String, CodingKey { case id, question, answers, correct = "correct_answers", type }
    }
    let output = try TestFolder()
    let converted = try FrenchMedMCQAConverter.convert(
      input: ProjectFiles.frenchMedMCQA.path, output: output.path + "/paper")
    #expect(converted.itemCount == 312)
    let imported = try PaperImporter.load(output.path + "/paper")
    let questions = try JSONDecoder().decode([Question].self, from: Data(contentsOf: ProjectFiles.frenchMedMCQA))
    #expect(imported.paper.items.map(\.id) == questions.map(\.id))
    for (item, question) in zip(imported.paper.items, questions) {
      #expect(item.stem == question.question)
      #expect(item.kind == (question.type == "simple" ? .singleBest(.a1) : .multiple))
      #expect(item.options.map(\.id) == question.answers.keys.sorted())
      #expect(item.options.allSatisfy { question.answers[$0.id] == $0.text })
      #expect(imported.key[item.id]?.key.expected == .options(question.correct.sorted()))
    }
    let again = #expect(throws: PaperImportError.self) {
      try FrenchMedMCQAConverter.convert(input: ProjectFiles.frenchMedMCQA.path, output: output.path + "/paper")
    }
    #expect(again?.code == .unreadableFile)
  }

  @Test(
    "questions that contradict themselves are refused with their line",
    arguments: [
      (PaperImportErrorCode.wrongType, 1, #"{}"#), (.empty, 1, "[]"), (.missingField, 1, "[{}]"),
      (.keyNotSingle, 2, question(#"["a", "b"]"#, 1, "multiple")),
      (.keyNotSingle, 2, question(#"["a", "b"]"#, 2, "simple")),
      (.keyNamesUnknownOption, 2, question(#"["f"]"#, 1, "simple")),
      (.unknownItemType, 2, question(#"["a"]"#, 1, "double")),
    ])
  func refusesBrokenQuestions(code: PaperImportErrorCode, line: Int, text: String) {
    let error = #expect(throws: PaperImportError.self) { try FrenchMedMCQAConverter.convert(Array(text.utf8)) }
    #expect(error?.code == code)
    #expect(error?.line == line)
  }

  private static func question(_ correct: String, _ count: Int, _ type: String) -> String {
    "[\n" + #"{"id": "q", "question": "?", "answers": {"a": "1", "b": "2"}, "correct_answers": \#(correct), "#
      + #""subject_name": "s", "type": "\#(type)", "nbr_correct_answers": \#(count)}]"#
  }
}

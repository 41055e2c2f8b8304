/// The two files that a conversion gives.
public struct ConvertedPaper: Hashable, Sendable {
  /// `paper.json`.
  public var paper: [UInt8]
  /// `key.json`.
  public var key: [UInt8]
  public var itemCount: Int

  /// Both under the names that ``PaperImporter/load(files:)`` expects.
  public var files: [String: [UInt8]] { [PaperImporter.paperFile: paper, PaperImporter.keyFile: key] }
}

/// Converts a file of FrenchMedMCQA (Labrak et al. 2022: a list of questions with answers a to e) into the project's
/// format. Questions of type `simple` become single-best items (A1), all others multiple ones (X).
///
/// Every question and every key is kept, with its id; options keep their letters and order. A question that breaks
/// its own count of right answers is refused with its line.
public enum FrenchMedMCQAConverter {
  /// Converts the bytes of a FrenchMedMCQA file.
  ///
  /// - Parameter file: its name in errors.
  public static func convert(
    _ bytes: [UInt8], file: String = "dev.json", paperID: String = "frenchmedmcqa",
    title: String = "FrenchMedMCQA : annales de pharmacie"
  ) throws(PaperImportError) -> ConvertedPaper {
    guard case .array(let questions) = try JSONParser.parse(bytes, file: file).content else {
      throw PaperImportError(.wrongType, file: file, message: "The file is not a list of questions.")
    }
    guard !questions.isEmpty else {
      throw PaperImportError(.empty, file: file, message: "The list of questions is empty.")
    }
    var items: [String] = []
    var answers: [String] = []
    for (index, question) in questions.enumerated() {
      let (item, answer) = try convert(question, file: file, path: "[\(index)]")
      items.append(item)
      answers.append(answer)
    }
    let section = JSONWriter.object([
      ("id", JSONWriter.string("questions")), ("title", JSONWriter.string("Questions")),
      (
        "instructions",
        JSONWriter.string("Question simple : une seule réponse. Question multiple : une ou plusieurs réponses.")
      ),
      ("shufflesItems", "true"), ("shufflesOptions", "true"), ("items", JSONWriter.lines(items, indent: "  ")),
    ])
    let paper = JSONWriter.document([
      ("format", JSONWriter.string(PaperImporter.paperFormat)), ("id", JSONWriter.string(paperID)), ("version", "1"),
      ("title", JSONWriter.string(title)), ("language", JSONWriter.string("fr")),
      ("specialty", JSONWriter.string("pharmacie")), ("sections", JSONWriter.array([section])),
    ])
    let key = JSONWriter.document([
      ("format", JSONWriter.string(PaperImporter.keyFormat)), ("paper", JSONWriter.string(paperID)), ("version", "1"),
      ("answers", JSONWriter.lines(answers, indent: "  ")),
    ])
    return ConvertedPaper(paper: Array(paper.utf8), key: Array(key.utf8), itemCount: items.count)
  }

  /// Converts the file at `input` and writes `paper.json` and `key.json` into the folder `output`, which it makes.
  ///
  /// The result has passed the importer's checks before anything is written. Files that exist are not overwritten.
  @discardableResult
  public static func convert(input: String, output: String) throws(PaperImportError) -> ConvertedPaper {
    let bytes = try OutputFolder.read(input)
    let converted = try convert(bytes, file: input)
    _ = try PaperImporter.load(files: converted.files)
    try OutputFolder.write(converted.files, to: output)
    return converted
  }

  private static func convert(_ question: JSONValue, file: String, path: String) throws(PaperImportError)
    -> (item: String, answer: String)
  {
    var reader = try ObjectReader(question, file: file, path: path)
    let id = try reader.identifier("id")
    let stem = try reader.text("question", atMost: 10_000)
    let answersValue = try reader.required("answers")
    let correct = try reader.identifiers("correct_answers", atMost: 5) ?? []
    let count = try reader.integer("nbr_correct_answers", in: 1...5)
    let type = try reader.text("type", atMost: 20)
    _ = try reader.text("subject_name", atMost: 100)
    try reader.finish("a FrenchMedMCQA question")
    guard type == "simple" || type == "multiple" else {
      throw reader.error(.unknownItemType, "\"\(ObjectReader.short(type))\" is neither simple nor multiple.")
    }
    guard correct.count == count, count == 1 || type == "multiple" else {
      throw reader.error(.keyNotSingle, "The question names \(correct.count) right answers and counts \(count).")
    }
    var answers = try ObjectReader(answersValue, file: file, path: path + ".answers")
    var options: [(id: String, text: String)] = []
    for letter in ["a", "b", "c", "d", "e"] {
      if let text = try answers.optionalText(letter, atMost: 10_000, mayBeEmpty: false) {
        options.append((id: letter, text: text))
      }
    }
    try answers.finish("the answers")
    if let stranger = correct.first(where: { right in !options.contains { $0.id == right.id } }) {
      throw reader.error(
        .keyNamesUnknownOption, "The question has no answer \(stranger.id).", at: stranger.position)
    }
    let item = JSONWriter.object([
      ("id", JSONWriter.string(id)), ("type", JSONWriter.string(type == "simple" ? "A1" : "X")),
      ("stem", JSONWriter.string(stem)), ("score", "1"), ("options", JSONWriter.options(options)),
    ])
    let answer = JSONWriter.object([
      ("item", JSONWriter.string(id)), ("options", JSONWriter.array(correct.map { JSONWriter.string($0.id) })),
    ])
    return (item, answer)
  }
}

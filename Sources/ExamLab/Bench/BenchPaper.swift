import Foundation
import SyncCore

/// A paper whose items are q1, q2, q3 …: most ask for one option, every tenth for a text.
enum BenchPaper {
  static let itemCount = 100

  static func isText(_ number: Int) -> Bool { number.isMultiple(of: 10) }

  /// Writes `paper.json` with its key.
  static func write(to folder: String) throws {
    let options = ["A", "B", "C", "D", "E"].map { ["id": $0, "text": "Finding \($0) of this case"] }
    var items: [[String: Any]] = []
    var answers: [[String: Any]] = []
    for number in 1...itemCount {
      var item: [String: Any] = ["id": "q\(number)", "score": 1, "stem": "Case \(number). What is the most likely?"]
      if isText(number) {
        item["type"] = "essay"
        item["maximumCharacters"] = 2_000
        answers.append(["item": "q\(number)", "modelAnswer": "The findings of case \(number)."])
      } else {
        item["type"] = "A1"
        item["options"] = options
        answers.append(["item": "q\(number)", "options": ["B"]])
      }
      items.append(item)
    }
    let paper: [String: Any] = [
      "format": "examsync-paper/1", "id": "bench", "version": 1, "title": "A hundred items", "language": "en",
      "sections": [["id": "all", "title": "All items", "items": items]], "key": ["answers": answers],
    ]
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let bytes = try JSONSerialization.data(withJSONObject: paper, options: [.sortedKeys, .prettyPrinted])
    try bytes.write(to: URL(fileURLWithPath: "\(folder)/paper.json"))
  }
}

/// Sentences that read and compress like those of real papers.
struct BenchText {
  private var generator: SeededGenerator

  private static let words = """
    acute chronic fever cough dyspnoea oedema patient woman man aged years weeks history blood pressure heart rate \
    murmur liver spleen kidney renal hepatic glucose sodium potassium creatinine haemoglobin leukocytes platelets \
    radiograph shows infiltrate left right upper lower lobe pain abdomen tenderness guarding rebound vomiting \
    diarrhoea treatment antibiotic steroid insulin diuretic beta blocker first choice contraindicated likely \
    diagnosis next step biopsy culture positive negative elevated reduced normal of the with and after before in
    """.split(separator: " ").map(String.init)

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
  }

  /// Words up to about `count` characters.
  mutating func characters(_ count: Int) -> String {
    var text = ""
    while text.utf8.count < count {
      if !text.isEmpty { text += Int.random(in: 0..<9, using: &generator) == 0 ? ", " : " " }
      text += Self.words[Int.random(in: 0..<Self.words.count, using: &generator)]
      if Int.random(in: 0..<12, using: &generator) == 0 { text += " \(Int.random(in: 1...240, using: &generator))" }
    }
    return text
  }
}

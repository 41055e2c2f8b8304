import ExamModel

/// What the hand does on a phone in a run, drawn from the seed before anything runs.
struct PhoneScript: Sendable {
  enum Step: Sendable, Equatable {
    /// The value as `exam-client` takes it; empty clears.
    case save(item: String, value: String)
    case sync
    /// Asks how things stand.
    case status
    /// Closes the store and ends.
    case quit

    var command: String {
      switch self {
      case .save(let item, let value): value.isEmpty ? "clear \(item)" : "answer \(item) \(value)"
      case .sync: "sync"
      case .status: "status"
      case .quit: "quit"
      }
    }
  }

  var steps: [Step]
  /// The steps that points are counted in; the opening is step 0, the first command step 1.
  var counted: ClosedRange<Int>
  /// Saves before the traced process starts, which is then killed and leaves a log of writes to be recovered.
  var savesBefore: [Step]

  /// The script of one variant. Its shape is the same for the same variant; values differ.
  static func draw(_ lane: KillLaneName, variant: Int, seed: UInt64) -> PhoneScript {
    var generator = OrderGenerator(seed: seed, label: "kill \(lane.rawValue) \(variant)")
    switch lane {
    case .sync:
      return PhoneScript(
        steps: saves(2, &generator) + [.sync] + saves(1, &generator) + [.sync], counted: 3...5, savesBefore: [])
    case .open:
      return PhoneScript(
        steps: saves(1, &generator) + [.quit], counted: 0...3,
        savesBefore: variant.isMultiple(of: 2) ? saves(1 + Int(generator.next(below: 5)), &generator) : [])
    default:
      // An overwrite and a clearing are saves too.
      let first = saves(2, &generator)
      guard case .save(let item, _) = first[0], case .save(let other, _) = first[1] else { break }
      let steps = first + [.save(item: item, value: value(&generator, item)), .save(item: other, value: "")]
      return PhoneScript(
        steps: steps, counted: 1...steps.count, savesBefore: saves(Int(generator.next(below: 4)), &generator))
    }
    return PhoneScript(steps: saves(1, &generator), counted: 1...1, savesBefore: [])
  }

  /// Saves of different items.
  static func saves(_ count: Int, _ generator: inout OrderGenerator) -> [Step] {
    var numbers = Array(1...BenchPaper.itemCount)
    generator.shuffle(&numbers)
    return numbers.prefix(count).map { number in
      .save(item: "q\(number)", value: value(&generator, "q\(number)"))
    }
  }

  /// A possible answer to an item of ``BenchPaper``.
  static func value(_ generator: inout OrderGenerator, _ item: String) -> String {
    if let number = Int(item.dropFirst()), BenchPaper.isText(number) {
      var text = BenchText(seed: generator.next())
      return String(text.characters(20 + Int(generator.next(below: 400))).prefix(1_900))
    }
    return ["A", "B", "C", "D", "E"][Int(generator.next(below: 5))]
  }
}

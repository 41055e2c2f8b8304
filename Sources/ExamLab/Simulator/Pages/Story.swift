/// A history for a person to read: who did what, and what the network and the disk did, in virtual time.
struct Story {
  let history: [HistoryEvent]
  let violations: [Violation]
  /// Every event, and not only what matters around the violations.
  var showsAll = false

  /// How far before a violation everything of its node is told.
  static let windowMilliseconds: Int64 = 30_000

  var lines: [String] {
    var text = FactText()
    var lines: [String] = []
    var skipped = 0
    var open = violations.sorted { $0.trueMilliseconds < $1.trueMilliseconds }[...]
    for event in history {
      while let next = open.first, next.trueMilliseconds < event.trueMilliseconds {
        lines += flush(&skipped) + mark(next)
        open.removeFirst()
      }
      // Named even if it is left out, so that names mean the same with and without --all.
      let words = text.text(event.fact)
      guard showsAll || matters(event) else {
        skipped += 1
        continue
      }
      lines += flush(&skipped)
      lines.append(
        "\(Self.column(ShortNames.time(event.trueMilliseconds), 13)) \(Self.column(event.node.name, 10)) \(words)")
    }
    lines += flush(&skipped)
    for violation in open { lines += mark(violation) }
    return lines
  }

  private func matters(_ event: HistoryEvent) -> Bool {
    let weight = event.fact.weight
    guard !violations.isEmpty else { return weight >= .telling }
    for violation in violations {
      let isInvolved = violation.node == event.node || !event.node.isPhone || !violation.node.isPhone
      let distance = violation.trueMilliseconds - event.trueMilliseconds
      if isInvolved, weight == .grave { return true }
      if violation.node == event.node, (0...Self.windowMilliseconds).contains(distance) { return true }
      if isInvolved, weight == .telling, names(event.fact, in: violation) { return true }
    }
    return false
  }

  /// Whether the violation speaks of the item that the fact is about.
  private func names(_ fact: Fact, in violation: Violation) -> Bool {
    switch fact {
    case .saved(_, _, _, let item?, _), .shown(let item, _):
      violation.what.split(whereSeparator: { $0 == " " || $0 == "," }).contains { $0 == item }
    default: false
    }
  }

  private func mark(_ violation: Violation) -> [String] {
    let name = Invariants.row(violation.invariant).name
    return [
      "\(Self.column(ShortNames.time(violation.trueMilliseconds), 13)) \(Self.column(violation.node.name, 10)) "
        + ">>> \(violation.invariant) (\(name)): \(violation.what)",
      "\(Self.column("", 13)) \(Self.column("", 10))     expected \(violation.expected)",
      "\(Self.column("", 13)) \(Self.column("", 10))     found    \(violation.found)",
    ]
  }

  private func flush(_ skipped: inout Int) -> [String] {
    guard skipped > 0 else { return [] }
    defer { skipped = 0 }
    return ["\(Self.column("", 13)) \(Self.column("", 10)) … \(skipped) \(skipped == 1 ? "event" : "events")"]
  }

  static func column(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}

import ExamModel

/// Short names for identifiers, in the order in which a story meets them: `journal 3`, `attempt 1`.
struct ShortNames {
  private var names: [ID128: String] = [:]
  private var counts: [String: Int] = [:]

  mutating func name(_ id: ID128, _ kind: String) -> String {
    if let known = names[id] { return known }
    counts[kind, default: 0] += 1
    let name = "\(kind) \(counts[kind, default: 0])"
    names[id] = name
    return name
  }

  /// The first eight digits: enough to compare two heads by eye.
  static func head(_ digest: Digest256) -> String { String(digest.hex.prefix(8)) }

  /// Virtual time since the beginning: `1:02:03.004`.
  static func time(_ milliseconds: Int64) -> String {
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let rest = milliseconds.magnitude % 1_000
    let seconds = Int64(milliseconds.magnitude / 1_000)
    let thousandths = String(repeating: "0", count: 3 - "\(rest)".count) + "\(rest)"
    return (milliseconds < 0 ? "-" : "")
      + "\(seconds / 3_600):\(two(seconds / 60 % 60)):\(two(seconds % 60)).\(thousandths)"
  }
}

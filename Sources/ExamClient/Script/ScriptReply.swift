/// One line that a command of a script is answered with.
package struct ScriptReply: Sendable {
  package enum Value: Sendable {
    case text(String)
    case number(Int64)
    case decimal(Double)
    case flag(Bool)
    case none
    case list([Value])
    case object([(String, Value)])
  }

  package enum Form: String, Sendable, CaseIterable {
    case text
    case json
  }

  package var isOK: Bool
  /// The reply's word, or the error's code.
  package var word: String
  package var fields: [(name: String, value: Value)]
  /// What the words of the text form show after the word; the first field by default.
  package var summary: String?

  package init(_ word: String, _ fields: [(name: String, value: Value)] = [], summary: String? = nil) {
    isOK = true
    self.word = word
    self.fields = fields
    self.summary = summary
  }

  package init(_ error: ExamClientError) {
    isOK = false
    word = error.code.rawValue
    fields = [
      (name: "message", value: .text(error.message)), (name: "next_actor", value: .text(error.nextActor.rawValue)),
    ]
    if let triesLeft = error.triesLeft { fields.append((name: "tries_left", value: .number(Int64(triesLeft)))) }
    if let lock = error.lock { fields.append((name: "lock", value: .number(Int64(lock)))) }
    if let seconds = error.retryAfterSeconds {
      fields.append((name: "retry_after", value: .number(Int64(seconds))))
    }
  }

  package func line(_ form: Form) -> String {
    switch form {
    case .json:
      let head: [(String, Value)] = [("ok", .flag(isOK)), (isOK ? "reply" : "error", .text(word))]
      return Self.json(.object(head + fields.map { ($0.name, $0.value) }))
    case .text: return plain
    }
  }

  private var plain: String {
    guard isOK else {
      if case .text(let message)? = fields.first?.value { return "error \(word): \(message)" }
      return "error \(word)"
    }
    if let summary { return summary.isEmpty ? word : "\(word) \(summary)" }
    guard let first = fields.first else { return word }
    return "\(word) \(Self.plain(first.value))"
  }

  private static func plain(_ value: Value) -> String {
    switch value {
    case .text(let text): text.contains("\n") ? text.split(separator: "\n").joined(separator: " ") : text
    case .number(let number): "\(number)"
    case .decimal(let number): "\(number)"
    case .flag(let isSet): isSet ? "yes" : "no"
    case .none: "none"
    case .list(let values): values.map(plain).joined(separator: " ")
    case .object(let fields): fields.map { "\($0.0)=\(plain($0.1))" }.joined(separator: " ")
    }
  }

  private static func json(_ value: Value) -> String {
    switch value {
    case .text(let text): quoted(text)
    case .number(let number): "\(number)"
    case .decimal(let number): number.isFinite ? "\(number)" : "null"
    case .flag(let isSet): isSet ? "true" : "false"
    case .none: "null"
    case .list(let values): "[" + values.map(json).joined(separator: ",") + "]"
    case .object(let fields):
      "{" + fields.map { "\(quoted($0.0)):\(json($0.1))" }.joined(separator: ",") + "}"
    }
  }

  /// A JSON string (RFC 8259, section 7).
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      // Line separators are allowed in JSON but end a line in some readers.
      case _ where scalar.value < 0x20 || scalar.value == 0x7F || scalar.value == 0x2028 || scalar.value == 0x2029:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension ScriptReply.Value {
  package static func count(_ value: some BinaryInteger) -> Self { .number(Int64(clamping: value)) }
}

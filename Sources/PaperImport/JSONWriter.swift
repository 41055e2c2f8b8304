/// Builds JSON text with members in a fixed order and one entry of a list on each line, so that errors can name it.
enum JSONWriter {
  static func string(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// Members with values that are JSON already.
  static func object(_ members: [(name: String, value: String)]) -> String {
    "{" + members.map { "\(string($0.name)): \($0.value)" }.joined(separator: ", ") + "}"
  }

  static func array(_ values: [String]) -> String {
    "[" + values.joined(separator: ", ") + "]"
  }

  /// An array with one value on each line.
  static func lines(_ values: [String], indent: String) -> String {
    values.isEmpty ? "[]" : "[\n" + values.map { indent + "  " + $0 }.joined(separator: ",\n") + "\n" + indent + "]"
  }

  /// An object with one member on each line, as a document.
  static func document(_ members: [(name: String, value: String)]) -> String {
    "{\n" + members.map { "  \(string($0.name)): \($0.value)" }.joined(separator: ",\n") + "\n}\n"
  }

  static func options(_ options: [(id: String, text: String)]) -> String {
    array(options.map { object([("id", string($0.id)), ("text", string($0.text))]) })
  }
}

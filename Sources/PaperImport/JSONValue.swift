/// A place in a text file; both from 1, the column in Unicode scalars.
struct TextPosition: Hashable, Sendable {
  var line: Int
  var column: Int

  static let start = TextPosition(line: 1, column: 1)
}

/// A JSON value and where it begins.
struct JSONValue: Sendable {
  enum Content: Sendable {
    case object([JSONMember])
    case array([JSONValue])
    case string(String)
    /// The digits as they stand in the file: nothing is rounded.
    case number(String)
    case boolean(Bool)
    case null
  }

  var position: TextPosition
  var content: Content

  /// The kind of value, for messages.
  var kindName: String {
    switch content {
    case .object: "an object"
    case .array: "an array"
    case .string: "a string"
    case .number: "a number"
    case .boolean: "true or false"
    case .null: "null"
    }
  }
}

/// One name and value of an object.
struct JSONMember: Sendable {
  var name: String
  var namePosition: TextPosition
  var value: JSONValue
}

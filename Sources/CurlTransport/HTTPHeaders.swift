/// Header fields in the order they are sent or came, looked up without regard to case (RFC 9110, 5.1).
public struct HTTPHeaders: Sendable, Hashable, ExpressibleByDictionaryLiteral {
  public struct Field: Sendable, Hashable {
    public let name: String
    public let value: String

    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  public private(set) var fields: [Field] = []

  public init() {}

  public init(_ pairs: [(String, String)]) {
    fields = pairs.map { Field(name: $0.0, value: $0.1) }
  }

  public init(dictionaryLiteral elements: (String, String)...) {
    self.init(elements)
  }

  public var count: Int { fields.count }

  /// Adds a field after the others; one of the same name stays.
  public mutating func append(_ name: String, _ value: String) {
    fields.append(Field(name: name, value: value))
  }

  /// The value of the first field with this name, or nil.
  public subscript(name: String) -> String? {
    fields.first { isSameName($0.name, name) }?.value
  }

  /// The values of all fields with this name, in order.
  public func values(of name: String) -> [String] {
    fields.filter { isSameName($0.name, name) }.map(\.value)
  }

  public func contains(_ name: String) -> Bool { self[name] != nil }
}

/// Header names are ASCII, and Unicode's case rules would let other letters match.
private func isSameName(_ left: String, _ right: String) -> Bool {
  func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte | 0x20 : byte }
  return left.utf8.count == right.utf8.count && left.utf8.lazy.map(lower).elementsEqual(right.utf8.lazy.map(lower))
}

extension HTTPHeaders.Field {
  /// Whether the name is a token and the value cannot end its line (RFC 9110, 5.1 and 5.5): a line
  /// break in a value would let its author add headers and requests.
  var isWellFormed: Bool {
    guard !name.isEmpty, name.utf8.allSatisfy(isTokenByte) else { return false }
    return value.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7f) }
  }
}

private func isTokenByte(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"):
    true
  default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
  }
}

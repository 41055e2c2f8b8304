/// A key that can hold any name, to see the keys nobody asked for.
private struct AnyKey: CodingKey {
  var stringValue: String
  var intValue: Int?
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

extension Decoder {
  /// The keyed container, after a look for misspelt fields: a fault that is silently left out makes a scenario lie.
  func strictContainer<Key: CodingKey & CaseIterable>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    let known = Set(Key.allCases.map(\.stringValue))
    let unknown = try container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).filter { !known.contains($0) }
    if let name = unknown.min() {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: codingPath + [AnyKey(stringValue: name)],
          debugDescription: "unknown field; the fields here are \(known.sorted().joined(separator: ", "))"))
    }
    return try container(keyedBy: type)
  }
}

extension KeyedDecodingContainer {
  /// The value, or what stands for it when the field is left out.
  func value<Value: Decodable>(_ key: Key, or fallback: Value) throws -> Value {
    try decodeIfPresent(Value.self, forKey: key) ?? fallback
  }
}

/// Checks of configuration values; each names the field it refuses.
enum ProxyCheck {
  static func refuse(_ field: String, _ message: String) -> ProxyError {
    ProxyError(code: .badConfiguration, field: field, message: message)
  }

  static func milliseconds(_ value: Int, _ field: String) throws(ProxyError) {
    guard (0...ProxyLimits.longestMilliseconds).contains(value) else {
      throw refuse(field, "\(value) is not between 0 and \(ProxyLimits.longestMilliseconds) milliseconds.")
    }
  }

  static func milliseconds(_ range: ClosedRange<Int>, atLeast least: Int, _ field: String) throws(ProxyError) {
    guard range.lowerBound >= least, range.upperBound <= ProxyLimits.longestMilliseconds else {
      throw refuse(
        field, "\(range) is not between \(least) and \(ProxyLimits.longestMilliseconds) milliseconds.")
    }
  }

  static func bytes(_ range: ClosedRange<Int>, atLeast least: Int, _ field: String) throws(ProxyError) {
    guard range.lowerBound >= least, range.upperBound <= 1 << 40 else {
      throw refuse(field, "\(range) is not between \(least) and \(1 << 40) bytes.")
    }
  }

  static func rate(_ value: Double, _ field: String) throws(ProxyError) {
    guard value >= 0, value <= 1 else {
      throw refuse(field, "\(value) is no rate; a rate is from 0 (never) to 1 (always).")
    }
  }
}

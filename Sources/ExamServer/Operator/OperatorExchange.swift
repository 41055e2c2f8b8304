/// A request to the operator plane, whichever way it came.
public struct OperatorRequest: Sendable {
  public var method: String
  /// Without the query.
  public var path: String
  public var query: [String: String]
  public var body: [UInt8]
  /// The bearer token; `nil` where none was given.
  public var token: String?

  public init(
    method: String, path: String, query: [String: String] = [:], body: [UInt8] = [], token: String? = nil
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.body = body
    self.token = token
  }

  /// The target in origin form, percent-encoded (RFC 3986).
  public var target: String {
    guard !query.isEmpty else { return PercentCoding.encode(path, keeping: "/") }
    let pairs = query.sorted { $0.key < $1.key }.map {
      PercentCoding.encode($0.key) + "=" + PercentCoding.encode($0.value)
    }
    return PercentCoding.encode(path, keeping: "/") + "?" + pairs.joined(separator: "&")
  }
}

/// What a request to the operator plane is answered with.
public struct OperatorAnswer: Sendable {
  public var status: Int
  public var contentType: String
  public var body: [UInt8]
  public var retryAfterSeconds: Int?

  public init(status: Int, contentType: String, body: [UInt8], retryAfterSeconds: Int? = nil) {
    self.status = status
    self.contentType = contentType
    self.body = body
    self.retryAfterSeconds = retryAfterSeconds
  }
}

/// Percent-encoding of targets (RFC 3986, section 2.1).
enum PercentCoding {
  static func encode(_ text: String, keeping kept: String = "") -> String {
    var result = ""
    for byte in text.utf8 {
      let isUnreserved =
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || [0x2D, 0x2E, 0x5F, 0x7E].contains(byte) || kept.utf8.contains(byte)
      if isUnreserved {
        result.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        result += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return result
  }

  /// `nil` for a broken escape or for what is not UTF-8.
  static func decode(_ text: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var iterator = text.utf8.makeIterator()
    while let byte = iterator.next() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = iterator.next().flatMap(digit), let low = iterator.next().flatMap(digit) else { return nil }
      bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    Character(Unicode.Scalar(byte)).hexDigitValue.map { UInt8($0) }
  }
}

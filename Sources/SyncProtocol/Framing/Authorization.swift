public import ExamModel

/// The one header that authenticates a request:
/// `Authorization: ExamSync <session> <sent_at> <mac>`, ids as unpadded base64url, time in decimal.
public struct Authorization: Hashable, Sendable {
  public var session: ID128
  /// The device's estimate of server time in milliseconds since 1970; 0 for none.
  public var sentAt: UInt64
  public var mac: MAC

  public static let scheme = "ExamSync"
  /// The header of a response that carries its MAC.
  public static let responseHeader = "ExamSync-MAC"

  public init(session: ID128, sentAt: UInt64, mac: MAC) {
    self.session = session
    self.sentAt = sentAt
    self.mac = mac
  }

  public var headerValue: String {
    "\(Self.scheme) \(Base64URL.encode(session.bytes)) \(sentAt) \(Base64URL.encode(mac.bytes))"
  }

  /// Reads a header's value; `nil` for anything that is not exactly of the form.
  public init?(headerValue: String) {
    let parts = headerValue.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0].elementsEqual(Self.scheme.utf8), parts[2].count <= 20,
      let session = Base64URL.decode(parts[1]).flatMap({ ID128($0) }),
      let sentAt = UInt64(String(decoding: parts[2], as: UTF8.self)),
      let mac = Base64URL.decode(parts[3]).flatMap({ ID128($0) })
    else { return nil }
    self.init(session: session, sentAt: sentAt, mac: mac)
  }
}

/// Unpadded base64url (RFC 4648, section 5).
public enum Base64URL {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
  private static let values: [UInt8] = {
    var table = [UInt8](repeating: 255, count: 256)
    for (index, character) in alphabet.enumerated() { table[Int(character)] = UInt8(index) }
    return table
  }()

  public static func encode(_ bytes: some Collection<UInt8>) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count * 4 + 2) / 3)
    var buffer: UInt32 = 0
    var bits = 0
    for byte in bytes {
      buffer = buffer << 8 | UInt32(byte)
      bits += 8
      while bits >= 6 {
        bits -= 6
        text.append(alphabet[Int(buffer >> UInt32(bits) & 63)])
      }
    }
    if bits > 0 { text.append(alphabet[Int(buffer << UInt32(6 - bits) & 63)]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// `nil` for any other character, a wrong length, or bits that a canonical text would not have.
  public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count * 3 / 4)
    var buffer: UInt32 = 0
    var bits = 0
    for character in text {
      let value = values[Int(character)]
      guard value != 255 else { return nil }
      buffer = buffer << 6 | UInt32(value)
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
      }
    }
    guard buffer & (1 << UInt32(bits) - 1) == 0 else { return nil }
    return bytes
  }

  /// Decodes a text, as above.
  public static func decode(_ text: String) -> [UInt8]? { decode(Array(text.utf8)) }
}

/// What one candidate is handed before the exam: who to log in as, and which server to trust.
public struct HandOutCard: Hashable, Sendable {
  public var candidate: RosterCandidate
  /// The first password, in the clear: it is written once, and the server keeps only its verifier.
  public var firstPassword: String
  public var serverAddress: String
  /// The server's Ed25519 public key in hexadecimal, which clients pin. As long as its fingerprint, and enough alone.
  public var serverKey: String

  public init(candidate: RosterCandidate, firstPassword: String, serverAddress: String, serverKey: String) {
    self.candidate = candidate
    self.firstPassword = firstPassword
    self.serverAddress = serverAddress
    self.serverKey = serverKey
  }
}

/// Writes the hand-out as CSV: UTF-8 with a byte-order mark, so that spreadsheets show Chinese names; CRLF.
public enum HandOutWriter {
  public static let columns = [
    "number", "name", "username", "password", "specialty", "room", "server_address", "server_key",
  ]

  public static func csv(_ cards: [HandOutCard]) -> [UInt8] {
    var text = CSVField.line(columns)
    for card in cards {
      let candidate = card.candidate
      text += CSVField.line([
        candidate.number, candidate.name, candidate.username, card.firstPassword, candidate.specialty, candidate.room,
        card.serverAddress, card.serverKey,
      ])
    }
    return [0xEF, 0xBB, 0xBF] + Array(text.utf8)
  }
}

/// Fields of tables that people will open in a spreadsheet.
public enum CSVField {
  /// One line of fields, escaped, with its CRLF.
  public static func line(_ fields: [String]) -> String {
    fields.map(escape).joined(separator: ",") + "\r\n"
  }

  /// Makes `text` inert: a field that a spreadsheet would run as a formula (it begins with `= + - @`, a tab or a
  /// carriage return, spaces and full-width forms included) gets an apostrophe in front; characters that turn the
  /// writing direction, and control characters, are shown as `U+202E`; quotes are doubled and the field quoted where
  /// RFC 4180 asks for it.
  public static func escape(_ text: String) -> String {
    var shown = ""
    for scalar in text.unicodeScalars {
      if isHidden(scalar) {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        shown += "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      } else {
        shown.unicodeScalars.append(scalar)
      }
    }
    let starters: Set<Unicode.Scalar> = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]
    if let first = text.unicodeScalars.first(where: { $0 != " " && $0 != "\u{3000}" && $0 != "\u{A0}" }),
      starters.contains(first)
    {
      shown = "'" + shown
    }
    let needsQuotes = shown.utf8.contains { [0x2C, 0x22, 0x0D, 0x0A, 0x3B, 0x09].contains($0) }
    guard needsQuotes || shown.hasPrefix(" ") || shown.hasSuffix(" ") else { return shown }
    return "\"" + shown.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }

  private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A, 0x0D: false
    case 0x00..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x061C, 0x202A...0x202E, 0x2066...0x2069, 0xFEFF: true
    default: false
    }
  }
}

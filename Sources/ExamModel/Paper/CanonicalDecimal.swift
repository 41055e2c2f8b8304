/// The one way to write each decimal number: an optional `-`, an integer part without leading zeros, and, only where
/// needed, a point and digits that do not end in zero. Zero is `0`.
public enum CanonicalDecimal {
  /// Brings what a person typed into canonical form; `nil` if it is no decimal number.
  ///
  /// Spaces around it, a leading `+`, superfluous zeros, and the full-width digits, signs and point of East Asian
  /// keyboards are understood. Exponents, thousands separators and decimal commas are not: they are ambiguous.
  public static func canonicalize(_ text: String) -> String? {
    guard text.unicodeScalars.count <= PaperLimits.numberCharacters else { return nil }
    var symbols = trimmed(text.unicodeScalars.map(halfWidth))
    var isNegative = false
    if let sign = symbols.first, sign == "-" || sign == "+" {
      isNegative = sign == "-"
      symbols.removeFirst()
    }
    let parts = symbols.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, parts.allSatisfy({ $0.allSatisfy(isDigit) }) else { return nil }
    guard parts.contains(where: { !$0.isEmpty }) else { return nil }
    let integer = parts[0].drop { $0 == "0" }
    var fraction = parts.count == 2 ? parts[1] : []
    while fraction.last == "0" { fraction.removeLast() }
    if integer.isEmpty, fraction.isEmpty { return "0" }
    var result = isNegative ? "-" : ""
    if integer.isEmpty { result += "0" }
    result.unicodeScalars.append(contentsOf: integer)
    if !fraction.isEmpty {
      result += "."
      result.unicodeScalars.append(contentsOf: fraction)
    }
    return result
  }

  /// Whether `text` already has the canonical form.
  public static func isCanonical(_ text: String) -> Bool {
    canonicalize(text).map { Array($0.utf8) == Array(text.utf8) } ?? false
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
    ("0"..."9").contains(scalar)
  }

  private static func trimmed(_ scalars: [Unicode.Scalar]) -> ArraySlice<Unicode.Scalar> {
    let isSpace: (Unicode.Scalar) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\u{3000}" }
    var result = scalars.drop(while: isSpace)
    while let last = result.last, isSpace(last) { result.removeLast() }
    return result
  }

  private static func halfWidth(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    switch scalar.value {
    case 0xFF10...0xFF19: Unicode.Scalar(UInt8(scalar.value - 0xFF10 + 0x30))
    case 0xFF0E, 0x3002: "."
    case 0xFF0D, 0x2212: "-"
    case 0xFF0B: "+"
    default: scalar
    }
  }
}

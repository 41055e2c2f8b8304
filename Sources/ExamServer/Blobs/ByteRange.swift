/// A single byte range of a blob (RFC 9110, section 14.1.2).
enum ByteRange: Equatable {
  case whole
  case part(Range<Int>)
  case unsatisfiable

  /// Reads a `Range` field. What is no single byte range is ignored, as the standard allows: the whole is sent.
  static func read(_ field: String?, length: Int) -> ByteRange {
    guard let field, field.hasPrefix("bytes="), !field.contains(",") else { return .whole }
    let bounds = field.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false)
    guard bounds.count == 2, bounds.allSatisfy({ $0.utf8.count <= 18 && $0.utf8.allSatisfy(isDigit) }) else {
      return .whole
    }
    guard let first = Int(bounds[0]) else {
      guard let suffix = Int(bounds[1]) else { return .whole }
      return suffix == 0 || length == 0 ? .unsatisfiable : .part(max(0, length - suffix)..<length)
    }
    guard first < length else { return .unsatisfiable }
    guard let last = Int(bounds[1]) else { return bounds[1].isEmpty ? .part(first..<length) : .whole }
    return last < first ? .whole : .part(first..<min(last + 1, length))
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}

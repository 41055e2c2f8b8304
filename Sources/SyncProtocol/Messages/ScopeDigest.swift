import Crypto
public import ExamModel

/// The digest of a scope: Σ mod 2²⁵⁶ of SHA-256 over each live record. Order does not matter, and one record's
/// change costs one addition and one subtraction.
public struct ScopeDigest: Hashable, Sendable {
  /// As a big-endian 256-bit number.
  public private(set) var sum: Digest256

  public static let empty = ScopeDigest(sum: .zero)

  public init(sum: Digest256) {
    self.sum = sum
  }

  /// Adds a live record; a tombstone changes nothing.
  public mutating func add(_ record: Record) {
    guard !record.isDeleted else { return }
    combine(Self.term(record), subtracting: false)
  }

  /// Takes a live record out; a tombstone changes nothing.
  public mutating func remove(_ record: Record) {
    guard !record.isDeleted else { return }
    combine(Self.term(record), subtracting: true)
  }

  /// `SHA-256("examsync record v1" ‖ u32 len ‖ collection ‖ u32 len ‖ key ‖ u64 version ‖ SHA-256(body))`.
  public static func term(_ record: Record) -> Digest256 {
    var bytes = Array("examsync record v1".utf8)
    bytes.appendLengthPrefixed(Array(record.collection.utf8))
    bytes.appendLengthPrefixed(Array(record.key.utf8))
    bytes.appendBigEndian(record.version)
    Hash.sha256(record.body).append(to: &bytes)
    return Hash.sha256(bytes)
  }

  private mutating func combine(_ term: Digest256, subtracting: Bool) {
    var words = sum.words
    var carry = false
    for index in (0..<4).reversed() {
      let first =
        subtracting
        ? words[index].subtractingReportingOverflow(term.words[index])
        : words[index].addingReportingOverflow(term.words[index])
      let step: UInt64 = carry ? 1 : 0
      let second =
        subtracting
        ? first.partialValue.subtractingReportingOverflow(step)
        : first.partialValue.addingReportingOverflow(step)
      words[index] = second.partialValue
      carry = first.overflow || second.overflow
    }
    sum = Digest256(words: words)
  }
}

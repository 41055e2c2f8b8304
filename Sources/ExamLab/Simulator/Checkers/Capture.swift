package import ExamModel
import Foundation

/// Bytes that stand in one place only, so that finding them elsewhere proves a leak.
package struct Canary: Hashable, Sendable {
  package enum Secret: Hashable, Sendable {
    /// In the text of an exam's paper.
    case paper(exam: ID128)
    /// The paper key itself.
    case paperKey(exam: ID128)
    /// In the answers of one candidate, or in that candidate's profile.
    case candidate(ID128)
  }

  package var secret: Secret
  /// At least eight bytes, so that chance does not find them.
  package var bytes: [UInt8]

  package init(_ secret: Secret, bytes: [UInt8]) {
    precondition(bytes.count >= 8, "a canary of fewer than eight bytes is found by chance")
    self.secret = secret
    self.bytes = bytes
  }
}

/// A canary that was found.
package struct CanaryHit: Hashable, Sendable {
  package var trueMilliseconds: Int64
  /// Who got the bytes.
  package var node: SimNode
  package var secret: Canary.Secret
  /// Where, such as `response to exchange 17` or `store`.
  package var place: String

  package init(_ trueMilliseconds: Int64, _ node: SimNode, _ secret: Canary.Secret, place: String) {
    self.trueMilliseconds = trueMilliseconds
    self.node = node
    self.secret = secret
    self.place = place
  }
}

/// What was looked at for canaries, and what was found.
package struct Capture: Sendable {
  package private(set) var hits: [CanaryHit] = []
  package private(set) var bytesSearched = 0

  package init() {}

  /// Looks through bytes that reached a node. Bodies are given inflated, or nothing would ever be found in them.
  ///
  /// A canary that a node already got is not looked for again: the first place is the one that counts.
  package mutating func search(
    _ bytes: [UInt8], for canaries: [Canary], node: SimNode, trueMilliseconds: Int64, place: @autoclosure () -> String
  ) {
    bytesSearched += bytes.count
    for canary in canaries where !hits.contains(where: { $0.node == node && $0.secret == canary.secret }) {
      guard Self.contains(canary.bytes, in: bytes) else { continue }
      hits.append(CanaryHit(trueMilliseconds, node, canary.secret, place: place()))
    }
  }

  /// For hits that were found by other means.
  package mutating func add(_ hit: CanaryHit) { hits.append(hit) }

  static func contains(_ needle: [UInt8], in hay: [UInt8]) -> Bool {
    guard let first = needle.first, needle.count <= hay.count else { return false }
    return hay.withUnsafeBytes { hay in
      needle.withUnsafeBytes { needle in
        guard let start = hay.baseAddress, let wanted = needle.baseAddress else { return false }
        let last = hay.count - needle.count
        var offset = 0
        while offset <= last, let place = memchr(start + offset, Int32(first), last - offset + 1) {
          if memcmp(place, wanted, needle.count) == 0 { return true }
          offset = UnsafeRawPointer(place) - start + 1
        }
        return false
      }
    }
  }
}

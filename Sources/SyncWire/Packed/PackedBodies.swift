import ExamModel
import SyncProtocol

/// The bodies of a push in one buffer, each with its 32-bit length before it: the form in which a segment is stored.
package struct PackedBodies: Hashable, Sendable {
  package private(set) var bytes: [UInt8] = []
  package private(set) var count = 0
  /// The length of the longest body.
  package private(set) var longest = 0

  package init(_ bodies: [[UInt8]]) {
    var packed: [UInt8] = []
    packed.reserveCapacity(bodies.reduce(0) { $0 + 4 + $1.count })
    for body in bodies { packed.appendLengthPrefixed(body) }
    bytes = packed
    count = bodies.count
    longest = bodies.reduce(0) { max($0, $1.count) }
  }

  /// Reads fields of one tag that follow each other, with their lengths; `nil` where one of them is cut off, or where
  /// there are more than a push may have.
  init?(_ scanner: inout WireScanner, tag: UInt8) {
    var ahead = scanner
    var length = 0
    while let next = ahead.peek(), next == tag {
      ahead.skip(1)
      guard count < Limits.pushEntries, let body = ahead.slice() else { return nil }
      length += 4 + body.count
      count += 1
      longest = max(longest, body.count)
    }
    bytes = Array(unsafeUninitializedCapacity: length) { buffer, initialized in
      let target = UnsafeMutableRawBufferPointer(buffer)
      for _ in 0..<count {
        scanner.skip(1)
        guard let body = scanner.slice() else { break }
        target.storeBytes(of: UInt32(body.count).bigEndian, toByteOffset: initialized, as: UInt32.self)
        UnsafeMutableRawBufferPointer(rebasing: target[(initialized + 4)...]).copyMemory(from: body)
        initialized += 4 + body.count
      }
    }
  }

  /// The length of all bodies together.
  package var bodyBytes: Int { bytes.count - 4 * count }

  /// Visits the bodies in their order, from one on.
  package func forEach(from index: Int = 0, _ visit: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    try bytes.withUnsafeBytes { buffer in
      var offset = 0
      for place in 0..<count {
        let end = offset + 4 + Self.length(in: buffer, at: offset)
        if place >= index { try visit(UnsafeRawBufferPointer(rebasing: buffer[offset + 4..<end])) }
        offset = end
      }
    }
  }

  /// One body; there must be so many.
  package func body(_ index: Int) -> [UInt8] {
    var found: [UInt8] = []
    var place = 0
    _ = allBodies { body in
      if place == index { found = Array(body) }
      place += 1
      return place <= index
    }
    return found
  }

  /// Whether all bodies, visited in their order up to the first that does not, meet a condition.
  package func allBodies(_ condition: (UnsafeRawBufferPointer) -> Bool) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var offset = 0
      for _ in 0..<count {
        let end = offset + 4 + Self.length(in: buffer, at: offset)
        guard condition(UnsafeRawBufferPointer(rebasing: buffer[offset + 4..<end])) else { return false }
        offset = end
      }
      return true
    }
  }

  /// The stored form of the bodies from one on.
  package func suffix(from index: Int) -> [UInt8] {
    guard index > 0 else { return bytes }
    return bytes.withUnsafeBytes { buffer in
      var offset = 0
      for _ in 0..<min(index, count) { offset += 4 + Self.length(in: buffer, at: offset) }
      return Array(buffer[offset...])
    }
  }

  /// The chain head after the first bodies.
  ///
  /// - Parameter head: before the first body, whose sequence is `first`.
  package func head(after bodies: Int, from head: Digest256, first: UInt64) -> Digest256 {
    bytes.withUnsafeBytes { buffer in
      var head = head
      var offset = 0
      for index in 0..<bodies {
        let end = offset + 4 + Self.length(in: buffer, at: offset)
        let body = UnsafeRawBufferPointer(rebasing: buffer[offset + 4..<end])
        head = Chain.next(head, sequence: first + UInt64(index), body: body)
        offset = end
      }
      return head
    }
  }

  private static func length(in buffer: UnsafeRawBufferPointer, at offset: Int) -> Int {
    Int(UInt32(bigEndian: buffer.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
  }
}

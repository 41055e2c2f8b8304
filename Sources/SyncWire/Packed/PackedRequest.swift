import ExamModel
import SyncProtocol

/// A sync request as the server takes it: its pushes packed, the rest as every request has it.
package struct PackedRequest: Sendable {
  package var pushes: [PackedPush]
  /// Without its pushes.
  package var rest: SyncRequest

  package init(_ request: SyncRequest) {
    pushes = request.pushes.map { PackedPush($0) }
    rest = request
    rest.pushes = []
  }

  /// Reads what `SyncRequest(wire:)` reads, and throws what it throws.
  package init(wire: [UInt8]) throws(WireError) {
    if let plain = wire.withUnsafeBytes({ Self.scan($0) }) {
      self = plain
    } else {
      self.init(try SyncRequest(wire: wire))
    }
  }

  private init(pushes: [PackedPush]) {
    self.pushes = pushes
    rest = SyncRequest()
  }

  /// A request with pushes and nothing else, within every limit; anything else is the codec's to read or to refuse.
  private static func scan(_ bytes: UnsafeRawBufferPointer) -> PackedRequest? {
    var scanner = WireScanner(bytes)
    guard let version = scanner.optionalVarint(tag: 0x08), let spoken = UInt32(exactly: version),
      (Limits.oldestProtocolVersion...Limits.protocolVersion).contains(spoken)
    else { return nil }
    var pushes: [PackedPush] = []
    while scanner.left > 0 {
      guard scanner.byte() == 0x12, let content = scanner.slice(), pushes.count < Limits.pushesPerRequest,
        let push = PackedPush(scanning: content)
      else { return nil }
      pushes.append(push)
    }
    return PackedRequest(pushes: pushes)
  }
}

extension PackedPush {
  /// `nil` for a form that no device of ours writes, and for what breaks a limit.
  init?(scanning bytes: UnsafeRawBufferPointer) {
    var scanner = WireScanner(bytes)
    guard scanner.byte() == 0x0A, let id = scanner.slice(), let journal = ID128(id), scanner.byte() == 0x10,
      let first = scanner.varint(), first >= 1, first < UInt64(Int64.max) - UInt64(Limits.pushEntries)
    else { return nil }
    guard let bodies = PackedBodies(&scanner, tag: 0x1A), bodies.count > 0,
      bodies.longest <= Limits.entryBytes, bodies.bodyBytes <= Limits.pushBytes, scanner.byte() == 0x22,
      let digest = scanner.slice(), let head = Digest256(digest), let lease = scanner.optionalVarint(tag: 0x28),
      let ordinal = UInt32(exactly: lease)
    else { return nil }
    var subject: ID128?
    if scanner.left > 0 {
      guard scanner.byte() == 0x32, let id = scanner.slice(), let named = ID128(id), scanner.left == 0 else {
        return nil
      }
      subject = named
    }
    self.init(journal: journal, subject: subject, first: first, bodies: bodies, head: head, lease: ordinal)
  }
}

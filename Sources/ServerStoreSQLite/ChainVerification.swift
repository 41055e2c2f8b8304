import ExamModel
import SQLite
import ServerCore
import SyncProtocol

/// What a verification of the whole store found sound.
public struct VerifiedChains: Hashable, Sendable {
  public var journals = 0
  public var entries = 0
  public var auditRecords = 0
}

extension SQLiteServerStore {
  /// Recomputes every chain from the bytes that are stored: each journal from its genesis over all its segments to the
  /// head that its row names, and the audit trail. For the opening after an end that nobody planned.
  ///
  /// Reads everything, so it takes as long as hashing all entries. Throws a ``StoreError`` of the kind `fault` that
  /// names what does not fit.
  public func verifyChains() throws -> VerifiedChains {
    var verified = VerifiedChains()
    var ends = try journalBeginnings()
    verified.journals = ends.count
    try each("SELECT journal, id, previous, first, count, head_before, head_after, bytes FROM segments ORDER BY id") {
      _ in
    } _: { row in
      let number = row.int64(at: 0)
      guard var end = ends[number] else { throw Self.broken("a segment belongs to no journal") }
      guard row.int64(at: 2) == end.segment, row.uint64(bitPatternAt: 3) == end.sequence + 1,
        try row.digest(at: 5) == end.head
      else { throw Self.broken("segment \(row.int64(at: 1)) does not follow from the one before it") }
      let count = row.withBlob(at: 7) { end.append($0) }
      guard count == row.int(at: 4), try row.digest(at: 6) == end.head else {
        throw Self.broken("segment \(row.int64(at: 1)) does not hold what was acknowledged")
      }
      end.segment = row.int64(at: 1)
      ends[number] = end
      verified.entries += row.int(at: 4)
      return true
    }
    try compareEnds(ends)
    verified.auditRecords = try verifyAudit()
    for attempt in try all("SELECT id FROM attempts", { _ in }, { try $0.id(at: 0) }) { _ = try self.attempt(attempt) }
    return verified
  }

  private func journalBeginnings() throws -> [Int64: JournalEnd] {
    var ends: [Int64: JournalEnd] = [:]
    try each("SELECT number, id, attempt, device FROM journals") {
      _ in
    } _: { row in
      let genesis = Chain.genesis(
        journal: try row.id(at: 1), subject: try row.id(at: 2), deviceKey: try row.id(at: 3))
      ends[row.int64(at: 0)] = JournalEnd(head: genesis)
      return true
    }
    return ends
  }

  private func compareEnds(_ ends: [Int64: JournalEnd]) throws {
    try each("SELECT number, sequence, head, last_segment, id FROM journals") {
      _ in
    } _: { row in
      guard let end = ends[row.int64(at: 0)], end.sequence == row.uint64(bitPatternAt: 1),
        end.head == (try row.digest(at: 2)), end.segment == row.int64(at: 3)
      else { throw Self.broken("journal \(try row.id(at: 4).hex) lacks entries that were acknowledged") }
      return true
    }
  }

  private func verifyAudit() throws -> Int {
    var last: AuditRow?
    while true {
      let rows = try audit(after: last?.index ?? 0, limit: 1_000)
      guard !rows.isEmpty else { return Int(clamping: last?.index ?? 0) }
      for row in rows {
        guard row.index == (last?.index ?? 0) + 1, row.hash == AuditChain.hash(row, after: last?.hash ?? .zero) else {
          throw Self.broken("the audit trail breaks at record \(row.index)")
        }
        last = row
      }
    }
  }

  private static func broken(_ what: String) -> StoreError {
    StoreError(
      .fault, "The store is damaged: \(what). Keep a copy of the data directory and restore the newest backup.")
  }
}

/// How far a journal was recomputed.
private struct JournalEnd {
  var sequence: UInt64 = 0
  var head: Digest256
  var segment: Int64 = 0

  init(head: Digest256) {
    self.head = head
  }

  /// Takes a segment's bodies, each with its length before it.
  ///
  /// - Returns: how many there were; -1 where the bytes do not come out even.
  mutating func append(_ bytes: UnsafeRawBufferPointer) -> Int {
    var offset = 0
    var count = 0
    while offset < bytes.count {
      guard offset + 4 <= bytes.count else { return -1 }
      let length = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
      let begin = offset + 4
      guard length <= bytes.count - begin else { return -1 }
      sequence += 1
      head = Chain.next(head, sequence: sequence, body: UnsafeRawBufferPointer(rebasing: bytes[begin..<begin + length]))
      offset = begin + length
      count += 1
    }
    return count
  }
}

import ExamModel
import SyncProtocol
import SyncWire

/// Brings an attempt back into memory from its rows. The verdicts are those that were given: kept entries are found
/// in the dispositions and skipped, everything else is applied again in the order of arrival.
extension ServerCore {
  func attemptMemory(_ id: ID128) throws -> AttemptMemory? {
    if let found = cache.attempt(id) { return found }
    guard let row = try store.attempt(id) else { return nil }
    return try load(row)
  }

  func journalMemory(_ id: ID128) throws -> JournalMemory? {
    if let found = cache.journal(id) { return found }
    guard let row = try store.journal(id), try attemptMemory(row.attempt) != nil else { return nil }
    return cache.journal(id)
  }

  func load(_ row: AttemptRow) throws -> AttemptMemory {
    let memory = AttemptMemory(row: row)
    memory.journals = try store.journals(attempt: row.id).sorted { $0.ordinal < $1.ordinal }
      .map { JournalMemory(row: $0, attempt: memory) }
    try loadRecords(into: memory)
    try replay(into: memory)
    cache.insert(memory)
    return memory
  }

  private func loadRecords(into memory: AttemptMemory) throws {
    let candidate = memory.row.candidate
    for record in try store.records(scope: candidate, collection: ScopeCollection.unlock) {
      if let unlock = try? UnlockRecord(wire: record.body), unlock.attempt == memory.id {
        memory.unlocksSent[unlock.number] = unlock.nonce
      }
    }
    for record in try store.records(scope: candidate, collection: ScopeCollection.void) {
      if let void = try? NumberedRecord(wire: record.body), void.attempt == memory.id {
        memory.state.ledger.void(void.number)
      }
    }
    for record in try store.records(scope: candidate, collection: ScopeCollection.grant) {
      if let grant = try? GrantRecord(wire: record.body), grant.attempt == memory.id {
        memory.grants.insert(grant.number)
        memory.grantedMilliseconds += grant.milliseconds
      }
    }
    for record in try store.records(scope: candidate, collection: ScopeCollection.reopen) {
      if let reopen = try? NumberedRecord(wire: record.body), reopen.attempt == memory.id {
        memory.reopens.insert(reopen.number)
      }
    }
    memory.receiptOrdinals = Set(try store.receipts(attempt: memory.id).map(\.ordinal))
  }

  private func replay(into memory: AttemptMemory) throws {
    var segments: [(journal: JournalMemory, segment: SegmentRow)] = []
    var kept: [ID128: [KeptRange]] = [:]
    for journal in memory.journals {
      try forEachSegment(of: journal.row, backFrom: journal.row.lastSegment) { segment in
        if segment.id == journal.row.lastSegment {
          journal.lastFirst = segment.first
          journal.lastHeadBefore = segment.headBefore
        }
        segments.append((journal, segment))
        return true
      }
      if journal.row.kept > 0 {
        let ranges = try store.dispositions(journal: journal.row.number, from: 1, to: .max)
        kept[journal.row.id] = ranges
        journal.lastKept = ranges.last
      }
      journal.proofs = try store.timeProofs(journal: journal.row.number)
      memory.contactAt = max(memory.contactAt, journal.row.contactAt)
    }
    segments.sort { $0.segment.id < $1.segment.id }
    for (journal, segment) in segments {
      replay(segment, of: journal, kept: kept[journal.row.id] ?? [])
    }
    if let statement = memory.sealStatement, memory.state.isSealed,
      !memory.receiptOrdinals.contains(memory.state.sealOrdinal),
      let row = try store.seal(attempt: memory.id, ordinal: memory.state.sealOrdinal)
    {
      memory.waiting = WaitingSeal(row: row, statement: statement)
    }
  }

  private func replay(_ segment: SegmentRow, of journal: JournalMemory, kept: [KeptRange]) {
    let memory = journal.attempt
    var sequence = segment.first
    var head = segment.headBefore
    SegmentBytes.forEach(segment.bytes) { body in
      defer {
        head = Chain.next(head, sequence: sequence, body: body)
        sequence += 1
        memory.entries += 1
      }
      guard let entry = try? Entry(wire: body) else { return }
      journal.clock.advance(entry, provedMilliseconds: journal.provedMilliseconds(at: sequence))
      guard !kept.contains(where: { $0.from <= sequence && sequence <= $0.to }) else { return }
      if sequence == 1 { journal.predecessor = EntryPeek.predecessor(entry) }
      let place = EntryPlace(
        journal: journal, sequence: sequence, lease: segment.lease, receivedAt: segment.receivedAt, headBefore: head)
      _ = admit(entry.kind, time: .inTime, section: nil, unlockIsValid: true, at: place)
    }
  }

  /// Visits segments from a given one back to the first, until `visit` gives `false`.
  func forEachSegment(of journal: JournalRow, backFrom id: Int64, visit: (SegmentRow) throws -> Bool) throws {
    var next = id
    while next != 0 {
      guard let segment = try store.segment(next), segment.journal == journal.number else {
        throw StoreError(.fault, "a segment of journal \(journal.id) is missing; restore a backup")
      }
      guard try visit(segment) else { return }
      next = segment.previous
    }
  }
}

/// The bytes of a segment: each body with its length.
enum SegmentBytes {
  static func encode(_ bodies: ArraySlice<[UInt8]>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(bodies.reduce(0) { $0 + 4 + $1.count })
    for body in bodies { bytes.appendLengthPrefixed(body) }
    return bytes
  }

  static func forEach(_ bytes: [UInt8], _ body: ([UInt8]) -> Void) {
    var offset = 0
    while offset + 4 <= bytes.count {
      let length = bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
      let end = offset + 4 + length
      guard end <= bytes.count else { return }
      body(Array(bytes[offset + 4..<end]))
      offset = end
    }
  }
}

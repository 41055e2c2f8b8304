import ExamModel
import SyncProtocol
import SyncWire

#if PlantedBugs
  import Planted
#endif

/// What belongs to journals beside their entries: opening, leases, dispositions, forks, heads.
extension ServerCore {
  func open(_ push: PackedPush, of attempt: AttemptMemory, device: ID128, genesis: Digest256) throws -> JournalMemory {
    touch(attempt)
    var index = attempt.journals.firstIndex { $0.predecessor?.journal == push.journal && $0.row.device == device }
    #if PlantedBugs
      if planted(.successorBeforePredecessor) { index = nil }
    #endif
    let successor = index.map { attempt.journals[$0] }
    let ordinal = successor?.row.ordinal ?? (attempt.journals.map(\.row.ordinal).max() ?? 0) + 1
    if successor != nil {
      try store.raiseOrdinals(attempt: attempt.id, from: ordinal)
      attempt.raiseOrdinals(from: ordinal)
    }
    let row = JournalRow(
      number: nextJournal, id: push.journal, attempt: attempt.id, device: device, ordinal: ordinal, sequence: 0,
      head: genesis, lastSegment: 0, kept: 0, contactAt: 0, openedAt: time)
    try store.insert(journal: row)
    nextJournal += 1
    let journal = JournalMemory(row: row, attempt: attempt)
    attempt.journals.insert(journal, at: index ?? attempt.journals.endIndex)
    cache.insert(journal)
    if let successor, let position = successor.predecessor { try link(successor, to: journal, at: position) }
    return journal
  }

  /// The first device that writes under a lease holds it (I22).
  func takeLease(_ memory: AttemptMemory, device: ID128, lease: UInt32) throws {
    var isFree = memory.row.record.leaseDevice == nil
    #if PlantedBugs
      if planted(.leaseTakenByAnybody), memory.row.record.leaseDevice != device { isFree = true }
    #endif
    guard isFree, memory.row.record.lease == lease, !memory.row.record.isVoided else { return }
    memory.row.record.leaseDevice = device
    try publishAttempt(memory)
    try audit("lease-taken", by: "device \(device)", of: memory.id.hex, "lease \(lease)")
  }

  /// The opening entry of a successor names its predecessor, and the place at which it was left. What comes above that
  /// in a journal of the same device belongs to another copy of the store; what comes below it is the successor's own
  /// past, which a restored server may lack. Another device's is fenced by the lease, and goes on if that comes back.
  func linkPredecessor(_ body: [UInt8], of journal: JournalMemory, lease: UInt32) throws {
    let memory = journal.attempt
    guard let position = (try? Entry(wire: body)).flatMap(EntryPeek.predecessor), position.journal != journal.row.id,
      lease == memory.row.record.lease, memory.row.record.leaseDevice == journal.row.device
    else { return }
    journal.predecessor = position
    guard let predecessor = memory.journals.first(where: { $0.row.id == position.journal }) else { return }
    try link(journal, to: predecessor, at: position)
  }

  private func link(_ journal: JournalMemory, to predecessor: JournalMemory, at position: JournalPosition) throws {
    let memory = journal.attempt
    if predecessor.row.device == journal.row.device {
      let from = position.sequence + 1
      predecessor.row.supersededFrom = min(predecessor.row.supersededFrom ?? from, from)
      if !predecessor.isDirty {
        predecessor.isDirty = true
        work.journals.append(predecessor)
      }
    }
    try audit(
      "successor", by: "device \(journal.row.device)", of: memory.id.hex,
      "\(journal.row.id) follows \(position.journal) at \(position.sequence)")
    try publishAnswers(memory)
  }

  /// Other bytes for what is there already: kept as evidence, once, and without any effect (I7).
  func keepFork(_ push: PackedPush, of journal: JournalMemory, receivedAt: Int64) throws -> Acknowledgement {
    touch(journal.attempt)
    work.counters.diverged += 1
    let known = try store.forks(journal: journal.row.number)
    if known.count < Self.forksPerJournal, !known.contains(where: { $0.first == push.first && $0.head == push.head }) {
      try store.insert(
        fork: ForkRow(
          journal: journal.row.number, first: push.first, count: push.bodies.count, head: push.head,
          receivedAt: receivedAt, bytes: push.bodies.bytes))
      try audit(
        "fork", by: "device \(journal.row.device)", of: journal.attempt.id.hex,
        "journal \(journal.row.id) diverges in \(push.first) to \(push.last)")
    }
    #if PlantedBugs
      if planted(.forkedEntriesApplied) {
        for index in 0..<push.bodies.count {
          guard let entry = try? Entry(wire: push.bodies.body(index)),
            case .answer(let item, let value) = entry.kind
          else { continue }
          let ordinal = journal.row.ordinal + 1
          journal.attempt.setAnswer(
            item,
            CurrentAnswer(
              value: value, lease: push.lease, ordinal: ordinal, sequence: push.first + UInt64(index),
              journal: journal.row.id, receivedAt: receivedAt))
        }
      }
    #endif
    try publishAnswers(journal.attempt)
    return Acknowledgement(
      sequence: journal.row.sequence, head: journal.row.head, verdict: .diverged)
  }

  static let forksPerJournal = 32

  /// Saves newly kept ranges; the first is merged with the one before it where that is adjacent.
  func saveKept(_ ranges: [KeptRange], of journal: JournalMemory) throws {
    for range in ranges {
      var merged = range
      if let last = journal.lastKept, last.reason == range.reason, last.to + 1 == range.from {
        merged.from = last.from
      }
      journal.lastKept = merged
      let count = range.to - range.from + 1
      journal.row.kept += count
      work.counters.kept += count
      var isStored = true
      #if PlantedBugs
        if planted(.dispositionNotStored) { isStored = false }
      #endif
      if isStored { try store.save(disposition: merged, journal: journal.row.number) }
      try put(
        DispositionRecord(journal: journal.row.id, range: merged, decidedBy: "server").wire,
        scope: journal.attempt.row.candidate, ScopeCollection.disposition, "\(journal.row.id.hex)/\(merged.from)")
    }
  }

  /// What was kept of a push's sequences, as it was decided when they came first.
  func kept(of journal: JournalMemory, _ push: PackedPush) throws -> [KeptRange] {
    guard journal.row.kept > 0 else { return [] }
    let ranges = try store.dispositions(journal: journal.row.number, from: push.first, to: push.last)
    return ranges.prefix(Limits.keptRangesPerAcknowledgement).map {
      KeptRange(from: max($0.from, push.first), to: min($0.to, push.last), reason: $0.reason)
    }
  }

  /// The chain heads after some sequences of a journal; 0 is its genesis. Sequences that it lacks are left out.
  func heads(of row: JournalRow, at sequences: [UInt64]) throws -> [UInt64: Digest256] {
    var wanted = Set(sequences.filter { $0 <= row.sequence })
    var heads: [UInt64: Digest256] = [:]
    if wanted.remove(row.sequence) != nil { heads[row.sequence] = row.head }
    guard !wanted.isEmpty else { return heads }
    try forEachSegment(of: row, backFrom: row.lastSegment) { segment in
      if wanted.remove(segment.first - 1) != nil { heads[segment.first - 1] = segment.headBefore }
      if wanted.contains(where: { segment.first <= $0 && $0 <= segment.last }) {
        var head = segment.headBefore
        var sequence = segment.first
        SegmentBytes.forEach(segment.bytes) { body in
          head = Chain.next(head, sequence: sequence, body: body)
          if wanted.remove(sequence) != nil { heads[sequence] = head }
          sequence += 1
        }
      }
      return !wanted.isEmpty
    }
    return heads
  }

  func answer(_ query: HeadQuery, session: SessionEntry) throws -> HeadAnswer {
    guard let journal = try journalMemory(query.journal), journal.row.device == session.device,
      journal.attempt.row.candidate == session.candidate
    else { return HeadAnswer(journal: query.journal, heads: [:], sequence: 0) }
    let sequences = Array(query.sequences.prefix(Limits.headsPerQuery))
    return HeadAnswer(
      journal: query.journal, heads: try heads(of: journal.row, at: sequences), sequence: journal.row.sequence)
  }

  /// Marks an attempt that a person has to look at.
  func note(_ what: String, of memory: AttemptMemory, _ text: String) throws {
    guard memory.row.trouble == nil else { return }
    touch(memory)
    memory.row.trouble = text
    memory.isRowDirty = true
    try audit(what, by: "server", of: memory.id.hex, text)
  }
}

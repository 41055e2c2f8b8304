import ExamModel
import SyncProtocol
import SyncWire

/// Takes pushes: contiguity, duplicates, gaps, forks, and the verdict of each entry.
extension ServerCore {
  /// Sizes, before anything is looked at.
  func refusal(of pushes: [Push]) -> Problem? {
    guard pushes.count <= Limits.pushesPerRequest else {
      return Problem(.tooLarge, "A request carries at most \(Limits.pushesPerRequest) pushes. Send fewer at once.")
    }
    for push in pushes {
      guard push.bodies.count <= Limits.pushEntries else {
        return Problem(.tooLarge, "A push carries at most \(Limits.pushEntries) entries. Send fewer at once.")
      }
      var bytes = 0
      for body in push.bodies {
        guard body.count <= Limits.entryBytes else {
          return Problem(.tooLarge, "An entry has at most \(Limits.entryBytes) bytes.")
        }
        bytes += body.count
      }
      guard bytes <= Limits.pushBytes else {
        return Problem(.tooLarge, "A push has at most \(Limits.pushBytes) bytes. Send fewer entries at once.")
      }
      guard push.first >= 1, push.first < 1 << 62 else {
        return Problem(.badRequest, "Sequences of a journal begin at 1. This device's app needs support.")
      }
    }
    return nil
  }

  func take(_ push: Push, session: SessionEntry, receivedAt: Int64) throws -> Acknowledgement {
    let unknown = Acknowledgement(sequence: 0, head: .zero, verdict: .unknownJournal)
    if let journal = try journalMemory(push.journal) {
      guard journal.row.device == session.device, journal.attempt.row.candidate == session.candidate else {
        return unknown
      }
      return try take(push, into: journal, receivedAt: receivedAt)
    }
    guard push.first == 1, !push.bodies.isEmpty, let subject = push.subject,
      let attempt = try attemptMemory(subject), attempt.row.candidate == session.candidate
    else { return unknown }
    let genesis = Chain.genesis(journal: push.journal, subject: subject, deviceKey: session.device)
    let heads = Self.heads(after: push.bodies[...], from: genesis, first: 1)
    guard heads.last == push.head else {
      work.counters.diverged += 1
      return Acknowledgement(sequence: 0, head: genesis, verdict: .diverged)
    }
    guard try mayOpenJournal(of: attempt, device: session.device) else { return unknown }
    let journal = try open(push, of: attempt, device: session.device, genesis: genesis)
    return try store(push, heads: heads, into: journal, receivedAt: receivedAt)
  }

  private func take(_ push: Push, into journal: JournalMemory, receivedAt: Int64) throws -> Acknowledgement {
    let row = journal.row
    guard !push.bodies.isEmpty else {
      return Acknowledgement(sequence: row.sequence, head: row.head, verdict: .duplicate)
    }
    if push.first == row.sequence + 1 {
      let heads = Self.heads(after: push.bodies[...], from: row.head, first: push.first)
      guard heads.last == push.head else { return try keepFork(push, of: journal, receivedAt: receivedAt) }
      return try store(push, heads: heads, into: journal, receivedAt: receivedAt)
    }
    if push.first > row.sequence {
      return Acknowledgement(sequence: row.sequence, head: row.head, verdict: .gap)
    }
    return try takeOverlap(push, into: journal, receivedAt: receivedAt)
  }

  private func takeOverlap(_ push: Push, into journal: JournalMemory, receivedAt: Int64) throws -> Acknowledgement {
    let row = journal.row
    let start =
      push.first == journal.lastFirst
      ? journal.lastHeadBefore : try heads(of: journal.row, at: [push.first - 1])[push.first - 1]
    guard let start else { throw StoreError(.fault, "journal \(row.id) has a hole; restore a backup") }
    let shared = Int(min(push.last, row.sequence) - push.first + 1)
    let common = Self.heads(after: push.bodies[..<shared], from: start, first: push.first).last ?? start
    let suffix = Self.heads(after: push.bodies[shared...], from: common, first: row.sequence + 1)
    let own = push.last >= row.sequence ? row.head : try heads(of: row, at: [push.last])[push.last]
    guard common == own, suffix.last ?? common == push.head else {
      return try keepFork(push, of: journal, receivedAt: receivedAt)
    }
    guard shared < push.bodies.count else {
      work.counters.duplicates += 1
      return Acknowledgement(
        sequence: row.sequence, head: row.head, verdict: .duplicate, kept: try kept(of: journal, push))
    }
    return try store(push, heads: suffix, into: journal, receivedAt: receivedAt)
  }

  /// The chain head after each body.
  private static func heads(after bodies: ArraySlice<[UInt8]>, from head: Digest256, first: UInt64) -> [Digest256] {
    var head = head
    var sequence = first
    return bodies.map { body in
      head = Chain.next(head, sequence: sequence, body: body)
      sequence += 1
      return head
    }
  }

  /// Stores the bodies that are new as one segment, and judges each.
  ///
  /// - Parameter heads: the chain heads after the new bodies, which are the push's last ones; found good.
  private func store(
    _ push: Push, heads: [Digest256], into journal: JournalMemory, receivedAt: Int64
  ) throws -> Acknowledgement {
    let memory = journal.attempt
    guard let exam = exams[memory.row.exam] else {
      throw StoreError(.fault, "attempt \(memory.id) belongs to no exam; restore a backup")
    }
    touch(memory)
    let known = push.bodies.count - heads.count
    let first = push.first + UInt64(known)
    try takeLease(memory, device: journal.row.device, lease: push.lease)
    if first == 1 { try linkPredecessor(push.bodies[0], of: journal, lease: push.lease) }
    var newlyKept: [KeptRange] = []
    var head = journal.row.head
    var seals: [(sequence: UInt64, before: Digest256, after: Digest256, body: [UInt8])] = []
    for (index, (body, next)) in zip(push.bodies[known...], heads).enumerated() {
      let sequence = first + UInt64(index)
      let wasSealed = memory.state.isSealed
      let place = EntryPlace(
        journal: journal, sequence: sequence, lease: push.lease, receivedAt: receivedAt, headBefore: head)
      switch judge(body, at: place, exam: exam) {
      case .applied:
        if memory.state.isSealed, !wasSealed { seals.append((sequence, head, next, body)) }
        if wasSealed, !memory.state.isSealed { memory.row.isSealed = false; memory.isRowDirty = true }
      case .kept(let reason): KeptRange.append(sequence, reason, to: &newlyKept)
      }
      head = next
    }
    let segment = SegmentRow(
      id: nextSegment, previous: journal.row.lastSegment, journal: journal.row.number, first: first,
      count: heads.count, lease: push.lease, receivedAt: receivedAt, headBefore: journal.row.head,
      headAfter: head, bytes: SegmentBytes.encode(push.bodies[known...]))
    try store.insert(segment: segment)
    advance(journal, by: segment)
    try saveKept(newlyKept, of: journal)
    for seal in seals { try sealed(memory, by: journal, seal) }
    if memory.waiting != nil { work.waiting[memory.id] = memory }
    let all = known == 0 ? newlyKept : try kept(of: journal, push)
    return Acknowledgement(
      sequence: journal.row.sequence, head: journal.row.head, verdict: .stored,
      kept: Array(all.prefix(Limits.keptRangesPerAcknowledgement)))
  }

  private func advance(_ journal: JournalMemory, by segment: SegmentRow) {
    let memory = journal.attempt
    nextSegment += 1
    journal.row.sequence = segment.last
    journal.row.head = segment.headAfter
    journal.row.lastSegment = segment.id
    journal.row.contactAt = segment.receivedAt
    journal.lastFirst = segment.first
    journal.lastHeadBefore = segment.headBefore
    memory.entries += UInt64(segment.count)
    memory.contactAt = max(memory.contactAt, segment.receivedAt)
    work.counters.pushes += 1
    work.counters.entries += UInt64(segment.count)
    if !journal.isDirty {
      journal.isDirty = true
      work.journals.append(journal)
    }
  }
}

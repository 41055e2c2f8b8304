import ExamModel
import SyncProtocol
import SyncWire

#if PlantedBugs
  import Planted
#endif

/// Takes pushes: contiguity, duplicates, gaps, forks, and the verdict of each entry.
extension ServerCore {
  /// Sizes, before anything is looked at.
  func refusal(of pushes: [PackedPush]) -> Problem? {
    guard pushes.count <= Limits.pushesPerRequest else {
      return Problem(.tooLarge, "A request carries at most \(Limits.pushesPerRequest) pushes. Send fewer at once.")
    }
    for push in pushes {
      guard push.bodies.count <= Limits.pushEntries else {
        return Problem(.tooLarge, "A push carries at most \(Limits.pushEntries) entries. Send fewer at once.")
      }
      guard push.bodies.longest <= Limits.entryBytes else {
        return Problem(.tooLarge, "An entry has at most \(Limits.entryBytes) bytes.")
      }
      guard push.bodies.bodyBytes <= Limits.pushBytes else {
        return Problem(.tooLarge, "A push has at most \(Limits.pushBytes) bytes. Send fewer entries at once.")
      }
      guard push.first >= 1, push.first < 1 << 62 else {
        return Problem(.badRequest, "Sequences of a journal begin at 1. This device's app needs support.")
      }
    }
    return nil
  }

  /// - Parameter knowsEpoch: the device has shown that it knows of this opening of the store.
  func take(
    _ push: PackedPush, session: SessionEntry, knowsEpoch: Bool, receivedAt: Int64
  ) throws -> Acknowledgement {
    let unknown = Acknowledgement(sequence: 0, head: .zero, verdict: .unknownJournal)
    if let journal = try journalMemory(push.journal) {
      guard journal.row.device == session.device, journal.attempt.row.candidate == session.candidate else {
        return unknown
      }
      return try take(push, into: journal, receivedAt: receivedAt)
    }
    guard push.first == 1, push.bodies.count > 0, let subject = push.subject,
      let attempt = try attemptMemory(subject), attempt.row.candidate == session.candidate
    else { return unknown }
    let genesis = Chain.genesis(journal: push.journal, subject: subject, deviceKey: session.device)
    let chain = ChainAfter(push, from: genesis)
    guard chain.head == push.head else {
      work.counters.diverged += 1
      return Acknowledgement(sequence: 0, head: genesis, verdict: .diverged)
    }
    var isUnaware = !knowsEpoch
    #if PlantedBugs
      if planted(.successorBeforePredecessor) { isUnaware = false }
    #endif
    if isUnaware, waitsForPredecessor(push, of: attempt, device: session.device) {
      return Acknowledgement(sequence: 0, head: genesis, verdict: .gap)
    }
    guard try mayOpenJournal(of: attempt, device: session.device) else { return unknown }
    waitingForPredecessor[session.device] = nil
    let journal = try open(push, of: attempt, device: session.device, genesis: genesis)
    return try store(push, chain, into: journal, receivedAt: receivedAt)
  }

  private func take(_ push: PackedPush, into journal: JournalMemory, receivedAt: Int64) throws -> Acknowledgement {
    let row = journal.row
    guard push.bodies.count > 0 else {
      return Acknowledgement(sequence: row.sequence, head: row.head, verdict: .duplicate)
    }
    if push.first == row.sequence + 1 {
      let chain = ChainAfter(push, from: row.head)
      guard chain.head == push.head else { return try keepFork(push, of: journal, receivedAt: receivedAt) }
      return try store(push, chain, into: journal, receivedAt: receivedAt)
    }
    #if PlantedBugs
      if planted(.gapAccepted), push.first > row.sequence {
        journal.row.sequence = push.first - 1
        return try store(push, ChainAfter(push, from: row.head), into: journal, receivedAt: receivedAt)
      }
    #endif
    if push.first > row.sequence {
      return Acknowledgement(sequence: row.sequence, head: row.head, verdict: .gap)
    }
    return try takeOverlap(push, into: journal, receivedAt: receivedAt)
  }

  private func takeOverlap(_ push: PackedPush, into journal: JournalMemory, receivedAt: Int64) throws -> Acknowledgement
  {
    let row = journal.row
    let start =
      push.first == journal.lastFirst
      ? journal.lastHeadBefore : try heads(of: journal.row, at: [push.first - 1])[push.first - 1]
    guard let start else { throw StoreError(.fault, "journal \(row.id) has a hole; restore a backup") }
    let shared = Int(min(push.last, row.sequence) - push.first + 1)
    let common = push.bodies.head(after: shared, from: start, first: push.first)
    let suffix = ChainAfter(push, from: common, known: shared)
    let own = push.last >= row.sequence ? row.head : try heads(of: row, at: [push.last])[push.last]
    guard common == own, suffix.head == push.head else {
      return try keepFork(push, of: journal, receivedAt: receivedAt)
    }
    #if PlantedBugs
      if planted(.appliedTwice), shared == push.bodies.count {
        var again = push
        again.first = row.sequence + 1
        return try store(again, ChainAfter(again, from: row.head), into: journal, receivedAt: receivedAt)
      }
    #endif
    guard shared < push.bodies.count else {
      work.counters.duplicates += 1
      #if PlantedBugs
        if planted(.duplicateJudgedAgain), journal.attempt.state.isSealed {
          return Acknowledgement(
            sequence: row.sequence, head: row.head, verdict: .duplicate,
            kept: [KeptRange(from: push.first, to: push.last, reason: .afterSeal)])
        }
      #endif
      return Acknowledgement(
        sequence: row.sequence, head: row.head, verdict: .duplicate, kept: try kept(of: journal, push))
    }
    return try store(push, suffix, into: journal, receivedAt: receivedAt)
  }

  /// Stores the bodies that are new as one segment, and judges each.
  ///
  /// - Parameter chain: over the new bodies, which are the push's last ones; found good.
  private func store(
    _ push: PackedPush, _ chain: ChainAfter, into journal: JournalMemory, receivedAt: Int64
  ) throws -> Acknowledgement {
    let memory = journal.attempt
    guard let exam = exams[memory.row.exam] else {
      throw StoreError(.fault, "attempt \(memory.id) belongs to no exam; restore a backup")
    }
    touch(memory)
    let first = push.first + UInt64(chain.known)
    try takeLease(memory, device: journal.row.device, lease: push.lease)
    if first == 1 { try linkPredecessor(push.bodies.body(0), of: journal, lease: push.lease) }
    let segment = SegmentRow(
      id: nextSegment, previous: journal.row.lastSegment, journal: journal.row.number, first: first,
      count: push.bodies.count - chain.known, lease: push.lease, receivedAt: receivedAt,
      headBefore: journal.row.head, headAfter: chain.head, bytes: push.bodies.suffix(from: chain.known))
    if chain.known == 0, let run = push.plain, applies(run, of: segment, to: journal, exam: exam) {
      try store.insert(segment: segment)
      advance(journal, by: segment)
      return Acknowledgement(sequence: journal.row.sequence, head: journal.row.head, verdict: .stored)
    }
    let judged = judgeEach(push, chain, of: segment, into: journal, exam: exam)
    try store.insert(segment: segment)
    advance(journal, by: segment)
    try saveKept(judged.kept, of: journal)
    if judged.kept.contains(where: { $0.reason == .reopenInvalid }) {
      try note("reopen-unknown", of: memory, Self.unknownReopening)
    }
    for seal in judged.seals { try sealed(memory, by: journal, seal) }
    if memory.waiting != nil { work.waiting[memory.id] = memory }
    let all = chain.known == 0 ? judged.kept : try kept(of: journal, push)
    return Acknowledgement(
      sequence: journal.row.sequence, head: journal.row.head, verdict: .stored,
      kept: Array(all.prefix(Limits.keptRangesPerAcknowledgement)))
  }

  /// What the board says of an attempt that goes on after a reopening which a restored server has lost.
  static let unknownReopening = "The device went on after a reopening that is not known here. Reopen the attempt again."

  /// The verdict of each new entry, one after the other.
  private func judgeEach(
    _ push: PackedPush, _ chain: ChainAfter, of segment: SegmentRow, into journal: JournalMemory, exam: ExamEntry
  ) -> JudgedEntries {
    let memory = journal.attempt
    var judged = JudgedEntries()
    let contexts = ContextsAhead(push)
    var sequence = segment.first
    var head = segment.headBefore
    push.bodies.forEach(from: chain.known) { bytes in
      let body = Array(bytes)
      let next = chain.head(after: sequence, from: head, body: bytes)
      let wasSealed = memory.state.isSealed
      let place = EntryPlace(
        journal: journal, sequence: sequence, lease: segment.lease, receivedAt: segment.receivedAt, headBefore: head,
        contexts: contexts)
      switch judge(body, at: place, exam: exam) {
      case .applied:
        if memory.state.isSealed, !wasSealed { judged.seals.append((sequence, head, next, body)) }
        if wasSealed, !memory.state.isSealed { memory.row.isSealed = false; memory.isRowDirty = true }
      case .kept(let reason): KeptRange.append(sequence, reason, to: &judged.kept)
      }
      head = next
      sequence += 1
    }
    return judged
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

/// What became of entries that were judged one by one.
private struct JudgedEntries {
  var kept: [KeptRange] = []
  var seals: [(sequence: UInt64, before: Digest256, after: Digest256, body: [UInt8])] = []
}

/// The chain over the last bodies of a push.
private struct ChainAfter {
  /// Bodies before, which are there already.
  let known: Int
  /// After the last body.
  let head: Digest256
  private let first: UInt64
  /// After each body; empty where the push is plain, whose heads in between nobody asks for.
  private let heads: [Digest256]

  init(_ push: PackedPush, from before: Digest256, known: Int = 0) {
    self.known = known
    first = push.first + UInt64(known)
    guard known > 0 || push.plain == nil else {
      heads = []
      head = push.bodies.head(after: push.bodies.count, from: before, first: push.first)
      return
    }
    var sequence = first
    var last = before
    var all: [Digest256] = []
    all.reserveCapacity(push.bodies.count - known)
    push.bodies.forEach(from: known) { body in
      last = Chain.next(last, sequence: sequence, body: body)
      all.append(last)
      sequence += 1
    }
    head = last
    heads = all
  }

  func head(after sequence: UInt64, from before: Digest256, body: UnsafeRawBufferPointer) -> Digest256 {
    let index = Int(sequence - first)
    return index < heads.count ? heads[index] : Chain.next(before, sequence: sequence, body: body)
  }
}

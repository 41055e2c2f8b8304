import ExamModel
import SyncProtocol
import SyncWire

/// Proofs in context entries: an instant that the server named to a session of the device, with a MAC.
extension ServerCore {
  /// Lets the journal's clock follow a new entry. What is found of its proof is kept with the journal, because the
  /// session that can prove it may have ended when the journal is read again.
  func follow(_ entry: Entry, at place: EntryPlace) {
    let journal = place.journal
    guard case .context(let context) = entry.kind, let proof = context.proof else {
      journal.clock.advance(entry)
      return
    }
    let isProved = isProved(proof, by: journal.row.device)
    let isContradicted = journal.clock.advance(entry, provedMilliseconds: isProved ? proof.milliseconds : nil)
    let row = TimeProofRow(
      journal: journal.row.number, sequence: place.sequence, milliseconds: proof.milliseconds,
      finding: isContradicted ? .contradicted : isProved ? .proved : .unproved)
    journal.proofs.append(row)
    work.proofs.append(row)
  }

  /// Whether the next context of an entry's boot says that the entry was in time, where the boot had had no contact
  /// before it. That the entry is late is never said so: then it stays undecided.
  ///
  /// An answer that was in time by its arrival may be offered again long after, to a server that was restored: the
  /// context that its device journalled when it was acknowledged stands behind it.
  func isInTimeByLaterContext(_ place: EntryPlace, deadline: Int64?) -> Bool {
    let clock = place.journal.clock
    guard clock.bounds == nil, let contexts = place.contexts else { return false }
    let ahead = contexts.next(after: place.sequence, of: clock) { proof in
      isProved(proof, by: place.journal.row.device) ? proof.milliseconds : nil
    }
    guard let bounds = ahead?.bounds(atBootMilliseconds: clock.bootMilliseconds) else { return false }
    return TimeRules.classify(earliest: nil, latest: bounds.latest, deadline: deadline) == .inTime
  }

  /// A proof whose session has ended cannot be checked any more, and proves nothing.
  private func isProved(_ proof: TimeProof, by device: ID128) -> Bool {
    sessionsByDevice[device, default: []].contains { id in
      guard let secret = openSessions[id]?.secret else { return false }
      return CodeVerifier.isEqual(
        proof.mac, MessageAuthentication.timeProof(secret: secret, milliseconds: proof.milliseconds))
    }
  }
}

/// Finds the contexts that follow in one push. Each stretch of a boot is looked through once.
final class ContextsAhead {
  private let push: PackedPush
  /// The clock after the context that was found, which holds for the entries from the first to the last of a stretch.
  private var found: (first: UInt64, last: UInt64, clock: JournalClock?)?

  init(_ push: PackedPush) {
    self.push = push
  }

  /// - Parameter clock: of the journal after the entry `sequence`.
  /// - Returns: the journal's clock after the next entry that has bounds in the same boot.
  func next(
    after sequence: UInt64, of clock: JournalClock, proved: (TimeProof) -> Int64?
  ) -> JournalClock? {
    if let found, found.first <= sequence, sequence <= found.last { return found.clock }
    var ahead = clock
    var last = sequence
    var isDone = false
    push.bodies.forEach(from: Int(sequence - push.first) + 1) { bytes in
      guard !isDone else { return }
      if let entry = try? Entry(wire: Array(bytes)) {
        var proof: Int64?
        if case .context(let context) = entry.kind { proof = context.proof.flatMap(proved) }
        ahead.advance(entry, provedMilliseconds: proof)
      }
      isDone = ahead.bootID != clock.bootID || ahead.bounds != nil
      if !isDone { last += 1 }
    }
    let isSameBoot = ahead.bootID == clock.bootID
    found = (first: sequence, last: last, clock: isSameBoot && ahead.bounds != nil ? ahead : nil)
    return found?.clock
  }
}

extension JournalMemory {
  /// The instant that the server is known to have named before this entry of the journal.
  func provedMilliseconds(at sequence: UInt64) -> Int64? {
    proofs.first { $0.sequence == sequence && $0.finding != .unproved }?.milliseconds
  }

  func count(_ finding: TimeProofRow.Finding) -> UInt32 {
    UInt32(proofs.count { $0.finding == finding })
  }

  /// The latest instant that is proved to lie before the journal's last entry.
  var lastProvedAt: Int64? { proofs.filter { $0.finding != .unproved }.map(\.milliseconds).max() }
}

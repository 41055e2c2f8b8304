import ExamModel
import SyncProtocol
import SyncWire

/// Seals that were reopened, and that the server does not know any more.
extension ExamStore {
  /// Says what was handed in and reopened once more, where the server kept that seal under another lease: it was
  /// restored from before the lease, and what was pushed before this device heard of it went under a lease that is none
  /// there. Without that seal there is nothing to reopen, so nothing said since the reopening would ever count.
  ///
  /// It is told in its order: what the seal was over, the seal with its answers and its count, its reopening, and all
  /// that came since. The reopening is for an operator to prove again; the rest follows it then.
  ///
  /// - Returns: `nil` where no such seal is lost, or the attempt is locked: then the lock is said first.
  func sealsAgain(_ memory: AttemptMemory, at moment: SaveMoment) throws(ExamStoreError) -> TakeOver? {
    let standing = memory.fold.state.isSealed ? memory.fold.seal?.statement : nil
    if memory.currentReceipt != nil { return nil }
    if case .locked = memory.fold.state.phase { return nil }
    guard let first = try firstLostSeal(memory) else { return nil }
    let uncounted = try uncounted(memory)
    // Of a paper whose time is up no answer counts, and the bell's seal comes next.
    let isLate = moment.time == .late && standing == nil
    var draft = try liveDraft(memory, at: moment)
    if !isLate {
      for kind in uncounted.facts where !Uncounted.isReopening(kind) { try draft.append(kind) }
    }
    try append(uncounted.lost, to: &draft)
    let history = try history(memory, from: first)
    for step in history.steps {
      if !isLate { try append(step.answers, to: &draft) }
      switch step.mark {
      case .seal(let statement): try appendAgain(statement, of: memory, to: &draft)
      case .reopened(let ordinal): try draft.append(.reopened(sealOrdinal: ordinal))
      }
    }
    if !isLate {
      try append(memory.fold.values { ($0.journal, $0.sequence) > history.place }, to: &draft)
      for kind in uncounted.left { try draft.append(kind) }
    }
    if let standing { try appendSeal(cause: standing.cause, ordinal: standing.ordinal, of: memory, to: &draft) }
    return try committed(draft, to: memory)
  }

  /// The first seal of this device that was reopened, and whose last telling was kept under another lease.
  private func firstLostSeal(_ memory: AttemptMemory) throws(ExamStoreError) -> UInt32? {
    let stale = try keptUnderOtherLeases(memory)
    guard !stale.isEmpty else { return nil }
    let known = try serverAnswers(of: memory.attempt)?.sealOrdinal ?? 0
    var lost: Set<UInt32> = []
    var reopened: Set<UInt32> = []
    for journal in memory.journals {
      for stored in try journals().entryList(of: journal.number) where stored.sequence <= journal.end {
        switch stored.entry.kind {
        case .seal(let signed):
          guard let ordinal = (try? SealStatement(wire: signed.statement))?.ordinal else { continue }
          if Self.holds(stale, journal.number, stored.sequence) { lost.insert(ordinal) } else { lost.remove(ordinal) }
        case .reopened(let ordinal): reopened.insert(ordinal)
        default: break
        }
      }
    }
    // Where another device's seal has the receipt, that one stood.
    for receipt in memory.receipts where !memory.journals.contains(where: { $0.id == receipt.statement.journal }) {
      lost.remove(receipt.statement.ordinal)
    }
    let open = openOrdinals(memory)
    return lost.intersection(reopened).filter { $0 > known && open.contains($0) }.min()
  }

  /// The ordinals of seals that do not stand here any more. One that stands is made anew elsewhere.
  private func openOrdinals(_ memory: AttemptMemory) -> Range<UInt32> {
    0..<(memory.fold.state.isSealed ? memory.fold.state.sealOrdinal : .max)
  }

  /// What was said up to a seal or a reopening since the one before.
  private struct Step {
    enum Mark {
      case seal(SealStatement)
      case reopened(UInt32)
    }
    var answers: [(item: String, value: AnswerValue?)]
    var mark: Mark
  }

  /// The seals from one on and their reopenings, each where it was told first, and what was answered before: up to the
  /// first seal only what was kept. What another device changed since is not said.
  ///
  /// - Returns: also the place of the first of these seals.
  private func history(
    _ memory: AttemptMemory, from first: UInt32
  ) throws(ExamStoreError) -> (steps: [Step], place: (journal: Int64, sequence: UInt64)) {
    let kept = try kept(memory, for: [.staleLease, .notStarted, .whileLocked])
    let open = openOrdinals(memory)
    var steps: [Step] = []
    var place: (journal: Int64, sequence: UInt64)?
    var answers: [(item: String, value: AnswerValue?)] = []
    var told: Set<EntryMark> = []
    for journal in memory.journals {
      for stored in try journals().entryList(of: journal.number) where stored.sequence <= journal.end {
        let said: (item: String, value: AnswerValue?)
        switch stored.entry.kind {
        case .answer(let item, let value): said = (item, value.isEmpty ? nil : value)
        case .clear(let item): said = (item, nil)
        case .seal(let signed):
          guard let statement = try? SealStatement(wire: signed.statement), statement.ordinal >= first,
            open.contains(statement.ordinal), told.insert(.seal(statement.ordinal)).inserted
          else { continue }
          steps.append(Step(answers: answers, mark: .seal(statement)))
          answers = []
          if place == nil { place = (journal.number, stored.sequence) }
          continue
        case .reopened(let ordinal):
          guard ordinal >= first, open.contains(ordinal), told.insert(.reopened(ordinal)).inserted else { continue }
          steps.append(Step(answers: [], mark: .reopened(ordinal)))
          continue
        default: continue
        }
        answers.removeAll { $0.item == said.item }
        guard memory.fold.valuePlaces[said.item] != nil else { continue }
        if place != nil || Self.holds(kept, journal.number, stored.sequence) { answers.append(said) }
      }
    }
    return (steps, place ?? (0, 0))
  }

  private enum EntryMark: Hashable {
    case seal(UInt32)
    case reopened(UInt32)
  }

  private func append(
    _ answers: [(item: String, value: AnswerValue?)], to draft: inout Draft
  ) throws(ExamStoreError) {
    for (item, value) in answers {
      try draft.append(value.map { .answer(item: item, value: $0) } ?? .clear(item: item))
    }
  }
}

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
  func sealsAgain(
    _ memory: AttemptMemory, _ kept: KeptEntries, at moment: SaveMoment
  ) throws(ExamStoreError) -> TakeOver? {
    let standing = memory.fold.state.isSealed ? memory.fold.seal?.statement : nil
    if memory.currentReceipt != nil { return nil }
    if case .locked = memory.fold.state.phase { return nil }
    guard let first = try firstLostSeal(memory, kept) else { return nil }
    let uncounted = try uncounted(memory, kept)
    // Of a paper whose time is up no answer counts, and the bell's seal comes next.
    let isLate = moment.time == .late && standing == nil
    var draft = try liveDraft(memory, at: moment)
    if !isLate {
      for kind in uncounted.facts where !Uncounted.isReopening(kind) { try draft.append(kind) }
    }
    try draft.append(uncounted.lost)
    let history = try history(memory, kept, from: first)
    for step in history.steps {
      if !isLate { try draft.append(step.answers) }
      switch step.mark {
      case .seal(let statement): try appendAgain(statement, of: memory, to: &draft)
      case .reopened(let ordinal): try draft.append(.reopened(sealOrdinal: ordinal))
      }
    }
    if !isLate {
      try draft.append(memory.fold.values { $0 > history.place })
      for kind in uncounted.left { try draft.append(kind) }
    }
    if let standing { try appendSeal(cause: standing.cause, ordinal: standing.ordinal, of: memory, to: &draft) }
    return try committed(draft, to: memory)
  }

  /// The first seal of this device that was reopened, and whose last telling was kept under another lease.
  private func firstLostSeal(_ memory: AttemptMemory, _ kept: KeptEntries) throws(ExamStoreError) -> UInt32? {
    guard kept.names([.staleLease]) else { return nil }
    let known = try serverAnswers(of: memory.attempt)?.sealOrdinal ?? 0
    var lost: Set<UInt32> = []
    var reopened: Set<UInt32> = []
    for (place, kind) in try ownEntries(memory) {
      switch kind {
      case .seal(let signed):
        guard let ordinal = (try? SealStatement(wire: signed.statement))?.ordinal else { continue }
        if kept.holds(place, for: [.staleLease]) { lost.insert(ordinal) } else { lost.remove(ordinal) }
      case .reopened(let ordinal): reopened.insert(ordinal)
      default: break
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
    var answers: SaidValues
    var mark: Mark
  }

  /// The seals from one on and their reopenings, each where it was told first, and what was answered before: up to the
  /// first seal only what was kept. What another device changed since is not said.
  ///
  /// - Returns: also the place of the first of these seals.
  private func history(
    _ memory: AttemptMemory, _ kept: KeptEntries, from first: UInt32
  ) throws(ExamStoreError) -> (steps: [Step], place: EntryPlace) {
    let open = openOrdinals(memory)
    var steps: [Step] = []
    var begun: EntryPlace?
    var answers: SaidValues = []
    var told: Set<EntryMark> = []
    for (place, kind) in try ownEntries(memory) {
      switch kind {
      case .seal(let signed):
        guard let statement = try? SealStatement(wire: signed.statement), statement.ordinal >= first,
          open.contains(statement.ordinal), told.insert(.seal(statement.ordinal)).inserted
        else { continue }
        steps.append(Step(answers: answers, mark: .seal(statement)))
        answers = []
        begun = begun ?? place
      case .reopened(let ordinal):
        guard ordinal >= first, open.contains(ordinal), told.insert(.reopened(ordinal)).inserted else { continue }
        steps.append(Step(answers: [], mark: .reopened(ordinal)))
      default:
        guard let said = kind.said else { continue }
        answers.removeAll { $0.item == said.item }
        guard memory.fold.valuePlaces[said.item] != nil else { continue }
        if begun != nil || kept.holds(place, for: [.staleLease, .notStarted, .whileLocked]) { answers.append(said) }
      }
    }
    return (steps, begun ?? .beginning)
  }

  private enum EntryMark: Hashable {
    case seal(UInt32)
    case reopened(UInt32)
  }
}

public import ExamModel
import SyncProtocol

/// What a reopening makes count that did not before it, and a reopening that has to be said once more.
extension ExamStore {
  /// What was said here since the last reopening and does not count because another device had handed in: the last of
  /// each item, in the order in which it was said. The server kept it as after the seal, or will because it stands
  /// after that, or kept it under another lease where it came before the lease did; of the latter only what is not
  /// current here any more, because the record that brought the seal covers it. The rest is taken over with the lease.
  func valuesAfterSeal(
    _ memory: AttemptMemory
  ) throws(ExamStoreError) -> [(item: String, value: AnswerValue?)] {
    let afterSeal = try kept(memory, for: [.afterSeal])
    let stale = try keptUnderOtherLeases(memory)
    var values: [(item: String, value: AnswerValue?)] = []
    let unjudged = memory.fold.placesAfterSeal
    guard !afterSeal.isEmpty || !stale.isEmpty || !unjudged.isEmpty else { return values }
    for journal in memory.journals {
      for stored in try journals().entryList(of: journal.number) where stored.sequence <= journal.end {
        let said: (item: String, value: AnswerValue?)
        switch stored.entry.kind {
        case .reopened:
          values = []
          continue
        case .answer(let item, let value): said = (item, value.isEmpty ? nil : value)
        case .clear(let item): said = (item, nil)
        default: continue
        }
        values.removeAll { $0.item == said.item }
        let place = AttemptFold.EntryPlace(journal: journal.number, sequence: stored.sequence)
        let isGone = memory.fold.valuePlaces[said.item] != place
        if Self.holds(afterSeal, journal.number, stored.sequence) || unjudged.contains(place)
          || (isGone && Self.holds(stale, journal.number, stored.sequence))
        {
          values.append(said)
        }
      }
    }
    return values
  }

  /// The start that this device showed, and the form before it. A record that brought another device's seal knows no
  /// start where that was kept under an older lease, and nothing that is answered counts before one.
  func startSaid(_ memory: AttemptMemory) throws(ExamStoreError) -> [EntryKind] {
    var form: EntryKind?
    var start: EntryKind?
    for journal in memory.journals {
      for stored in try journals().entryList(of: journal.number) where stored.sequence <= journal.end {
        switch stored.entry.kind {
        case .information: form = stored.entry.kind
        case .start: start = stored.entry.kind
        default: break
        }
      }
    }
    guard let start else { return [] }
    return [memory.fold.state.informationGiven ? nil : form, start].compactMap(\.self)
  }

  /// Whether the seal that stands here was reopened, and the server knows it from another device, which went on.
  /// Nothing is left for a reopening of this one to open: it would be kept, and said again for ever.
  func isReopenedElsewhere(_ memory: AttemptMemory) throws(ExamStoreError) -> Bool {
    guard case .sealed(let ordinal) = memory.fold.state.phase, let record = try serverAnswers(of: memory.attempt),
      FactName.reopened(ordinal).isReopening(knownTo: record), names(record, moreThan: memory)
    else { return false }
    // A seal of this device that the record does not cover yet has to be judged first.
    guard let seal = memory.fold.seal, seal.statement.ordinal == ordinal else { return true }
    return record.journals.contains { $0.journal == seal.journal && $0.sequence >= seal.sequence }
  }

  /// Answers to say again, with those that came after the seal of another device in the place of older ones.
  func withValuesAfterSeal(
    _ answers: [(item: String, value: AnswerValue?)], _ memory: AttemptMemory
  ) throws(ExamStoreError) -> [(item: String, value: AnswerValue?)] {
    let later = try valuesAfterSeal(memory)
    return answers.filter { answer in !later.contains { $0.item == answer.item } } + later
  }

  /// Whether the server stands at a seal that an operator reopened, because what this device said of the reopening was
  /// kept under another lease.
  func reopeningIsStale(_ memory: AttemptMemory) throws(ExamStoreError) -> Bool {
    let reopens = try terms(memory.attempt).reopens
    guard !reopens.isEmpty, let record = try serverAnswers(of: memory.attempt), record.isSealed,
      reopens.contains(record.sealOrdinal)
    else { return false }
    if case .locked = memory.fold.state.phase { return false }
    let stale = try keptUnderOtherLeases(memory)
    var isStale = false
    for journal in memory.journals where !stale.isEmpty {
      for stored in try journals().entryList(of: journal.number) where stored.sequence <= journal.end {
        guard case .reopened(record.sealOrdinal) = stored.entry.kind else { continue }
        isStale = Self.holds(stale, journal.number, stored.sequence)
      }
    }
    return isStale
  }

  /// Goes on once more after a reopening that does not count on the server: it was restored from a backup from before,
  /// and nothing proves a reopening, or it was said under another lease. What was done since was kept without effect,
  /// and is journalled once more as soon as an operator has reopened the same seal again, or the lease is here. That is
  /// all that came after the reopening, also what the server has not judged yet, or judged and not told: it stands
  /// before the new one, and nothing before that counts. When time is up the reopening alone is said.
  ///
  /// - Returns: `nil` where nothing had to be journalled.
  public func reopenAgain(_ attempt: ID128, at moment: SaveMoment) throws(ExamStoreError) -> TakeOver? {
    let memory = try memory(of: attempt)
    let terms = try terms(attempt)
    guard let live = memory.liveIndex, memory.journals[live].lease == terms.attempt.lease, leaseIsOwn(terms.attempt),
      memory.currentReceipt == nil
    else { return nil }
    let seal = memory.fold.state.isSealed ? memory.fold.seal?.statement : nil
    if case .locked = memory.fold.state.phase { return nil }
    var reasons: Set<KeptReason> = [.reopenInvalid, .afterSeal, .sealInvalid]
    if try reopeningIsStale(memory) { reasons.insert(.staleLease) }
    let kept = try self.kept(memory, for: reasons)
    func isKept(_ journal: Int64, _ sequence: UInt64) -> Bool {
      (kept[journal] ?? []).contains { $0.from <= sequence && sequence <= $0.to }
    }
    guard !kept.isEmpty else { return nil }
    var again: Uncounted?
    var lost: (journal: Int64, sequence: UInt64) = (0, 0)
    var lostOrdinal: UInt32?
    var names: Set<FactName> = []
    for journal in memory.journals {
      for stored in try journals().entryList(of: journal.number) where stored.sequence <= journal.end {
        if case .reopened(let ordinal) = stored.entry.kind {
          let isLost = isKept(journal.number, stored.sequence) && terms.reopens.contains(ordinal)
          again = isLost ? Uncounted(facts: [stored.entry.kind]) : nil
          // What was said since it was told first stands here from there on, also where it was told again.
          if ordinal != lostOrdinal { lost = (journal.number, stored.sequence) }
          lostOrdinal = ordinal
          names = []
        } else if again != nil, let name = FactName(stored.entry.kind), names.insert(name).inserted {
          if case .section = name {
            again?.left.append(stored.entry.kind)
          } else {
            again?.facts.append(stored.entry.kind)
          }
        }
      }
    }
    guard var again else { return nil }
    if moment.time == .late, seal == nil { return try repeatEntries(of: again.reopeningsAlone, memory, at: moment) }
    again.answers = memory.fold.values { ($0.journal, $0.sequence) > lost || isKept($0.journal, $0.sequence) }
    return try repeatEntries(of: again, memory, at: moment, seal: seal)
  }
}

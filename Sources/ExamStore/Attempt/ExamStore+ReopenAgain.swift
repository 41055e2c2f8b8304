public import ExamModel
import SyncProtocol

/// What a reopening makes count that did not before it, and a reopening that has to be said once more.
extension ExamStore {
  /// What was said here since the last reopening and does not count because another device had handed in: the last of
  /// each item, in the order in which it was said. The server kept it as after the seal, or will because it stands
  /// after that, or kept it under another lease where it came before the lease did, or below a lock whose unlock it
  /// lost; of these only what is not current here any more, because the record that brought the seal covers it. What
  /// else there is comes with the lease, or with the unlock.
  func valuesAfterSeal(_ memory: AttemptMemory, _ word: ServerWord) throws(ExamStoreError) -> SaidValues {
    let kept = word.kept
    let unjudged = memory.fold.placesAfterSeal
    let reasonsOfGone = Set.neverCounted.union([.afterSeal, .whileLocked])
    guard kept.names(reasonsOfGone) || !unjudged.isEmpty else { return [] }
    var values: [(place: EntryPlace, said: SaidValues.Element)] = []
    for (place, kind) in try ownEntries(memory) {
      // Below a seal of another device that was reopened later, an earlier reopening of this one counts for nothing.
      // Nor does one under another lease, which said nothing again of what stood here still, or one whose verdict this
      // device was not told yet.
      if case .reopened = kind, word.covers(place), !kept.holds(place, for: .neverCounted) {
        values.removeAll { !unjudged.contains($0.place) }
      }
      guard let said = kind.said else { continue }
      values.removeAll { $0.said.item == said.item }
      let isGone = memory.fold.valuePlaces[said.item] != place
      if kept.holds(place, for: isGone ? reasonsOfGone : [.afterSeal]) || unjudged.contains(place) {
        values.append((place, said))
      }
    }
    return values.map(\.said)
  }

  /// What was said here before the seal that is reopened, and came too late then: there is more time now. A restored
  /// server may have lost the time in which it was said. An item that somebody answered since is not among it.
  func valuesAfterDeadline(_ memory: AttemptMemory, _ word: ServerWord) throws(ExamStoreError) -> SaidValues {
    guard word.kept.names(.tooLate) else { return [] }
    let own = try ownEntries(memory)
    let reopening = own.last { Uncounted.isReopening($0.kind) }?.place ?? .beginning
    return valuesNotAnsweredSince(own, memory, word) { place in
      reopening < place && word.kept.holds(place, for: .tooLate)
    }
  }

  /// The start that this device showed, and the form before it. A record that brought another device's seal knows no
  /// start where that was kept under an older lease, and nothing that is answered counts before one.
  func startSaid(_ memory: AttemptMemory) throws(ExamStoreError) -> [EntryKind] {
    var form: EntryKind?
    var start: EntryKind?
    for (_, kind) in try ownEntries(memory) {
      switch kind {
      case .information: form = kind
      case .start: start = kind
      default: break
      }
    }
    guard let start else { return [] }
    return [memory.fold.state.informationGiven ? nil : form, start].compactMap(\.self)
  }

  /// Whether the seal that stands here was reopened, and the server knows it from another device, which went on.
  /// Nothing is left for a reopening of this one to open: it would be kept, and said again for ever.
  func isReopenedElsewhere(_ memory: AttemptMemory, _ word: ServerWord) -> Bool {
    guard case .sealed(let ordinal) = memory.fold.state.phase, let record = word.record,
      FactName.reopened(ordinal).isReopening(knownTo: record), names(record, moreThan: memory)
    else { return false }
    // A seal of this device that the record does not cover yet has to be judged first.
    guard let seal = memory.fold.seal, seal.statement.ordinal == ordinal else { return true }
    return word.covers(seal.place)
  }

  /// Goes on from the server's record where the seal that was reopened is another device's there, and this device
  /// handed in without knowing: what it had answered counts neither there nor, from now on, here, and is said again.
  func goOnFromAnothersSeal(
    _ ordinal: UInt32, _ memory: AttemptMemory, _ word: ServerWord
  ) throws(ExamStoreError) {
    guard let seal = memory.fold.seal, memory.fold.state.isSealed, seal.statement.ordinal == ordinal,
      let record = word.record, record.sealOrdinal == ordinal, record.isSealed, !word.covers(seal.place)
    else { return }
    try goOnWhereNew(from: record, memory)
  }

  /// Answers to say again, with those that came after the seal of another device in the place of older ones.
  func withValuesAfterSeal(
    _ answers: SaidValues, _ memory: AttemptMemory, _ word: ServerWord
  ) throws(ExamStoreError) -> SaidValues {
    let later = try valuesAfterSeal(memory, word)
    return answers.filter { answer in !later.contains { $0.item == answer.item } } + later
  }

  /// Whether the server stands at a seal that an operator reopened, because what this device said of the reopening was
  /// kept under another lease.
  func reopeningIsStale(
    _ memory: AttemptMemory, _ terms: AttemptTerms, _ word: ServerWord
  ) throws(ExamStoreError) -> Bool {
    guard !terms.reopens.isEmpty, word.kept.names(.neverCounted), let record = word.record, record.isSealed,
      terms.reopens.contains(record.sealOrdinal)
    else { return false }
    if case .locked = memory.fold.state.phase { return false }
    var isStale = false
    for (place, kind) in try ownEntries(memory) {
      guard case .reopened(record.sealOrdinal) = kind else { continue }
      isStale = word.kept.holds(place, for: .neverCounted)
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
    guard !terms.reopens.isEmpty, writesUnderItsLease(memory, terms.attempt) else { return nil }
    let word = try serverWord(memory)
    let isStale = try reopeningIsStale(memory, terms, word)
    return try reopenAgain(memory, terms, word, isStale: isStale, at: moment)
  }

  /// A reopening that another device said, that this one went on from, and that a restored server lost: an operator has
  /// reopened the same seal again, and that device may be gone.
  private func anothersReopening(
    _ memory: AttemptMemory, _ terms: AttemptTerms, _ record: AnswersRecord?
  ) throws(ExamStoreError) -> Uncounted? {
    guard let record, record.isSealed, terms.reopens.contains(record.sealOrdinal) else { return nil }
    let (state, ordinal) = (memory.fold.state, record.sealOrdinal)
    guard state.sealOrdinal > ordinal || (state.sealOrdinal == ordinal && !state.isSealed) else { return nil }
    for (_, kind) in try ownEntries(memory) {
      if case .reopened(ordinal) = kind { return nil }
    }
    return Uncounted(facts: [.reopened(sealOrdinal: ordinal)], lost: try lost(memory, record)?.answers ?? [])
  }

  /// - Parameter isStale: as ``reopeningIsStale(_:_:_:)`` says.
  func reopenAgain(
    _ memory: AttemptMemory, _ terms: AttemptTerms, _ word: ServerWord, isStale: Bool, at moment: SaveMoment
  ) throws(ExamStoreError) -> TakeOver? {
    guard memory.currentReceipt == nil else { return nil }
    let kept = word.kept
    let seal = memory.fold.state.isSealed ? memory.fold.seal?.statement : nil
    if case .locked = memory.fold.state.phase { return nil }
    var reasons: Set<KeptReason> = [.reopenInvalid, .afterSeal, .sealInvalid]
    if isStale { reasons.formUnion(Set.neverCounted) }
    var again = try anothersReopening(memory, terms, word.record)
    guard kept.names(reasons) || again != nil else { return nil }
    var lost = EntryPlace.beginning
    var lostOrdinal: UInt32?
    var names: Set<FactName> = []
    let lastSeal = word.record?.sealOrdinal ?? .max
    for (place, kind) in try ownEntries(memory) {
      if case .reopened(let ordinal) = kind {
        // Reopens a seal that is lost with it: everything since the seal that stands there counts with that one's.
        if ordinal > lastSeal, again != nil { continue }
        let isLost = kept.holds(place, for: reasons) && terms.reopens.contains(ordinal)
        again = isLost ? Uncounted(facts: [kind]) : nil
        // What was said since it was told first stands here from there on, also where it was told again.
        if ordinal != lostOrdinal { lost = place }
        lostOrdinal = ordinal
        names = []
      } else if again != nil, let name = FactName(kind), names.insert(name).inserted {
        if case .section = name { again?.left.append(kind) } else { again?.facts.append(kind) }
      }
    }
    guard var again else { return nil }
    if moment.time == .late, seal == nil { return try repeatEntries(of: again.reopeningsAlone, memory, at: moment) }
    again.answers = memory.fold.values { $0 > lost || kept.holds($0, for: reasons) }
    return try repeatEntries(of: again, memory, at: moment, seal: seal)
  }
}

public import ExamModel
import SQLite
import SyncProtocol
import SyncWire

/// Answers that were journalled once more, because they were kept without effect under another lease.
public struct TakeOver: Hashable, Sendable {
  /// One of them, and its new place.
  public struct Answer: Hashable, Sendable {
    public var sequence: UInt64
    public var item: String
    /// `nil` where the answer was taken back.
    public var value: AnswerValue?
  }

  public var saved: Saved
  public var answers: [Answer]
}

extension ExamStore {
  /// Goes on from all that was answered, once the lease is this device's: what the server holds of other devices, and
  /// under it what was saved here while the lease was another's.
  ///
  /// A device may have joined before its lease was given to it, and a lease may come back. What it saved meanwhile the
  /// server kept without effect; the candidate was told *saved*, so it is journalled once more, now with effect. So is
  /// what this device went on from and a restored server lost, where no journal of this device says it. Where another
  /// device went on after a reopening, this one does so too, also when time is up: what was answered there is handed in
  /// here. Each step is repeated by the next call if it was interrupted, and a call with nothing to do changes nothing.
  ///
  /// - Returns: `nil` where nothing had to be journalled.
  /// - Throws: as every save; what the server says of another copy of this store is left for the fork to settle.
  public func takeOver(_ attempt: ID128, at moment: SaveMoment) throws(ExamStoreError) -> TakeOver? {
    var whole: TakeOver?
    // After a lock that is said again the rest is gone on from at once: nothing more may come before the bell.
    for _ in 0..<Self.takeOverSteps {
      guard let step = try takeOverOnce(attempt, at: moment) else { break }
      whole = TakeOver(saved: step.saved, answers: (whole?.answers ?? []) + step.answers)
    }
    return whole
  }

  /// More than a take-over has: a reopening, locks of others, own ones, and all the rest.
  private static let takeOverSteps = 8

  private func takeOverOnce(_ attempt: ID128, at moment: SaveMoment) throws(ExamStoreError) -> TakeOver? {
    let memory = try memory(of: attempt)
    let terms = try terms(attempt)
    guard writesUnderItsLease(memory, terms.attempt) else { return nil }
    let word = try serverWord(memory)
    // Nothing that is said again counts before the reopening does.
    if try reopeningIsStale(memory, terms, word),
      let again = try reopenAgain(memory, terms, word, isStale: true, at: moment)
    {
      return again
    }
    let isSealed = memory.fold.state.isSealed
    if isSealed, !isReopenedElsewhere(memory, word) { return try sealAgain(memory, word, at: moment) }
    var uncounted = try uncounted(memory, word)
    if isSealed, moment.time != .late {
      uncounted.answers = try withValuesAfterSeal(uncounted.answers, memory, word)
    }
    if !uncounted.isEmpty || uncounted.waitsForUnlock {
      if moment.time == .late { return try takeOverLate(uncounted, memory, word, at: moment) }
      let unknown = locksElsewhere(memory, word.record)
      if !unknown.isEmpty { return try repeatEntries(of: Uncounted(facts: unknown), memory, at: moment) }
      // While it is locked no answer would count. The lock itself has to, or its unlock would not.
      if case .locked = memory.fold.state.phase, !isEveryLockOpen(memory, word.record) {
        guard !uncounted.facts.isEmpty else { return nil }
        return try repeatEntries(of: Uncounted(facts: uncounted.facts), memory, at: moment)
      }
    }
    // Journalled first: what is adopted afterwards lies under it, also if the power goes in between.
    let saved = uncounted.isEmpty ? nil : try repeatEntries(of: uncounted, memory, at: moment)
    if !uncounted.waitsForUnlock, let record = word.record { try goOnWhereNew(from: record, memory) }
    return saved
  }

  /// When time is up nothing that is said counts. Reopenings are said all the same, and what the server lost it gets as
  /// evidence. Before the start only the information form can be among the rest, which is taken then too.
  private func takeOverLate(
    _ uncounted: Uncounted, _ memory: AttemptMemory, _ word: ServerWord, at moment: SaveMoment
  ) throws(ExamStoreError) -> TakeOver? {
    var rest = uncounted.reopeningsAlone
    rest.lost = uncounted.lost
    if !rest.isEmpty { return try repeatEntries(of: rest, memory, at: moment) }
    let state = memory.fold.state
    // A paper without the start that this device showed could not be handed in.
    guard !uncounted.waitsForUnlock, let record = word.record, record.isStarted || !state.started else { return nil }
    // What is adopted would hide answers. Where no seal of this device would be one that the server expects they are
    // said above it: they stay on the screen and in what is handed in, and the receipt says that they do not count.
    let isBehind = state.isSealed || record.sealOrdinal > state.sealOrdinal
    guard isBehind || uncounted.answers.isEmpty else { return nil }
    let answers = Uncounted(answers: uncounted.answers)
    let saved = answers.isEmpty ? nil : try repeatEntries(of: answers, memory, at: moment)
    try goOnWhereNew(from: record, memory)
    return saved
  }

  func uncounted(_ memory: AttemptMemory, _ word: ServerWord) throws(ExamStoreError) -> Uncounted {
    var uncounted = Uncounted()
    let kept = word.kept
    let lost = try lost(memory, word.record)
    let reasonsForAll = Set.tooLate.union(Set.neverCounted)
      .union([.whileLocked, .unlockInvalid, .notStarted, .informationMissing, .afterSeal])
    guard kept.names(reasonsForAll) || lost != nil else { return uncounted }
    var told = ToldFacts(word)
    var startCounts = told.known.contains(.start)
    let own = try ownEntries(memory)
    for (place, kind) in own {
      told.take(kind, at: place)
      if case .start = kind, memory.isAcknowledged(place), !kept.holds(place, for: Set(KeptReason.allCases)) {
        startCounts = true
      }
    }
    let waiting = told.waiting
    if let lost {
      uncounted.lost = lost.answers
      addFacts(of: lost.base, counted: &told.counted, waiting: waiting.map(\.name), memory, to: &uncounted)
    }
    var held = HeldLocks(told.counted)
    for (name, kind) in waiting where told.counted.insert(name).inserted && held.take(name) {
      if case .section = name { uncounted.left.append(kind) } else { uncounted.facts.append(kind) }
    }
    // What stands before a start that is said again counts nowhere, also where the server's word on it is on its way.
    let startsAgain = uncounted.facts.contains { FactName($0) == .start }
    let unlocksAgain = uncounted.facts.contains { if case .unlock = $0 { true } else { false } }
    let reasons = startCounts ? Set.neverCounted.union([.notStarted]) : .neverCounted
    let (isSealed, locksAreOpen) = (memory.fold.state.isSealed, isEveryLockOpen(memory, word.record))
    // Another device handed in and went on after a reopening, and this one knows of neither.
    let isOpenAgain = word.record.map { !$0.isSealed && $0.sealOrdinal > memory.fold.state.sealOrdinal } ?? false
    uncounted.answers = memory.fold.values { place in
      startsAgain || kept.holds(place, for: reasons)
        || ((unlocksAgain || place < told.lastUnlock || (isSealed && locksAreOpen && word.covers(place)))
          && kept.holds(place, for: [.whileLocked]))
        || (place < told.lastGrant && kept.holds(place, for: .tooLate))
        || (isOpenAgain && word.covers(place) && kept.holds(place, for: [.afterSeal]))
    }
    guard kept.names([.whileLocked]), !isSealed else { return uncounted }
    let items = Set(uncounted.answers.map(\.item))
    if locksAreOpen {
      uncounted.answers += valuesBelowLocks(own, memory, word).filter { !items.contains($0.item) }
    } else {
      let held = memory.fold.values { kept.holds($0, for: [.whileLocked]) }
      uncounted.waitsForUnlock = held.contains { !items.contains($0.item) }
    }
    return uncounted
  }

  /// Whether no lock holds the attempt by what is known here and the server's record together: an answer that is said
  /// now counts, also where this device has not gone on yet from the record that brings the unlock.
  private func isEveryLockOpen(_ memory: AttemptMemory, _ record: AnswersRecord?) -> Bool {
    guard let record else { return false }
    let own = memory.fold.state.ledger
    return own.locks.union(record.locks).isSubset(of: own.unlocked.union(record.unlocked))
  }

  /// Answers that a lock kept from counting, also those that a record hid, but none that somebody answered since.
  private func valuesBelowLocks(_ own: [OwnEntry], _ memory: AttemptMemory, _ word: ServerWord) -> SaidValues {
    valuesNotAnsweredSince(own, memory, word) { place in
      word.covers(place) && word.kept.holds(place, for: [.whileLocked])
    }
  }

  /// What other journals said, the server lost, and no journal of this device says. The form's fields are gone.
  private func addFacts(
    of base: AnswersRecord, counted: inout Set<FactName>, waiting: [FactName], _ memory: AttemptMemory,
    to uncounted: inout Uncounted
  ) {
    func isMissing(_ name: FactName) -> Bool { !waiting.contains(name) && counted.insert(name).inserted }
    if base.informationGiven, isMissing(.information) { uncounted.facts.append(.information([])) }
    if base.isStarted, isMissing(.start) { uncounted.facts.append(.start(Start(code: "", paperVersion: 0))) }
    let ledger = memory.fold.state.ledger
    for number in Set(base.locks).union(base.unlocked).sorted() {
      // A lock that another device unlocked would hold for good: its unlock is gone with it.
      guard !ledger.unlocked.contains(number) || waiting.contains(.unlock(number)), isMissing(.lock(number)) else {
        continue
      }
      uncounted.facts.append(.lock(LockFact(number: number, cause: .other, detail: "on another device")))
    }
    for section in base.closedSections where isMissing(.section(section)) {
      uncounted.left.append(.sectionLeft(section: section))
    }
  }

  /// Locks of other devices that hold the attempt on the server and are not known here. They hold it here too, before
  /// anything is journalled that they would keep from counting.
  private func locksElsewhere(_ memory: AttemptMemory, _ record: AnswersRecord?) -> [EntryKind] {
    guard let record else { return [] }
    let own = memory.fold.state.ledger
    return Set(record.locks).subtracting(record.unlocked).subtracting(own.locks).sorted()
      .map { .lock(LockFact(number: $0, cause: .other, detail: "on another device")) }
  }

  /// A seal that was on its way when the lease was released: without it the paper would be handed in here and nowhere
  /// else, and no receipt would ever come.
  private func sealAgain(
    _ memory: AttemptMemory, _ word: ServerWord, at moment: SaveMoment
  ) throws(ExamStoreError) -> TakeOver? {
    guard memory.currentReceipt == nil, let seal = memory.fold.seal else { return nil }
    let uncounted = try uncounted(memory, word)
    // Where the reopening before it was kept too, the server expected no seal.
    let reasons = uncounted.reopeningsAlone.isEmpty ? .neverCounted : Set.neverCounted.union([.sealInvalid])
    guard word.kept.holds(seal.place, for: reasons) else { return nil }
    return try repeatEntries(of: uncounted, memory, at: moment, seal: seal.statement)
  }

  func repeatEntries(
    of uncounted: Uncounted, _ memory: AttemptMemory, at moment: SaveMoment, seal: SealStatement? = nil
  ) throws(ExamStoreError) -> TakeOver {
    var draft = try liveDraft(memory, at: moment)
    for kind in uncounted.facts { try draft.append(kind) }
    try draft.append(uncounted.answers + uncounted.lost)
    for kind in uncounted.left { try draft.append(kind) }
    if let seal { try appendSeal(cause: seal.cause, ordinal: seal.ordinal, of: memory, to: &draft) }
    return try committed(draft, to: memory)
  }

  /// Commits a draft that journals answers once more, and says where they stand now.
  func committed(_ draft: Draft, to memory: AttemptMemory) throws(ExamStoreError) -> TakeOver {
    let answers = draft.entries.compactMap { prepared -> TakeOver.Answer? in
      prepared.entry.kind.said.map { TakeOver.Answer(sequence: prepared.after.last, item: $0.item, value: $0.value) }
    }
    return TakeOver(saved: try commit(draft, to: memory), answers: answers)
  }

  /// Goes on from the server's record where that names more; another copy of this store is left for the fork to settle.
  func goOnWhereNew(from answers: AnswersRecord, _ memory: AttemptMemory) throws(ExamStoreError) {
    guard names(answers, moreThan: memory) else { return }
    do throws(ExamStoreError) {
      try goOn(from: answers, memory)
    } catch {
      guard error.code == .diverged else { throw error }
    }
  }

  /// Whether the server's record covers entries that this device has not gone on from yet.
  func names(_ answers: AnswersRecord, moreThan memory: AttemptMemory) -> Bool {
    !news(in: answers, memory).isEmpty
  }

  /// The entries that the server's record covers and that this device has not gone on from yet: of other devices, or of
  /// another copy of this one in a journal that was left, if the app died before the server's answers came.
  func news(in answers: AnswersRecord, _ memory: AttemptMemory) -> [(journal: ID128, entries: ClosedRange<UInt64>)] {
    answers.journals.compactMap { position in
      var known = memory.base?.journals.first { $0.journal == position.journal }?.sequence ?? 0
      if let own = memory.journals.first(where: { $0.id == position.journal }) {
        guard let fork = own.fork, !own.isReplaced else { return nil }
        known = max(known, fork)
      }
      return position.sequence > known ? (position.journal, known + 1...position.sequence) : nil
    }
  }
}

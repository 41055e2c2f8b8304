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
  /// server kept without effect; the candidate was told *saved*, so it is journalled once more, now with effect. Each
  /// step is repeated by the next call if it was interrupted, and a call with nothing to do changes nothing.
  ///
  /// - Returns: `nil` where nothing had to be journalled.
  /// - Throws: as every save; what the server says of another copy of this store is left for the fork to settle.
  public func takeOver(_ attempt: ID128, at moment: SaveMoment) throws(ExamStoreError) -> TakeOver? {
    let memory = try memory(of: attempt)
    let record = try terms(attempt).attempt
    guard !memory.fold.state.isSealed, let live = memory.liveIndex, moment.time != .late,
      memory.journals[live].lease == record.lease, leaseIsOwn(record)
    else { return nil }
    let uncounted = try uncounted(memory)
    // While it is locked nothing can be journalled, and what is adopted would hide what has to be.
    guard uncounted.isEmpty || memory.fold.state.phase == .answering else { return nil }
    // Journalled first: what is adopted afterwards lies under it, also if the power goes in between.
    let saved = uncounted.isEmpty ? nil : try repeatEntries(of: uncounted, memory, at: moment)
    if let answers = try serverAnswers(of: attempt), names(answers, moreThan: memory) {
      do throws(ExamStoreError) {
        try adopt(answers, at: moment)
      } catch {
        guard error.code == .diverged else { throw error }
      }
    }
    return saved
  }

  /// The answers that stand here and were kept without effect because the lease was another's, in the order in which
  /// they were given.
  private func uncounted(_ memory: AttemptMemory) throws(ExamStoreError) -> [(item: String, answer: CurrentAnswer)] {
    guard let candidate = device?.grant?.candidate else { return [] }
    var kept: [Int64: [KeptRange]] = [:]
    for journal in memory.journals {
      let records = try values(
        DispositionRecord.self, ScopeCollection.disposition, in: candidate, keyPrefix: "\(journal.id.hex)/")
      let ranges = records.values.map(\.range).filter { $0.reason == .staleLease }
      if !ranges.isEmpty { kept[journal.number] = ranges }
    }
    guard !kept.isEmpty else { return [] }
    let found = memory.fold.answers.filter { _, answer in
      (kept[answer.journal] ?? []).contains { $0.from <= answer.sequence && answer.sequence <= $0.to }
    }
    return found.map { (item: $0.key, answer: $0.value) }
      .sorted { ($0.answer.journal, $0.answer.sequence) < ($1.answer.journal, $1.answer.sequence) }
  }

  private func repeatEntries(
    of uncounted: [(item: String, answer: CurrentAnswer)], _ memory: AttemptMemory, at moment: SaveMoment
  ) throws(ExamStoreError) -> TakeOver {
    var draft = try liveDraft(memory, at: moment)
    for (item, answer) in uncounted {
      try draft.append(answer.value.map { .answer(item: item, value: $0) } ?? .clear(item: item))
    }
    let answers = draft.entries.compactMap { prepared -> TakeOver.Answer? in
      switch prepared.entry.kind {
      case .answer(let item, let value): TakeOver.Answer(sequence: prepared.after.last, item: item, value: value)
      case .clear(let item): TakeOver.Answer(sequence: prepared.after.last, item: item, value: nil)
      default: nil
      }
    }
    return TakeOver(saved: try commit(draft, to: memory), answers: answers)
  }

  /// Whether the server's record covers entries of other devices that this device has not gone on from yet.
  private func names(_ answers: AnswersRecord, moreThan memory: AttemptMemory) -> Bool {
    answers.journals.contains { position in
      guard !memory.journals.contains(where: { $0.id == position.journal }) else { return false }
      let known = memory.base?.journals.first { $0.journal == position.journal }?.sequence ?? 0
      return position.sequence > known
    }
  }
}

package import ExamModel
import SyncProtocol
import SyncWire

/// A server that was restored from a backup holds less than it once told this device of other journals. Their devices
/// may be gone, so what this device goes on from may stand in no journal any more: it is the only one that can say it
/// again, and no seal may list what nobody can offer.
extension ExamStore {
  /// What of the server's word that this device goes on from is lost on the server.
  struct Lost {
    /// What the server said then.
    var base: AnswersRecord
    /// Answers and clears to say again, by item.
    var answers: SaidValues = []
  }

  /// `nil` where what the server said still counts there, or this device offers it again itself.
  ///
  /// - Parameter record: what the server says now, out of the candidate's scope.
  func lost(_ memory: AttemptMemory, _ record: AnswersRecord?) throws(ExamStoreError) -> Lost? {
    guard let base = memory.base else { return nil }
    func sequence(_ journal: ID128) -> UInt64 {
      max(
        record?.journals.first { $0.journal == journal }?.sequence ?? 0,
        memory.journals.first { $0.id == journal }?.end ?? 0)
    }
    let lacksEntries = base.journals.contains { $0.sequence > sequence($0.journal) }
    // Where somebody wrote since, the server's value may be the newer one.
    let hasNews = try hasNewsThatCount(record, memory)
    // It may hold them all, and count them no more: they came to it again under another lease.
    guard lacksEntries || !hasNews else { return nil }
    var lost = Lost(base: base)
    let theirs = record?.answers.values ?? [:]
    for item in Set(base.answers.values.keys).union(theirs.keys) {
      // What this device said since it offers again.
      guard memory.fold.valuePlaces[item] == nil, !hasNews || theirs[item] == nil else { continue }
      let value = memory.fold.answers[item]?.value
      if value != theirs[item] { lost.answers.append((item, value)) }
    }
    lost.answers.sort { $0.item.utf8.lexicographicallyPrecedes($1.item.utf8) }
    let lacksFacts = !FactName.all(in: base).isSubset(of: FactName.all(in: record))
    return lacksEntries || lacksFacts || !lost.answers.isEmpty ? lost : nil
  }

  /// Whether the record covers entries that this device has not gone on from, and not all of them were kept.
  private func hasNewsThatCount(_ record: AnswersRecord?, _ memory: AttemptMemory) throws(ExamStoreError) -> Bool {
    guard let record else { return false }
    for (journal, entries) in news(in: record, memory) {
      var next = entries.lowerBound
      for range in try keptRanges(of: journal).sorted(by: { $0.from < $1.from }) where range.from <= next {
        next = max(next, range.to + 1)
      }
      if next <= entries.upperBound { return true }
    }
    return false
  }

  /// Whether answers that this device goes on from are neither on the server any more nor in a journal of this device.
  package func hasLostAnswers(of attempt: ID128) throws(ExamStoreError) -> Bool {
    let memory = try memory(of: attempt)
    guard try hasCandidateScope(memory), let lost = try lost(memory, try serverAnswers(of: attempt)) else {
      return false
    }
    return !lost.answers.isEmpty
  }

  /// The places that a seal lists beside those of this device's own entries: as far as the server told of the journals,
  /// and holds them now. After a restore it may hold less, and a seal that lists more would wait for ever.
  func positionsToSeal(_ memory: AttemptMemory) throws(ExamStoreError) -> [JournalPosition] {
    guard let base = memory.base else { return [] }
    // A seal is made also where the server's word cannot be read.
    guard (try? hasCandidateScope(memory)) == true else { return base.journals }
    let record: AnswersRecord?
    do throws(ExamStoreError) { record = try serverAnswers(of: memory.attempt) } catch { return base.journals }
    return base.journals.compactMap { position in
      let now = record?.journals.first { $0.journal == position.journal }
      guard let now, now.sequence < position.sequence else { return now == nil ? nil : position }
      return now
    }
  }

  /// Whether the candidate's scope was read: else nothing in it says nothing.
  private func hasCandidateScope(_ memory: AttemptMemory) throws(ExamStoreError) -> Bool {
    do throws(ExamStoreError) {
      _ = try terms(memory.attempt)
      return true
    } catch {
      guard error.code == .notAssigned else { throw error }
      return false
    }
  }
}

package import ExamModel
import SyncProtocol
import SyncWire

/// A server that was restored from a backup holds less than it once told this device of other journals. Their devices
/// may be gone, so what this device goes on from may stand in no journal any more: it is the only one that can say it
/// again, and no seal may list what nobody can offer.
extension ExamStore {
  /// What of the server's word that this device goes on from is lost on the server.
  struct Lost {
    /// What the server said then, and what it says now; `nil` where it says nothing.
    var base: AnswersRecord
    var record: AnswersRecord?
    /// Answers and clears to say again, by item.
    var answers: SaidValues = []
  }

  /// `nil` where the server still holds what it said, or this device offers it again itself.
  func lost(_ memory: AttemptMemory) throws(ExamStoreError) -> Lost? {
    guard let base = memory.base, try hasCandidateScope(memory) else { return nil }
    let record = try serverAnswers(of: memory.attempt)
    func sequence(_ journal: ID128) -> UInt64 {
      max(
        record?.journals.first { $0.journal == journal }?.sequence ?? 0,
        memory.journals.first { $0.id == journal }?.end ?? 0)
    }
    guard base.journals.contains(where: { $0.sequence > sequence($0.journal) }) else { return nil }
    var lost = Lost(base: base, record: record)
    // Where somebody wrote since, the server's value may be the newer one.
    let hasNews =
      record?.journals.contains { position in
        !memory.journals.contains { $0.id == position.journal }
          && position.sequence > base.journals.first { $0.journal == position.journal }?.sequence ?? 0
      } ?? false
    let theirs = record?.answers.values ?? [:]
    let items = Set(base.answers.values.keys).union(theirs.keys).map { (bytes: Array($0.utf8), item: $0) }
    for (_, item) in items.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
      // What this device said since it offers again.
      guard memory.fold.valuePlaces[item] == nil, !hasNews || theirs[item] == nil else { continue }
      let value = memory.fold.answers[item]?.value
      if value != theirs[item] { lost.answers.append((item, value)) }
    }
    return lost
  }

  /// Whether answers that this device goes on from are neither on the server any more nor in a journal of this device.
  package func hasLostAnswers(of attempt: ID128) throws(ExamStoreError) -> Bool {
    guard let lost = try lost(try memory(of: attempt)) else { return false }
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

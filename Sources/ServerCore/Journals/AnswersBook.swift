import ExamModel
import SyncProtocol
import SyncWire

#if PlantedBugs
  import Planted
#endif

/// The records `answers`: what another device, or a successor, needs in order to go on.
extension ServerCore {
  /// Writes the attempt's answers as they are, in as many parts as they need, and deletes the parts of an earlier time
  /// that are not needed any more, in the same transaction.
  func publishAnswers(_ memory: AttemptMemory) throws {
    touch(memory)
    var scope = memory.row.candidate
    #if PlantedBugs
      if planted(.answersInSharedScope) { scope = memory.row.exam }
    #endif
    let parts = answerParts(of: memory)
    for (index, part) in parts.enumerated() {
      try put(part.wire, scope: scope, ScopeCollection.answers, AnswersRecord.key(attempt: memory.id, part: index + 1))
    }
    for record in try store.records(scope: scope, collection: ScopeCollection.answers) {
      guard let part = AnswersRecord.part(ofKey: record.key, attempt: memory.id), part > parts.count else { continue }
      try delete(scope: scope, ScopeCollection.answers, record.key)
    }
  }

  private func answerParts(of memory: AttemptMemory) -> [AnswersRecord] {
    let ledger = memory.state.ledger
    let first = AnswersRecord(
      attempt: memory.id, answers: AnswerSheet(),
      journals: memory.journals.map {
        JournalPosition(journal: $0.row.id, sequence: $0.row.sequence, head: $0.row.head)
      },
      locks: ledger.locks.sorted(), unlocked: ledger.unlocked.sorted(), isStarted: memory.state.started,
      startedAt: memory.startedAt, informationGiven: memory.state.informationGiven,
      closedSections: memory.state.closedSections.sorted(), sealOrdinal: memory.state.sealOrdinal,
      isSealed: memory.state.isSealed)
    var parts = [first]
    var bytes = first.wire.count
    for (item, value) in memory.sheet.sorted {
      let size = AnswersRecord(attempt: memory.id, answers: AnswerSheet([item: value])).wire.count
      if bytes + size > Self.answerPartBytes {
        parts.append(AnswersRecord(attempt: memory.id, answers: AnswerSheet()))
        bytes = 0
      }
      parts[parts.count - 1].answers.set(value, for: item)
      bytes += size
    }
    return parts
  }

  /// Below `Limits.recordBytes`. A single answer that is longer has a part of its own.
  static let answerPartBytes = 48 * 1024
}

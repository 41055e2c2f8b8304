import ExamModel

/// Attempts and journals in memory, least recently used ones leaving first.
struct AttemptCache {
  private(set) var attempts: [ID128: AttemptMemory] = [:]
  private(set) var journals: [ID128: JournalMemory] = [:]
  private var tick: UInt64 = 0

  func attempt(_ id: ID128) -> AttemptMemory? {
    guard let found = attempts[id] else { return nil }
    found.lastUsed = tick
    return found
  }

  func journal(_ id: ID128) -> JournalMemory? {
    guard let found = journals[id] else { return nil }
    found.attempt.lastUsed = tick
    return found
  }

  mutating func insert(_ attempt: AttemptMemory) {
    attempt.lastUsed = tick
    attempts[attempt.id] = attempt
    for journal in attempt.journals { journals[journal.row.id] = journal }
  }

  mutating func insert(_ journal: JournalMemory) {
    journals[journal.row.id] = journal
  }

  mutating func drop(_ attempt: AttemptMemory) {
    for journal in attempt.journals { journals[journal.row.id] = nil }
    attempts[attempt.id] = nil
  }

  /// Between batches: makes room for a quarter when there are too many attempts or bytes.
  mutating func trim(attempts limit: Int, answerBytes: Int) {
    tick += 1
    guard attempts.count > limit || (tick % 1_024 == 0 && bytes > answerBytes) else { return }
    let oldest = attempts.values.sorted { $0.lastUsed < $1.lastUsed }
    for attempt in oldest.prefix(max(1, attempts.count / 4)) { drop(attempt) }
  }

  private var bytes: Int { attempts.values.reduce(0) { $0 + $1.answerBytes } }
}

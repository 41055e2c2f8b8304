import ExamModel
import SyncProtocol
import SyncWire

/// The deadlines of attempts that are under way. The server never seals for a device: at deadline and grace it marks
/// the attempt overdue, durably and once for each deadline, and goes on accepting (protocol, "Seals").
extension ServerCore {
  /// Deadlines that one commit looks at: a few milliseconds of work at the bell of a large exam.
  static let deadlinesPerCommit = 32
  private static let runningAttemptsPerPage = 1_000

  /// Time is up for this attempt, with the extensions that are decided and have not reached it yet.
  func deadline(of memory: AttemptMemory, _ exam: ExamRecord) -> Int64 {
    memory.deadline(exam) + pendingMilliseconds(of: memory.row)
  }

  /// At an opening of the store, and when a bell was moved: every attempt whose deadline is still to be watched.
  /// Grants are left out here, which can only make an instant too early.
  func loadDeadlines() throws {
    var after: ID128?
    repeat {
      let rows = try store.runningAttempts(after: after, limit: Self.runningAttemptsPerPage)
      for row in rows {
        guard let exam = exams[row.exam]?.row.record else { continue }
        let window = AttemptWindow(
          opens: exam.opensAt, closes: exam.closesAt, durationMilliseconds: exam.durationMilliseconds)
        deadlines.lower(row.id, to: Self.overdueInstant(window.deadline(started: row.startedAt)))
      }
      after = rows.count < Self.runningAttemptsPerPage ? nil : rows.last?.id
    } while after != nil
  }

  /// The first instant at which a deadline and its grace are over.
  private static func overdueInstant(_ deadline: Int64) -> Int64 { deadline + TimeRules.graceMilliseconds + 1 }

  /// Notes the starts of this batch, and watches the deadlines of what it touched.
  func armDeadlines() throws {
    for memory in work.attempts where memory.state.started && !memory.isDeadlineWatched {
      guard let exam = exams[memory.row.exam] else { continue }
      if memory.row.progress.startedAt == nil { try noteStart(of: memory, in: exam) }
      if !memory.row.isSealed, memory.row.progress.overdueAt == nil {
        deadlines.lower(memory.id, to: Self.overdueInstant(deadline(of: memory, exam.row.record)))
        memory.isDeadlineWatched = true
      }
    }
  }

  /// The code in the start is checked here, against the exam's own digits, so that no scrypt is needed. A wrong one
  /// does not keep the start: the roster gave the candidate this attempt, and answers that were told to be saved must
  /// not hang on a code. It is noted for a person.
  private func noteStart(of memory: AttemptMemory, in exam: ExamEntry) throws {
    memory.row.progress.startedAt = memory.startedAt ?? time
    let code = memory.startCode ?? ""
    let isRight = CodeVerifier.isEqual(Array(code.utf8), Array(exam.row.code.utf8))
    memory.row.progress.startCode = code.isEmpty ? .absent : isRight ? .right : .wrong
    memory.isRowDirty = true
    if memory.row.progress.startCode == .wrong {
      try audit("start-code", by: "server", of: memory.id.hex, "the start carries another code than the exam's")
    }
  }

  /// Marks the attempts whose deadline and grace are over; a bounded number in one commit.
  func markOverdue() throws {
    var looks = 0
    while looks < Self.deadlinesPerCommit, let due = deadlines.take(through: time) {
      looks += 1
      work.dueTaken.append(due)
      if let memory = cache.attempt(due.id) {
        // Touched first: a transaction that fails in between throws it out of memory.
        touch(memory)
        memory.isDeadlineWatched = false
        let before = memory.row
        try judgeDeadline(of: &memory.row, granted: memory.grantedMilliseconds)
        if memory.row != before { memory.isRowDirty = true }
      } else if var row = try store.attempt(due.id) {
        let before = row
        try judgeDeadline(of: &row, granted: grants(of: row).reduce(0) { $0 + $1.milliseconds })
        if row != before { try store.save(attempt: row) }
      }
    }
  }

  private func judgeDeadline(of row: inout AttemptRow, granted: Int64) throws {
    guard let startedAt = row.progress.startedAt, row.progress.overdueAt == nil, !row.isSealed,
      !row.record.isVoided, let exam = exams[row.exam]?.row.record, !exam.isCancelled
    else { return }
    let window = AttemptWindow(
      opens: exam.opensAt, closes: exam.closesAt, durationMilliseconds: exam.durationMilliseconds,
      grantedMilliseconds: granted)
    let deadline = window.deadline(started: startedAt) + pendingMilliseconds(of: row)
    guard time >= Self.overdueInstant(deadline) else {
      return deadlines.lower(row.id, to: Self.overdueInstant(deadline))
    }
    row.progress.overdueAt = time
    try audit("overdue", by: "server", of: row.id.hex, "no seal; the deadline was \(deadline)")
  }

  /// The grants of an attempt that is not in memory.
  func grants(of row: AttemptRow) throws -> [GrantRecord] {
    try store.records(scope: row.candidate, collection: ScopeCollection.grant)
      .compactMap { try? GrantRecord(wire: $0.body) }.filter { $0.attempt == row.id }
  }
}

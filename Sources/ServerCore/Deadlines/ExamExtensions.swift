import ExamModel
import SyncProtocol
import SyncWire

/// More time for all of an exam, a bounded number of attempts in one commit. How far it got is part of each commit, so
/// that what a crash interrupts is finished after the next opening. Until its own grant is written an attempt has the
/// time already: see ``ServerCore/pendingMilliseconds(of:)``.
extension ServerCore {
  /// Attempts that one commit gives their grant.
  static let attemptsExtendedPerCommit = 32
  static let pendingExtensionsAtMost = 16

  func extend(exam id: ID128, by milliseconds: Int64, reason: String, actor: String) throws -> GrantOutcome {
    let entry = try known(exam: id)
    try checkExtension(milliseconds)
    try checkText(reason, "reason")
    guard pendingExtensions.count < Self.pendingExtensionsAtMost else {
      throw Problem(.busy, "Other extensions are still being given out. Try again.", retryAfterSeconds: 1)
    }
    let row = ExtensionRow(
      id: (pendingExtensions.last?.id ?? 0) + 1, exam: id, milliseconds: milliseconds, reason: reason, actor: actor)
    work.touchedGlobals = true
    pendingExtensions.append(row)
    try store.save(extension: row)
    let count = entry.row.attempts
    try audit("exam-extend", by: actor, of: id.hex, "\(milliseconds) ms for \(count) attempts: \(reason)")
    try continueExtensions()
    let pending = pendingExtensions.first { $0.id == row.id }
    let done = pending.map(\.done) ?? count
    return GrantOutcome(attempts: done, milliseconds: milliseconds, pending: count - min(count, done))
  }

  /// Gives out grants of the oldest extension, and then of the next ones, up to the commit's bound.
  func continueExtensions() throws {
    while work.extendedAttempts < Self.attemptsExtendedPerCommit, let row = pendingExtensions.first {
      work.touchedGlobals = true
      let limit = Self.attemptsExtendedPerCommit - work.extendedAttempts
      let attempts = try store.attempts(exam: row.exam, after: (row.afterNumber, row.afterID), limit: limit)
      for attempt in attempts {
        // The place moves first: from here on the grant counts, and the pending time does not any more.
        pendingExtensions[0].afterNumber = attempt.number
        pendingExtensions[0].afterID = attempt.id
        pendingExtensions[0].done += 1
        try grant(row.milliseconds, toRow: attempt, row.reason)
      }
      work.extendedAttempts += attempts.count
      if attempts.count < limit {
        let last = pendingExtensions.removeFirst()
        try store.deleteExtension(last.id)
        try audit(
          "exam-extended", by: "server", of: last.exam.hex,
          "\(last.milliseconds) ms reached \(last.done) attempts for \(last.actor)")
      } else {
        try store.save(extension: pendingExtensions[0])
      }
    }
  }

  /// What an attempt is going to get of extensions that are decided: a verdict that falls in between must not miss it.
  func pendingMilliseconds(of row: AttemptRow) -> Int64 {
    guard !pendingExtensions.isEmpty else { return 0 }
    return pendingExtensions.reduce(0) { $1.isAhead(of: row) ? $0 + $1.milliseconds : $0 }
  }

  private func grant(_ milliseconds: Int64, toRow row: AttemptRow, _ reason: String) throws {
    if let memory = cache.attempt(row.id) { return try addGrant(milliseconds, to: memory, reason) }
    let number = (try grants(of: row).map(\.number).max() ?? 0) + 1
    try put(
      GrantRecord(attempt: row.id, number: number, milliseconds: milliseconds, reason: reason).wire,
      scope: row.candidate, ScopeCollection.grant, NumberedRecord.key(attempt: row.id, number: number))
    if row.progress.overdueAt != nil {
      var row = row
      row.progress.overdueAt = nil
      try store.save(attempt: row)
      deadlines.lower(row.id, to: time)
    }
  }

  /// The deadline moves, so what was overdue is not any more, or will be once more.
  func addGrant(_ milliseconds: Int64, to memory: AttemptMemory, _ reason: String) throws {
    touch(memory)
    let number = (memory.grants.max() ?? 0) + 1
    memory.grants.insert(number)
    memory.grantedMilliseconds += milliseconds
    try put(
      GrantRecord(attempt: memory.id, number: number, milliseconds: milliseconds, reason: reason).wire,
      scope: memory.row.candidate, ScopeCollection.grant, NumberedRecord.key(attempt: memory.id, number: number))
    if memory.row.progress.overdueAt != nil {
      memory.row.progress.overdueAt = nil
      memory.isRowDirty = true
    }
  }
}

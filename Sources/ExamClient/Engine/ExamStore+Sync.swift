package import ExamModel
package import ExamStore
package import SyncCore
package import SyncProtocol

/// What the sync core asks of the store: the same for the engine and for a simulated phone.
extension ExamStore {
  /// What the core starts with.
  ///
  /// - Parameters:
  ///   - attempt: whose scopes come first.
  ///   - asksWhatTheServerHas: unless the core that it replaces was in no doubt of the server.
  package func syncStart(
    attempt: ID128?, asksWhatTheServerHas: Bool = true, at reading: ClockReading
  ) -> SyncStart {
    let hourMilliseconds: Int64 = 3_600_000
    let recent: [RecentSuccessor] = journalStatuses.compactMap { journal in
      guard journal.predecessor != nil else { return nil }
      let age = reading.wallMilliseconds - journal.openedWallMilliseconds
      guard age >= 0, age < hourMilliseconds else { return nil }
      let opened = Instant(bootMilliseconds: reading.bootMilliseconds).advanced(byMilliseconds: -age)
      return RecentSuccessor(subject: journal.attempt, openedAt: opened)
    }
    return SyncStart(
      journals: journalStatuses.map { knownJournal($0) }, scopes: wantedScopes(attempt: attempt),
      hasSession: identity?.grant.flatMap { LiveSession($0) } != nil, recentSuccessors: recent,
      asksWhatTheServerHas: asksWhatTheServerHas)
  }

  /// Loads what a plan names into a request.
  package func syncRequest(for plan: RequestPlan) throws(ExamStoreError) -> SyncRequest {
    var request = SyncRequest(
      scopes: plan.scopes, waitMilliseconds: plan.waitMilliseconds, headQueries: plan.headQueries)
    for push in plan.pushes {
      let loaded = try pushLoad(
        push.journal, from: push.first, maximumEntries: push.maximumEntries, maximumBytes: push.maximumBytes)
      guard let loaded else {
        throw ExamStoreError(.storageFailed, "Journal \(push.journal) has no entry \(push.first). Sync goes on later.")
      }
      request.pushes.append(loaded)
    }
    if plan.presentsReceipts {
      request.presentedReceipts = Array(allReceipts.prefix(Limits.presentedReceiptsPerRequest))
    }
    return request
  }

  /// Compares the server's heads with this device's own.
  package func headsCompared(_ answer: HeadAnswer) throws(ExamStoreError) -> SyncEvent {
    let own = try heads(of: answer.journal, at: answer.heads.keys.sorted())
    var lastCommon: UInt64 = 0
    var firstDifferent: UInt64?
    for (sequence, head) in answer.heads.sorted(by: { $0.key < $1.key }) {
      if own[sequence] == head {
        lastCommon = sequence
      } else if firstDifferent == nil {
        firstDifferent = sequence
      }
    }
    if let different = firstDifferent, different < lastCommon { firstDifferent = nil }
    return .headsCompared(journal: answer.journal, lastCommon: lastCommon, firstDifferent: firstDifferent)
  }

  /// After a fork the candidate goes on from what the server holds.
  package func adoptServerAnswers(in successor: ID128, at moment: SaveMoment) throws(ExamStoreError) {
    let attempt = try journalStatus(successor).attempt
    // What a restored server lost is said again first, by the take-over, which then adopts.
    guard let answers = try serverAnswers(of: attempt), try !hasLostAnswers(of: attempt) else { return }
    do throws(ExamStoreError) {
      try adopt(answers, at: moment)
    } catch {
      // After a seal nothing is adopted, and what the server holds of another copy is its own to judge.
      guard error.code == .sealed || error.code == .diverged else { throw error }
    }
  }

  package func knownJournal(_ status: JournalStatus) -> KnownJournal {
    let acknowledged = status.end - min(status.end, status.pending)
    var priority = EntryPriority.answer
    if status.isLive, acknowledged < status.end, isSealed(status.attempt) { priority = .seal }
    return KnownJournal(
      id: status.id, subject: status.attempt, last: status.end, acknowledged: acknowledged,
      greatestAcknowledged: status.greatestAcknowledged, priority: priority, isLeft: !status.isLive,
      number: status.number)
  }

  /// Whether the attempt's paper is handed in.
  package func isSealed(_ attempt: ID128) -> Bool {
    guard case .sealed? = try? phase(of: attempt) else { return false }
    return true
  }

  /// The candidate's own scope, and those of the exams that this device may sit; that of `attempt` first.
  package func wantedScopes(attempt: ID128?) -> [ScopeCursor] {
    guard let candidate = identity?.grant?.candidate else { return [] }
    var scopes = [candidate]
    let attempts = (try? attempts()) ?? []
    if let attempt, let record = attempts.first(where: { $0.attempt == attempt }) { scopes.append(record.exam) }
    for record in attempts where !record.isVoided && !scopes.contains(record.exam) { scopes.append(record.exam) }
    return (try? cursors(of: Array(scopes.prefix(Limits.scopesPerRequest)))) ?? []
  }
}

/// The time grants that the persisted time left of an attempt includes.
extension ExamStore {
  package func noticedGrants(of attempt: ID128) throws(ExamStoreError) -> Int64 {
    try setting(SettingName.grants(attempt)).flatMap { Int64(String(decoding: $0, as: UTF8.self)) } ?? 0
  }

  /// The note of them, to be stored in one transaction with the time left.
  package static func noteOfGrants(_ milliseconds: Int64, to attempt: ID128) -> (setting: String, value: [UInt8]) {
    (SettingName.grants(attempt), Array("\(milliseconds)".utf8))
  }
}

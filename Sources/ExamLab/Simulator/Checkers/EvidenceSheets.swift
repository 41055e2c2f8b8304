import ExamModel
import ExamStore
import ServerCore
import SyncProtocol
import SyncWire

extension Evidence {
  /// The answers that stood before each seal of a phone, by attempt and ordinal. Seals that the server's record covers
  /// are left out: what stood before them is not on this phone any more.
  func sealedSheets(of node: SimNode) -> [Sealed: [String: AnswerValue]] {
    var sheets: [Sealed: [String: AnswerValue]] = [:]
    guard let phone = world.phones.first(where: { $0.node == node }) else { return sheets }
    for attempt in phone.attempts {
      let journals = phone.journals.filter { $0.status.attempt == attempt.attempt }.compactMap { contents in
        phoneJournals[contents.status.id]?.first { $0.node == node }
      }
      _ = JudgedAttempt.ofPhone(base: attempt.base, journals: journals) { state, _, entry in
        guard case .seal(let signed) = entry.entry?.kind, !state.isSealed,
          let statement = try? SealStatement(wire: signed.statement)
        else { return }
        sheets[Sealed(attempt: attempt.attempt, ordinal: statement.ordinal)] = state.sheet
      }
    }
    return sheets
  }

  /// What a server had applied when each seal was complete: the seal is there, and every journal that it lists.
  func completedSheets(of attempt: ServerAttemptDump, on server: ServerDump) -> [UInt32: [String: AnswerValue]] {
    var sheets: [UInt32: [String: AnswerValue]] = [:]
    var answers = JudgedAnswers()
    var waiting: SealStatement?
    var reached: [ID128: UInt64] = [:]
    let arrivals = arrivals(of: attempt, on: server)
    for (index, arrival) in arrivals.enumerated() {
      answers.take(arrival)
      reached[arrival.journal.id] = arrival.entry.sequence
      if arrival.reason == nil, case .seal(let signed) = arrival.entry.entry?.kind {
        waiting = try? SealStatement(wire: signed.statement)
      }
      if arrival.reason == nil, case .reopened = arrival.entry.entry?.kind { waiting = nil }
      // Receipts are made after whole segments.
      let isSegmentsEnd = index + 1 == arrivals.count || arrivals[index + 1].segment != arrival.segment
      guard isSegmentsEnd, let seal = waiting else { continue }
      guard seal.journals.allSatisfy({ $0.sequence <= reached[$0.journal] ?? 0 }) else { continue }
      sheets[seal.ordinal] = answers.sheet
      waiting = nil
    }
    return sheets
  }

  /// The answers that a receipt of each seal must hold, as far as a server's rows still tell.
  var receiptedSheets: [Sealed: [String: AnswerValue]] {
    var sheets: [Sealed: [String: AnswerValue]] = [:]
    for server in world.servers {
      for attempt in server.attempts {
        for (ordinal, sheet) in completedSheets(of: attempt, on: server) {
          sheets[Sealed(attempt: attempt.row.id, ordinal: ordinal)] = sheet
        }
      }
    }
    return sheets
  }

  /// When a server's state was taken back, and to which instant.
  var restores: [(at: Int64, from: Int64)] {
    history.compactMap { event in
      guard case .serverRestored(let from) = event.fact else { return nil }
      return (event.trueMilliseconds, from)
    }
  }
}

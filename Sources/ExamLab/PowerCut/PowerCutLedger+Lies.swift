import ExamModel
import ExamStore
import SyncProtocol
import SyncWire

/// What a loss on a disk that lies about syncs looked like.
enum PowerCutLoss: Sendable {
  /// Everything promised was there.
  case none
  /// The store says itself that something is wrong: it does not open, was set aside, or is visibly empty.
  case noticed
  /// The store is an earlier state of itself, and the server's high-water mark says so.
  case noticedByServer
  /// An earlier state, of which the server had nothing more. Only a disk that keeps its word can help.
  case earlierState
}

extension PowerCutLedger {
  /// A disk that lies may lose what was promised. It must never make the store show what was never saved.
  func judgeLoss(_ store: ExamStore) throws -> PowerCutLoss {
    let report = store.report
    if report.quarantine != nil || report.isPredecessorMissing || !report.damagedScopes.isEmpty { return .noticed }
    guard let journal = journalID else { return report.isNew && lastPromised > 0 ? .noticed : .none }
    guard let status = try? store.journalStatuses(of: PowerCutPhone.attempt).last, status.id == journal else {
      return .noticed
    }
    let found = try PowerCutPhone.bodies(of: journal, in: store)
    let entries = try decoded(found, status)
    try requireEarlierState(found, entries)
    let fold = JournalFold(entries)
    let shown = try store.status(of: PowerCutPhone.attempt)
    var values: [String: AnswerValue] = [:]
    for answer in shown.answers { values[answer.item] = answer.value }
    guard values == fold.answers, shown.phase == fold.phase else {
      throw PowerCutFinding("I3", "after a lie the store shows what its journal does not say")
    }
    let kept = UInt64(entries.count - trailingOpenings(entries))
    guard kept < lastPromised - min(lastPromised, UInt64(trailingOpenings(ofKnown: true))) else { return .none }
    return try isNoticedByServer(store, journal) ? .noticedByServer : .earlierState
  }

  /// Every entry but the newest openings is one that was issued, in its place.
  private func requireEarlierState(_ found: [[UInt8]], _ entries: [Entry]) throws {
    let kept = entries.count - min(openings, trailingOpenings(entries))
    for index in 0..<kept {
      if index < bodies.count {
        guard found[index] == bodies[index] else {
          throw PowerCutFinding("I2", "after a lie entry \(index + 1) is another one")
        }
      } else if let step = promisedStep(at: UInt64(index + 1)), !step.journals(entries[index].kind) {
        throw PowerCutFinding("I2", "after a lie entry \(index + 1) is not the \(step) that was saved")
      }
    }
  }

  private func trailingOpenings(_ entries: [Entry]) -> Int {
    entries.reversed().prefix { if case .open = $0.kind { true } else { false } }.count
  }

  /// Openings at the end of what is known: their loss alone harms nobody.
  private func trailingOpenings(ofKnown: Bool) -> Int {
    guard lastPromised == UInt64(bodies.count) else { return 0 }
    return trailingOpenings(bodies.compactMap { try? Entry(wire: $0) })
  }

  /// Shows the store the server's word, as the next round of sync would.
  private func isNoticedByServer(_ store: ExamStore, _ journal: ID128) throws -> Bool {
    guard let head = serverHead, acknowledgedSequence > 0 else { return false }
    let result = try store.storeAcknowledgement(
      Acknowledgement(sequence: acknowledgedSequence, head: head, verdict: .stored), of: journal)
    return result.comparison != .matched
  }
}

import ExamModel
import ExamStore
import SyncProtocol
import SyncWire

/// What a phone had said was saved when its files were damaged, and what its server holds of it.
struct DamageWitness {
  struct Journal {
    var id: ID128
    var bodies: [[UInt8]]
    /// After each of them.
    var heads: [Digest256]
  }

  var key: ID128?
  var journals: [Journal] = []
  /// What the server acknowledged last.
  var acknowledged: (journal: ID128, sequence: UInt64, head: Digest256)?

  /// Takes down what is in the file of a sound store.
  mutating func observe(_ store: ExamStore) throws {
    key = store.identity?.signingKey.id
    journals = try store.journalContents().map {
      Journal(id: $0.status.id, bodies: $0.entries.map(\.body), heads: $0.entries.map(\.head))
    }
  }

  func bodies(of journal: ID128) -> [[UInt8]]? { journals.first { $0.id == journal }?.bodies }

  // MARK: - After the damage

  /// Nothing stands in the store that this phone did not write: in its own place, or carried over.
  func requireOwn(_ contents: [JournalContents], openings: Int) throws {
    let all = Set(journals.flatMap(\.bodies))
    for journal in contents {
      guard journal.deviceKey == key else {
        throw PowerCutFinding("I20", "journal \(journal.status.id) is another device's")
      }
      let issued = bodies(of: journal.status.id) ?? []
      let bodies = journal.entries.map(\.body)
      let same = zip(bodies, issued).prefix { $0 == $1 }.count
      for body in bodies[same...] {
        let kind = (try? Entry(wire: body))?.kind
        switch kind {
        case .open, .context: break
        case .seal where issued.isEmpty: break
        default:
          guard issued.isEmpty, all.contains(body) else {
            throw PowerCutFinding("I2", "after the damage the store holds an entry that was never issued there")
          }
        }
      }
      let fresh = bodies[same...].count { body in
        if case .open? = (try? Entry(wire: body))?.kind { !all.contains(body) } else { false }
      }
      // A successor begins with an opening of its own.
      guard fresh <= openings + (issued.isEmpty ? 1 : 0) else {
        throw PowerCutFinding("I2", "\(fresh) openings were added by \(openings)")
      }
    }
  }

  /// The sequences of a journal whose entries are not in the store any more, those left out that say nothing of the
  /// candidate.
  func missing(of journal: Journal, in contents: [JournalContents]) -> [UInt64] {
    let own = contents.first { $0.status.id == journal.id }?.entries.map(\.body) ?? []
    let elsewhere = Set(contents.filter { $0.status.id != journal.id }.flatMap { $0.entries.map(\.body) })
    var missing: [UInt64] = []
    for (index, body) in journal.bodies.enumerated() {
      if index < own.count, own[index] == body { continue }
      switch (try? Entry(wire: body))?.kind {
      case .open, .context: continue
      // Made anew over the chain that goes on.
      case .seal where !elsewhere.isEmpty: continue
      default: if !elsewhere.contains(body) { missing.append(UInt64(index + 1)) }
      }
    }
    return missing
  }

  /// What the store shows is what its journals add up to. Where some of them are gone, what follows may not count any
  /// more; even then nothing is shown that was never answered.
  func requireShownIsJournalled(_ store: ExamStore, _ contents: [JournalContents]) throws {
    guard let shown = try? store.status(of: PowerCutPhone.attempt) else { return }
    let entries = contents.flatMap { journal in
      journal.entries.filter { $0.sequence <= journal.fork ?? .max }.compactMap { try? Entry(wire: $0.body) }
    }
    guard store.report.quarantine == nil else {
      for answer in shown.answers {
        guard let value = answer.value else { continue }
        let isIssued = entries.contains { entry in
          if case .answer(answer.item, value) = entry.kind { true } else { false }
        }
        guard isIssued else { throw PowerCutFinding("I14", "the store shows an answer that no entry has") }
      }
      return
    }
    let fold = JournalFold(entries)
    var values: [String: AnswerValue] = [:]
    for answer in shown.answers { values[answer.item] = answer.value }
    guard values == fold.answers, shown.counts.saved == fold.answers.count else {
      throw PowerCutFinding("I14", "the store shows answers that its journals do not say")
    }
    guard shown.locks.locks == fold.locks else { throw PowerCutFinding("I17", "the store shows other locks") }
  }
}

import ExamModel
import ExamStore
import ServerCore
import SyncProtocol
import SyncWire

/// What everyone held when a run ended: of each attempt the entries on the server in the order in which they arrived,
/// with what became of them, and the journals of each phone. The names are those of the story.
struct JournalListing {
  private let evidence: Evidence
  private var names: ShortNames

  init(history: [HistoryEvent], world: WorldDump) {
    evidence = Evidence(history: history, world: world)
    var text = FactText()
    for event in history { _ = text.text(event.fact) }
    names = text.names
  }

  mutating func lines() -> [String] {
    var lines: [String] = []
    for server in evidence.world.servers {
      for attempt in server.attempts {
        let name = names.name(attempt.row.id, "attempt")
        lines.append("\(server.node.name), \(name), lease \(attempt.row.record.lease):")
        for arrival in evidence.arrivals(of: attempt, on: server) {
          let journal = names.name(arrival.journal.id, "journal")
          lines.append(
            "  \(journal) entry \(arrival.entry.sequence): \(words(arrival.entry.entry?.kind))"
              + (arrival.reason.map { ", kept: \($0.name)" } ?? ""))
        }
      }
    }
    for phone in evidence.world.phones {
      for attempt in phone.attempts {
        guard let base = attempt.base else { continue }
        let state = [
          base.isStarted ? "started" : "not started",
          base.isSealed ? "sealed \(base.sealOrdinal)" : "open after seal \(base.sealOrdinal)",
        ]
        let journals = base.journals.map { words($0) }
        lines.append(
          "\(phone.node.name), \(names.name(attempt.attempt, "attempt")), goes on from the server's record: "
            + (state + journals).joined(separator: ", "))
        for (item, value) in base.answers.sorted { lines.append("  \(item) = \(FactText.value(value))") }
      }
      for contents in phone.journals {
        guard let journal = evidence.phoneJournals[contents.status.id]?.first(where: { $0.node == phone.node }) else {
          continue
        }
        let attempt = names.name(journal.attempt, "attempt")
        lines.append("\(phone.node.name), \(attempt), \(names.name(journal.id, "journal")):")
        for entry in journal.entries { lines.append("  entry \(entry.sequence): \(words(entry.entry?.kind))") }
      }
    }
    return lines
  }

  private mutating func words(_ kind: EntryKind?) -> String {
    switch kind {
    case .open(let opening):
      return "opens under lease \(opening.leaseOrdinal)" + (opening.predecessor.map { ", after \(words($0))" } ?? "")
    case .context(let context): return "time" + (context.server == nil ? " without the server's" : "")
    case .start: return "start"
    case .answer(let item, let value): return "\(item) = \(FactText.value(value))"
    case .clear(let item): return "\(item) = nothing"
    case .flag(let item, let isSet): return "\(item) \(isSet ? "flagged" : "not flagged")"
    case .visit(let item): return "visits \(item)"
    case .sectionLeft(let section): return "leaves section \(section)"
    case .lock(let fact): return "lock \(fact.number)"
    case .unlock(let fact): return "unlock \(fact.number)"
    case .grantSeen(let number): return "grant \(number) seen"
    case .information: return "form"
    case .seal(let signed):
      guard let statement = try? SealStatement(wire: signed.statement) else { return "seal that cannot be read" }
      let journals = statement.journals.map { words($0) }.joined(separator: ", ")
      return "seal \(statement.ordinal), \(statement.answerCount) answers, over \(journals)"
    case .reopened(let ordinal): return "reopened seal \(ordinal)"
    case .unknown, nil: return "unknown"
    }
  }

  private mutating func words(_ position: JournalPosition) -> String {
    "\(names.name(position.journal, "journal")) up to \(position.sequence)"
  }
}

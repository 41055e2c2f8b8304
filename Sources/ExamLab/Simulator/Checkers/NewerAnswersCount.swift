import ExamModel
import ExamStore
import ServerCore
import SyncProtocol

/// I4, on the server: of two answers of one device under one lease the newer one counts, whatever became of the
/// journals on their way. What is newer, the device's own store says.
struct NewerAnswersCount: Checker {
  let invariant = Invariant.i4

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for server in evidence.world.servers {
      for attempt in server.attempts where attempt.journals.count > 1 {
        finding.add(check(attempt, on: server, evidence))
      }
    }
    return finding
  }

  private func check(_ attempt: ServerAttemptDump, on server: ServerDump, _ evidence: Evidence) -> Finding {
    var finding = Finding()
    let order = OwnOrder(of: attempt, evidence)
    var changes: [(item: String, arrival: Arrival)] = []
    for arrival in evidence.arrivals(of: attempt, on: server) where arrival.reason == nil {
      if let change = ItemValue(arrival.entry.entry?.kind) { changes.append((change.item, arrival)) }
    }
    var counting: [String: Arrival] = [:]
    for change in changes where counting[change.item].map({ $0.rank < change.arrival.rank }) ?? true {
      counting[change.item] = change.arrival
    }
    for (item, arrival) in changes {
      guard let counts = counting[item], counts.lease == arrival.lease else { continue }
      finding.expect(
        !order.isNewer(arrival, than: counts),
        Violation(
          .i4, evidence.end, server.node, "an older answer to item \(item) of attempt \(attempt.row.id) counts",
          expected: "entry \(arrival.entry.sequence) of journal \(arrival.journal.id)",
          found: "entry \(counts.entry.sequence) of journal \(counts.journal.id), which the device left before"))
    }
    return finding
  }
}

/// In which order devices opened the journals of an attempt.
private struct OwnOrder {
  private var numbers: [SimNode: [ID128: Int64]] = [:]

  init(of attempt: ServerAttemptDump, _ evidence: Evidence) {
    for journal in attempt.journals {
      for held in evidence.phoneJournals[journal.row.id] ?? [] {
        numbers[held.node, default: [:]][held.id] = held.dump.status.number
      }
    }
  }

  func isNewer(_ one: Arrival, than other: Arrival) -> Bool {
    numbers.values.contains { known in
      guard let first = known[one.journal.id], let second = known[other.journal.id] else { return false }
      return first > second
    }
  }
}

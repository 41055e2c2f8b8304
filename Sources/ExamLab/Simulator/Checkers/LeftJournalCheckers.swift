import ExamModel
import ExamStore
import ServerCore
import SyncProtocol
import SyncWire

/// I22: once a successor counts, nothing more of the journal that its device left takes effect above the place at which
/// it was left: another copy of the store writes on there. What another device wrote is fenced by its lease.
struct LeftJournalsAreOver: Checker {
  let invariant = Invariant.i22

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for server in evidence.world.servers {
      for attempt in server.attempts {
        var left: [ID128: (at: UInt64, successor: ID128)] = [:]
        for arrival in evidence.arrivals(of: attempt, on: server) where arrival.reason == nil {
          let id = arrival.journal.id
          finding.expect(
            left[id].map { arrival.entry.sequence <= $0.at } ?? true,
            Violation(
              .i22, evidence.end, server.node,
              "entry \(arrival.entry.sequence) of journal \(id) counts, and came after journal "
                + "\(left[id]?.successor.description ?? "") had taken its place",
              expected: "kept as superseded", found: "applied"))
          guard let position = arrival.predecessor(in: attempt) else { continue }
          if left[position.journal].map({ position.sequence < $0.at }) ?? true {
            left[position.journal] = (position.sequence, id)
          }
        }
      }
    }
    return finding
  }
}

/// I14: a seal names every journal of the attempt that its phone wrote, as far as it counts: what it does not name may
/// arrive too late to count.
struct SealsNameEveryJournal: Checker {
  let invariant = Invariant.i14

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for phone in evidence.world.phones {
      var before: [JournalContents] = []
      for contents in phone.journals {
        let journal = evidence.phoneJournals[contents.status.id]?.first { $0.node == phone.node }
        for entry in journal?.entries ?? [] {
          guard case .seal(let signed) = entry.entry?.kind, let seal = try? SealStatement(wire: signed.statement) else {
            continue
          }
          for other in before where other.status.attempt == contents.status.attempt {
            let end = other.fork ?? other.status.last
            let named = seal.journals.first { $0.journal == other.status.id }?.sequence
            finding.expect(
              end == 0 || named ?? 0 >= end,
              Violation(
                .i14, evidence.end, phone.node, "seal \(seal.ordinal) leaves out what journal \(other.status.id) has",
                expected: "up to entry \(end)", found: named.map { "up to entry \($0)" } ?? "the journal is not named"))
          }
        }
        before.append(contents)
      }
    }
    return finding
  }
}

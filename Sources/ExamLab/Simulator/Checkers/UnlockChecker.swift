import ExamModel
import ExamStore
import ServerCore
import SyncProtocol
import SyncWire

/// I17: an unlock of the server opens the lock that its record names, and no other.
struct UnlocksOpenTheirLock: Checker {
  let invariant = Invariant.i17

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    var records: [ID128: UnlockRecord] = [:]
    for scope in evidence.world.servers.flatMap(\.scopes) {
      for record in scope.records where record.collection == ScopeCollection.unlock && !record.isDeleted {
        if let unlock = try? UnlockRecord(wire: record.body) { records[unlock.nonce] = unlock }
      }
    }
    for phone in evidence.world.phones {
      for contents in phone.journals {
        let journal = evidence.phoneJournals[contents.status.id]?.first { $0.node == phone.node }
        for entry in journal?.entries ?? [] {
          // A record that a restore took away says nothing any more.
          guard case .unlock(let fact) = entry.entry?.kind, case .server(let nonce, _) = fact.proof,
            let record = records[nonce]
          else { continue }
          finding.expect(
            record.number == fact.number && record.attempt == journal?.attempt,
            Violation(
              .i17, evidence.end, phone.node,
              "entry \(entry.sequence) of journal \(contents.status.id) opens lock \(fact.number)",
              expected: "lock \(record.number) of attempt \(record.attempt), which the server unlocked",
              found: "lock \(fact.number)"))
        }
      }
    }
    return finding
  }
}

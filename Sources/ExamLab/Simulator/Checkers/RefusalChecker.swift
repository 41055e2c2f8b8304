import ExamModel
import ServerCore
import SyncProtocol

/// I28: what an operator was refused is in the audit trail.
struct RefusalsAreAudited: Checker {
  let invariant = Invariant.i28

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for server in evidence.world.servers {
      let events = evidence.byNode[server.node] ?? []
      // A disk that took the refusal's record no more took nothing of the command either.
      let hadFaults = events.contains { event in
        switch event.fact {
        case .diskFault, .serverFaulted: true
        default: false
        }
      }
      guard !hadFaults else { continue }
      var refused: [String: Int] = [:]
      for event in events {
        guard case .commandRefused(let name) = event.fact,
          !evidence.restores.contains(where: { $0.from <= event.trueMilliseconds && event.trueMilliseconds <= $0.at })
        else { continue }
        refused[name, default: 0] += 1
      }
      for (name, count) in refused.sorted(by: { $0.key < $1.key }) {
        let found = server.audit.count { $0.action == "refused" && $0.subject == name }
        finding.expect(
          found >= count,
          Violation(
            .i28, evidence.end, server.node, "the audit trail lacks refusals of “\(name)”",
            expected: "\(count) or more", found: "\(found)"))
      }
    }
    return finding
  }
}

import ExamModel
import ExamStore
import ServerCore
import SyncProtocol

/// I20: what all candidates of an exam read says nothing of a single one.
struct SharedScopesNameNobody: Checker {
  let invariant = Invariant.i20
  private static let shared: Set<String> = [
    ScopeCollection.exam, ScopeCollection.paper, ScopeCollection.key, ScopeCollection.announcement,
  ]

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    let exams = Set(evidence.truth.exams.map(\.id))
    func look(_ records: [Record], _ node: SimNode) {
      for record in records {
        finding.expect(
          Self.shared.contains(record.collection),
          Violation(
            .i20, evidence.end, node, "a record of collection \(record.collection) is in an exam's scope",
            expected: "what concerns everybody: \(Self.shared.sorted().joined(separator: ", "))", found: record.key))
      }
    }
    for server in evidence.world.servers {
      for scope in server.scopes where exams.contains(scope.row.id) { look(scope.records, server.node) }
    }
    for phone in evidence.world.phones {
      for scope in phone.scopes where exams.contains(scope.scope) { look(scope.records, phone.node) }
    }
    return finding
  }
}

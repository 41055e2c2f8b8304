/// What the checkers say of one run.
package struct SimVerdict: Sendable {
  /// In the order of invariants, then of instants.
  package private(set) var violations: [Violation] = []
  /// How many things each invariant was asked of. None at all proves nothing, and the page says so.
  package private(set) var checked: [Invariant: Int] = [:]
  /// More were found than are kept.
  package private(set) var isCutShort = false

  /// Of one invariant; the first says as much as the hundredth.
  package static let violationsKept = 20

  package init() {}

  package var invariants: [Invariant] { Set(violations.map(\.invariant)).sorted() }

  package mutating func add(_ finding: Finding, of invariant: Invariant) {
    checked[invariant, default: 0] += finding.checked
    for (violated, found) in Dictionary(grouping: finding.violations, by: \.invariant) {
      let room = max(0, Self.violationsKept - violations.count { $0.invariant == violated })
      if found.count > room { isCutShort = true }
      violations += found.prefix(room)
    }
    violations.sort { ($0.invariant, $0.trueMilliseconds) < ($1.invariant, $1.trueMilliseconds) }
  }
}

/// Asks every checker.
package enum SimJudge {
  package static let checkers: [any Checker] = [
    SavedIsKept(), LogIsPrefix(), AnswersMatchEntries(), NoResurrection(), StoredOnce(), NoGap(), OneBody(),
    AcknowledgedIsKept(), BothSidesAgree(), VersionsGrow(), SealedIsSealed(), ReceiptsAreTrue(), NoSilentLoss(),
    TimeClassesAreTrue(), TimeLeftOnlyShrinks(), LocksOnlyGrow(), PaperIsSecret(), PaperIsAuthentic(),
    CandidatesAreApart(), JournalsHaveOwners(), OneWriter(), StaysBounded(), ComesToRest(), StopsOnFailure(),
    AuditIsWhole(), UnlocksOpenTheirLock(), LeftJournalsAreOver(), SealsNameEveryJournal(), RefusalsAreAudited(),
    SharedScopesNameNobody(), KeptForCause(), NewerAnswersCount(),
  ]

  /// Judges a run that is over.
  ///
  /// - Parameter live: the findings of the checkers that watched it.
  package static func judge(
    _ history: [HistoryEvent], _ world: WorldDump, live: [(Invariant, Finding)] = []
  ) -> SimVerdict {
    let evidence = Evidence(history: history, world: world)
    var verdict = SimVerdict()
    for checker in checkers { verdict.add(checker.check(evidence), of: checker.invariant) }
    for (invariant, finding) in live { verdict.add(finding, of: invariant) }
    return verdict
  }
}

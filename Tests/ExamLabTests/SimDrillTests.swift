import ExamModel
import ExamStore
import ServerCore
import SyncProtocol
import SyncWire
import Testing

@testable import ExamLab

/// Situations that are brought about step by step: nothing is found in them, and each is what its name says.
@Suite struct SimDrillTests {
  @Test(arguments: SimDrill.allCases) func isSafeAndReachesItsGround(_ drill: SimDrill) throws {
    let outcome = try SimRun.run(SimOptions(seed: 3, drill: drill))
    #expect(outcome.violations.isEmpty, "\(outcome.violations.prefix(3).map(\.description))")
    #expect(outcome.dump.truth.cameToRest)
    #expect(outcome.faults.rows.contains { $0.name == "drill \(drill.rawValue)" })
    #expect(Self.isReached(drill, outcome))
  }

  @Test func aDrillIsReplayedFromItsPlan() throws {
    let recorded = try SimRun.run(SimOptions(seed: 4, drill: .secondLock))
    let plan = try SimPlan(fileText: SimPlan(recorded).fileText)
    #expect(try SimRun.run(plan.simOptions()).digest == recorded.digest)
    #expect(throws: SimPlanError.self) {
      var unknown = plan
      unknown.options["drill"] = "no-such-drill"
      _ = try unknown.simOptions()
    }
  }

  private static func isReached(_ drill: SimDrill, _ outcome: SimOutcome) -> Bool {
    func count(_ matches: (Fact) -> Bool) -> Int { outcome.history.count { matches($0.fact) } }
    func counts(_ reason: KeptReason) -> Int {
      count { if case .kept(_, _, _, reason) = $0 { true } else { false } }
    }
    let audit = Set(outcome.dump.servers.flatMap(\.audit).map(\.action))
    switch drill {
    case .secondLock: return count { if case .unlockedShown(2) = $0 { true } else { false } } == 1
    case .bellInLock: return count { if case .sealedShown = $0 { true } else { false } } == 3
    case .lateTap: return count { if case .saveRefused(_, "sealed") = $0 { true } else { false } } > 0
    case .grantThenReboot:
      return count { if case .remainingShown(300_000..., isDoubtful: true) = $0 { true } else { false } } > 0
    case .offlineAtBell:
      return counts(.afterDeadline) == 0 && count { if case .linkDown = $0 { true } else { false } } == 3
    case .bootBeforeBell: return counts(.timeUndecided) + counts(.afterDeadline) > 0
    case .partedHistories, .bellAtFork:
      return count { if case .successorOpened = $0 { true } else { false } } == 1 && audit.contains("successor")
    case .restoredAtFork:
      let onServer = outcome.dump.servers.flatMap(\.attempts).first { $0.journals.count > 1 }?.journals ?? []
      let onPhone = outcome.dump.phones.first { $0.journals.count > 1 }?.journals ?? []
      return onServer.map(\.row.id) == onPhone.map(\.status.id) && onServer.map(\.row.ordinal) == [1, 2, 3]
        && count { if case .serverRestored = $0 { true } else { false } } == 1
        && count { if case .acknowledged(_, 0, _) = $0 { true } else { false } } > 0
    case .copiedPhone: return counts(.superseded) > 0
    case .longAnswers: return outcome.dump.servers.flatMap(\.scopes).flatMap(\.records).contains(where: \.isDeleted)
    case .clockBehind: return audit.contains("clock-step")
    case .refusals: return audit.contains("refused")
    case .fullPhone: return count { if case .saveRefused(_, "disk-full") = $0 { true } else { false } } > 0
    case .failedSync: return count { if case .saveInterrupted = $0 { true } else { false } } > 0
    case .strangerSaysLater: return count { if case .responseDelivered(_, 503) = $0 { true } else { false } } > 2
    case .backupBehindSeals: return count { if case .serverRestored = $0 { true } else { false } } == 1
    }
  }
}

/// Checkers whose matter only a drill brings about: each is shown its world, and one that is broken in one place.
@Suite struct SimDrillCheckerTests {
  private func finds(
    _ checker: any Checker, in drill: SimDrill, sourceLocation: SourceLocation = #_sourceLocation,
    _ breaks: (inout JudgedCase) throws -> Void
  ) throws {
    let outcome = try SimRun.run(SimOptions(seed: 3, drill: drill))
    var judged = JudgedCase(history: outcome.history, world: outcome.dump)
    let good = judged.check(checker)
    #expect(good.violations.isEmpty && good.checked > 0, sourceLocation: sourceLocation)
    try breaks(&judged)
    let violations = judged.check(checker).violations
    #expect(!violations.isEmpty, sourceLocation: sourceLocation)
    #expect(violations.allSatisfy { $0.invariant == checker.invariant }, sourceLocation: sourceLocation)
  }

  @Test func anUnlockThatOpensAnotherLockIsFound() throws {
    try finds(UnlocksOpenTheirLock(), in: .secondLock) { broken in
      for scope in broken.world.servers[0].scopes.indices {
        for index in broken.world.servers[0].scopes[scope].records.indices {
          let record = broken.world.servers[0].scopes[scope].records[index]
          guard record.collection == ScopeCollection.unlock else { continue }
          var unlock = try UnlockRecord(wire: record.body)
          unlock.number += 1
          broken.world.servers[0].scopes[scope].records[index].body = unlock.wire
        }
      }
    }
  }

  @Test func anEntryThatCountsInAJournalThatWasLeftIsFound() throws {
    try finds(LeftJournalsAreOver(), in: .copiedPhone) { broken in
      for attempt in broken.world.servers[0].attempts.indices {
        for journal in broken.world.servers[0].attempts[attempt].journals.indices {
          broken.world.servers[0].attempts[attempt].journals[journal].dispositions
            .removeAll { $0.reason == .superseded }
        }
      }
    }
  }

  @Test func aSealThatLeavesOutAJournalIsFound() throws {
    try finds(SealsNameEveryJournal(), in: .bellAtFork) { broken in
      let phone = try #require(broken.world.phones.firstIndex { $0.journals.count > 1 })
      let fork = try #require(broken.world.phones[phone].journals[0].fork)
      broken.world.phones[phone].journals[0].fork = fork + 1
    }
  }

  @Test func anOlderAnswerThatCountsIsFound() throws {
    try finds(NewerAnswersCount(), in: .restoredAtFork) { broken in
      for attempt in broken.world.servers[0].attempts.indices
      where broken.world.servers[0].attempts[attempt].journals.count == 3 {
        broken.world.servers[0].attempts[attempt].journals[1].row.ordinal = 3
        broken.world.servers[0].attempts[attempt].journals[2].row.ordinal = 2
      }
    }
  }

  @Test func aRefusalThatIsNotInTheTrailIsFound() throws {
    try finds(RefusalsAreAudited(), in: .refusals) { broken in
      broken.world.servers[0].audit.removeAll { $0.action == "refused" }
    }
  }

  @Test func aRecordOfOneCandidateInASharedScopeIsFound() throws {
    try finds(SharedScopesNameNobody(), in: .secondLock) { broken in
      let exam = broken.world.truth.exams[0].id
      let shared = try #require(broken.world.servers[0].scopes.firstIndex { $0.row.id == exam })
      broken.world.servers[0].scopes[shared].records[0].collection = ScopeCollection.answers
    }
  }

  @Test func aSaveAfterAFailedSyncIsFound() throws {
    try finds(StopsOnFailure(), in: .failedSync) { broken in
      let failed = try broken.index { if case .storageWarningShown = $0.fact { true } else { false } }
      let opened = try #require(
        broken.history[failed...].firstIndex { event in
          if event.node == .phone(0), case .opened = event.fact { true } else { false }
        })
      broken.history.remove(at: opened)
    }
  }
}

import ExamModel
import Testing

@testable import ExamLab

/// Whole exams in virtual time.
@Suite struct SimulatorTests {
  private func options(_ seed: UInt64, isCalm: Bool = false) -> SimOptions {
    var options = SimOptions(seed: seed)
    options.candidates = 3
    options.questions = 20
    options.isCalm = isCalm
    return options
  }

  @Test func runWithoutFaultsEndsWithReceiptsAndEqualState() throws {
    let outcome = try SimRun.run(options(1, isCalm: true))
    #expect(outcome.violations.isEmpty)
    #expect(outcome.dump.truth.cameToRest)
    #expect(outcome.faults.total == 0)
    let receipts = outcome.history.filter { event in
      if case .receiptShown(_, 1, isComplete: true) = event.fact { true } else { false }
    }
    #expect(receipts.count == 3)
    #expect(outcome.counts.saves > 3 * 15)
    #expect(outcome.dump.phones.count == 3)
    #expect(outcome.dump.servers.first?.attempts.allSatisfy { $0.receipts.count == 1 } == true)
  }

  @Test(arguments: [2, 4, 9] as [UInt64]) func sameSeedGivesTheSameRun(seed: UInt64) throws {
    let first = try SimRun.run(options(seed))
    let second = try SimRun.run(options(seed))
    #expect(first.digest == second.digest)
    #expect(first.decisions == second.decisions)
    #expect(first.history.count > 100)
  }

  @Test func seedsDiffer() throws {
    #expect(try SimRun.run(options(2)).digest != SimRun.run(options(3)).digest)
  }

  @Test(arguments: [3, 5, 13] as [UInt64]) func recordedPlanReplaysToTheSameRun(seed: UInt64) throws {
    let recorded = try SimRun.run(options(seed))
    #expect(!recorded.decisions.isEmpty)
    var replay = options(seed)
    replay.plan = recorded.decisions
    let replayed = try SimRun.run(replay)
    #expect(replayed.digest == recorded.digest)
    #expect(replayed.decisions == recorded.decisions)
  }

  @Test func emptyPlanIsAnExamInWhichNothingHappens() throws {
    var quiet = options(5)
    quiet.plan = []
    let outcome = try SimRun.run(quiet)
    #expect(outcome.decisions.isEmpty)
    #expect(outcome.violations.isEmpty)
    #expect(outcome.faults.total == 0)
  }

  @Test func networkThatStaysDownIsNoticedByTheLivenessCheck() throws {
    var cutOff = options(1, isCalm: true)
    cutOff.networkEndsAt = 300_000
    let outcome = try SimRun.run(cutOff)
    #expect(!outcome.dump.truth.cameToRest)
    #expect(outcome.violations.contains { $0.invariant == .i24 })
  }

  @Test func everyFactChangesTheDigest() {
    let facts: [Fact] = [
      .killed, .powerCut, .rebooted, .suspended, .woke, .closed, .linkUp, .linkDown, .serverKilled, .serverPowerCut,
      .began(what: "a"), .began(what: "b"), .diskFault(what: "a"), .openFailed(code: "a"),
      .clockJumped(milliseconds: 1), .clockJumped(milliseconds: 2), .saveRefused(item: nil, code: "a"),
      .saveRefused(item: "", code: "a"), .saveInterrupted(item: "q", value: nil),
      .saveInterrupted(item: "q", value: .options(["A"])), .saveInterrupted(item: "q", value: .text("A")),
      .shown(item: "q", value: nil), .remainingShown(milliseconds: 1, isDoubtful: false),
      .remainingShown(milliseconds: 1, isDoubtful: true), .lockedShown(number: 1), .unlockedShown(number: 1),
      .opened(isNew: true, quarantined: false), .opened(isNew: false, quarantined: true),
      .requestLost(exchange: 1, why: "a"), .responseLost(exchange: 1, why: "a"),
      .requestDelivered(exchange: 1, isRepeat: false), .requestDelivered(exchange: 1, isRepeat: true),
      .responseDelivered(exchange: 1, status: 200), .serverOpened(epoch: 1), .serverRestored(fromTrueMilliseconds: 1),
      .nemesis(name: "a", begins: true), .nemesis(name: "a", begins: false), .commanded(name: "a", succeeded: true),
    ]
    var digests: Set<TraceDigest> = []
    for fact in facts {
      var digest = TraceDigest()
      digest.take(HistoryEvent(1, .world, fact))
      digests.insert(digest)
    }
    #expect(digests.count == facts.count)
  }
}

/// Each long event by itself, over a run that is otherwise calm.
@Suite struct SimulatorNemesisTests {
  @Test(arguments: NemesisKind.allCases) func isSafe(_ kind: NemesisKind) throws {
    var options = SimOptions(seed: 21)
    options.candidates = 3
    options.questions = 20
    options.isCalm = true
    options.nemeses = [kind]
    let outcome = try SimRun.run(options)
    #expect(outcome.faults.rows.contains { $0.name == "nemesis \(kind.rawValue)" })
    #expect(outcome.violations.isEmpty, "\(outcome.violations.prefix(3).map(\.description))")
    #expect(outcome.dump.truth.cameToRest)
  }
}

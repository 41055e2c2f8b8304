import ExamModel
import SyncProtocol
import Testing

@testable import ExamLab

/// What nobody can bring back is exactly this: acknowledged, taken from the server by a restore, and lost with the
/// phone that wrote it.
@Suite struct LostEntriesTests {
  private let journal = ID128(high: 1, low: 1)
  private let attempt = ID128(high: 2, low: 1)

  private func evidence(
    restoredFrom: Int64 = 0, loser: SimNode = .phone(0), attempt other: ID128? = nil
  ) -> Evidence {
    var world = WorldDump()
    world.truth.losses = [DeviceLoss(30, loser, .wiped)]
    world.truth.intents = [
      Intent(10, .phone(0), attempt: other ?? attempt, item: "q1", value: .options(["a"]))
    ]
    let history: [HistoryEvent] = [
      HistoryEvent(10, .phone(0), .saved(journal: journal, sequence: 3, head: .zero, item: "q1", value: nil)),
      HistoryEvent(20, .server(0), .acknowledged(journal: journal, sequence: 3, head: .zero)),
      HistoryEvent(25, .phone(0), .saved(journal: journal, sequence: 4, head: .zero, item: "q2", value: nil)),
      HistoryEvent(40, .server(0), .serverRestored(fromTrueMilliseconds: restoredFrom)),
    ]
    return Evidence(history: history, world: world)
  }

  private func items(_ evidence: Evidence, held: UInt64 = 0) -> Set<String> {
    evidence.lostEntries.items(of: attempt, evidence) { _ in held }
  }

  @Test func whatWasAcknowledgedAndIsGoneOnBothSidesIsLost() {
    #expect(items(evidence()) == ["q1"])
  }

  @Test func whatSomebodyStillHasIsNot() {
    #expect(items(evidence(), held: 3).isEmpty)
  }

  @Test func whatTheBackupHoldsIsNot() {
    #expect(items(evidence(restoredFrom: 21)).isEmpty)
  }

  @Test func whatAPhoneWroteThatIsStillThereIsNot() {
    #expect(items(evidence(loser: .phone(1))).isEmpty)
  }

  @Test func anotherAttemptsEntriesAreNoneOfThisOnes() {
    #expect(items(evidence(attempt: ID128(high: 2, low: 2))).isEmpty)
  }

  @Test(arguments: [(3, 0, true), (3, 3, false), (4, 0, false)] as [(UInt64, UInt64, Bool)])
  func aSealNamesThemOnlyAsFarAsTheyWereAcknowledged(_ named: UInt64, _ held: UInt64, _ isLost: Bool) {
    let seal = SealStatement(
      attempt: attempt, ordinal: 1, journals: [JournalPosition(journal: journal, sequence: named, head: .zero)],
      answers: .zero, answerCount: 1, cause: .candidate)
    #expect(evidence().lostEntries.isNamed(by: seal) { _ in held } == isLost)
  }
}

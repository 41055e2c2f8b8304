import ExamModel
import SyncProtocol
import Testing

@testable import ExamLab

/// What the checkers leave to a person: entries of a phone that is gone, and of a server that went back behind them.
@Suite struct LostOnBothSidesTests {
  private static let attempt = ID128(high: 1, low: 1)

  /// Two candidates; the first one's phone 0 is wiped at 100, and phone 2 goes on.
  private func truth() -> Truth {
    var truth = Truth()
    truth.attempts = [Self.attempt, ID128(high: 1, low: 2)].map {
      AttemptTruth(id: $0, exam: ID128(high: 2, low: 1), candidate: ID128(high: 3, low: $0.low))
    }
    truth.losses = [DeviceLoss(100, .phone(0), .wiped)]
    return truth
  }

  private let seal = Fact.sealedShown(attempt: attempt, ordinal: 1, answers: .zero, answerCount: 1)
  private let news = Fact.scopeApplied(scope: ID128(high: 3, low: 1), epoch: 2, version: 1)
  private let answer = Fact.saved(
    journal: ID128(high: 4, low: 4), sequence: 9, head: .zero, item: "q1", value: .options(["A"]))

  private func isLost(_ phone: Int, from: Int = 50, _ facts: [(Int, Fact)]) -> Bool {
    let history =
      [HistoryEvent(300, .server(0), .serverRestored(fromTrueMilliseconds: Int64(from)))]
      + facts.map { HistoryEvent(Int64($0.0), .phone(phone), $0.1) }
    return truth().wasLostOnBothSides(.phone(phone), history.sorted { $0.trueMilliseconds < $1.trueMilliseconds })
  }

  @Test func ownEntriesAreLostWithOrWithoutASeal() {
    #expect(isLost(0, []))
    #expect(!isLost(0, from: 150, [(200, seal)]))
  }

  @Test func anothersEntriesAreLostOnlyWhereTheSealCameBeforeTheNews() {
    #expect(isLost(2, [(200, seal), (400, news)]))
    #expect(isLost(2, [(350, seal), (400, news)]))
    #expect(!isLost(2, [(400, news), (450, seal)]))
    #expect(!isLost(2, [(200, answer), (400, news)]))
    #expect(!isLost(2, from: 150, [(200, seal), (400, news)]))
  }

  @Test func aPhoneThatWentOnAfterItsSealSaysThemAgain() {
    #expect(!isLost(2, [(200, seal), (250, answer), (400, news)]))
  }

  @Test func nothingOfAnotherCandidateIsLost() {
    #expect(!isLost(1, [(200, seal), (400, news)]))
    #expect(!isLost(3, [(200, seal), (400, news)]))
  }
}

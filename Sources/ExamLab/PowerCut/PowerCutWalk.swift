import ExamModel
import SyncCore

/// One operation of a store, killed and cut at every single call that it makes of the disk, with several fates of what
/// was unsynced; and each time once more at every call of the opening that follows.
package struct PowerCutWalk: Sendable {
  package enum Operation: String, Sendable, CaseIterable {
    /// One answer. A server has none.
    case save
    /// An acknowledgement and a delta on a phone; a batch of pushes on a server.
    case sync
    /// The opening after a kill.
    case opening
    /// The opening of a file that an earlier version wrote.
    case update
    /// One hand-in. A server has none.
    case seal
  }

  package struct Result: Sendable {
    /// Calls of the disk that the operation makes.
    package var calls: UInt64 = 0
    /// Ends that were tried: a call, and how it ended there.
    package var points: UInt64 = 0
    /// The same, with a second end in the opening that followed.
    package var nestedPoints: UInt64 = 0
    package var outcome = PowerCutResult()
  }

  private static let decidedOperations: UInt32 = 160
  /// Further than any session goes: it ends by a kill after its last step.
  private static let never: UInt64 = 1 << 40

  package var seed: UInt64
  package var lane: PowerCutPlan.Lane
  package var operation: Operation
  /// Fates that are tried at each cut: all kept, all dropped, and mixtures.
  package var fates = 6
  /// Every so many calls of the second opening; 0 for no second ends.
  package var nestedStride: UInt64 = 1

  package init(_ operation: Operation, of lane: PowerCutPlan.Lane, seed: UInt64) {
    self.operation = operation
    self.lane = lane
    self.seed = seed
  }

  /// What a lane has.
  package static func operations(of lane: PowerCutPlan.Lane) -> [Operation] {
    lane == .server ? [.sync, .opening, .update] : Operation.allCases
  }

  private var node: UInt16 { lane == .phone ? 1 : 2 }
  private var isOpening: Bool { operation == .opening || operation == .update }
  /// A phone's first opening has a choice of its own.
  private var recoveryIndex: UInt32 { lane == .phone ? 1 : 0 }

  /// One end of the walk: where the session ends, and where the openings after it do.
  private struct End {
    var session: UInt64
    var openings: [UInt64] = []
    var fate = 0
  }

  /// Runs everything on the calling thread.
  package func run() -> Result {
    let start = ProcessorTime.ofThread
    var result = Result()
    let before = attempt(End(session: Self.never * 4 + 3), steps: prefix, &result)
    let whole = attempt(End(session: Self.never * 4 + 3), steps: prefix + own, &result)
    let calls = isOpening ? 0..<whole.recovery : before.session..<whole.session
    result.calls = UInt64(calls.count)
    for call in calls {
      for (fate, way) in ways {
        let end = end(at: call * 4 + way, fate: fate)
        let ended = attempt(end, steps: prefix + own, &result)
        result.points += 1
        guard nestedStride > 0, fate < 2 else { continue }
        for inner in stride(from: 0, to: ended.recovery, by: Int(nestedStride)) {
          var nested = end
          nested.openings.append(inner * 4 + (inner % 2 == 0 ? 1 : 3))
          _ = attempt(nested, steps: prefix + own, &result)
          result.nestedPoints += 1
        }
      }
    }
    result.outcome.processorSeconds = ProcessorTime.ofThread - start
    return result
  }

  /// A kill, and a cut with each fate.
  private var ways: [(fate: Int, way: UInt64)] { [(0, 3)] + (0..<fates).map { ($0, 1) } }

  private func end(at choice: UInt64, fate: Int) -> End {
    isOpening
      ? End(session: Self.never * 4 + 3, openings: [choice], fate: fate) : End(session: choice, fate: fate)
  }

  // MARK: - Steps

  private var prefix: [Int64] {
    guard lane == .phone else { return (1...4).map { choice($0) } }
    return [answer(1), answer(2), answer(3), acknowledge, answer(4)]
  }

  private var own: [Int64] {
    switch (operation, lane) {
    case (.opening, _), (.update, _): []
    case (_, .server): [choice(9)]
    case (.save, _): [answer(7)]
    case (.sync, _): [acknowledge, first { $0 == .announce }]
    case (.seal, _): [first { $0 == .seal }]
    }
  }

  private func choice(_ number: UInt64) -> Int64 {
    var generator = SeededGenerator(seed: seed &+ number)
    return 1 + Int64(generator.next() >> 16)
  }

  private var acknowledge: Int64 { first { $0 == .acknowledge } }

  /// An answer to one of the items, another one for each number.
  private func answer(_ number: Int) -> Int64 {
    first { if case .answer(let item, .options) = $0 { item == "q\(number)" } else { false } }
  }

  private func first(_ isWanted: (PowerCutStep) -> Bool) -> Int64 {
    var choice = Int64(seed % 1_000) + 1
    while !isWanted(PowerCutStep(choice: choice, phase: .answering)) { choice += 1 }
    return choice
  }

  // MARK: - One life

  private func attempt(
    _ end: End, steps: [Int64], _ result: inout Result
  ) -> (session: UInt64, recovery: UInt64) {
    let plan = decisions(end, steps: steps)
    let decisions = Decisions(seed: PowerCutCampaign.lifeSeed(seed, 0), plan: plan)
    let subject = lane.subject(decisions: decisions, cycles: 1)
    do { try subject.run() } catch {
      let plan = PowerCutPlan(lane: lane, seed: seed, life: 0, decisions: decisions.taken)
      result.outcome.failures.append(PowerCutFailure(finding: "\(error)", plan: plan, story: []))
    }
    result.outcome.counts += subject.counts
    result.outcome.digest ^= subject.digest.word
    return (session: subject.callsOfSession, recovery: subject.callsOfRecovery)
  }

  private func decisions(_ end: End, steps: [Int64]) -> [Decision] {
    var list: [Decision] = []
    func add(_ concern: Concern, _ index: UInt32, _ value: Int64) {
      if value != 0 { list.append(Decision(DecisionLabel(concern, node: node, index: index), value)) }
    }
    for (index, step) in steps.enumerated() { add(.action, UInt32(index), step) }
    add(.powerCut, 0, Int64(end.session))
    if operation == .update { add(.update, 0, 2) }
    for (index, opening) in end.openings.enumerated() {
      add(.kill, recoveryIndex + UInt32(index), Int64(opening))
    }
    guard end.fate > 0 else { return list }
    var fates = SeededGenerator(seed: seed &+ UInt64(end.fate))
    for index in 0..<Self.decidedOperations {
      let lot = fates.next() % 10
      let torn = 2 + Int64(fates.next() >> 16)
      add(.unsynced, index, end.fate == 1 ? 1 : lot < 4 ? 0 : lot < 7 ? 1 : torn)
    }
    return list
  }
}

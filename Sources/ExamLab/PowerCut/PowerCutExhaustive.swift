import SyncCore

/// One fixed session, cut and killed at every single call of the disk, with several fates of what was unsynced; and
/// then again with a second cut at every call of the recovery.
///
/// Each run is a plan of its own, so a failure replays like any other.
package struct PowerCutExhaustive: Sendable {
  package var seed: UInt64
  package var lane: PowerCutPlan.Lane
  /// Fates that are tried at each call: all kept, all dropped, and mixtures.
  package var fates = 6
  /// Every so many calls of the session are also cut a second time, at every so many calls of the recovery; 0 for none.
  package var nestedStride = 1

  private static let sessionSteps: UInt32 = 40
  private static let decidedOperations: UInt32 = 160

  package init(seed: UInt64, lane: PowerCutPlan.Lane) {
    self.seed = seed
    self.lane = lane
  }

  /// Where the second cut of a plan is in the order of choices: a phone's first opening has a choice of its own.
  private var recoveryIndex: UInt32 { lane == .phone ? 1 : 0 }
  private var node: UInt16 { lane == .phone ? 1 : 2 }

  /// Runs everything on the calling thread.
  package func run(progress: (String) -> Void = { _ in }) -> PowerCutResult {
    let start = ProcessorTime.ofThread
    var result = PowerCutResult()
    let whole = attempt(cut: nil, inner: nil, fate: 0, &result)
    let calls = whole.session
    progress("\(lane.rawValue): \(calls) calls in the session, \(whole.recovery) in the recovery")
    for call in 0..<calls {
      let killed = attempt(cut: call * 4 + 3, inner: nil, fate: 0, &result)
      var recovery = killed.recovery
      for fate in 0..<fates {
        recovery = max(recovery, attempt(cut: call * 4 + 1, inner: nil, fate: fate, &result).recovery)
      }
      guard nestedStride > 0, call % UInt64(nestedStride) == 0 else { continue }
      for inner in stride(from: 0, to: recovery, by: nestedStride) {
        _ = attempt(cut: call * 4 + 1, inner: inner * 4 + 1, fate: Int(inner) % max(1, fates), &result)
      }
      if call % 50 == 0 { progress("\(lane.rawValue): call \(call) of \(calls)") }
    }
    result.processorSeconds = ProcessorTime.ofThread - start
    return result
  }

  /// One life of one cycle. Gives the calls of its session and of its last opening.
  private func attempt(
    cut: UInt64?, inner: UInt64?, fate: Int, _ result: inout PowerCutResult
  ) -> (session: UInt64, recovery: UInt64) {
    let plan = decisions(cut: cut, inner: inner, fate: fate)
    let decisions = Decisions(seed: PowerCutCampaign.lifeSeed(seed, 0), plan: plan)
    let subject = lane.subject(decisions: decisions, cycles: 1)
    do { try subject.run() } catch {
      let plan = PowerCutPlan(lane: lane, seed: seed, life: 0, decisions: decisions.taken)
      result.failures.append(PowerCutFailure(finding: "\(error)", plan: plan, story: []))
    }
    result.counts += subject.counts
    result.digest ^= subject.digest.word
    return (session: subject.callsOfSession, recovery: subject.callsOfRecovery)
  }

  private func decisions(cut: UInt64?, inner: UInt64?, fate: Int) -> [Decision] {
    var list: [Decision] = []
    func add(_ concern: Concern, _ index: UInt32, _ value: Int64) {
      list.append(Decision(DecisionLabel(concern, node: node, index: index), value))
    }
    var script = SeededGenerator(seed: seed)
    for index in 0..<Self.sessionSteps { add(.action, index, 1 + Int64(script.next() >> 16)) }
    if let cut { add(.powerCut, 0, Int64(cut)) }
    if let inner { add(.kill, recoveryIndex, Int64(inner)) }
    guard fate > 0 else { return list }
    var fates = SeededGenerator(seed: seed &+ UInt64(fate))
    for index in 0..<Self.decidedOperations {
      let lot = fates.next() % 10
      let torn = 2 + Int64(fates.next() >> 16)
      let value: Int64 = fate == 1 ? 1 : lot < 4 ? 0 : lot < 7 ? 1 : torn
      if value != 0 { add(.unsynced, index, value) }
    }
    return list
  }
}

import ExamModel
import ServerCore
import SyncCore
import SyncProtocol

/// One run, from the first log-in to the last receipt: chaos, healing, rest.
package enum SimRun {
  /// - Throws: what makes an exam impossible to publish; never what a run finds.
  package static func run(_ options: SimOptions) throws -> SimOutcome {
    let world = try SimWorld(options)
    defer { world.close() }
    begin(world)
    runChaos(world)
    let settled = rest(world)
    return outcome(world, isSettled: settled)
  }

  static func begin(_ world: SimWorld) {
    world.note(.world, .began(what: "seed \(world.options.seed)"))
    world.server.open()
    for person in 0..<world.options.candidates {
      let instant = world.seeds.number(.people, 1 << 42, UInt64(person), in: 5_000...90_000)
      world.users[person].waitsForBell = world.seeds.number(.people, 1 << 43, UInt64(person), in: 0...4) == 0
      world.users[person].begin(at: instant)
    }
    SimWeather(world: world).begin()
    Nemesis(world: world).begin()
    if let drill = world.options.drill { DrillScript(world: world, drill: drill).begin() }
    world.proctor.begin()
    if let end = world.options.networkEndsAt {
      world.kernel.at(end) { world.endNetwork() }
    }
  }

  private static func runChaos(_ world: SimWorld) {
    while true {
      let end = world.closesAt + (world.lastGrants.values.max() ?? 0) + 40_000
      guard world.kernel.now < end else { return }
      world.kernel.run(until: min(end, world.kernel.now + 60_000))
    }
  }

  // MARK: - Rest

  /// How often the world is looked at while it comes to rest.
  private static let lookMilliseconds: Int64 = 5_000

  /// After the faults ended everything settles within this: a refused session is tried after two minutes, an open poll
  /// or a request that got lost ends after 70 s, a `Retry-After` after at most two minutes, and bytes after that.
  private static let boundMilliseconds: Int64 = 600_000
  /// With a digest that differed, or a journal that the server did not know.
  private static let repairMilliseconds: Int64 = 1_200_000
  /// With more than eight successors within an hour.
  private static let successorLimitMilliseconds: Int64 = 3_900_000

  private static func rest(_ world: SimWorld) -> Bool {
    world.heal()
    let healed = world.kernel.now
    while true {
      world.kernel.run(until: world.kernel.now + lookMilliseconds)
      let problems = Settlement(world: world).problems()
      if problems.isEmpty {
        world.truth.settledAt = world.kernel.now
        world.truth.cameToRest = true
        world.truth.boundAt = healed + bound(world)
        return true
      }
      guard world.kernel.now < healed + bound(world) else {
        world.truth.boundAt = healed + bound(world)
        for problem in problems.prefix(8) {
          world.wrong(.i24, problem.node, problem.text, expected: "rest after the faults ended", found: "no rest")
        }
        return false
      }
    }
  }

  private static func bound(_ world: SimWorld) -> Int64 {
    if world.phones.contains(where: \.isSyncStopped) { return successorLimitMilliseconds }
    let needsRepair = world.phones.contains { phone in
      guard let core = phone.core else { return false }
      return core.probes[.digestMismatch] > 0 || core.probes[.unknownJournalHeld] > 0
    }
    return needsRepair ? repairMilliseconds : boundMilliseconds
  }

  // MARK: - What is left

  private static func outcome(_ world: SimWorld, isSettled: Bool) -> SimOutcome {
    var outcome = SimOutcome(options: world.options)
    outcome.virtualMilliseconds = world.kernel.now
    outcome.counts = world.counts
    outcome.counts.exchanges = world.network.exchangeCount
    outcome.counts.commits = world.server.commitCount
    outcome.counts.steps = world.kernel.stepCount
    outcome.dump = world.dump()
    outcome.history = world.history.events
    outcome.digest = world.history.digest
    outcome.verdict = SimJudge.judge(outcome.history, outcome.dump, live: world.reopenChecker.results)
    var own = Finding()
    own.violations = world.violations
    outcome.verdict.add(own, of: .i24)
    outcome.decisions = world.decisions.taken
    outcome.faults = world.faults
    outcome.faults.add(world.network.faults)
    outcome.probes = world.probes
    for phone in world.phones { outcome.probes.add(phone.allProbes) }
    return outcome
  }
}

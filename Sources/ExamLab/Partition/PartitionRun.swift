import Foundation
import Glibc

/// A few phones type while their network, or they themselves, fail; then everything heals, nobody types any more, and
/// both sides have to be the same within a bound.
struct PartitionRun {
  let stage: LabStage
  let folder: String
  let seed: UInt64
  let phones: Int

  /// From the heal on: the greatest back-off (30 s) and the progress deadline (15 s) of the protocol.
  static let boundMilliseconds = 45_000
  private static let extensionMinutes = 30

  func execute(run: Int) throws -> PartitionOutcome {
    let plan = PartitionPlan(seed: seed, run: run, phones: phones)
    var outcome = KillOutcome(.pause, run: run)
    outcome.point = plan.fault.rawValue
    var world = try stage.world(in: folder, phones: phones)
    try world.startServer()
    defer { world.server.kill() }
    let proxy = try ProxyEngine(
      upstream: world.server.address, links: (0..<phones).map { LinkConfiguration(name: Self.link($0)) }, seed: seed)
    try proxy.start()
    defer { proxy.stop() }
    let ports = try (0..<phones).map { try proxy.port(of: Self.link($0)) }
    let crowd = try Crowd(world, phones: phones, seed: seed &+ UInt64(run), ports: ports)
    for (index, round) in plan.rounds.enumerated() {
      try crowd.type(milliseconds: round.quietMilliseconds, pauseMilliseconds: plan.pauseMilliseconds)
      for seat in round.seats { try strike(plan.fault, seat, crowd, proxy) }
      // What the server decides meanwhile has to reach every phone too.
      if index == 0 { try extend(world) }
      try crowd.type(milliseconds: round.faultMilliseconds, pauseMilliseconds: plan.pauseMilliseconds)
      for seat in round.seats { try heal(plan.fault, seat, crowd, proxy, &outcome) }
    }
    let bell = stage.closesAt + Self.extensionMinutes * 60_000
    outcome.healMilliseconds = crowd.settle(withinMilliseconds: Self.boundMilliseconds, &outcome) { status in
      status.pending == 0 && Self.knows(status, bell)
    }
    try crowd.judge(&outcome)
    let exit = world.server.stop()
    if exit != 0 { outcome.failures.append("the server ended with \(exit) instead of 0") }
    return PartitionOutcome(fault: plan.fault, comparison: outcome)
  }

  private static func link(_ seat: Int) -> String { "phone-\(seat + 1)" }

  private func extend(_ world: LabWorld) throws {
    try world.server.command([
      "extend", "--exam", stage.exam, "--by", "\(Self.extensionMinutes)m", "--reason", "partition",
    ])
  }

  /// Whether a phone's time left shows the later bell: the grant is far greater than any difference of the clocks.
  private static func knows(_ status: LabReply, _ bell: Int) -> Bool {
    guard let left = status.deadlineInMilliseconds else { return false }
    return abs(WallClock.milliseconds + left - bell) < 60_000
  }

  private func strike(_ fault: PartitionFault, _ seat: Int, _ crowd: Crowd, _ proxy: ProxyEngine) throws {
    let link = Self.link(seat)
    switch fault {
    case .disconnect: try crowd.setNetwork(seat, up: false)
    case .outbound: try proxy.setLink(link, .up, up: false)
    case .inbound: try proxy.setLink(link, .down, up: false)
    case .both: try proxy.setLink(link, up: false)
    case .cut:
      try proxy.cut(link)
      try proxy.setLink(link, up: false)
    case .pause: try crowd.stop(seat)
    case .kill: try crowd.kill(seat)
    }
  }

  private func heal(
    _ fault: PartitionFault, _ seat: Int, _ crowd: Crowd, _ proxy: ProxyEngine, _ outcome: inout KillOutcome
  ) throws {
    let link = Self.link(seat)
    switch fault {
    case .disconnect: try crowd.setNetwork(seat, up: true)
    case .outbound: try proxy.setLink(link, .up, up: true)
    case .inbound: try proxy.setLink(link, .down, up: true)
    case .both, .cut: try proxy.setLink(link, up: true)
    case .pause: try crowd.resume(seat)
    case .kill: try crowd.reopen(seat, &outcome)
    }
  }
}

/// Partition runs by number, several at a time.
public final class PartitionCampaign: Sendable {
  public let options: PartitionOptions
  private let stage: LabStage

  /// Prepares the stage: a server, an exam, and phones that have begun it.
  public init(_ options: PartitionOptions) throws {
    try options.validate()
    self.options = options
    try FileManager.default.createDirectory(
      atPath: "\(options.outputFolder)/runs", withIntermediateDirectories: true)
    stage = try LabStage(
      binaries: options.binaries, folder: "\(options.outputFolder)/stage", phones: options.phones)
  }

  /// Performs the runs of these numbers, and gives them in their order. `progress` hears of what is there so far, now
  /// and then.
  public func run(_ range: Range<Int>, _ progress: ([PartitionOutcome]) -> Void = { _ in }) -> [PartitionOutcome] {
    ParallelRuns(range) { self.one($0) }.perform(jobs: options.jobs, progress)
  }

  /// One run; its folder stays where something was wrong.
  private func one(_ run: Int) -> PartitionOutcome {
    let folder = "\(options.outputFolder)/runs/\(run)"
    var outcome: PartitionOutcome
    do {
      outcome = try PartitionRun(stage: stage, folder: folder, seed: options.seed, phones: options.phones)
        .execute(run: run)
    } catch {
      let plan = PartitionPlan(seed: options.seed, run: run, phones: options.phones)
      outcome = PartitionOutcome(fault: plan.fault, comparison: KillOutcome(.pause, run: run))
      outcome.comparison.failures.append("\(error)")
    }
    if outcome.isClean { try? FileManager.default.removeItem(atPath: folder) }
    return outcome
  }
}

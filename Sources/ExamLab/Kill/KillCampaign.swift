import Foundation
import Glibc
import Synchronization

/// Kills real processes run after run, and compares. A run's number and the seed decide everything about it but the
/// machine's own timing.
public final class KillCampaign: Sendable {
  public let options: KillOptions
  private let stage: LabStage
  private let plan: KillPlan
  /// The kinds that can run here, each as often as it weighs.
  private let schedule: [KillLaneName]
  /// What cannot run here, why, and what to do.
  public let skipped: [String]

  /// Prepares the stage: a server, an exam, and phones that have begun it.
  public init(_ options: KillOptions) throws {
    try options.validate()
    self.options = options
    let folder = options.outputFolder
    try FileManager.default.createDirectory(atPath: "\(folder)/runs", withIntermediateDirectories: true)
    var lanes = options.lanes
    var skipped: [String] = []
    if lanes.contains(where: \.needsTracer), let obstacle = Strace.obstacle(folder: folder) {
      skipped.append("SKIPPED \(Self.names(lanes.filter(\.needsTracer))): \(obstacle)")
      lanes.removeAll(where: \.needsTracer)
    }
    if lanes.contains(.full), let obstacle = SmallDisk.obstacle(folder: folder) {
      skipped.append("SKIPPED full: \(obstacle)")
      lanes.removeAll { $0 == .full }
    }
    guard !lanes.isEmpty else { throw RoomError(skipped.joined(separator: "\n")) }
    self.skipped = skipped
    schedule = Self.interleave(lanes)
    let phones = lanes.contains { !$0.needsTracer } ? ServerKillRun.phones : 1
    stage = try LabStage(binaries: options.binaries, folder: "\(folder)/stage", phones: phones)
    plan = KillPlan(stage: stage, folder: "\(folder)/runs", seed: options.seed)
  }

  private static func names(_ lanes: [KillLaneName]) -> String {
    lanes.map(\.rawValue).joined(separator: ", ")
  }

  /// Spreads the kinds over twenty runs, so that every stretch of runs has some of each.
  static func interleave(_ lanes: [KillLaneName]) -> [KillLaneName] {
    var slots: [(place: Double, lane: KillLaneName)] = []
    for lane in lanes {
      for turn in 0..<lane.weight {
        slots.append(((Double(turn) + 0.5) / Double(lane.weight), lane))
      }
    }
    return slots.enumerated().sorted { ($0.element.place, $0.offset) < ($1.element.place, $1.offset) }
      .map(\.element.lane)
  }

  /// Performs the runs of these numbers, several at a time, and gives them in their order. `progress` hears of what is
  /// there so far, now and then.
  public func run(_ range: Range<Int>, _ progress: ([KillOutcome]) -> Void = { _ in }) -> [KillOutcome] {
    ParallelRuns(range) { self.one($0) }.perform(jobs: options.jobs, progress)
  }

  /// One run; its folder stays where something was wrong.
  private func one(_ run: Int) -> KillOutcome {
    let lane = schedule[run % schedule.count]
    let turns = schedule.indices.filter { schedule[$0] == lane }
    let index = run / schedule.count * turns.count + (turns.firstIndex(of: run % schedule.count) ?? 0)
    let folder = "\(options.outputFolder)/runs/\(run)-\(lane.rawValue)"
    var outcome: KillOutcome
    do {
      outcome = try perform(lane, run: run, index: index, folder: folder)
    } catch {
      outcome = KillOutcome(lane, run: run)
      outcome.failures.append("\(error)")
    }
    if outcome.isClean { try? FileManager.default.removeItem(atPath: folder) }
    return outcome
  }

  private func perform(_ lane: KillLaneName, run: Int, index: Int, folder: String) throws -> KillOutcome {
    switch lane {
    case .save, .sync, .open, .error:
      let item = try plan.item(lane, index: index)
      return try PhoneRun(stage: stage, folder: folder, script: item.script)
        .execute(lane, run: run, point: item.point, fault: item.fault)
    case .server: return try ServerKillRun(stage: stage, folder: folder, seed: options.seed).execute(run: run)
    case .pause: return try PauseRun(stage: stage, folder: folder, seed: options.seed).execute(run: run)
    case .full where index.isMultiple(of: 2):
      return try FullPhoneRun(stage: stage, folder: folder, seed: options.seed).execute(run: run)
    case .full: return try FullServerRun(stage: stage, folder: folder, seed: options.seed).execute(run: run)
    }
  }

  /// The report on these outcomes.
  public func report(_ outcomes: [KillOutcome], seconds: Double) -> KillReport {
    var points: [String: KillReport.Points] = [:]
    for lane in Set(schedule) where lane.needsTracer {
      guard let size = try? plan.size(lane) else { continue }
      points[lane.rawValue] = KillReport.Points(first: size.points, shadowed: size.shadowed)
    }
    return KillReport(
      seed: options.seed, seconds: seconds, skipped: skipped, points: points, outcomes: outcomes)
  }
}

import Foundation

/// Power cut under both stores on virtual disks: ``PowerCutCampaign``. A run is one cut and its recovery; every eighth
/// is a server's.
public struct PowerCutLane: SoakLane {
  public let name = "power cuts"
  public let target: Int
  public let sliceRuns: Int
  private let seed: UInt64
  private let threads: Int

  public init(seed: UInt64, target: Int = 1_000_000, sliceRuns: Int = 16_000, threads: Int) {
    self.seed = seed
    self.target = target
    self.sliceRuns = sliceRuns
    self.threads = threads
  }

  public func run(_ range: Range<Int>) throws -> LaneResult {
    let (lower, upper) = (UInt64(range.lowerBound), UInt64(range.upperBound))
    let servers = lower / 8..<upper / 8
    let phones = lower - servers.lowerBound..<upper - servers.upperBound
    let results = [
      PowerCutCampaign(seed: seed).run(phones, threads: threads),
      PowerCutCampaign(seed: seed, lane: .server).run(servers, threads: threads),
    ]
    return LaneResult(
      runs: range.count,
      failures: results.flatMap(\.failures).map { failure in
        "\(failure.plan.lane.rawValue), seed \(failure.plan.seed), life \(failure.plan.life): \(failure.finding)"
      })
  }
}

/// Whole exams in virtual time: ``SimRun``. A run's number is its seed, and decides the size of the exam too: most are
/// small, because many small ones meet more than a few large ones in the same time.
public struct SimulationLane: SoakLane {
  public let name = "simulated exams"
  public let target: Int
  public let sliceRuns: Int
  private let settings: SimulationSettings

  /// - Parameters:
  ///   - command: `exam-lab`, which runs one seed in a hundred again in a process of its own; `nil` for none.
  ///   - plans: the folder for plans of failing runs; `nil` for none.
  public init(
    target: Int = 100_000, sliceRuns: Int = 1_000, threads: Int, command: String? = nil, plans: String? = nil
  ) {
    self.target = target
    self.sliceRuns = sliceRuns
    var settings = SimulationSettings()
    settings.threads = threads
    settings.showsProgress = false
    settings.drawsSizes = true
    settings.ownCommand = command
    settings.outputFolder = plans
    self.settings = settings
  }

  public func run(_ range: Range<Int>) throws -> LaneResult {
    var settings = settings
    settings.firstSeed = UInt64(range.lowerBound + 1)
    settings.lastSeed = UInt64(range.upperBound)
    let totals = Simulation(settings).totals()
    return LaneResult(runs: range.count, failures: totals.failures)
  }
}

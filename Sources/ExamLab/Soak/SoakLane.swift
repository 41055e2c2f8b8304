/// One kind of runs of a soak. A run's number decides what it does, so that a soak goes on where it stopped.
public protocol SoakLane {
  /// What reports and the state file call it; never changed afterwards.
  var name: String { get }
  /// How many runs a soak makes.
  var target: Int { get }
  /// How many runs are made between two saves of the progress.
  var sliceRuns: Int { get }

  /// Makes the runs of these numbers.
  ///
  /// - Throws: where they could not be made at all; the soak stops there, and goes on with them when it is started
  ///   again.
  func run(_ range: Range<Int>) throws -> LaneResult
}

/// What a slice of a lane's runs showed.
public struct LaneResult: Sendable {
  public var runs: Int
  /// A line for each run that failed.
  public var failures: [String]

  public init(runs: Int, failures: [String]) {
    self.runs = runs
    self.failures = failures
  }
}

/// A lane that is made of a function, for campaigns that know nothing of soaks.
public struct ClosureLane: SoakLane {
  public let name: String
  public let target: Int
  public let sliceRuns: Int
  private let body: (Range<Int>) throws -> LaneResult

  public init(name: String, target: Int, sliceRuns: Int, _ body: @escaping (Range<Int>) throws -> LaneResult) {
    self.name = name
    self.target = target
    self.sliceRuns = sliceRuns
    self.body = body
  }

  public func run(_ range: Range<Int>) throws -> LaneResult { try body(range) }
}

/// Processes killed at system calls: ``KillCampaign``.
public struct KillLane: SoakLane {
  public let name = "kills"
  public let target: Int
  public let sliceRuns: Int
  private let campaign: KillCampaign

  public init(_ options: KillOptions, target: Int = 1_000, sliceRuns: Int = 40) throws {
    self.target = target
    self.sliceRuns = sliceRuns
    campaign = try KillCampaign(options)
  }

  /// What this machine does not permit.
  public var skipped: [String] { campaign.skipped }

  public func run(_ range: Range<Int>) throws -> LaneResult {
    let outcomes = campaign.run(range)
    return LaneResult(
      runs: outcomes.count,
      failures: outcomes.filter { !$0.isClean }.map { outcome in
        "run \(outcome.run) (\(outcome.lane.rawValue), \(outcome.point ?? "no fault")): "
          + outcome.problems.joined(separator: "; ")
      })
  }
}

/// Networks parted and healed: ``PartitionCampaign``.
public struct PartitionLane: SoakLane {
  public let name = "partitions"
  public let target: Int
  public let sliceRuns: Int
  private let campaign: PartitionCampaign

  public init(_ options: PartitionOptions, target: Int = 1_000, sliceRuns: Int = 42) throws {
    self.target = target
    self.sliceRuns = sliceRuns
    campaign = try PartitionCampaign(options)
  }

  public func run(_ range: Range<Int>) throws -> LaneResult {
    let outcomes = campaign.run(range)
    return LaneResult(
      runs: outcomes.count,
      failures: outcomes.filter { !$0.isClean }.map { outcome in
        "run \(outcome.comparison.run) (\(outcome.fault.rawValue)): "
          + outcome.comparison.problems.joined(separator: "; ")
      })
  }
}

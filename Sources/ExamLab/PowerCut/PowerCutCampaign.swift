import Foundation
import SQLite
import SyncCore
import Synchronization

/// A life that broke an invariant.
package struct PowerCutFailure: Sendable {
  /// The invariant's number, and what was found.
  package var finding: String
  /// What reproduces it.
  package var plan: PowerCutPlan
  /// What the disk did, a line for each fault.
  package var story: [String]
}

/// What a range of cycles gave.
package struct PowerCutResult: Sendable {
  package var counts = PowerCutCounts()
  package var failures: [PowerCutFailure] = []
  /// The same for the same seed and range, whatever the number of threads.
  package var digest: UInt64 = 0
  /// Processor seconds of all threads together.
  package var processorSeconds: Double = 0
  /// Where the next range begins.
  package var nextCycle: UInt64 = 0

  package var cyclesPerCoreSecond: Double {
    processorSeconds > 0 ? Double(counts.cycles) / processorSeconds : 0
  }

  mutating func add(_ other: PowerCutResult) {
    counts += other.counts
    failures += other.failures
    digest ^= other.digest
    processorSeconds += other.processorSeconds
    nextCycle = max(nextCycle, other.nextCycle)
  }
}

/// Cut after cut over real stores on virtual disks, each recovery checked against what was promised.
///
/// A pure function of (seed, lane, range): a campaign of a million cycles runs in slices and goes on from
/// ``PowerCutResult/nextCycle``, in another process if need be.
package struct PowerCutCampaign: Sendable {
  package var seed: UInt64
  package var lane: PowerCutPlan.Lane
  /// Faults that the checks are not told of, for the tests of the checks.
  var planted = DiskFaults()
  /// Lives that fail after these many are counted but not kept.
  private static let keptFailures = 20

  package init(seed: UInt64, lane: PowerCutPlan.Lane = .phone) {
    self.seed = seed
    self.lane = lane
  }

  /// Runs a range of cycles on the calling thread. A life has ``cyclesOfALife`` cycles and is never split: the range is
  /// rounded to whole lives.
  package func run(_ cycles: Range<UInt64>) -> PowerCutResult {
    let size = Self.cyclesOfALife
    return runLives(cycles.lowerBound / size..<(cycles.upperBound + size - 1) / size)
  }

  /// The same on several threads at once.
  package func run(_ cycles: Range<UInt64>, threads: Int) -> PowerCutResult {
    let size = Self.cyclesOfALife
    let lives = cycles.lowerBound / size..<(cycles.upperBound + size - 1) / size
    let count = UInt64(max(1, threads))
    let total = Mutex(PowerCutResult())
    DispatchQueue.concurrentPerform(iterations: Int(count)) { index in
      let share = UInt64(lives.count)
      let part =
        lives.lowerBound + share * UInt64(index) / count..<lives.lowerBound + share * UInt64(index + 1) / count
      let result = runLives(part)
      total.withLock { $0.add(result) }
    }
    return total.withLock { $0 }
  }

  package static let cyclesOfALife = UInt64(PowerCutLife.cycles)

  private func runLives(_ lives: Range<UInt64>) -> PowerCutResult {
    Library.countNoMemory()
    let start = ProcessorTime.ofThread
    var result = PowerCutResult()
    for life in lives {
      let outcome = run(
        life: life, decisions: Decisions(seed: Self.lifeSeed(seed, life)), keepsStory: false)
      result.counts += outcome.counts
      result.digest ^= outcome.digest
      if let failure = outcome.failure, result.failures.count < Self.keptFailures {
        result.failures.append(failure)
      }
    }
    result.processorSeconds = ProcessorTime.ofThread - start
    result.nextCycle = lives.upperBound * Self.cyclesOfALife
    return result
  }

  /// Runs a plan again, with the story of its disk.
  package static func replay(_ plan: PowerCutPlan) -> PowerCutFailure? { replay(plan, planted: DiskFaults()) }

  static func replay(_ plan: PowerCutPlan, planted: DiskFaults) -> PowerCutFailure? {
    var campaign = PowerCutCampaign(seed: plan.seed, lane: plan.lane)
    campaign.planted = planted
    let decisions = Decisions(seed: lifeSeed(plan.seed, plan.life), plan: plan.decisions)
    return campaign.run(life: plan.life, decisions: decisions, keepsStory: true).failure
  }

  private struct Outcome {
    var counts: PowerCutCounts
    var digest: UInt64
    var failure: PowerCutFailure?
  }

  private func run(life: UInt64, decisions: Decisions, keepsStory: Bool) -> Outcome {
    let subject = lane.subject(decisions: decisions, keepsStory: keepsStory, planted: planted)
    var failure: PowerCutFailure?
    do { try subject.run() } catch {
      let plan = PowerCutPlan(lane: lane, seed: seed, life: life, decisions: decisions.taken)
      failure = PowerCutFailure(finding: "\(error)", plan: plan, story: subject.story)
    }
    var digest = subject.digest
    digest.take(life)
    return Outcome(counts: subject.counts, digest: digest.word, failure: failure)
  }

  static func lifeSeed(_ seed: UInt64, _ life: UInt64) -> UInt64 {
    var generator = SeededGenerator(seed: seed ^ (life &+ 1) &* 0xD6E8_FEB8_6659_FD93)
    return generator.next()
  }
}

extension PowerCutPlan.Lane {
  func subject(
    decisions: Decisions, cycles: Int = PowerCutLife.cycles, keepsStory: Bool = false,
    planted: DiskFaults = DiskFaults()
  ) -> any PowerCutSubject {
    switch self {
    case .phone: PowerCutLife(decisions: decisions, cycles: cycles, keepsStory: keepsStory, planted: planted)
    case .server: ServerPowerCutLife(decisions: decisions, cycles: cycles, keepsStory: keepsStory, planted: planted)
    case .phoneDamage: DamageLife(decisions: decisions, cycles: cycles, keepsStory: keepsStory, planted: planted)
    case .serverDamage:
      ServerPowerCutLife(
        decisions: decisions, cycles: cycles, keepsStory: keepsStory, planted: planted, isDamaged: true)
    }
  }
}

/// One life on a virtual disk.
protocol PowerCutSubject: AnyObject {
  var counts: PowerCutCounts { get }
  var story: [String] { get }
  var digest: TraceDigest { get }
  /// Calls of the disk in the last session and in the last opening.
  var callsOfSession: UInt64 { get }
  var callsOfRecovery: UInt64 { get }
  /// Throws the first finding.
  func run() throws
}

extension TraceDigest {
  /// Both lanes in one word.
  var word: UInt64 { UInt64(description.prefix(16), radix: 16) ?? 0 }
}

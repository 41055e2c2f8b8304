import Foundation
import SQLite

/// Makes runs and says what was found.
public struct Simulation: Sendable {
  let settings: SimulationSettings

  public init(_ settings: SimulationSettings) {
    self.settings = settings
  }

  /// One run.
  public func one(_ seed: UInt64, digestOnly: Bool) throws -> (text: String, isGood: Bool) {
    let outcome = try SimRun.run(settings.options(seed))
    if digestOnly { return ("\(outcome.digest)", true) }
    if settings.showsEvents {
      for event in outcome.history { print(event.trueMilliseconds, event.node.name, event.fact) }
    }
    var text = "seed \(seed): \(outcome.history.count) events, digest \(outcome.digest), "
    text += "\(outcome.virtualMilliseconds / 1_000) virtual s, \(outcome.counts.exchanges) exchanges, "
    text += "\(outcome.counts.saves) saves, \(outcome.decisions.count) choices, \(outcome.faults.total) faults\n"
    for violation in outcome.violations { text += "\(violation)\n" }
    return (text, outcome.violations.isEmpty)
  }

  /// - Returns: whether nothing was found.
  public func run() throws -> Bool {
    let totals = totals()
    print(totals.text)
    if let folder = settings.outputFolder {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let page = CampaignPage(totals.report).html
      try Data(page.utf8).write(to: URL(fileURLWithPath: "\(folder)/simulate.html"), options: .atomic)
    }
    return totals.failures.isEmpty
  }

  /// Makes all runs and adds them up.
  func totals() -> SimulationTotals {
    Library.countNoMemory()
    let board = SimulationBoard(settings)
    let group = DispatchGroup()
    for _ in 0..<max(1, min(settings.threads, 64)) {
      group.enter()
      let thread = Thread {
        while let seed = board.nextSeed() { board.take(seed) { try SimRun.run(settings.options(seed)) } }
        group.leave()
      }
      thread.stackSize = 8 << 20
      thread.start()
    }
    group.wait()
    return board.totals
  }
}

/// What the threads of a campaign share.
///
/// `@unchecked Sendable`: everything is read and written under the lock.
final class SimulationBoard: @unchecked Sendable {
  private let lock = NSLock()
  private let settings: SimulationSettings
  private var next: UInt64?
  private var sums: SimulationTotals

  init(_ settings: SimulationSettings) {
    self.settings = settings
    next = settings.firstSeed
    sums = SimulationTotals(settings)
  }

  var totals: SimulationTotals { lock.withLock { sums } }

  func nextSeed() -> UInt64? {
    lock.withLock {
      guard let seed = next, seed <= settings.lastSeed else { return nil }
      next = seed + 1
      return seed
    }
  }

  private static let runsOfShrinking = 300
  /// Shrinking takes hundreds of runs: after some failures the rest is only counted.
  private static let mostShrunk = 4
  private var shrunk = 0

  private func mayShrink() -> Bool {
    lock.withLock {
      shrunk += 1
      return shrunk <= Self.mostShrunk
    }
  }

  /// One seed in a hundred is run again by another process.
  private func doubleChecked(_ outcome: SimOutcome) throws -> SimOutcome {
    guard SeedDoubleCheck.covers(outcome.options.seed), let command = settings.ownCommand else { return outcome }
    guard try SeedDoubleCheck(command: command).agrees(with: outcome) else {
      throw SimulationError("another process came to another digest than \(outcome.digest)")
    }
    lock.withLock { sums.doubleChecks += 1 }
    return outcome
  }

  func take(_ seed: UInt64, _ run: () throws -> SimOutcome) {
    var result = Result { try run() }
    var kept: FailureFolder.Kept?
    if case .success(let outcome) = result {
      result = Result { try doubleChecked(outcome) }
      if !outcome.violations.isEmpty, let folder = settings.outputFolder, mayShrink() {
        kept = try? FailureFolder(path: folder, runLimit: Self.runsOfShrinking).keep(outcome)
      }
    }
    lock.withLock {
      switch result {
      case .success(let outcome): sums.add(outcome, kept: kept)
      case .failure(let error): sums.failures.append("seed \(seed) could not be run: \(error)")
      }
      if settings.showsProgress, sums.runs % 50 == 0 {
        FileHandle.standardError.write(Data("\r\(sums.progressLine)".utf8))
      }
    }
  }
}

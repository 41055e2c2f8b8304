import Foundation
import Glibc
import Synchronization

/// Runs that mostly wait: for processes, for disks, for networks that heal.
enum WaitingRuns {
  /// Four for each processor, which is what keeps one busy.
  static let defaultJobs = min(64, max(1, 4 * ProcessInfo.processInfo.activeProcessorCount))
}

/// Runs by number, several at a time.
final class ParallelRuns<Outcome: Sendable>: Sendable {
  private let range: Range<Int>
  private let one: @Sendable (Int) -> Outcome
  private let state: Mutex<(next: Int, outcomes: [(run: Int, outcome: Outcome)])>

  init(_ range: Range<Int>, one: @escaping @Sendable (Int) -> Outcome) {
    self.range = range
    self.one = one
    state = Mutex((range.lowerBound, []))
  }

  /// Performs all, and gives them in their order. `progress` hears of what is there so far, now and then.
  func perform(jobs: Int, _ progress: ([Outcome]) -> Void) -> [Outcome] {
    let workers = (0..<min(jobs, range.count)).map { _ in Worker.start { self.work() } }
    var known = 0
    while !workers.allSatisfy(\.isFinished) {
      usleep(20_000)
      let outcomes = state.withLock { $0.outcomes }
      if outcomes.count > known { progress(outcomes.map(\.outcome)) }
      known = outcomes.count
    }
    workers.forEach { $0.join() }
    return state.withLock { $0.outcomes }.sorted { $0.run < $1.run }.map(\.outcome)
  }

  private func work() {
    while let run = take() {
      let outcome = one(run)
      state.withLock { $0.outcomes.append((run, outcome)) }
    }
  }

  private func take() -> Int? {
    state.withLock { state in
      guard state.next < range.upperBound else { return nil }
      state.next += 1
      return state.next - 1
    }
  }
}

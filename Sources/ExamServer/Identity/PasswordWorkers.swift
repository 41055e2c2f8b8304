import Foundation

/// The threads on which scrypt runs: few, with a bounded queue, so that a flood of log-ins cannot take the processor
/// or the memory (16 MiB each) away from answers.
///
/// `@unchecked Sendable`: every stored property is read and written under the condition's lock.
final class PasswordWorkers: @unchecked Sendable {
  private let condition = NSCondition()
  private let limit: Int
  private var jobs: [@Sendable () -> Void] = []
  private var reserved = 0
  private var isClosed = false

  init(threads: Int, queue: Int) {
    limit = queue
    for index in 0..<threads {
      let thread = Thread { [weak self] in self?.work() }
      thread.name = "examsync-password-\(index)"
      thread.start()
    }
  }

  /// Takes one of the bounded places; `false` if none is free. ``release()`` gives it back.
  func reserve() -> Bool {
    condition.withLock {
      guard reserved < limit, !isClosed else { return false }
      reserved += 1
      return true
    }
  }

  func release() {
    condition.withLock { reserved -= 1 }
  }

  /// Runs `job` on one of the threads. The caller holds a reserved place.
  func run(_ job: @escaping @Sendable () -> Void) {
    condition.withLock {
      jobs.append(job)
      condition.signal()
    }
  }

  func stop() {
    condition.withLock {
      isClosed = true
      condition.broadcast()
    }
  }

  private func work() {
    while let job = next() { job() }
  }

  private func next() -> (@Sendable () -> Void)? {
    condition.lock()
    defer { condition.unlock() }
    while jobs.isEmpty {
      if isClosed { return nil }
      condition.wait()
    }
    return jobs.removeFirst()
  }
}

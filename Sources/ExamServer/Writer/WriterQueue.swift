import Foundation

/// The calls that wait for the writer: bounded, urgent ones first.
///
/// `@unchecked Sendable`: every stored property is read and written under the condition's lock.
final class WriterQueue: @unchecked Sendable {
  enum Priority: Sendable {
    /// Seals, receipts, sessions and commands: taken first, and taken while ordinary calls are turned away.
    case urgent
    case ordinary
    /// A held poll that is due: it was admitted when it came and is never turned away.
    case admitted
  }

  private let condition = NSCondition()
  private let limit: Int
  private var urgent: [WriterJob] = []
  private var ordinary: [WriterJob] = []
  private var isWriterWaiting = false
  private var isClosed = false

  init(limit: Int) {
    self.limit = limit
  }

  /// `false`: the queue is full or closed, and the job was not taken.
  func append(_ job: WriterJob, priority: Priority) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    guard !isClosed else { return false }
    switch priority {
    case .urgent:
      guard urgent.count < limit else { return false }
      urgent.append(job)
    case .ordinary:
      guard ordinary.count < limit else { return false }
      ordinary.append(job)
    case .admitted: ordinary.append(job)
    }
    if isWriterWaiting {
      isWriterWaiting = false
      condition.signal()
    }
    return true
  }

  /// Moves what waits into `batch`, at most `count` jobs; waits up to `deadline` for the first one.
  ///
  /// - Returns: `false` once the queue is closed and empty.
  func take(into batch: inout [WriterJob], count: Int, until deadline: Date) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    while urgent.isEmpty && ordinary.isEmpty && !isClosed {
      isWriterWaiting = true
      guard condition.wait(until: deadline) else { break }
    }
    isWriterWaiting = false
    if urgent.isEmpty && ordinary.count <= count && batch.isEmpty {
      swap(&batch, &ordinary)
    } else {
      Self.move(&urgent, to: &batch, upTo: count)
      Self.move(&ordinary, to: &batch, upTo: count)
    }
    return !(isClosed && batch.isEmpty)
  }

  var count: Int {
    condition.withLock { urgent.count + ordinary.count }
  }

  /// Nothing is taken any more; what waits is still worked off.
  func close() {
    condition.withLock {
      isClosed = true
      condition.broadcast()
    }
  }

  private static func move(_ source: inout [WriterJob], to batch: inout [WriterJob], upTo count: Int) {
    let moved = min(source.count, count - batch.count)
    guard moved > 0 else { return }
    batch.append(contentsOf: source[..<moved])
    source.removeFirst(moved)
  }
}

import Synchronization

/// Looks at the room that is left where the store lies, and keeps a reserve file there.
///
/// Before the disk is full the decisions answer *storage low* to everything but seals; what the seals then need is
/// the room that the reserve file gives back.
final class DiskWatch: Sendable {
  private let directory: String
  private let reservePath: String
  private let lowBytes: Int64
  private let reserveBytes: Int64
  /// What ordinary calls may still use, in bytes: the reserve's room never counts.
  private let available = Atomic<Int64>(.max)

  init(directory: String, reservePath: String, lowBytes: Int64, reserveBytes: Int64) {
    self.directory = directory
    self.reservePath = reservePath
    self.lowBytes = lowBytes
    self.reserveBytes = reserveBytes
    look()
  }

  var availableBytes: Int64 { available.load(ordering: .relaxed) }
  var isLow: Bool { availableBytes < lowBytes }

  /// Called at the start and by the writer between batches.
  ///
  /// - Parameter logBytes: the length of the write-ahead log: folding it in needs as much room again, so that much
  ///   does not count as free. Otherwise a full log could neither be folded in nor the store be opened again.
  func look(logBytes: Int = 0) {
    guard let free = FileSystem.freeBytes(directory).map({ Int64(clamping: $0) }) else { return }
    let held = Int64(FileSystem.size(reservePath) ?? 0)
    let ordinary = free - max(0, reserveBytes - held) - Int64(logBytes)
    available.store(ordinary, ordering: .relaxed)
    if ordinary < lowBytes {
      if held > 0 { FileSystem.remove(reservePath) }
    } else if held < reserveBytes && ordinary > lowBytes.addingReportingOverflow(lowBytes / 2).partialValue {
      FileSystem.reserve(reservePath, bytes: Int(reserveBytes))
    }
  }
}

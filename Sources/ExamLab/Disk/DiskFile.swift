import SyncCore

/// What becomes of an unsynced operation when the power goes.
enum UnsyncedFate {
  case kept
  case dropped
  /// Each sector on its own: kept, dropped or garbage.
  case torn(seed: UInt64)

  /// From the choice that was made; 0 is kept.
  init(choice: Int64) {
    self = choice == 0 ? .kept : choice == 1 ? .dropped : .torn(seed: UInt64(bitPattern: choice))
  }
}

/// One file whatever its name: what reads see, what would survive, and the operations between the two.
///
/// What would survive is not a copy: it is what reads see, with the pending operations undone. So a write at the end is
/// one copy, a sync is none, and only a power cut or a failed sync pays for looking back.
final class DiskFile {
  private enum Operation {
    case write(offset: Int, count: Int, before: Before)
    case truncate(size: Int, before: Before)
  }

  /// The file before an operation: its length, and where in `log` the bytes lie that the operation replaced or cut off.
  private struct Before {
    var size: Int
    var place: Int
    var count: Int
  }

  static let sectorBytes = 512

  /// What reads see: the page cache.
  private(set) var live = DiskBytes()
  private var pending: [Operation] = []
  /// The bytes that pending operations replaced.
  private let log = DiskBytes()
  /// After a failed sync: what reads see may differ from this wherever it likes, until the power goes.
  private var split: SplitFile?
  /// Room that is taken without content: the reserve is a megabyte that nobody reads.
  var reservedByteCount = 0

  var locks = FileLocks()
  /// Kept by the connections that use it.
  weak var sharedIndex: SharedIndex?

  var sizeBytes: Int { live.count + reservedByteCount }
  var pendingCount: Int { split?.pendingCount ?? pending.count }

  func write(_ source: UnsafeRawPointer, count: Int, at offset: Int) {
    if let split {
      split.write(source, count: count, at: offset)
    } else {
      let replaced = min(count, max(0, live.count - offset))
      pending.append(.write(offset: offset, count: count, before: before(offset, replaced)))
    }
    live.write(source, count: count, at: offset)
  }

  func truncate(to size: Int) {
    guard size != live.count else { return }
    if let split {
      split.truncate(to: size)
    } else {
      pending.append(.truncate(size: size, before: before(size, max(0, live.count - size))))
    }
    live.resize(to: size)
  }

  private func before(_ offset: Int, _ count: Int) -> Before {
    let place = count > 0 ? log.append(live.base + offset, count: count) : 0
    return Before(size: live.count, place: place, count: count)
  }

  /// Makes every operation durable.
  func sync() {
    split?.sync()
    forgetPending()
  }

  /// A sync that failed: from now on all counts as clean, whether it reached the platter or not.
  func failSync(isKept: () -> Bool) {
    divide().failSync(isKept: isKept)
  }

  /// The power goes: what is on the platter afterwards is all there is.
  func crash(fate: () -> UnsyncedFate) {
    if let split {
      split.crash(fate: fate)
      live = split.platter
      self.split = nil
      return
    }
    let operations = unwind()
    for operation in operations { operation.apply(to: live, fate()) }
    forgetPending()
  }

  /// The file is this and nothing else, durably.
  func replace(with bytes: [UInt8], reservedByteCount: Int) {
    forgetPending()
    split = nil
    live.copy(bytes)
    self.reservedByteCount = reservedByteCount
  }

  /// Inverts a bit on the platter and in the cache.
  func flip(byte: Int, bit: Int) {
    if !pending.isEmpty { _ = divide() }
    live.flip(byte: byte, bit: bit)
    split?.platter.flip(byte: byte, bit: bit)
  }

  private func forgetPending() {
    pending.removeAll(keepingCapacity: true)
    log.resize(to: 0)
  }

  /// Undoes the pending operations in `live`, and gives them with the bytes that they wrote.
  private func unwind() -> [DiskOperation] {
    var operations: [DiskOperation] = []
    operations.reserveCapacity(pending.count)
    for operation in pending.reversed() {
      switch operation {
      case .write(let offset, let count, let before):
        operations.append(.write(offset: offset, live.part(from: offset, count: count)))
        undo(before, at: offset)
      case .truncate(let size, let before):
        operations.append(.truncate(size: size))
        undo(before, at: size)
      }
    }
    operations.reverse()
    return operations
  }

  private func undo(_ before: Before, at offset: Int) {
    if before.count > 0 { live.write(log.base + before.place, count: before.count, at: offset) }
    live.resize(to: before.size)
  }

  /// What would survive gets a copy of its own.
  private func divide() -> SplitFile {
    if let split { return split }
    let seen = DiskBytes(capacity: live.count)
    seen.copy(live, from: 0)
    let operations = unwind()
    let divided = SplitFile(platter: live, pending: operations)
    live = seen
    forgetPending()
    split = divided
    return divided
  }
}

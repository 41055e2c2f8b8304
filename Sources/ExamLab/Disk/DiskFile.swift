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
final class DiskFile {
  private enum Operation {
    /// The bytes lie in `pendingBytes` from `place`.
    case write(offset: Int, count: Int, place: Int)
    case truncate(size: Int)
  }

  static let sectorBytes = 512

  /// What reads see: the page cache.
  let live = DiskBytes()
  /// What is on the platter.
  private let durable = DiskBytes()
  private var pending: [Operation] = []
  private let pendingBytes = DiskBytes()
  /// A sync failed: what reads see may be elsewhere than where operations are pending.
  private var differsThroughout = false
  /// Room that is taken without content: the reserve is a megabyte that nobody reads.
  var reservedByteCount = 0

  var locks = FileLocks()
  /// Kept by the connections that use it.
  weak var sharedIndex: SharedIndex?

  var sizeBytes: Int { live.count + reservedByteCount }
  var pendingCount: Int { pending.count }

  func write(_ source: UnsafeRawPointer, count: Int, at offset: Int) {
    live.write(source, count: count, at: offset)
    pending.append(.write(offset: offset, count: count, place: pendingBytes.append(source, count: count)))
  }

  func truncate(to size: Int) {
    guard size != live.count else { return }
    live.resize(to: size)
    pending.append(.truncate(size: size))
  }

  /// Makes every operation durable.
  func sync() {
    for operation in pending { apply(operation, .kept) }
    forgetPending()
  }

  /// A sync that failed: from now on all counts as clean, whether it reached the platter or not.
  func failSync(isKept: () -> Bool) {
    for operation in pending where isKept() { apply(operation, .kept) }
    forgetPending()
    differsThroughout = true
  }

  /// The power goes: what is on the platter afterwards is all there is.
  func crash(fate: () -> UnsyncedFate) {
    // Where the two can differ: a log of megabytes is not copied for its last page.
    var start = differsThroughout ? 0 : Int.max
    for operation in pending {
      switch operation {
      case .write(let offset, _, _): start = min(start, offset)
      case .truncate(let size): start = min(start, size)
      }
      apply(operation, fate())
    }
    forgetPending()
    live.copy(durable, from: min(start, durable.count, live.count))
    differsThroughout = false
  }

  /// The file is this and nothing else, durably.
  func replace(with bytes: [UInt8], reservedByteCount: Int) {
    forgetPending()
    durable.copy(bytes)
    live.copy(bytes)
    differsThroughout = false
    self.reservedByteCount = reservedByteCount
  }

  /// Inverts a bit on the platter and in the cache.
  func flip(byte: Int, bit: Int) {
    for bytes in [live, durable] where byte < bytes.count {
      let place = bytes.base + byte
      place.storeBytes(of: place.load(as: UInt8.self) ^ (1 << UInt8(bit & 7)), as: UInt8.self)
    }
  }

  private func forgetPending() {
    pending.removeAll(keepingCapacity: true)
    pendingBytes.resize(to: 0)
  }

  private func apply(_ operation: Operation, _ fate: UnsyncedFate) {
    switch (operation, fate) {
    case (_, .dropped): break
    case (.truncate(let size), .kept): durable.resize(to: size)
    // A length is one number: it is there or not.
    case (.truncate, .torn): break
    case (.write(let offset, let count, let place), .kept):
      durable.write(pendingBytes.base + place, count: count, at: offset)
    case (.write(let offset, let count, let place), .torn(let seed)):
      tear(pendingBytes.base + place, count: count, at: offset, seed: seed)
    }
  }

  /// Writes some sectors of an operation. Bytes outside the operation are never touched, as SQLite's
  /// `POWERSAFE_OVERWRITE` says of disks.
  private func tear(_ source: UnsafeRawPointer, count: Int, at offset: Int, seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    // The new length may reach the platter without the sectors it covers.
    if generator.next() & 1 == 0, offset + count > durable.count { durable.resize(to: offset + count) }
    var start = offset
    while start < offset + count {
      let end = min(offset + count, (start / Self.sectorBytes + 1) * Self.sectorBytes)
      switch generator.next() % 3 {
      case 0: durable.write(source + (start - offset), count: end - start, at: start)
      case 1: break
      default: writeGarbage(start..<end, &generator)
      }
      start = end
    }
  }

  private func writeGarbage(_ range: Range<Int>, _ generator: inout SeededGenerator) {
    var start = range.lowerBound
    while start < range.upperBound {
      let count = min(8, range.upperBound - start)
      withUnsafeBytes(of: generator.next().littleEndian) { word in
        durable.write(word.baseAddress!, count: count, at: start)
      }
      start += count
    }
  }
}

import SyncCore

/// A change of a file with the bytes that it writes.
enum DiskOperation {
  case write(offset: Int, DiskBytes)
  case truncate(size: Int)

  func apply(to platter: DiskBytes, _ fate: UnsyncedFate) {
    switch (self, fate) {
    case (_, .dropped): break
    case (.truncate(let size), .kept): platter.resize(to: size)
    // A length is one number: it is there or not.
    case (.truncate, .torn): break
    case (.write(let offset, let bytes), .kept): platter.write(bytes.base, count: bytes.count, at: offset)
    case (.write(let offset, let bytes), .torn(let seed)): Self.tear(bytes, at: offset, seed: seed, platter)
    }
  }

  /// Writes some sectors of an operation. Bytes outside the operation are never touched, as SQLite's
  /// `POWERSAFE_OVERWRITE` says of disks.
  private static func tear(_ bytes: DiskBytes, at offset: Int, seed: UInt64, _ platter: DiskBytes) {
    var generator = SeededGenerator(seed: seed)
    let count = bytes.count
    // The new length may reach the platter without the sectors it covers.
    if generator.next() & 1 == 0, offset + count > platter.count { platter.resize(to: offset + count) }
    var start = offset
    while start < offset + count {
      let end = min(offset + count, (start / DiskFile.sectorBytes + 1) * DiskFile.sectorBytes)
      switch generator.next() % 3 {
      case 0: platter.write(bytes.base + (start - offset), count: end - start, at: start)
      case 1: break
      default: writeGarbage(start..<end, &generator, platter)
      }
      start = end
    }
  }

  private static func writeGarbage(_ range: Range<Int>, _ generator: inout SeededGenerator, _ platter: DiskBytes) {
    var start = range.lowerBound
    while start < range.upperBound {
      let count = min(8, range.upperBound - start)
      withUnsafeBytes(of: generator.next().littleEndian) { word in
        platter.write(word.baseAddress!, count: count, at: start)
      }
      start += count
    }
  }
}

/// What would survive of a file whose cache is not to be trusted: the platter, and the operations since the last sync.
final class SplitFile {
  let platter: DiskBytes
  private var pending: [DiskOperation]

  var pendingCount: Int { pending.count }

  init(platter: DiskBytes, pending: [DiskOperation]) {
    self.platter = platter
    self.pending = pending
  }

  func write(_ source: UnsafeRawPointer, count: Int, at offset: Int) {
    let bytes = DiskBytes(capacity: count)
    _ = bytes.append(source, count: count)
    pending.append(.write(offset: offset, bytes))
  }

  func truncate(to size: Int) {
    pending.append(.truncate(size: size))
  }

  func sync() {
    for operation in pending { operation.apply(to: platter, .kept) }
    pending.removeAll()
  }

  /// Some operations reached the platter; the others never will.
  func failSync(isKept: () -> Bool) {
    for operation in pending where isKept() { operation.apply(to: platter, .kept) }
    pending.removeAll()
  }

  func crash(fate: () -> UnsyncedFate) {
    for operation in pending { operation.apply(to: platter, fate()) }
    pending.removeAll()
  }
}

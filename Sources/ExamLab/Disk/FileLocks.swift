import CSQLite

/// SQLite's five levels of locks on one file, among the connections of one process (sqlite.org/lockingv3.html).
struct FileLocks {
  private var sharers = 0
  private var writer: ObjectIdentifier?
  /// The writer waits for the last reader; no new one comes in.
  private var isPending = false

  /// Whether some connection holds a reserved lock or more.
  var isReserved: Bool { writer != nil }

  /// Raises the lock of `holder` and gives `SQLITE_OK` or `SQLITE_BUSY`.
  mutating func raise(_ level: inout Int32, to wanted: Int32, by holder: ObjectIdentifier) -> Int32 {
    guard level < wanted else { return SQLITE_OK }
    let isWriter = writer == holder
    guard writer == nil || isWriter || (wanted == SQLITE_LOCK_SHARED && !isPending) else { return SQLITE_BUSY }
    if level == SQLITE_LOCK_NONE {
      sharers += 1
      level = SQLITE_LOCK_SHARED
    }
    guard wanted > SQLITE_LOCK_SHARED else { return SQLITE_OK }
    writer = holder
    if wanted >= SQLITE_LOCK_PENDING { isPending = true }
    if wanted == SQLITE_LOCK_EXCLUSIVE, sharers > 1 {
      level = max(level, SQLITE_LOCK_PENDING)
      return SQLITE_BUSY
    }
    level = wanted
    return SQLITE_OK
  }

  /// Takes the lock back to shared or to none.
  mutating func lower(_ level: inout Int32, to wanted: Int32, by holder: ObjectIdentifier) {
    guard level > wanted else { return }
    if writer == holder {
      writer = nil
      isPending = false
    }
    if wanted == SQLITE_LOCK_NONE { sharers -= 1 }
    level = wanted
  }
}

/// The index of a WAL that several connections share: memory, and eight locks.
final class SharedIndex {
  private var regions: [UnsafeMutableRawPointer] = []
  private var sharers = [Int](repeating: 0, count: Int(SQLITE_SHM_NLOCK))
  private var owners = [ObjectIdentifier?](repeating: nil, count: Int(SQLITE_SHM_NLOCK))

  deinit { for region in regions { region.deallocate() } }

  /// A region, made if it is missing and `extends`; all regions have the same size.
  func region(_ number: Int, byteCount: Int, extends: Bool) -> UnsafeMutableRawPointer? {
    while extends, regions.count <= number {
      let region = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 16)
      region.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
      regions.append(region)
    }
    return number < regions.count ? regions[number] : nil
  }

  /// `held` has a bit for each lock that the holder has.
  func lock(_ slots: Range<Int>, isExclusive: Bool, held: inout UInt8, by holder: ObjectIdentifier) -> Int32 {
    for slot in slots {
      guard owners[slot] == nil || owners[slot] == holder else { return SQLITE_BUSY }
      let own = held & (1 << UInt8(slot)) != 0 && owners[slot] == nil ? 1 : 0
      guard !isExclusive || sharers[slot] == own else { return SQLITE_BUSY }
    }
    for slot in slots where held & (1 << UInt8(slot)) == 0 {
      held |= 1 << UInt8(slot)
      if isExclusive { owners[slot] = holder } else { sharers[slot] += 1 }
    }
    return SQLITE_OK
  }

  func unlock(_ slots: Range<Int>, held: inout UInt8, by holder: ObjectIdentifier) {
    for slot in slots where held & (1 << UInt8(slot)) != 0 {
      held &= ~(1 << UInt8(slot))
      if owners[slot] == holder { owners[slot] = nil } else { sharers[slot] -= 1 }
    }
  }
}

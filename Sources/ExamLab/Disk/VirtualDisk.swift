package import ExamStore
import SyncCore

/// A disk in memory that loses power, fails, fills up and lies when it is told so: an SQLite VFS and the ``StoreFiles``
/// beside it.
///
/// A file has what reads see and what is on the platter. Between the two lie the unsynced operations; at a power cut
/// each of them is kept, dropped or torn, by a choice of `Decisions`. Names are created, removed and renamed in the
/// same way. Every call of a program is counted, and a power cut or a kill can be set for any of them.
///
/// **Rule**: a disk and all connections on it belong to one thread. Nothing here looks at a clock or draws by itself.
package final class VirtualDisk {
  /// The name of the VFS for `ExamStore` and `ConnectionOptions`; good until ``close()``.
  package let vfsName: String
  /// What goes wrong from now on. Setting it mends a sync that was broken for ever.
  package var faults: DiskFaults {
    didSet { isSyncBroken = false }
  }
  /// Calls of all generations; calls of the dead are not counted. The first call is number 1.
  package private(set) var callCount: UInt64 = 0
  /// Takes one readable line for each fault.
  package var onFault: ((String) -> Void)?
  /// What SQLite takes for the time, in milliseconds since 1970.
  package var nowMilliseconds: Int64 = 0

  let decisions: Decisions
  let node: UInt16
  var directory = DiskDirectory()
  private var generation: DiskGeneration?
  private var generator: SeededGenerator
  private var powerCutCall: UInt64?
  private var killCall: UInt64?
  /// The sooner of the two: one comparison a call.
  private var nextEventCall = UInt64.max
  private var isSyncBroken = false
  /// Makes the name of the VFS unique among the disks of the process.
  private let identity = Identity()

  private final class Identity {}

  package init(decisions: Decisions, node: UInt16, faults: DiskFaults = DiskFaults()) {
    self.decisions = decisions
    self.node = node
    self.faults = faults
    vfsName = "virtual-disk-\(String(UInt(bitPattern: ObjectIdentifier(identity)), radix: 16))"
    generator = SeededGenerator(seed: decisions.seed ^ (UInt64(node) &+ 1) &* 0x9E37_79B9_7F4A_7C15)
    generation = DiskGeneration(disk: self, name: vfsName)
  }

  deinit { close() }

  /// Ends everything; the disk must not be used afterwards.
  package func close() {
    generation?.retire()
    generation = nil
  }

  /// The files for the stores of this generation. Ask again after ``restart()``.
  package var files: any StoreFiles { VirtualFiles(generation) }
  /// What a server's store does with its log before it opens.
  package func renewLog(_ path: String) throws { try VirtualFiles(generation).renewLog(path) }

  // MARK: - The end of a generation

  /// After a power cut or a kill, until ``restart()``: every call fails and changes nothing.
  package var isDead: Bool { generation?.isDead ?? true }

  /// Cuts the power instead of making this call, counted as ``callCount``; `nil` for never.
  package func schedulePowerCut(atCall call: UInt64?) {
    powerCutCall = call
    nextEventCall = min(powerCutCall ?? .max, killCall ?? .max)
  }

  /// Kills the process instead of making this call; `nil` for never.
  package func scheduleKill(atCall call: UInt64?) {
    killCall = call
    nextEventCall = min(powerCutCall ?? .max, killCall ?? .max)
  }

  /// Cuts the power now.
  package func powerCut() {
    guard !isDead else { return }
    generation?.die()
    crash()
  }

  /// Kills the process now. What it wrote is still in the page cache, unsynced.
  package func kill() {
    guard !isDead else { return }
    generation?.die()
    report("killed at call \(callCount)")
  }

  /// Starts a new generation on what is there. A living one is killed first.
  package func restart() {
    kill()
    generation?.retire()
    for entry in directory.entries {
      entry.file.locks = FileLocks()
      entry.file.sharedIndex = nil
    }
    generation = DiskGeneration(disk: self, name: vfsName)
  }

  func countCall() {
    callCount += 1
    if callCount >= nextEventCall { meetEvent() }
  }

  private func meetEvent() {
    if let call = powerCutCall, callCount >= call {
      schedulePowerCut(atCall: nil)
      powerCut()
    }
    if let call = killCall, callCount >= call {
      scheduleKill(atCall: nil)
      kill()
    }
  }

  // MARK: - Faults of calls

  /// Not 0 if a fault with this rate strikes now. A rate of 0 asks for no choice.
  func strikes(_ perMillion: Int) -> Int64 {
    guard perMillion > 0 else { return 0 }
    return decisions.next(.diskError, node: node) { generator in
      let isHit = generator.next() % 1_000_000 < UInt64(perMillion)
      return isHit ? 1 + Int64(generator.next() >> 16) : 0
    }
  }

  func liesNow() -> Bool {
    guard strikes(faults.lyingSyncsPerMillion) != 0 else { return false }
    report("a sync lied")
    return true
  }

  /// Whether the sync is reported as done.
  func sync(_ file: DiskFile, withFolder: Bool = false) -> Bool {
    if strikes(faults.lastingSyncErrorsPerMillion) != 0 { isSyncBroken = true }
    let strike = isSyncBroken ? 1 : strikes(faults.syncErrorsPerMillion)
    guard strike == 0 else {
      report(isSyncBroken ? "a sync failed, as all will" : "a sync failed")
      // Mostly nothing reached the platter, sometimes a part did.
      var coins = SeededGenerator(seed: UInt64(bitPattern: strike))
      file.failSync { strike & 3 == 3 && coins.next() & 1 == 0 }
      return false
    }
    guard !liesNow() else { return true }
    file.sync()
    if withFolder { directory.sync() } else { directory.sync(file) }
    return true
  }

  /// What all files take, reserves included.
  package var usedBytes: Int { directory.entries.reduce(0) { $0 + $1.file.sizeBytes } }

  /// Whether files may grow by so many bytes.
  func hasRoom(for growth: Int) -> Bool {
    guard let capacity = faults.capacityBytes, growth > 0 else { return true }
    guard usedBytes + growth > capacity else { return true }
    report("the disk is full: \(growth) bytes more would pass \(capacity)")
    return false
  }

  func report(_ line: @autoclosure () -> String) {
    if let onFault { onFault(line()) }
  }

  // MARK: - Time and randomness for SQLite

  func nextRandom() -> UInt64 { generator.next() }

  /// Milliseconds of the Julian calendar, as SQLite counts days.
  var julianMilliseconds: Int64 { nowMilliseconds + 210_866_760_000_000 }
}

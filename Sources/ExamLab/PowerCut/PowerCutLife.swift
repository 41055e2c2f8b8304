import ExamModel
import ExamStore
import SyncCore
import SyncProtocol

/// One phone from its first start through a fixed number of power cuts and kills, each followed by a recovery that is
/// verified.
final class PowerCutLife: PowerCutSubject {
  /// Cuts, kills and clean ends of one life, together.
  static let cycles = 16
  private static let nestedLevels = 3
  private static let longestSession = 32
  private static let node: UInt16 = 1

  let decisions: Decisions
  private(set) var counts = PowerCutCounts()
  private(set) var story: [String] = []
  private(set) var digest = TraceDigest()
  private(set) var callsOfSession: UInt64 = 0
  private(set) var callsOfRecovery: UInt64 = 0
  private let cycles: Int
  private let keepsStory: Bool
  /// Faults that the checks are not told of: they must find what these break.
  private let planted: DiskFaults
  private var family = PowerCutFamily.none
  private var disk: VirtualDisk
  private var phone: PowerCutPhone
  private var ledger = PowerCutLedger()
  private var store: ExamStore?
  private var devices: UInt64 = 0

  init(
    decisions: Decisions, cycles: Int = PowerCutLife.cycles, keepsStory: Bool = false,
    planted: DiskFaults = DiskFaults()
  ) {
    self.decisions = decisions
    self.planted = planted
    self.cycles = cycles
    self.keepsStory = keepsStory
    disk = VirtualDisk(decisions: decisions, node: Self.node)
    phone = PowerCutPhone(disk: disk, seed: decisions.seed)
    tellStory()
  }

  deinit { endDevice() }

  func run() throws {
    family = PowerCutFamily(
      choice: decisions.next(.swarm, node: Self.node) { generator in
        let lot = generator.next() % 100
        return lot < 68 ? 0 : lot < 78 ? 1 : lot < 88 ? 2 : lot < 94 ? 3 : 4
      })
    try openThroughCuts()
    for _ in 0..<cycles {
      try session()
      try recover()
      counts.cycles += 1
    }
  }

  private func tell(_ line: @autoclosure () -> String) {
    if keepsStory { story.append(line()) }
  }

  private func tellStory() {
    disk.onFault = { [unowned self] line in
      if keepsStory { story.append(line) }
    }
  }

  private func endDevice() {
    disk.onFault = nil
    disk.kill()
    store = nil
    disk.close()
  }

  /// Another phone: after a loss that a lying disk caused, this one has nothing more to prove.
  private func replaceDevice() throws {
    endDevice()
    devices += 1
    disk = VirtualDisk(decisions: decisions, node: Self.node)
    phone = PowerCutPhone(disk: disk, seed: decisions.seed &+ devices)
    ledger = PowerCutLedger()
    tellStory()
    try openThroughCuts()
  }

  // MARK: - A session

  private func session() throws {
    let end = decisions.next(.powerCut, node: Self.node) { generator in
      // Every eighth session ends by closing; every fourth of the rest is a kill.
      generator.next() % 8 == 0 ? 0 : 1 + generator.number(in: 0...640)
    }
    let isKill = end % 4 == 3
    if end > 0 {
      let call = disk.callCount + 1 + UInt64(end / 4)
      if isKill { disk.scheduleKill(atCall: call) } else { disk.schedulePowerCut(atCall: call) }
    }
    disk.faults = family.faults(on: disk, beside: planted)
    let firstCall = disk.callCount
    defer { callsOfSession = disk.callCount - firstCall }
    var isBroken = false
    for _ in 0..<Self.longestSession where !disk.isDead && !isBroken { isBroken = try act() }
    disk.schedulePowerCut(atCall: nil)
    disk.scheduleKill(atCall: nil)
    if isBroken, !disk.isDead { try requireFailStop() }
    // Told to, people restart the app, and nothing is closed then.
    let isRestarted =
      isBroken && !disk.isDead && decisions.next(.nemesis, node: Self.node) { Int64($0.next() & 1) } != 0
    if disk.isDead || isRestarted || end > 0 && !(isBroken && isKill) {
      if disk.isDead { try requireDeadStoreIsSilent() }
      let wasKilled = isKill || isRestarted
      if wasKilled { disk.kill() } else { disk.powerCut() }
      if wasKilled { counts.kills += 1 } else { counts.cuts += 1 }
      digest.take(disk.callCount)
      return
    }
    disk.faults = DiskFaults()
    guard isBroken else {
      store?.close()
      counts.cleanEnds += 1
      return
    }
    // The app goes on in the same process: it opens the store again.
    ledger.openings += 1
    do throws(ExamStoreError) { try store?.reopen(at: phone.moment().instant) } catch {
      throw PowerCutFinding("I1", "a store on a mended disk does not open: \(error)")
    }
    try judge()
    counts.reopenings += 1
    if let store, !disk.isDead { store.close() }
  }

  /// Performs a step; `true` if the store has failed for good.
  private func act() throws -> Bool {
    guard let store, let step = nextStep(store) else { return false }
    let lock = try? store.status(of: PowerCutPhone.attempt).locks.holding
    let before = memory(of: store)
    do throws(ExamStoreError) {
      let saved = try phone.perform(step, on: store)
      guard !disk.isDead || saved == nil else {
        throw ExamStoreError(.storageFailed, "a step was called saved after the power had gone")
      }
      ledger.promise(step, saved, store, phone)
      tell("done: \(step)")
      if case .unlock = step, let lock { ledger.countTry(lock) }
      counts.steps += 1
      return false
    } catch {
      tell("not done: \(step): \(error.code)")
      guard disk.isDead || error.code == .unlockCodeWrong || memory(of: store) == before else {
        throw PowerCutFinding("I3", "\(step) was refused (\(error.code)), and the store shows it")
      }
      if disk.isDead || store.storageFailure != nil {
        ledger.inFlight = step
        return store.storageFailure != nil
      }
      if case .unlock = step, error.code == .unlockCodeWrong, let lock { ledger.countTry(lock) }
      if error.code == .diskFull { counts.refusedForSpace += 1 }
      return false
    }
  }

  /// What the store would show of its journal: a step that is refused must not change it.
  private func memory(of store: ExamStore) -> JournalPosition? {
    guard let status = try? store.journalStatuses(of: PowerCutPhone.attempt).last else { return nil }
    return JournalPosition(journal: status.id, sequence: status.last, head: status.head)
  }

  private func nextStep(_ store: ExamStore) -> PowerCutStep? {
    if let preparation = PowerCutPhone.nextPreparation(store) { return preparation }
    let choice = decisions.next(.action, node: Self.node) { 1 + Int64($0.next() >> 16) }
    guard choice != 0, let phase = try? store.phase(of: PowerCutPhone.attempt) else { return nil }
    return PowerCutStep(choice: choice, phase: phase)
  }

  /// I27: after the first failure nothing is called saved until the store was opened again.
  private func requireFailStop() throws {
    counts.failStops += 1
    disk.faults = DiskFaults()
    for _ in 0..<3 {
      if try isSaved(.flag(item: "q0", isSet: true)) || isSaved(.setting(name: "name0", [1])) {
        throw PowerCutFinding("I27", "something was called saved after the storage had failed")
      }
    }
  }

  private func requireDeadStoreIsSilent() throws {
    guard try isSaved(.flag(item: "q0", isSet: true)) else { return }
    throw PowerCutFinding("I1", "something was called saved after the power had gone")
  }

  private func isSaved(_ step: PowerCutStep) throws -> Bool {
    guard let store else { return false }
    do throws(ExamStoreError) { _ = try phone.perform(step, on: store) } catch { return false }
    return true
  }

  // MARK: - A recovery

  /// Opens the store again, now and then for the first time after an update.
  private func recover() throws {
    let leavesLog = EarlierForm.drawn(decisions, node: Self.node)
    disk.restart()
    disk.faults = DiskFaults()
    // On a disk that lies there may be no file, or none that can be changed. After a fault what is read may be in the
    // cache alone, and changing that as no version does would tear the file.
    guard let leavesLog, family != .lies, !disk.files.exists(PowerCutPhone.path + ".fault") else {
      return try openThroughCuts()
    }
    tell("the file is one of the version before")
    counts.updates += 1
    try EarlierForm.phone.update(PowerCutPhone.path, on: disk, leavesLog: leavesLog) { try openThroughCuts() }
  }

  /// Opens the store, through cuts and kills of the recovery itself, and verifies what it finds.
  private func openThroughCuts() throws {
    // Connections of the dead are closed after the next generation has begun, as late as can be.
    let old = store
    store = nil
    disk.faults = DiskFaults()
    for level in 0...Self.nestedLevels {
      disk.restart()
      if level > 0 { phone.reboot() }
      let end =
        level == Self.nestedLevels
        ? 0
        : decisions.next(.kill, node: Self.node) { generator in
          generator.next() % 4 == 0 ? 1 + generator.number(in: 0...500) : 0
        }
      if end > 0 {
        let call = disk.callCount + 1 + UInt64(end / 4)
        if end % 4 == 3 { disk.scheduleKill(atCall: call) } else { disk.schedulePowerCut(atCall: call) }
      }
      ledger.openings += 1
      let firstCall = disk.callCount
      let opened: ExamStore?
      do throws(ExamStoreError) { opened = try phone.open() } catch {
        guard disk.isDead || family == .lies else {
          throw PowerCutFinding("I1", "a store does not open after a cut: \(error)")
        }
        opened = nil
      }
      callsOfRecovery = disk.callCount - firstCall
      disk.schedulePowerCut(atCall: nil)
      disk.scheduleKill(atCall: nil)
      if disk.isDead {
        counts.nestedCuts += 1
        continue
      }
      store = opened
      break
    }
    withExtendedLifetime(old) {}
    try judge()
    if counts.cycles % 4 == 3, family != .lies { try requireIdempotentRecovery() }
  }

  private func judge() throws {
    tell(store == nil ? "the store does not open" : "opened, with \(ledger.openings) openings since the last check")
    guard family == .lies else {
      guard let store else { throw PowerCutFinding("I1", "a store does not open after three cuts") }
      if try ledger.verify(store, phone) { counts.inFlightKept += 1 }
      counts.entries += UInt64(ledger.bodies.count)
      digest.take(ledger.lastPromised)
      return
    }
    guard let store else {
      counts.lossesNoticed += 1
      return try replaceDevice()
    }
    switch try ledger.judgeLoss(store) {
    case .none:
      // A lie that cost nothing yet may still cost something: the ledger goes on where the store is.
      if (try? ledger.verify(store, phone)) == nil { try replaceDevice() }
    case .noticed:
      counts.lossesNoticed += 1
      if store.report.quarantine != nil { counts.quarantined += 1 }
      try replaceDevice()
    case .noticedByServer:
      counts.lossesNoticedByServer += 1
      try replaceDevice()
    case .earlierState:
      counts.earlierStates += 1
      try replaceDevice()
    }
  }

  /// I25: opening once more changes nothing but for the entry that says so.
  private func requireIdempotentRecovery() throws {
    let before = ledger.bodies.count
    disk.kill()
    let old = store
    disk.restart()
    ledger.openings = 1
    do throws(ExamStoreError) { store = try phone.open() } catch {
      throw PowerCutFinding("I25", "a recovered store does not open again: \(error)")
    }
    withExtendedLifetime(old) {}
    try judge()
    guard ledger.bodies.count <= before + 1 else {
      throw PowerCutFinding("I25", "a second opening added \(ledger.bodies.count - before) entries")
    }
    counts.secondOpenings += 1
  }
}

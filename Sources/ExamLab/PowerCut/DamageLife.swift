import ExamModel
import ExamStore
import SQLite
import SyncCore
import SyncProtocol

/// Phones whose files are damaged while nothing runs. The store may refuse, set the file aside, or find itself taken
/// back by the server's mark; it may never show what was not saved, take another's journal for its own, or keep
/// silent about what is gone.
final class DamageLife: PowerCutSubject {
  private static let node: UInt16 = 1
  private static let foreignNode: UInt16 = 4
  private static let longestSession = 40

  let decisions: Decisions
  private(set) var counts = PowerCutCounts()
  private(set) var story: [String] = []
  private(set) var digest = TraceDigest()
  private(set) var callsOfSession: UInt64 = 0
  private(set) var callsOfRecovery: UInt64 = 0
  private let cycles: Int
  private let keepsStory: Bool
  private let planted: DiskFaults
  /// Another candidate's phone: who it is, and its files while it was open and when it was closed.
  private lazy var foreign = makeForeign()

  init(
    decisions: Decisions, cycles: Int = PowerCutLife.cycles, keepsStory: Bool = false,
    planted: DiskFaults = DiskFaults()
  ) {
    self.decisions = decisions
    self.planted = planted
    self.cycles = cycles
    self.keepsStory = keepsStory
  }

  func run() throws {
    for cycle in 0..<cycles {
      let disk = VirtualDisk(decisions: decisions, node: Self.node)
      defer { disk.close() }
      if keepsStory { disk.onFault = { [unowned self] in story.append($0) } }
      try live(on: disk, cycle: UInt64(cycle))
      disk.onFault = nil
      counts.cycles += 1
      digest.take(disk.callCount)
    }
  }

  private func tell(_ line: @autoclosure () -> String) {
    if keepsStory { story.append(line()) }
  }

  // MARK: - Before the damage

  private func live(on disk: VirtualDisk, cycle: UInt64) throws {
    let phone = PowerCutPhone(disk: disk, seed: decisions.seed &+ cycle)
    var witness = DamageWitness()
    let choice = decisions.next(.damage, node: Self.node) { 1 + Int64($0.next() >> 16) }
    var plan = SeededGenerator(seed: UInt64(bitPattern: choice) ^ 0xDA)
    let imageStep = Int(plan.next() % UInt64(Self.longestSession))
    let isClosed = plan.next() % 3 == 0
    var store: ExamStore? = try phone.open()
    var earlier = disk.snapshot()
    let firstCall = disk.callCount
    disk.faults = planted
    for step in 0..<Self.longestSession {
      guard let store, perform(on: store, phone, &witness) else { break }
      if step == imageStep { earlier = disk.snapshot() }
    }
    disk.faults = DiskFaults()
    callsOfSession = disk.callCount - firstCall
    if let store { try witness.observe(store) }
    if isClosed { store?.close() }
    let image = disk.snapshot()
    guard var kind = DamageKind(choice: choice) else { return }
    tell("\(kind.form), the store was \(isClosed ? "closed" : "killed")")
    let foreignImage = kind.isForeign ? (isClosed ? foreign.closed : foreign.open) : image
    let damaged = kind.applied(to: image, path: PowerCutPhone.path, earlier: earlier, foreign: foreignImage)
    let old = store
    store = nil
    disk.restore(damaged)
    withExtendedLifetime(old) {}
    counts.damages += 1
    try judge(phone, witness, kind, damaged)
  }

  /// `false` at the end of the session.
  private func perform(on store: ExamStore, _ phone: PowerCutPhone, _ witness: inout DamageWitness) -> Bool {
    let step: PowerCutStep
    if let preparation = PowerCutPhone.nextPreparation(store) {
      step = preparation
    } else {
      let choice = decisions.next(.action, node: Self.node) { 1 + Int64($0.next() >> 16) }
      guard choice != 0, let phase = try? store.phase(of: PowerCutPhone.attempt) else { return choice != 0 }
      step = PowerCutStep(choice: choice, phase: phase)
    }
    do throws(ExamStoreError) { _ = try phone.perform(step, on: store) } catch { return true }
    counts.steps += 1
    tell("done: \(step)")
    if step == .acknowledge, let status = try? store.journalStatuses(of: PowerCutPhone.attempt).last {
      witness.acknowledged = (journal: status.id, sequence: status.last, head: status.head)
    }
    return true
  }

  private func makeForeign() -> (witness: DamageWitness, open: DiskImage, closed: DiskImage) {
    let disk = VirtualDisk(decisions: decisions, node: Self.foreignNode)
    defer { disk.close() }
    let phone = PowerCutPhone(disk: disk, seed: ~decisions.seed)
    var witness = DamageWitness()
    guard let store = try? phone.open() else { return (witness, disk.snapshot(), disk.snapshot()) }
    while let step = PowerCutPhone.nextPreparation(store), (try? phone.perform(step, on: store)) != nil {}
    for number in 0..<9 {
      _ = try? phone.perform(.answer(item: "q\(number)", .options(["D"])), on: store)
    }
    try? witness.observe(store)
    let open = disk.snapshot()
    store.close()
    return (witness, open, disk.snapshot())
  }

  // MARK: - After the damage

  private func judge(
    _ phone: PowerCutPhone, _ witness: DamageWitness, _ kind: DamageKind, _ damaged: DiskImage
  ) throws {
    let store: ExamStore
    let firstCall = phone.disk.callCount
    do throws(ExamStoreError) { store = try phone.open() } catch {
      guard [.foreignStore, .newerStore].contains(error.code) else {
        throw PowerCutFinding("I25", "after \(kind.form) the store does not open: \(error)")
      }
      tell("refused: \(error.code)")
      counts.refused += 1
      return
    }
    callsOfRecovery = phone.disk.callCount - firstCall
    defer { store.close() }
    tell("opened: \(store.report.quarantine.map { "set aside, \($0)" } ?? "as it is")")
    try judge(store, phone, witness, kind)
    try requireStable(store, phone)
  }

  private func judge(
    _ store: ExamStore, _ phone: PowerCutPhone, _ witness: DamageWitness, _ kind: DamageKind
  ) throws {
    let contents = try store.journalContents()
    try witness.requireShownIsJournalled(store, contents)
    let key = store.identity?.signingKey.id
    if let key, kind.isForeign, key == foreign.witness.key {
      // The file is another candidate's and says so itself; nothing of this one's may be in it.
      try foreign.witness.requireOwn(contents, openings: 1)
      counts.foreignStores += 1
      return
    }
    if key != nil, key != witness.key, witness.key != nil, store.report.quarantine == nil {
      throw PowerCutFinding("I20", "the device's key is another one, and nobody was told")
    }
    if key == witness.key { try witness.requireOwn(contents, openings: 1) }
    if let quarantine = store.report.quarantine {
      guard phone.disk.files.exists(quarantine.path) else {
        throw PowerCutFinding("I14", "the file that was set aside is gone")
      }
      counts.lossesNoticed += 1
      counts.quarantined += 1
      return try DamageAudit(witness: witness, contents: contents, quarantine: quarantine).run(on: phone.disk)
    }
    if store.report.isPredecessorMissing { return counts.lossesNoticed += 1 }
    let missing = witness.journals.flatMap { witness.missing(of: $0, in: contents) }
    guard !missing.isEmpty else { return }
    if isTaken(back: store, witness) { return counts.lossesNoticedByServer += 1 }
    guard kind.mayLookEarlier else {
      throw PowerCutFinding("I14", "\(missing.count) saved entries are gone, and nobody was told")
    }
    counts.earlierStates += 1
  }

  /// Shows the store the server's word, as the next round of sync would.
  private func isTaken(back store: ExamStore, _ witness: DamageWitness) -> Bool {
    guard let mark = witness.acknowledged else { return false }
    let answer = Acknowledgement(sequence: mark.sequence, head: mark.head, verdict: .stored)
    do throws(ExamStoreError) {
      return try store.storeAcknowledgement(answer, of: mark.journal).comparison != .matched
    } catch {
      // The server has a journal of this device that the device does not know.
      return error.code == .unknownJournal
    }
  }

  /// I25: the next opening finds a sound store with the same entries.
  private func requireStable(_ store: ExamStore, _ phone: PowerCutPhone) throws {
    let before = try store.journalContents().map { $0.entries.count }
    do throws(ExamStoreError) { try store.reopen(at: phone.moment().instant) } catch {
      throw PowerCutFinding("I25", "a store does not open again after it was mended: \(error)")
    }
    if let quarantine = store.report.quarantine {
      throw PowerCutFinding("I25", "a mended store was set aside again: \(quarantine.reason)")
    }
    let after = try store.journalContents().map { $0.entries.count }
    guard after.count == before.count, zip(before, after).allSatisfy({ $0...$0 + 1 ~= $1 }) else {
      throw PowerCutFinding("I25", "a second opening made \(after) entries of \(before)")
    }
    counts.secondOpenings += 1
    counts.entries += UInt64(after.reduce(0, +))
    digest.take(UInt64(after.reduce(0, +)))
  }
}

import CurlTransport
import ExamModel
import SQLite
import ServerCore
import ServerStoreSQLite
import SyncCore
import SyncProtocol
import SyncWire

/// One server process and its disk: the real decisions over the real store, as `ExamServer` drives them.
///
/// Requests that arrive within one commit window are one batch; replies leave only after its commit.
final class SimServer {
  unowned let world: SimWorld
  let node = SimNode.server(0)
  let disk: VirtualDisk
  private(set) var core: ServerCore?
  private(set) var store: SQLiteServerStore?
  /// Wall clock minus true time.
  var clockOffset: Int64 = 0
  /// Its machine is gone, and nobody says so.
  private(set) var isSilent = false
  private(set) var openings: UInt64 = 0
  private(set) var commitCount: UInt64 = 0
  private(set) var epochs: [UInt64] = []
  var openExchanges: [SimExchange] = []
  var polls = SimPolls()
  private var queue: [Job] = []
  /// Commands that nobody has an answer to, because the process died.
  private var unanswered = UnansweredCommands()
  private var isCommitDue = false
  private var tickAt: Int64?
  private var generation = 0
  /// Death at a call of the disk is the power's, not only the process's.
  var losesPower = false

  struct Job {
    var call: ServerCall
    var reply: (ServerReply) -> Void
  }

  init(_ world: SimWorld) {
    self.world = world
    disk = VirtualDisk(decisions: world.decisions, node: node.number)
    disk.restore(world.exam.image)
  }

  static func openStore(on disk: VirtualDisk) throws -> SQLiteServerStore {
    var options = ConnectionOptions.durable
    options.vfsName = disk.vfsName
    return try SQLiteServerStore(path: SimExam.serverFile, options: options, renewLog: disk.renewLog)
  }

  var isReachable: Bool { core != nil }
  var now: Int64 { SimClock.epoch + world.kernel.now + clockOffset }

  // MARK: - Life

  /// Opens the store and draws an epoch; tries again later where the disk refuses.
  func open() {
    guard core == nil else { return }
    openings += 1
    isSilent = false
    do {
      let store = try Self.openStore(on: disk)
      self.store = store
      var draws = world.seeds.generator(.server, openings)
      let core = try ServerCore(
        store: store, identity: SimExam.identity, node: SimExam.identity.id, configuration: SimExam.configuration(),
        now: now, randomness: { draws.next() })
      guard !disk.isDead else { return died() }
      self.core = core
      epochs.append(core.epoch)
      world.note(node, .serverOpened(epoch: core.epoch))
      scheduleTick(core.nextWork())
      lookUpUnanswered(store)
      if disk.isDead { died() }
    } catch {
      if disk.isDead { return died() }
      closeStore()
      world.note(node, .serverFaulted(message: "\(error)"))
      let attempt = generation
      world.kernel.after(3_000) { [self] in if attempt == generation { open() } }
    }
  }

  /// The process ends now; what was under way is lost.
  func kill() {
    guard core != nil else { return }
    disk.kill()
    died()
  }

  func cutPower() {
    guard core != nil else { return }
    losesPower = true
    disk.powerCut()
    died()
  }

  /// After the disk said that its generation is dead.
  private func died() {
    world.note(node, losesPower ? .serverPowerCut : .serverKilled)
    let broken = forgetEverything()
    if losesPower { isSilent = true } else { for exchange in broken { exchange.breakOff() } }
    let pause: Int64 = losesPower ? 20_000 : 2_000
    losesPower = false
    let attempt = generation
    world.kernel.after(pause) { [self] in
      guard attempt == generation else { return }
      disk.restart()
      open()
    }
  }

  /// Stops the process and puts the state of an earlier instant in the newest's place.
  func restore(_ image: DiskImage, from instant: Int64) {
    if core != nil {
      for exchange in forgetEverything() { exchange.breakOff() }
    }
    generation += 1
    disk.restore(image)
    world.note(node, .serverRestored(fromTrueMilliseconds: instant))
    let attempt = generation
    world.kernel.after(5_000) { [self] in if attempt == generation { open() } }
  }

  func heal() {
    disk.faults = DiskFaults()
    disk.scheduleKill(atCall: nil)
    disk.schedulePowerCut(atCall: nil)
    if clockOffset != 0 { setClock(0) }
  }

  /// Sets the wall clock, as far ahead of the truth as given.
  func setClock(_ offset: Int64) {
    clockOffset = offset
    world.truth.serverClocks.append(ServerClockStep(world.kernel.now, offsetMilliseconds: offset))
    tickAt = nil
    if let core { scheduleTick(core.nextWork()) }
  }

  /// What the rows add up to, by a core that remembers nothing.
  func dump() -> ServerDump? {
    closeStore()
    openings += 1
    guard let store = try? Self.openStore(on: disk) else { return nil }
    self.store = store
    var draws = world.seeds.generator(.server, openings)
    guard
      let core = try? ServerCore(
        store: store, identity: SimExam.identity, node: SimExam.identity.id, configuration: SimExam.configuration(),
        now: now, randomness: { draws.next() })
    else { return nil }
    self.core = core
    return try? ServerDump(reading: store, core: core, node: node)
  }

  /// Whoever gave a command and got no answer looks whether it was done.
  private func lookUpUnanswered(_ store: SQLiteServerStore) {
    guard !unanswered.isEmpty, let done = unanswered.take(from: store) else { return }
    for (job, isDone) in done { job.reply(isDone ? .done(.done) : .problem(UnansweredCommands.lost)) }
  }

  /// The run is over, and nobody reads these files again.
  func end() {
    disk.onFault = nil
    disk.kill()
    closeStore()
    disk.close()
    _ = forgetEverything()
    unanswered = UnansweredCommands()
  }

  func closeStore() {
    core = nil
    try? store?.close()
    store = nil
  }

  private func forgetEverything() -> [SimExchange] {
    generation += 1
    unanswered.add(queue, after: core?.auditIndex ?? 0)
    core = nil
    store = nil
    queue = []
    isCommitDue = false
    tickAt = nil
    polls = SimPolls()
    defer { openExchanges = [] }
    return openExchanges
  }

  // MARK: - Batches

  func submit(_ call: ServerCall, _ reply: @escaping (ServerReply) -> Void) {
    queue.append(Job(call: call, reply: reply))
    scheduleCommit()
  }

  private func scheduleCommit() {
    guard !isCommitDue else { return }
    isCommitDue = true
    let attempt = generation
    world.kernel.after(world.seeds.number(.commit, commitCount, openings, in: 1...20)) { [self] in
      if attempt == generation { commit() }
    }
  }

  private func commit() {
    guard let core else { return }
    isCommitDue = false
    commitCount += 1
    let batch = queue
    queue = []
    let auditIndex = core.auditIndex
    let outcome = core.perform(batch.map(\.call), now: now)
    guard !disk.isDead else {
      unanswered.add(batch, after: auditIndex)
      return died()
    }
    precondition(outcome.replies.count == batch.count, "each call of a batch has one reply")
    noteCommitted(batch, outcome)
    let attempt = generation
    for (job, reply) in zip(batch, outcome.replies) where attempt == generation { job.reply(reply) }
    if attempt == generation, !outcome.changedScopes.isEmpty { wakePolls(outcome.changedScopes) }
    scheduleTick(core.nextWork())
    if let fault = core.storeFault { failStop(fault) }
  }

  /// A store that can no longer be trusted is closed, opened and verified (I27).
  private func failStop(_ fault: StoreError) {
    world.note(node, .serverFaulted(message: fault.message))
    for exchange in forgetEverything() { exchange.breakOff() }
    let attempt = generation
    world.kernel.after(3_000) { [self] in if attempt == generation { open() } }
  }

  private func scheduleTick(_ next: Int64?) {
    guard let next else { return }
    let due = max(next - SimClock.epoch - clockOffset, world.kernel.now + 1)
    guard tickAt != due else { return }
    tickAt = due
    let attempt = generation
    world.kernel.at(due) { [self] in
      guard attempt == generation, tickAt == due else { return }
      tickAt = nil
      submit(.tick) { _ in }
    }
  }

  private func noteCommitted(_ batch: [Job], _ outcome: BatchOutcome) {
    for (job, reply) in zip(batch, outcome.replies) {
      if case .command(let command, _) = job.call, case .problem = reply {
        world.note(node, .commandRefused(name: command.name))
      }
      guard case .sync(let device) = job.call, case .sync(let response, _) = reply else { continue }
      for (push, acknowledgement) in zip(device.pushes, response.acknowledgements) {
        world.note(
          node,
          .acknowledged(
            journal: push.journal, sequence: acknowledgement.sequence, head: acknowledgement.head))
        for range in acknowledgement.kept {
          world.note(node, .kept(journal: push.journal, from: range.from, to: range.to, reason: range.reason))
        }
      }
    }
  }
}

import CurlTransport
import ExamClient
import ExamModel
import ExamStore
import SyncCore
import SyncProtocol

/// One device: the real store and the real cores, with the glue that `ExamClient` has between them.
///
/// The glue means what `ExamClient/Engine` means, file by file; only threads, sockets and clocks are the simulator's.
final class SimPhone {
  unowned let world: SimWorld
  let index: Int
  let node: SimNode
  /// Whose it is.
  let person: Int
  let disk: VirtualDisk
  var clock: SimClock
  let plane = DevicePlane(serverURL: SimNetwork.address)
  static let storeFile = "exam.db"

  // The parts; all of them are there between open and close.
  var store: ExamStore?
  var core: SyncCore?
  var downloads: SimDownloads?

  // What is under way.
  var flights: [RequestID: SimPhoneFlight] = [:]
  var stepQueue: [SyncEvent] = []
  var isStepping = false
  var coreWakeAt: Instant?
  var isNudgeScheduled = false
  private(set) var armedAt: Int64?
  private var wakeNumber = 0
  var fetchWaiters: [() -> Void] = []

  // What is known.
  var attempt: ID128?
  var serverTime = ServerTime()
  var bell = Bell()
  var openedPaper: OpenedPaper?
  var isLoginNeeded = false
  /// The session of the grant, with its secret taken in.
  private var knownSession: (secret: [UInt8], session: LiveSession)?
  /// A certificate whose signature was found good.
  var checkedCertificate: (statement: [UInt8], expiresAt: Int64)?
  var isLeaseElsewhere = false
  var isSuperseded = false
  var isSyncStopped = false
  var clockPersistedAt: UInt64 = 0
  var recordRetry = RecordRetry()
  var contradictionsJournalledFrom: UInt64 = 0
  var isSealing = false
  /// The receipt that the screen shows.
  var shownReceipt: UInt32 = 0
  var shownSeal: UInt32 = 0

  // Life
  /// Changes whenever a process ends: what was meant for it does not reach the next.
  private(set) var generation = 0
  private(set) var openings: UInt64 = 0
  private(set) var isSuspended = false
  private var deferred: [() -> Void] = []
  var losesPower = false
  /// Its owner does not use it yet, or not any more.
  var isInUse = false
  private(set) var isLost = false
  var probes = SimProbeSums()

  init(_ world: SimWorld, index: Int, person: Int) {
    self.world = world
    self.index = index
    self.person = person
    node = .phone(index)
    disk = VirtualDisk(decisions: world.decisions, node: node.number)
    let drift = world.seeds.number(.clock, UInt64(index), 1, in: -90...90)
    clock = SimClock(
      seed: world.seeds.generator(.clock, UInt64(index)).peeked, driftPartsPerMillion: drift,
      wallOffset: world.seeds.number(.clock, UInt64(index), 2, in: -90_000...90_000), at: 0)
  }

  var isOpen: Bool { store != nil }
  var owner: SimPerson { world.exam.people[person] }

  // MARK: - Clocks

  func reading() -> ClockReading {
    let now = world.kernel.now
    return ClockReading(
      bootID: clock.bootID, bootMilliseconds: clock.bootMilliseconds(at: now),
      wallMilliseconds: clock.wallMilliseconds(at: now))
  }

  func instant() -> DeviceInstant {
    let reading = reading()
    return DeviceInstant(
      bootID: reading.bootID, bootMilliseconds: reading.bootMilliseconds, wallMilliseconds: reading.wallMilliseconds)
  }

  var coreInstant: Instant { Instant(bootMilliseconds: clock.bootMilliseconds(at: world.kernel.now)) }

  func liveSession(_ store: ExamStore) -> LiveSession? {
    guard let grant = store.identity?.grant else { return nil }
    if let knownSession, knownSession.session.id == grant.session, knownSession.secret == grant.secret {
      return knownSession.session
    }
    let session = LiveSession(grant)
    knownSession = session.map { (grant.secret, $0) }
    return session
  }

  // MARK: - Entering

  /// Does something on the phone's one thread: now, after it woke, or never, if its process is another one by then.
  func enter(_ expected: Int? = nil, _ work: @escaping () -> Void) {
    guard isOpen, expected == nil || expected == generation else { return }
    if isSuspended {
      let current = generation
      deferred.append { [unowned self] in enter(current, work) }
      return
    }
    work()
    if disk.isDead { died() }
  }

  func after(_ milliseconds: Int64, _ work: @escaping () -> Void) {
    let current = generation
    world.kernel.after(milliseconds) { [unowned self] in enter(current, work) }
  }

  func note(_ fact: Fact) {
    // A process that is dead shows nothing.
    if !disk.isDead { world.note(node, fact) }
  }

  // MARK: - Life

  /// Opens the store and goes on where the device was left.
  func open() {
    guard store == nil, isInUse else { return }
    openings += 1
    if openings == 1, disk.snapshot().files.isEmpty, world.seeds.number(.store, UInt64(index), 0, in: 0...3) > 0,
      let files = try? SimNewStore.shared.files()
    {
      disk.lay(files)
    }
    do {
      let opened = try ExamStore(
        path: Self.storeFile, vfs: disk.vfsName, files: disk.files, appVersion: "3.4.2",
        randomness: world.seeds.generator(.store, UInt64(index), openings), at: instant())
      try opened.pinServerKey(SimExam.identity.publicKey)
      guard !disk.isDead else { return died() }
      store = opened
      let report = opened.report
      world.note(node, .opened(isNew: report.isNew || openings == 1, quarantined: report.quarantine != nil))
      if let contents = try? PhoneDump(reading: opened, node: node) {
        world.reopenChecker.reopened(contents, at: world.kernel.now)
      }
      afterOpening(opened)
      if disk.isDead { return died() }
      after(1) { [unowned self] in beginSync() }
      scheduleDeath()
    } catch {
      if disk.isDead { return died() }
      world.note(node, .openFailed(code: error.code.rawValue))
      let current = generation
      world.kernel.after(10_000) { [unowned self] in if current == generation { open() } }
    }
  }

  /// Ends what is under way and closes the store properly.
  func close() {
    guard let store, !isSuspended else { return }
    step(.stop)
    persistClock()
    store.close()
    if disk.isDead { return died() }
    world.note(node, .closed)
    forgetEverything()
  }

  func kill() {
    guard isOpen else { return }
    disk.kill()
    died()
  }

  func cutPower() {
    guard isOpen else { return }
    losesPower = true
    disk.powerCut()
    died()
  }

  /// After the disk said that its generation is dead.
  func died() {
    world.note(node, losesPower ? .powerCut : .killed)
    world.faults.count(losesPower ? "phone power cut" : "phone kill")
    forgetEverything()
    let pause = world.seeds.number(
      .pace, UInt64(index) << 32 | openings, 7, in: losesPower ? 15_000...90_000 : 500...15_000)
    if losesPower {
      clock.reboot(at: world.kernel.now)
      world.note(node, .rebooted)
    }
    losesPower = false
    let current = generation
    world.kernel.after(pause) { [unowned self] in
      guard current == generation else { return }
      disk.restart()
      open()
    }
  }

  /// Its files are what they were at an earlier instant, and the app is started again.
  func rollBack(to image: DiskImage) {
    disk.restore(image)
    world.reopenChecker.forget(node)
    died()
  }

  /// The run is over. Nobody reads these files again, so that no last checkpoint is made.
  func end() {
    disk.onFault = nil
    disk.kill()
    store?.close()
    store = nil
    disk.close()
  }

  var allProbes: SimProbeSums {
    var sums = probes
    if let core { sums.add(core.probes) }
    if let downloads { sums.add(downloads.core.probes) }
    return sums
  }

  /// Nobody has it any more.
  func lose() {
    disk.kill()
    world.note(node, .closed)
    forgetEverything()
    isLost = true
    isInUse = false
  }

  func suspend(for milliseconds: Int64) {
    guard isOpen, !isSuspended else { return }
    isSuspended = true
    world.note(node, .suspended)
    let current = generation
    world.kernel.after(milliseconds) { [unowned self] in if current == generation { wakeUp() } }
  }

  func wakeUp() {
    guard isSuspended else { return }
    isSuspended = false
    world.note(node, .woke)
    let waiting = deferred
    deferred = []
    for work in waiting { work() }
  }

  private func forgetEverything() {
    generation += 1
    if let core { probes.add(core.probes) }
    if let downloads { probes.add(downloads.core.probes) }
    store = nil
    core = nil
    downloads = nil
    for id in flights.keys.sorted() { if let flight = flights[id] { world.network.cancel(flight.flight) } }
    flights = [:]
    stepQueue = []
    isStepping = false
    coreWakeAt = nil
    isNudgeScheduled = false
    armedAt = nil
    fetchWaiters = []
    openedPaper = nil
    attempt = nil
    isSealing = false
    isLoginNeeded = false
    isLeaseElsewhere = false
    isSuperseded = false
    recordRetry = RecordRetry()
    isSyncStopped = false
    isSuspended = false
    deferred = []
  }

  /// Nothing bad happens to it from here on, and it is used.
  func heal() {
    disk.faults = DiskFaults()
    disk.scheduleKill(atCall: nil)
    disk.schedulePowerCut(atCall: nil)
    losesPower = false
    clock.steadyWall()
    wakeUp()
    enter { [unowned self] in _ = try? openStore() }
  }

  func networkChanged(isReachable: Bool) {
    step(.networkChanged(isReachable: isReachable))
    if isReachable { stepDownloads(.networkChanged(isReachable: true)) }
    armWake()
  }

  /// The time left, as the screen shows it.
  func showTime() {
    persistClockIfDue()
    // Whoever died while persisting shows nothing.
    guard !disk.isDead, let left = bell.remainingMilliseconds(at: reading()) else { return }
    note(.remainingShown(milliseconds: left, isDoubtful: bell.isDoubtful))
  }

  /// Asks when the process or the power dies next, in calls of the disk from here.
  func scheduleDeath() {
    guard !world.isHealed else { return }
    let swarm = world.swarm
    if swarm.powerRate > 0 {
      let calls = world.decisions.next(.powerCut, node: node.number) {
        $0.number(in: 0...999) < swarm.powerRate ? $0.number(in: 1...700) : 0
      }
      if calls > 0 {
        losesPower = true
        return disk.schedulePowerCut(atCall: disk.callCount + UInt64(calls))
      }
    }
    if swarm.killRate > 0 {
      let calls = world.decisions.next(.kill, node: node.number) {
        $0.number(in: 0...999) < swarm.killRate ? $0.number(in: 1...swarm.killCalls) : 0
      }
      if calls > 0 { disk.scheduleKill(atCall: disk.callCount + UInt64(calls)) }
    }
  }

  // MARK: - The one wake

  func arm(atBoot instant: Int64) {
    let now = world.kernel.now
    let due = now + max(1, clock.trueMilliseconds(untilBoot: instant, at: now))
    // An early wake does no harm: it looks, and arms the next one.
    if let armedAt, armedAt <= due, armedAt > now { return }
    armedAt = due
    wakeNumber += 1
    let number = wakeNumber
    let current = generation
    world.kernel.at(due) { [unowned self] in
      guard number == wakeNumber else { return }
      armedAt = nil
      enter(current) { [unowned self] in wake() }
    }
  }
}

/// A request whose response is awaited.
struct SimPhoneFlight {
  var flight: SimFlight
  var requestedAt: UInt64
}

extension SeededGenerator {
  /// The next number, without taking it.
  var peeked: UInt64 {
    var copy = self
    return copy.next()
  }
}

import ExamModel
import SQLite
import ServerCore
import ServerStoreSQLite
import SyncCore
import SyncProtocol
import SyncWire

/// One server whose disk is virtual, and the phones that push to it: what it acknowledged must be there after every
/// cut (I8).
final class ServerPowerCutLife: PowerCutSubject {
  static let node: UInt16 = 2
  static let path = "server/exam.db"
  private static let identity = PowerCutPhone.server
  private static let chief = OperatorIdentity(name: "chief", role: .operator)
  private static let phoneCount = 3
  static let longestSession = 16

  let decisions: Decisions
  var counts = PowerCutCounts()
  private(set) var story: [String] = []
  var digest = TraceDigest()
  private(set) var callsOfSession: UInt64 = 0
  private(set) var callsOfRecovery: UInt64 = 0
  private let cycles: Int
  private let keepsStory: Bool
  /// Faults that the checks are not told of: they must find what these break.
  private let planted: DiskFaults
  let disk: VirtualDisk
  var store: SQLiteServerStore?
  var core: ServerCore?
  var phones: [Phone] = []
  var now: Int64 = 1_800_000_000_000
  private var openings: UInt64 = 0
  private var family = PowerCutFamily.none
  /// Whether the disk failed the process that ran last.
  private var endedByFault = false
  /// Files are damaged instead of the power cut.
  private let isDamaged: Bool
  /// The backup from before anything was damaged: damage that nobody met yet lies in later ones too.
  var soundBackup: DiskImage?

  /// A phone that keeps all its entries: what it was told is stored is the promise.
  struct Phone {
    var session: ID128
    var attempt: ID128
    var journal: ID128
    var bodies: [[UInt8]] = []
    var heads: [Digest256]
    var acknowledged = 0
    var generator: SeededGenerator

    mutating func append(_ kind: EntryKind) {
      let body = Entry(bootDeltaMilliseconds: kindIsOpening(kind) ? 0 : 10, kind: kind).wire
      bodies.append(body)
      heads.append(Chain.next(heads[heads.count - 1], sequence: UInt64(bodies.count), body: body))
    }

    private func kindIsOpening(_ kind: EntryKind) -> Bool { if case .open = kind { true } else { false } }

    func push(_ count: Int) -> Push {
      let end = min(bodies.count, acknowledged + count)
      return Push(
        journal: journal, subject: acknowledged == 0 ? attempt : nil, first: UInt64(acknowledged) + 1,
        bodies: Array(bodies[acknowledged..<end]), head: heads[end], lease: 1)
    }
  }

  init(
    decisions: Decisions, cycles: Int = PowerCutLife.cycles, keepsStory: Bool = false,
    planted: DiskFaults = DiskFaults(), isDamaged: Bool = false
  ) {
    self.decisions = decisions
    self.isDamaged = isDamaged
    self.planted = planted
    self.cycles = cycles
    self.keepsStory = keepsStory
    disk = VirtualDisk(decisions: decisions, node: Self.node)
    disk.onFault = { [unowned self] line in
      if keepsStory { story.append(line) }
    }
  }

  deinit {
    disk.onFault = nil
    disk.kill()
    core = nil
    store = nil
    disk.close()
  }

  func run() throws {
    if isDamaged { return try runDamaged() }
    family = PowerCutFamily(
      choice: decisions.next(.swarm, node: Self.node) { generator in
        let lot = generator.next() % 100
        return lot < 70 ? 0 : lot < 80 ? 1 : lot < 90 ? 2 : 3
      })
    try open()
    try prepare()
    for _ in 0..<cycles {
      try session()
      try recover()
      counts.cycles += 1
    }
  }

  private func runDamaged() throws {
    try open()
    try prepare()
    for _ in 0..<cycles {
      try damagedCycle()
      counts.cycles += 1
    }
  }

  func tell(_ line: @autoclosure () -> String) {
    if keepsStory { story.append(line()) }
  }

  /// What the dead process held, to be let go of when the next one has begun.
  func endProcess() -> (ServerCore?, SQLiteServerStore?) {
    disk.kill()
    defer {
      core = nil
      store = nil
    }
    return (core, store)
  }

  // MARK: - The server

  func open() throws {
    openings += 1
    var options = ConnectionOptions.durable
    options.vfsName = disk.vfsName
    let store = try SQLiteServerStore(path: Self.path, options: options, renewLog: disk.renewLog)
    var generator = SeededGenerator(seed: decisions.seed &+ openings &* 0x9E37_79B9_7F4A_7C15)
    core = try ServerCore(
      store: store, identity: Self.identity, node: Self.identity.id, now: now, randomness: { generator.next() })
    self.store = store
  }

  func perform(_ calls: [ServerCall]) -> [ServerReply] {
    now += 1
    disk.nowMilliseconds = now
    return core?.perform(calls, now: now).replies ?? []
  }

  private func prepare() throws {
    let draft = ExamDraft(title: "Medicine", opensAt: now - 60_000, closesAt: now + 360_000_000)
    guard case .done(.exam(let exam))? = perform([.command(.createExam(draft), by: Self.chief)]).first else {
      throw PowerCutFinding("I8", "a server on a sound disk made no exam")
    }
    let rows = (0..<Self.phoneCount).map { Self.rosterRow($0) }
    let reply = perform([.command(.importRoster(exam: exam.exam, rows: rows), by: Self.chief)]).first
    guard case .done(.roster(let outcome))? = reply else {
      throw PowerCutFinding("I8", "a server on a sound disk took no roster")
    }
    for (index, row) in outcome.rows.enumerated() {
      var generator = SeededGenerator(seed: decisions.seed ^ UInt64(index + 1))
      let key = SigningKey(seed: (0..<32).map { UInt8(truncatingIfNeeded: index &+ $0 &* 5) }) ?? SigningKey()
      let request = LoginRequest(
        username: "", password: "", deviceKey: key.publicKey, nonce: .random(using: &generator), appVersion: "3.4.2",
        signature: [])
      guard case .grant(let signed)? = perform([.login(request, candidate: row.candidate)]).first else {
        throw PowerCutFinding("I8", "a server on a sound disk opened no session")
      }
      let journal = ID128.random(using: &generator)
      var phone = Phone(
        session: try SessionGrant(wire: signed.statement).session, attempt: row.attempt, journal: journal,
        heads: [Chain.genesis(journal: journal, subject: row.attempt, deviceKey: key.id)], generator: generator)
      phone.append(
        .open(
          Opening(
            nonce: .random(using: &phone.generator), bootID: .random(using: &phone.generator), bootMilliseconds: 1_000,
            wallMilliseconds: now, leaseOrdinal: 1, appVersion: "3.4.2")))
      phone.append(.start(Start(code: "", paperVersion: 1)))
      phones.append(phone)
    }
  }

  private static func rosterRow(_ index: Int) -> PreparedRosterRow {
    PreparedRosterRow(
      number: "N\(index)", name: "Candidate \(index)", username: "c\(index)", specialty: "", room: "R1",
      password: nil,
      secrets: AttemptSecrets(
        attempt: ID128(high: 0xA0, low: UInt64(index)), leaseID: ID128(high: 0xB0, low: UInt64(index)), orderSeed: 1,
        codeSalt: [UInt8](repeating: 1, count: 16), codeVerifier: [UInt8](repeating: 2, count: 32),
        unlockSalt: [UInt8](repeating: 3, count: 16),
        unlockVerifiers: (0..<8).map { _ in [UInt8](repeating: 4, count: 32) }, scryptRounds: 2))
  }

  // MARK: - A session

  private func session() throws {
    let end = decisions.next(.powerCut, node: Self.node) { 1 + $0.number(in: 0...700) }
    let isKill = end % 4 == 3
    let call = disk.callCount + 1 + UInt64(end / 4)
    if end > 0, isKill { disk.scheduleKill(atCall: call) }
    if end > 0, !isKill { disk.schedulePowerCut(atCall: call) }
    let firstCall = disk.callCount
    disk.faults = family.faults(on: disk, beside: planted)
    for _ in 0..<Self.longestSession where !disk.isDead && core?.storeFault == nil { try batch() }
    let isBroken = !disk.isDead && core?.storeFault != nil
    endedByFault = isBroken
    if isBroken { try failStop() }
    callsOfSession = disk.callCount - firstCall
    disk.schedulePowerCut(atCall: nil)
    disk.scheduleKill(atCall: nil)
    disk.faults = DiskFaults()
    // A server whose store failed ends itself, whatever was to happen to its power.
    if isKill || isBroken { disk.kill() } else { disk.powerCut() }
    if isKill || isBroken { counts.kills += 1 } else { counts.cuts += 1 }
    digest.take(disk.callCount)
  }

  /// I27: after the first failure nothing is acknowledged; the process leaves the log as it is and ends.
  private func failStop() throws {
    counts.failStops += 1
    disk.faults = DiskFaults()
    let steps = counts.steps
    for _ in 0..<2 { try batch() }
    guard counts.steps == steps else {
      throw PowerCutFinding("I27", "a push was acknowledged after the storage had failed")
    }
    store?.connection.abandonLog()
  }

  /// Pushes of some phones that share a commit.
  func batch() throws {
    let choice = decisions.next(.action, node: Self.node) { 1 + Int64($0.next() >> 16) }
    guard choice != 0 else { return }
    var generator = SeededGenerator(seed: UInt64(bitPattern: choice))
    let chosen = phones.indices.filter { _ in generator.next() & 1 == 0 }
    for index in chosen {
      for _ in 0..<1 + generator.next() % 6 {
        let options = ["A", "B", "C", "D"][Int(generator.next() % 4)]
        phones[index].append(.answer(item: "q\(generator.next() % 20)", value: .options([options])))
      }
    }
    let calls = chosen.map { index in
      let request = SyncRequest(pushes: [phones[index].push(40)])
      return ServerCall.sync(
        DeviceCall(session: phones[index].session, request: request, receivedAt: now, isFresh: true))
    }
    guard !calls.isEmpty else { return }
    for (index, reply) in zip(chosen, perform(calls)) { try take(reply, for: index) }
  }

  func take(_ reply: ServerReply, for index: Int) throws {
    switch reply {
    case .sync(let response, _):
      guard let answer = response.acknowledgements.first else {
        throw PowerCutFinding("I8", "a push got no acknowledgement")
      }
      // Damaged rows may name another attempt or device: the phone is told so and keeps everything.
      if isDamaged, answer.verdict == .unknownJournal { return counts.refused += 1 }
      guard answer.verdict == .stored || answer.verdict == .duplicate,
        Int(answer.sequence) <= phones[index].bodies.count,
        answer.head == phones[index].heads[Int(answer.sequence)]
      else { throw PowerCutFinding("I6", "a push was answered \(answer.verdict) at \(answer.sequence)") }
      guard Int(answer.sequence) >= phones[index].acknowledged else {
        throw PowerCutFinding("I8", "the server went back to \(answer.sequence)")
      }
      phones[index].acknowledged = Int(answer.sequence)
      counts.steps += 1
    case .problem(let problem):
      if problem.kind == .storageLow, family == .fullDisk {
        counts.refusedForSpace += 1
      } else if !disk.isDead, core?.storeFault == nil {
        throw PowerCutFinding("I8", "a push was refused: \(problem)")
      }
    default: throw PowerCutFinding("I8", "a push got another call's reply")
    }
  }

  // MARK: - A recovery

  /// Opens the store again, now and then for the first time after an update.
  private func recover() throws {
    // After a fault what is read may be in the cache alone: nothing that no version does is done to the file then.
    guard let leavesLog = EarlierForm.drawn(decisions, node: Self.node), !endedByFault else {
      return try openThroughCuts()
    }
    disk.restart()
    tell("the file is one of the version before")
    counts.updates += 1
    try EarlierForm.server.update(Self.path, on: disk, leavesLog: leavesLog) { try openThroughCuts() }
  }

  /// Opens the store, through cuts and kills of the recovery itself, and verifies what it finds.
  private func openThroughCuts() throws {
    let old = (core, store)
    core = nil
    store = nil
    for level in 0...2 {
      disk.restart()
      let end =
        level == 2
        ? 0
        : decisions.next(.kill, node: Self.node) { generator in
          generator.next() % 4 == 0 ? 1 + generator.number(in: 0...500) : 0
        }
      if end > 0 {
        let call = disk.callCount + 1 + UInt64(end / 4)
        if end % 4 == 3 { disk.scheduleKill(atCall: call) } else { disk.schedulePowerCut(atCall: call) }
      }
      let firstCall = disk.callCount
      do { try open() } catch {
        guard disk.isDead else { throw PowerCutFinding("I8", "a server's store does not open: \(error)") }
      }
      callsOfRecovery = disk.callCount - firstCall
      disk.schedulePowerCut(atCall: nil)
      disk.scheduleKill(atCall: nil)
      guard disk.isDead else { break }
      core = nil
      store = nil
      counts.nestedCuts += 1
    }
    withExtendedLifetime(old) {}
    try verify()
  }

  /// What was acknowledged is there, with its head; what is there was pushed.
  private func verify() throws {
    guard let store else { throw PowerCutFinding("I8", "a server's store does not open after two cuts") }
    for index in phones.indices {
      let row = try store.journal(phones[index].journal)
      let sequence = Int(row?.sequence ?? 0)
      guard sequence >= phones[index].acknowledged else {
        throw PowerCutFinding("I8", "\(phones[index].acknowledged) entries were acknowledged, \(sequence) are there")
      }
      guard sequence <= phones[index].bodies.count, row == nil || row?.head == phones[index].heads[sequence] else {
        throw PowerCutFinding("I6", "the server's journal is not a prefix of the phone's")
      }
      if sequence > phones[index].acknowledged { counts.inFlightKept += 1 }
      counts.entries += UInt64(sequence)
      digest.take(UInt64(sequence))
    }
    // Sessions were acknowledged too, and a repeated push gets the same answer.
    for index in phones.indices where phones[index].acknowledged > 0 {
      var again = phones[index]
      again.acknowledged = 0
      let request = SyncRequest(pushes: [again.push(min(Limits.pushEntries, phones[index].acknowledged))])
      let call = DeviceCall(session: again.session, request: request, receivedAt: now, isFresh: true)
      guard let reply = perform([.sync(call)]).first else { continue }
      try take(reply, for: index)
    }
  }
}

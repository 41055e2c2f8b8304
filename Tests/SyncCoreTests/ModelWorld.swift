import ExamModel
import SyncProtocol

@testable import SyncCore

/// A store, a network and a server, modelled just as far as the core can tell: chains of numbers instead of entries,
/// one scope with a version, and a stream of decisions about what goes wrong.
struct ModelWorld {
  struct Chain: Hashable {
    var bodies: [UInt64] = []
    /// The last entry that counts, in a journal that was left.
    var fork: Int?

    var end: Int { fork ?? bodies.count }

    func head(_ sequence: Int) -> Digest256 {
      var value: UInt64 = 99
      for body in bodies.prefix(sequence) {
        var mixer = SeededGenerator(seed: value ^ body &* 31)
        value = mixer.next()
      }
      return Digest256(words: [value, UInt64(sequence), 0, 0])
    }
  }

  struct Arrival {
    var at: Int64
    var event: SyncEvent
  }

  var core: SyncCore
  var generator: SeededGenerator
  var now: Int64 = 1_000
  var wakeAt: Int64?
  var arrivals: [Arrival] = []
  /// Requests that the executor would have open.
  var open: [RequestID: RequestPlan] = [:]
  var log: [SyncEffect] = []
  var sends: [Int64] = []
  var violations: [String] = []

  // The device
  var own: [ID128: Chain] = [:]
  var live: ID128
  var acknowledged: [ID128: Int] = [:]
  var cursor = Cursor.start
  var staged: UInt64 = 0
  var lastBody: UInt64 = 0
  /// Bodies of which the candidate was told that they are saved.
  var saved: Set<UInt64> = []

  // The server
  var server: [ID128: Chain] = [:]
  var epoch: UInt64 = 1
  var version: UInt64 = 3
  var hasSession = true
  var isRefusing = false

  /// Whether anything goes wrong.
  var isChaotic = true
  /// How many of the chances for a fork are taken.
  var forksPercent: Int

  static let subject = ID128(high: 2, low: 1)
  static let scope = ID128(high: 3, low: 1)

  init(seed: UInt64) {
    core = SyncCore(seed: seed)
    generator = SeededGenerator(seed: seed &* 77)
    forksPercent = seed.isMultiple(of: 3) ? 100 : 15
    live = ID128(high: 1, low: 1)
    own[live] = Chain()
    append()
    deliver(
      .start(
        SyncStart(journals: [known(live)], scopes: [ScopeCursor(scope: Self.scope, cursor: .start)], hasSession: true)))
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }

  func known(_ id: ID128, priority: EntryPriority = .answer) -> KnownJournal {
    let chain = own[id] ?? Chain()
    return KnownJournal(
      id: id, subject: Self.subject, last: UInt64(chain.end), acknowledged: UInt64(acknowledged[id] ?? 0),
      priority: priority, isLeft: chain.fork != nil)
  }

  mutating func append() {
    lastBody += 1
    own[live]?.bodies.append(lastBody)
    saved.insert(lastBody)
  }

  // MARK: Running

  /// Steps the core, carries out its effects, and steps it with what they bring about.
  mutating func deliver(_ event: SyncEvent) {
    var queue = [event]
    while !queue.isEmpty {
      let effects = core.step(queue.removeFirst(), at: Instant(milliseconds: now))
      log += effects
      if let violation = core.invariantViolation() { violations.append(violation) }
      for effect in effects { queue += execute(effect) }
      let pushes = open.values.count { $0.role != .poll }
      let polls = open.values.count { $0.role != .push }
      if pushes > 1 || polls > 1 { violations.append("\(pushes) pushes and \(polls) polls are open") }
      if let wakeAt, wakeAt <= now { self.wakeAt = nil }
    }
  }

  /// Goes to the next thing that happens: an arrival, a wake, or something from outside.
  mutating func advance() {
    if isChaotic, chance(30) { return interfere() }
    let arrival = arrivals.indices.min { (arrivals[$0].at, $0) < (arrivals[$1].at, $1) }
    if let arrival, arrivals[arrival].at <= wakeAt ?? .max {
      let next = arrivals.remove(at: arrival)
      now = max(now, next.at)
      if isChaotic, chance(5) { arrivals.append(Arrival(at: now + 1_000, event: next.event)) }
      switch next.event {
      case .responded(let id, _), .failed(let id, _), .sessionOpened(let id): open[id] = nil
      default: break
      }
      deliver(next.event)
    } else if let wakeAt {
      // Timers are late now and then.
      now = max(now, wakeAt) + (isChaotic && chance(10) ? 3_000 : 0)
      self.wakeAt = nil
      deliver(.wake)
    } else {
      now += 1_000
      deliver(.wake)
    }
  }

  private mutating func interfere() {
    now += Int64.random(in: 0...2_000, using: &generator)
    switch Int.random(in: 0..<24, using: &generator) {
    case 0...7:
      append()
      deliver(.journalChanged(known(live, priority: chance(10) ? .seal : .answer)))
    case 8: deliver(.networkChanged(isReachable: chance(60)))
    case 9: version += 1
    case 10: restoreServer()
    case 11, 20...22: forkServer()
    case 12: hasSession = false
    case 13: isRefusing.toggle()
    case 14: deliver(.loggedIn)
    case 15: deliver(chance(50) ? .sendChanges : .fetchChanges)
    case 16:
      let id = RequestID(number: UInt64.random(in: 0...500, using: &generator))
      open[id] = nil
      deliver(.failed(id, .transport))
    case 17: deliver(.scopesChanged([ScopeCursor(scope: Self.scope, cursor: cursor, staged: staged)]))
    case 18:
      deliver(chance(50) ? .storeFailed(subject: live) : .acknowledged(journal: live, .beyondOwn(sequence: 900)))
    default: deliver(.wake)
    }
  }

  /// Back to an earlier day: some entries, perhaps whole journals, are gone.
  private mutating func restoreServer() {
    epoch += 1
    for id in server.keys.sorted() {
      if chance(20) {
        server[id] = nil
      } else if let count = server[id]?.bodies.count {
        server[id]?.bodies.removeLast(Int.random(in: 0...min(count, 6), using: &generator))
      }
    }
  }

  /// Another copy of the store was there first, in some worlds after the server lost the end.
  private mutating func forkServer() {
    guard chance(forksPercent), let known = server[live] else { return }
    // Not while an answer is on its way that says otherwise: then two rare accidents meet within a round trip.
    if chance(40), open.values.allSatisfy({ $0.role == .poll }) {
      epoch += 1
      server[live]?.bodies.removeLast(min(known.bodies.count, 2))
    }
    for _ in 0..<Int.random(in: 1...4, using: &generator) { server[live]?.bodies.append(generator.next()) }
  }

  /// Nothing goes wrong any more.
  mutating func heal() {
    isChaotic = false
    isRefusing = false
    deliver(.networkChanged(isReachable: true))
  }

  var isConverged: Bool {
    let mine = own[live]?.bodies ?? []
    // Beyond our end there may be another copy's entries, which nobody can know of before the next push.
    return (server[live]?.bodies ?? []).starts(with: mine) && core.journals.allSatisfy { !$0.hasWork }
      && cursor.version == version
      && cursor.epoch == epoch
  }

  /// What counts on the device: each journal that was left, up to its fork, and the live one.
  var lineage: Set<UInt64> {
    Set(own.values.flatMap { $0.bodies.prefix($0.end) })
  }
}

import ExamModel
import ServerCore
import SyncCore
import SyncProtocol

/// Everything of one run. It owns the nodes; nothing outlives it.
final class SimWorld {
  let options: SimOptions
  let seeds: SimSeeds
  let kernel: Kernel
  let decisions: Decisions
  let swarm: Swarm
  let exam: SimExam
  let history = History()
  private(set) lazy var network = SimNetwork(self, phones: options.candidates * Self.devicesPerPerson)
  private(set) lazy var server = SimServer(self)
  private(set) var phones: [SimPhone] = []
  private(set) var users: [SimUser] = []
  private(set) lazy var proctor = SimProctor(self)

  /// Nothing bad is done from here on.
  private(set) var isHealed = false
  /// True milliseconds of the bell, as the exam's record says it now.
  private(set) var closesAt: Int64
  private(set) var opensAt: Int64
  /// Half of all answers get lost.
  var losesAnswers = false
  /// What each attempt was granted.
  var lastGrants: [ID128: Int64] = [:]
  var truth = Truth()
  var captured = Capture()
  var violations: [Violation] = []
  var faults = FaultCounts()
  var probes = SimProbeSums()
  /// Judges each store that comes back.
  let reopenChecker = ReopenChecker()
  var counts = SimCounts()
  private var nonces: UInt64 = 0
  private var canaries: [[Canary]] = []

  /// Devices that a candidate can have: the first, one beside it, and a new one after a loss.
  static let devicesPerPerson = 3

  init(_ options: SimOptions) throws {
    self.options = options
    seeds = SimSeeds(seed: options.seed)
    kernel = Kernel(seed: options.seed)
    decisions = options.plan.map { Decisions(seed: options.seed, plan: $0) } ?? Decisions(seed: options.seed)
    swarm = Swarm(decisions, options: options)
    let shape = SimShape(candidates: options.candidates, questions: options.questions, variant: swarm.variant)
    exam = try SimExamShelf.shared.exam(shape)
    opensAt = SimShape.opensAt
    closesAt = shape.closesAt
    let count = options.candidates * Self.devicesPerPerson
    _ = (network, server)
    for index in 0..<count {
      let phone = SimPhone(self, index: index, person: index % options.candidates)
      phones.append(phone)
      users.append(SimUser(self, phone))
    }
    _ = proctor
    fillTruth()
  }

  private func fillTruth() {
    truth.startedAt = SimClock.epoch
    truth.exams = [
      ExamTruth(
        id: exam.exam, opensAt: SimClock.epoch + opensAt, closesAt: SimClock.epoch + closesAt,
        durationMilliseconds: exam.durationMilliseconds, paper: exam.content)
    ]
    truth.attempts = exam.people.map { AttemptTruth(id: $0.attempt, exam: exam.exam, candidate: $0.candidate) }
    truth.canaries = [
      Canary(.paper(exam: exam.exam), bytes: exam.canary), Canary(.paperKey(exam: exam.exam), bytes: exam.paperKey),
    ]
    let own = exam.people.enumerated().map { index, person in
      Canary(.candidate(person.candidate), bytes: Array(SimExam.name(index + 1).utf8))
    }
    canaries = exam.people.indices.map { index in
      truth.canaries + own.enumerated().filter { $0.offset != index }.map(\.element)
    }
    truth.canaries += own
  }

  // MARK: - What happens

  func note(_ node: SimNode, _ fact: Fact) {
    let event = HistoryEvent(kernel.now, node, fact)
    history.append(event)
    reopenChecker.observe(event)
    switch fact {
    case .saved: counts.saves += 1
    case .receiptRead: counts.receipts += 1
    case .kept(_, _, _, let reason):
      if reason == .staleLease { probes.mark(.keptStaleLease) }
      if reason == .afterSeal { probes.mark(.keptAfterSeal) }
    case .opened(_, let quarantined): if quarantined { probes.mark(.quarantined) }
    case .successorOpened: probes.mark(.successor)
    case .storageWarningShown(let code): probes.mark(code == "disk-full" ? .diskFull : .storageFault)
    default: break
    }
  }

  func wrong(_ invariant: Invariant, _ node: SimNode, _ what: String, expected: String = "", found: String = "") {
    violations.append(Violation(invariant, kernel.now, node, what, expected: expected, found: found))
  }

  /// Looks through what reached a phone for what it may not have.
  func capture(_ message: [UInt8], at phone: SimPhone) {
    captured.search(
      message, for: canaries[phone.person], node: phone.node, trueMilliseconds: kernel.now, place: "a response")
  }

  /// The exam's times, as the server's records say them now; true milliseconds.
  func setTimes(opensAt: Int64, closesAt: Int64) {
    func change(from before: Int64, to instant: Int64) -> [TimeChange] {
      guard instant != before else { return [] }
      return [
        TimeChange(kernel.now, exam: exam.exam, to: SimClock.epoch + instant, before: SimClock.epoch + before)
      ]
    }
    truth.closings += change(from: self.closesAt, to: closesAt)
    truth.openings += change(from: self.opensAt, to: opensAt)
    (self.opensAt, self.closesAt) = (opensAt, closesAt)
    truth.exams[0].opensAt = SimClock.epoch + opensAt
    truth.exams[0].closesAt = SimClock.epoch + closesAt
  }

  func nonce() -> ID128 {
    nonces += 1
    var generator = seeds.generator(.nonce, nonces)
    return ID128.random(using: &generator)
  }

  func heal() {
    guard !isHealed else { return }
    isHealed = true
    truth.healedAt = kernel.now
    note(.world, .nemesis(name: "heal", begins: true))
    for index in phones.indices { setLink(index, SimLink()) }
    for phone in phones { phone.heal() }
    server.heal()
  }

  /// Changes a phone's link; the phone is told by its operating system, where that knows.
  func setLink(_ index: Int, _ link: SimLink) {
    let before = network.links[index]
    network.links[index] = link
    guard before.isUp != link.isUp else { return }
    let phone = phones[index]
    note(phone.node, link.isUp ? .linkUp : .linkDown)
    phone.enter { phone.networkChanged(isReachable: link.isUp) }
  }
}

extension SimWorld {
  /// The network goes down, and stays down whatever heals.
  func endNetwork() {
    network.isOver = true
  }

  /// What everybody holds at the end.
  /// A phone that answers in bursts, reads pages and comes back from kills stays far below this; one that retries
  /// without backing off does not.
  private static let requestsPerMinuteBound: Int64 = 600

  func dump() -> WorldDump {
    var dump = WorldDump()
    dump.truth = truth
    dump.capture = captured
    for phone in phones {
      guard let store = phone.store else { continue }
      do { dump.phones.append(try PhoneDump(reading: store, node: phone.node)) } catch {
        dump.unreadable[phone.node] = "\(error)"
      }
    }
    dump.digestMismatches = phones.map { $0.allProbes[.digestMismatch] }.reduce(0, +)
    if let contents = server.dump() { dump.servers.append(contents) }
    dump.gauges = [
      Gauge(
        "requests of one phone in a minute", greatest: network.mostRequestsInAMinute, bound: Self.requestsPerMinuteBound
      )
    ]
    return dump
  }

  /// Lets go of everything: stores before the disks that they lie on.
  func close() {
    // What is still to happen holds whom it would happen to: without this nothing of a run would ever be freed.
    kernel.forget()
    for phone in phones { phone.end() }
    server.end()
  }
}

import ExamModel
import Glibc
import Synchronization

/// What a phone has done so far, for the progress line and the judge.
struct PhoneTally: Sendable {
  var stage = "waiting"
  var saved = 0
  var kills = 0
  var locks = 0
  /// Answers that were confirmed as saved and missing from a later status: must stay empty.
  var missingAfterRestart: [String] = []
  var attempt: String?
  /// The receipt's bytes, as the phone gave them.
  var receiptFile: String?
  var receiptNumber: String?
  var sealedAt: Int?
  var receiptAt: Int?
  var slowestOpenMilliseconds = 0.0
  var failure: String?
}

/// One candidate with a phone: a thread that types, and a real process that is killed under its fingers.
final class Phone: Sendable {
  struct Surroundings: Sendable {
    var client: String
    var folder: String
    var server: String
    var serverKey: String
    var user: String
    var password: String
    var code: String
    var appVersion: String
    /// CLOCK_MONOTONIC of the opening and the bell.
    var opensAt: Int
    var bellAt: Int
    /// After this nothing is waited for any more.
    var givesUpAt: Int
  }

  let plan: CandidatePlan
  let name: String
  let tally = Mutex(PhoneTally())
  private let surroundings: Surroundings
  private let room: RoomServices

  init(plan: CandidatePlan, surroundings: Surroundings, room: RoomServices) {
    self.plan = plan
    name = plan.link.name
    self.surroundings = surroundings
    self.room = room
  }

  /// The whole exam of this candidate; returns when the receipt is there or time has run out.
  func run() {
    do {
      let hand = PhoneHand(phone: self, surroundings: surroundings, room: room)
      try hand.sitExam()
    } catch {
      tally.withLock { $0.failure = "\(error)" }
    }
  }

  func note(_ kind: PhoneEvent.Kind, pending: Int? = nil, detail: String? = nil) {
    room.events.append(
      PhoneEvent(
        kind: kind, candidate: name, atMilliseconds: MonotonicClock.milliseconds, pending: pending, detail: detail))
  }

  func stage(_ stage: String) {
    tally.withLock { $0.stage = stage }
  }
}

/// What phones share.
struct RoomServices: Sendable {
  var intentions: RoomLog
  var events: RoomLog
  /// The code of one lock, as a proctor gets it.
  var unlockCode: @Sendable (_ attempt: String, _ number: Int) throws -> String
  /// Presses the proctor's unlock button.
  var unlock: @Sendable (_ attempt: String, _ number: Int) throws -> Void
}

/// The hand that types: keeps the process alive, sends commands, repeats what was not confirmed.
final class PhoneHand {
  private let phone: Phone
  private let surroundings: Phone.Surroundings
  private let room: RoomServices
  private var process: ChildProcess?
  private var kills: [Int]
  /// What the phone confirmed, by item: the candidate's own memory, which the phone must never fall behind.
  private var confirmed: [String: String] = [:]
  /// What was sent and not answered yet: either state of it is right.
  private var inFlight: (item: String, value: String)?
  private var lastCommandWasRepeated = false
  private var intentionCount = 0
  private var lastStatusAt = 0

  init(phone: Phone, surroundings: Phone.Surroundings, room: RoomServices) {
    self.phone = phone
    self.surroundings = surroundings
    self.room = room
    kills = phone.plan.kills
  }

  func sitExam() throws {
    phone.stage("log-in")
    _ = try insist("login \(surroundings.user) \(surroundings.password)")
    phone.note(.login)
    let joined = try insist("join \(surroundings.code)")
    phone.tally.withLock { $0.attempt = joined.attempt }
    phone.note(.joined)
    _ = try insist("info phone=13800000000;seat=\(phone.plan.index + 1)")
    phone.stage("fetching")
    wait(until: surroundings.opensAt - 300)
    _ = try insist("await ready 5")
    let drawn = Set(try insist("start").items ?? [])
    phone.note(.started)
    phone.stage("answering")
    for step in phone.plan.steps where step.action.item.map(drawn.contains) ?? true {
      wait(until: surroundings.opensAt + step.at)
      try perform(step.action)
      try statusNowAndThen()
    }
    wait(until: surroundings.bellAt - phone.plan.submitsBeforeBell)
    try submit()
    try awaitReceipt()
    phone.stage("done")
    _ = process?.send("quit")
    process?.wait()
  }

  // MARK: - Commands

  private func perform(_ action: CandidatePlan.Step.Action) throws {
    switch action {
    case .answer(let item, let value): try save("answer \(item) \(value)", item: item, value: "\(value)")
    case .clear(let item): try save("clear \(item)", item: item, value: "")
    case .leave(let section): _ = try repeatUntilAnswered("leave \(section)")
    case .lock(let cause, let unlocking): try lock(cause, unlocking)
    }
  }

  private func save(_ command: String, item: String, value: String) throws {
    intentionCount += 1
    record(.intend, item: item, value: value)
    inFlight = (item, value)
    let reply = try repeatUntilAnswered(command)
    let wasRepeated = lastCommandWasRepeated
    inFlight = nil
    if reply.ok {
      record(.confirm, item: item, value: value, sequence: reply.sequence)
      confirmed[item] = value.isEmpty ? nil : value
      phone.tally.withLock { $0.saved += 1 }
    } else {
      record(.refuse, item: item, value: value, reason: reply.error, isRepeated: wasRepeated)
    }
  }

  private func lock(_ cause: String, _ unlocking: CandidatePlan.Unlocking) throws {
    let before = try repeatUntilAnswered("status")
    guard before.phase == "answering" else { return }
    var reply = try repeatUntilAnswered("lock \(cause)")
    if !reply.ok, reply.error == "locked" {
      // The lock was durable, and only its reply was lost with the process.
      reply = try repeatUntilAnswered("status")
    }
    guard let number = reply.lockNumber else { return }
    phone.tally.withLock { $0.locks += 1 }
    phone.note(.lock, detail: "\(cause) \(number)")
    guard reply.handedIn != true, let attempt = phone.tally.withLock({ $0.attempt }) else { return }
    phone.stage("locked")
    switch unlocking {
    case .code:
      let code = try room.unlockCode(attempt, number)
      _ = try repeatUntilAnswered("unlock \(code)")
      phone.note(.unlock, detail: "code \(number)")
    case .server:
      try room.unlock(attempt, number)
      _ = try insist("await unlock 5")
      phone.note(.unlock, detail: "server \(number)")
    }
    phone.stage("answering")
  }

  private func submit() throws {
    phone.stage("submitting")
    phone.note(.submit)
    let reply = try repeatUntilAnswered("submit")
    let isSealed = reply.ok || ["sealed", "already-submitted", "time-up"].contains(reply.error ?? "")
    guard isSealed else { throw RoomError("\(phone.name) could not hand in: \(reply.error ?? "?")") }
    phone.tally.withLock { $0.sealedAt = MonotonicClock.milliseconds }
    phone.note(.sealed)
    phone.note(.status, pending: try repeatUntilAnswered("status").pending)
    phone.stage("sealed")
  }

  private func awaitReceipt() throws {
    _ = try insist("await receipt 5")
    let reply = try insist("receipt")
    let now = MonotonicClock.milliseconds
    phone.tally.withLock {
      $0.receiptAt = now
      $0.receiptFile = reply.file
      $0.receiptNumber = reply.receiptNumber
    }
    phone.note(.receipt)
    phone.note(.status, pending: try repeatUntilAnswered("status").pending)
    try compareWithStatus()
  }

  // MARK: - Insisting

  /// Sends a command until it succeeds: for what needs the network or the clock.
  private func insist(_ command: String) throws -> PhoneReply {
    while true {
      let reply = try repeatUntilAnswered(command)
      if reply.ok { return reply }
      let passing = ["timeout", "network", "not-ready", "not-assigned", "login-needed", "information-missing"]
      guard passing.contains(reply.error ?? "") else {
        throw RoomError("\(phone.name): \(command) was refused: \(reply.error ?? "?") \(reply.message ?? "")")
      }
      guard MonotonicClock.milliseconds < surroundings.givesUpAt else {
        throw RoomError("\(phone.name): \(command) never succeeded: \(reply.error ?? "?")")
      }
      pause(milliseconds: 150)
    }
  }

  /// Sends a command; after a kill the process is started again and the command repeated.
  private func repeatUntilAnswered(_ command: String) throws -> PhoneReply {
    var sendings = 0
    while true {
      if MonotonicClock.milliseconds > surroundings.givesUpAt {
        throw RoomError("\(phone.name): no answer to “\(command.prefix(60))” before the end")
      }
      let process = try runningProcess()
      sendings += 1
      guard process.send(command) else {
        try restart()
        continue
      }
      switch readLine(process) {
      case .text(let line):
        lastCommandWasRepeated = sendings > 1
        return try PhoneReply.decode(line)
      case .timeout, .end: try restart()
      }
    }
  }

  /// Reads a reply, or kills the process when its time has come: perhaps in the middle of a save.
  private func readLine(_ process: ChildProcess) -> ChildProcess.Line {
    let next = nextKill ?? Int.max
    let line = process.readLine(until: min(next, surroundings.givesUpAt))
    if case .timeout = line, MonotonicClock.milliseconds >= next { killProcess() }
    return line
  }

  private func wait(until instant: Int) {
    while true {
      let now = MonotonicClock.milliseconds
      guard now < instant else { return }
      if let kill = nextKill, kill <= now {
        killProcess()
        continue
      }
      pause(milliseconds: min(instant, nextKill ?? instant) - now)
    }
  }

  private func pause(milliseconds: Int) {
    guard milliseconds > 0 else { return }
    usleep(UInt32(milliseconds) * 1000)
  }

  // MARK: - The process

  private var nextKill: Int? {
    kills.first.map { surroundings.opensAt + $0 }
  }

  private func killProcess() {
    kills.removeFirst()
    guard let process else { return }
    process.kill()
    self.process = nil
    phone.tally.withLock { $0.kills += 1 }
    phone.note(.kill)
  }

  private func restart() throws {
    process?.kill()
    process = nil
    _ = try runningProcess()
  }

  private func runningProcess() throws -> ChildProcess {
    if let process { return process }
    let process = try ChildProcess(
      [
        surroundings.client, "run", "-", "--store", "\(surroundings.folder)/store", "--server", surroundings.server,
        "--server-key", surroundings.serverKey, "--app-version", surroundings.appVersion, "--output", "json",
      ], errorFile: "\(surroundings.folder)/errors.log")
    self.process = process
    guard case .text(let line) = readLine(process) else {
      // Killed while it opened its store, or it died: the log says why.
      process.kill()
      self.process = nil
      guard MonotonicClock.milliseconds < surroundings.givesUpAt else {
        throw RoomError("\(phone.name) does not come up again; see \(surroundings.folder)/errors.log")
      }
      pause(milliseconds: 20)
      return try runningProcess()
    }
    let ready = try PhoneReply.decode(line)
    guard ready.ok else {
      throw RoomError("\(phone.name) does not open its store: \(ready.message ?? line)")
    }
    phone.tally.withLock {
      $0.slowestOpenMilliseconds = max($0.slowestOpenMilliseconds, ready.openMilliseconds ?? 0)
    }
    phone.note(.restarted)
    if !confirmed.isEmpty { try compareWithStatus() }
    return process
  }

  // MARK: - The candidate's memory

  /// Nothing confirmed as saved may ever be missing from a later status.
  private func compareWithStatus() throws {
    let status = try repeatUntilAnswered("status")
    guard let sheet = status.sheet else { return }
    for (item, value) in confirmed where sheet[item] != value {
      if let inFlight, inFlight.item == item, inFlight.value == sheet[item] ?? "" { continue }
      let text = "\(item): saved “\(value)”, the phone shows “\(sheet[item] ?? "nothing")”"
      phone.tally.withLock { $0.missingAfterRestart.append(text) }
      phone.note(.missing, detail: text)
    }
  }

  private func statusNowAndThen() throws {
    let now = MonotonicClock.milliseconds
    guard now - lastStatusAt > 1500 else { return }
    lastStatusAt = now
    let status = try repeatUntilAnswered("status")
    phone.note(.status, pending: status.pending)
  }

  private func record(
    _ kind: Intention.Kind, item: String, value: String, sequence: Int? = nil, reason: String? = nil,
    isRepeated: Bool? = nil
  ) {
    room.intentions.append(
      Intention(
        kind: kind, candidate: surroundings.user, n: intentionCount, item: item, value: value,
        atMilliseconds: MonotonicClock.milliseconds, sequence: sequence, reason: reason,
        isRepeated: isRepeated))
  }
}

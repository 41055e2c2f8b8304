import ExamModel
import Foundation
import Glibc

/// A few phones that type in turn while each syncs by itself, driven by one thread.
final class Crowd {
  private struct Place {
    var phone: LabPhone
    var memory: CandidateMemory
    var isStopped = false
    /// A command was sent, and its reply has not been read.
    var owesReply = false
  }

  let world: LabWorld
  private let ports: [Int]?
  private var generator: OrderGenerator
  private var places: [Place] = []
  /// The slowest reply to a save that was not held up by a stop.
  private(set) var slowestSaveMilliseconds = 0

  /// Opens the phones of the first seats; through `ports` if there are any, else at the server itself.
  init(_ world: LabWorld, phones: Int, seed: UInt64, ports: [Int]? = nil) throws {
    self.world = world
    self.ports = ports
    generator = OrderGenerator(seed: seed, label: "crowd")
    let log = try RoomLog(path: "\(world.folder)/intended.jsonl")
    for seat in 0..<phones {
      let memory = CandidateMemory(user: world.stage.seats[seat].user, log: log)
      places.append(Place(phone: try open(seat), memory: memory))
    }
  }

  var count: Int { places.count }
  var confirmations: Int { places.reduce(0) { $0 + $1.memory.confirmations } }

  private func open(_ seat: Int) throws -> LabPhone {
    var setting = world.setting(seat: seat, port: ports?[seat])
    setting.syncsByItself = true
    let phone = try LabPhone(setting)
    _ = try phone.succeed("opening phone \(seat + 1)", nil)
    return phone
  }

  // MARK: - Typing

  /// Every phone that is not stopped saves in turn until the time is over, with a pause after each round.
  func type(milliseconds: Int, pauseMilliseconds: Int) throws {
    let end = MonotonicClock.milliseconds + milliseconds
    while MonotonicClock.milliseconds < end {
      for seat in places.indices where !places[seat].isStopped {
        try beginSave(seat)
        try endSave(seat)
      }
      usleep(UInt32(pauseMilliseconds) * 1_000)
    }
  }

  /// Sends a save without waiting for its reply.
  func beginSave(_ seat: Int) throws {
    let item = "q\(1 + Int(generator.next(below: UInt64(BenchPaper.itemCount))))"
    let value = generator.next(below: 12) == 0 ? "" : PhoneScript.value(&generator, item)
    places[seat].memory.intend(item, value)
    let command = PhoneScript.Step.save(item: item, value: value).command
    guard places[seat].phone.send(command) else { throw RoomError("phone \(seat + 1) ended by itself") }
    places[seat].owesReply = true
  }

  /// Reads the reply to a save.
  func endSave(_ seat: Int) throws {
    let start = MonotonicClock.milliseconds
    places[seat].owesReply = false
    switch places[seat].phone.receive() {
    case .reply(let reply) where reply.ok: places[seat].memory.confirm(sequence: reply.sequence)
    case .reply(let reply): places[seat].memory.doubt(reply.error ?? "refused")
    case .ended: throw RoomError("phone \(seat + 1) ended by itself")
    case .silence: throw RoomError("phone \(seat + 1) answered no save within \(LabPhone.timeoutMilliseconds) ms")
    }
    slowestSaveMilliseconds = max(slowestSaveMilliseconds, MonotonicClock.milliseconds - start)
  }

  // MARK: - Faults

  /// SIGSTOP, in the middle of a save.
  func stop(_ seat: Int) throws {
    try beginSave(seat)
    places[seat].phone.signal(SIGSTOP)
    places[seat].isStopped = true
  }

  /// SIGCONT; the save that was under way is answered now.
  func resume(_ seat: Int) throws {
    places[seat].phone.signal(SIGCONT)
    places[seat].isStopped = false
    if places[seat].owesReply { try endSave(seat) }
  }

  /// SIGKILL in the middle of a save. Until it is reopened, the phone is as good as stopped.
  func kill(_ seat: Int) throws {
    try beginSave(seat)
    places[seat].phone.kill()
    places[seat].memory.doubt("killed")
    places[seat].owesReply = false
    places[seat].isStopped = true
  }

  /// Starts a killed phone on its store, and compares what it shows.
  func reopen(_ seat: Int, _ outcome: inout KillOutcome) throws {
    places[seat].phone = try open(seat)
    places[seat].isStopped = false
    _ = status(seat, &outcome)
  }

  /// Takes the network of a phone away, or gives it back, as its user would.
  func setNetwork(_ seat: Int, up: Bool) throws {
    _ = try places[seat].phone.succeed("network", "network \(up ? "up" : "down")")
  }

  // MARK: - Comparing

  /// A phone's status, compared with its candidate's memory.
  func status(_ seat: Int, _ outcome: inout KillOutcome) -> LabReply? {
    Aftermath.status(places[seat].phone, &places[seat].memory, &outcome)
  }

  /// Waits until a condition on every phone's status holds; gives the milliseconds, or `nil` if the bound passed.
  func settle(
    withinMilliseconds bound: Int, _ outcome: inout KillOutcome, until isSettled: (LabReply) -> Bool
  ) -> Int? {
    let start = MonotonicClock.milliseconds
    var waiting = Array(places.indices)
    while true {
      waiting = waiting.filter { seat in status(seat, &outcome).map { !isSettled($0) } ?? true }
      let passed = MonotonicClock.milliseconds - start
      if waiting.isEmpty { return passed }
      guard passed < bound, outcome.isClean else {
        outcome.failures.append("phones \(waiting.map { $0 + 1 }) had not settled after \(passed) ms")
        return nil
      }
      usleep(20_000)
    }
  }

  /// The last comparison: every phone with the running server, and both with what was meant.
  func judge(_ outcome: inout KillOutcome) throws {
    var sheets: [String: [String: String]] = [:]
    for seat in places.indices {
      guard let status = status(seat, &outcome) else { continue }
      sheets[places[seat].memory.user] = status.sheet ?? [:]
      _ = places[seat].phone.ask("quit")
      places[seat].phone.waitForEnd()
    }
    outcome.confirmed = confirmations
    try Aftermath.judge(world, sheets: sheets, &outcome)
  }
}

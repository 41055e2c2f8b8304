import ExamModel
import Foundation
import Glibc

/// The server dies again and again while phones push; what it acknowledged has to be there each time.
struct ServerKillRun {
  let stage: LabStage
  let folder: String
  let seed: UInt64

  static let phones = 4
  private static let kills = 3
  /// From the last restart until nothing may be pending: the greatest back-off and the progress deadline.
  static let boundMilliseconds = 45_000

  func execute(run: Int) throws -> KillOutcome {
    var outcome = KillOutcome(.server, run: run)
    var generator = OrderGenerator(seed: seed, label: "server \(run)")
    var world = try stage.world(in: folder, phones: Self.phones)
    try world.startServer()
    defer { world.server.kill() }
    let crowd = try Crowd(world, phones: Self.phones, seed: generator.next())
    var acknowledged = 0
    for _ in 0..<Self.kills {
      try crowd.type(milliseconds: generator.number(in: 40...400), pauseMilliseconds: 0)
      world.server.kill()
      try crowd.type(milliseconds: generator.number(in: 0...60), pauseMilliseconds: 2)
      acknowledged += try compareAcknowledged(crowd, world, &outcome)
    }
    outcome.point = "SIGKILL of the server"
    outcome.healMilliseconds = crowd.settle(withinMilliseconds: Self.boundMilliseconds, &outcome) { $0.pending == 0 }
    try crowd.judge(&outcome)
    outcome.note = "\(acknowledged) entries acknowledged before a kill"
    let exit = world.server.stop()
    if exit != 0 { outcome.failures.append("the server ended with \(exit) instead of 0") }
    return outcome
  }

  /// Restarts the server with no phone in reach, and looks for every entry that a phone calls acknowledged.
  private func compareAcknowledged(
    _ crowd: Crowd, _ world: LabWorld, _ outcome: inout KillOutcome
  ) throws -> Int {
    var acknowledged: [(journal: String, sequence: Int)] = []
    for seat in 0..<crowd.count {
      try crowd.setNetwork(seat, up: false)
      guard let status = crowd.status(seat, &outcome), let journal = status.journal else { continue }
      acknowledged.append((journal, (status.sequence ?? 0) - (status.pending ?? 0)))
    }
    try world.server.start(LabStage.serverOptions)
    let held = Set(try world.serverJournals())
    for (journal, last) in acknowledged where last > 0 {
      let missing = (1...last).filter { !held.contains(JournalLine(journal: journal, sequence: $0)) }
      if let first = missing.first {
        outcome.lost.append("journal \(journal): \(missing.count) acknowledged entries are gone, from \(first) on")
      }
    }
    for seat in 0..<crowd.count { try crowd.setNetwork(seat, up: true) }
    return acknowledged.reduce(0) { $0 + $1.sequence }
  }
}

/// Phones and the server are stopped for a while, in the middle of what they do, and go on.
struct PauseRun {
  let stage: LabStage
  let folder: String
  let seed: UInt64

  private static let phones = 3

  func execute(run: Int) throws -> KillOutcome {
    var outcome = KillOutcome(.pause, run: run)
    var generator = OrderGenerator(seed: seed, label: "pause \(run)")
    var world = try stage.world(in: folder, phones: Self.phones)
    try world.startServer()
    defer { world.server.kill() }
    let crowd = try Crowd(world, phones: Self.phones, seed: generator.next())
    try crowd.type(milliseconds: generator.number(in: 20...200), pauseMilliseconds: 3)
    let seat = generator.number(in: 0...Self.phones - 1)
    try crowd.stop(seat)
    try crowd.type(milliseconds: generator.number(in: 100...700), pauseMilliseconds: 5)
    try crowd.resume(seat)
    try crowd.type(milliseconds: generator.number(in: 0...100), pauseMilliseconds: 3)
    if let server = world.server.runningProcess {
      _ = Glibc.kill(server, SIGSTOP)
      // Answering never waits for the server.
      try crowd.type(milliseconds: generator.number(in: 100...900), pauseMilliseconds: 5)
      _ = Glibc.kill(server, SIGCONT)
    }
    outcome.point = "SIGSTOP of a phone, then of the server"
    outcome.healMilliseconds = crowd.settle(withinMilliseconds: ServerKillRun.boundMilliseconds, &outcome) {
      $0.pending == 0
    }
    try crowd.judge(&outcome)
    outcome.note = "slowest save \(crowd.slowestSaveMilliseconds) ms"
    let exit = world.server.stop()
    if exit != 0 { outcome.failures.append("the server ended with \(exit) instead of 0") }
    return outcome
  }
}

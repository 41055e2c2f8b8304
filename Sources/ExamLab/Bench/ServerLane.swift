import ExamModel
import Foundation
import Glibc
import SyncProtocol
import SyncWire

/// The room that the load generator works on, run after run.
struct ServerLane {
  let context: BenchContext
  private(set) var room: BenchRoom
  private let rows: RowBaseline
  private let bodies: [[UInt8]]
  /// Requests a second, by answers a push: decides how many are encoded for a run.
  private var rates: [Int: Double] = [:]
  /// The median length of an acknowledgement's body.
  private(set) var responseBytes = 64.0

  /// More is encoded than the last run used, because the next one may be faster.
  private static let slack = 1.35
  private static let calibrationSeconds = 0.3

  init(context: BenchContext, folder: String) throws {
    self.context = context
    room = try BenchRoom(
      binaries: context.options.binaries, folder: folder, candidates: context.sizes.connections)
    rows = RowBaseline(folder: folder, phones: context.sizes.connections, rows: context.sizes.rows)
    var phone = room.phones[0]
    bodies = (0..<1_000).map { _ in phone.answer() }
  }

  private var port: Int { room.server.devicePort }

  /// Short replays of each size, to know how much is to be encoded for the runs.
  mutating func calibrate() throws {
    for size in ServerBench.sizes {
      rates[size] = size == 1 ? 60_000 : size == 10 ? 40_000 : 12_000
      _ = try push(size, warmup: 0.05, seconds: Self.calibrationSeconds)
    }
  }

  /// One interleaved run.
  mutating func round() throws -> ServerRound {
    let nothing = try replayNothing()
    var pushes: [Int: ReplayOutcome] = [:]
    for size in ServerBench.sizes {
      pushes[size] = try push(size, warmup: context.sizes.warmupSeconds, seconds: context.sizes.replaySeconds)
    }
    var stored: [BaselineRowOrder: Double] = [:]
    for order in BaselineRowOrder.allCases { stored[order] = try rows.rowsPerSecond(order, bodies: bodies) }
    return ServerRound(nothing: nothing, pushes: pushes, rows: stored)
  }

  private func replayNothing() throws -> ReplayOutcome {
    var phones = room.phones
    let scripts = PushScripts(phones: &phones, pushes: 20, answersPerPush: 1, port: port)
    let replayer = Replayer(
      port: port, scripts: scripts.redirected(bodyBytes: Int(responseBytes)),
      warmupSeconds: context.sizes.warmupSeconds,
      seconds: context.sizes.replaySeconds, expectsSequences: false, repeats: true,
      server: room.server.runningProcess)
    return try counted { try replayer.run() }
  }

  private mutating func push(_ size: Int, warmup: Double, seconds: Double) throws -> ReplayOutcome {
    let before = room.phones
    var phones = before
    let wanted = (rates[size] ?? 1_000) * (warmup + seconds) * Self.slack
    let each = Int(wanted / Double(phones.count)) + 2
    let scripts = PushScripts(phones: &phones, pushes: each, answersPerPush: size, port: port)
    let replayer = Replayer(
      port: port, scripts: scripts.scripts, warmupSeconds: warmup, seconds: seconds, expectsSequences: true,
      server: room.server.runningProcess)
    var outcome = try counted { try replayer.run() }
    responseBytes = Double(try scripts.verify(outcome, phones: &phones, before: before))
    room.replacePhones(phones)
    rates[size] = max(outcome.perSecond, 100)
    outcome.traces = []
    return outcome
  }

  private func counted(_ replay: () throws -> ReplayOutcome) throws -> ReplayOutcome {
    do { return try replay() } catch let error as ReplayError {
      throw RoomError("a replay failed: \(error); see the server's log in \(context.options.outputFolder)/work")
    }
  }

  // MARK: - What is proved beside the figures

  /// Counts the server's syncs of the disk while pushes come, and leaves the server killed: strace tells what it
  /// counted when the last thread it follows is gone.
  mutating func traceSyncs(folder: String) throws -> String {
    let strace = "/usr/bin/strace"
    guard access(strace, X_OK) == 0, let process = room.server.runningProcess else {
      return "strace is not installed: the syncs were not counted."
    }
    let file = "\(folder)/strace.txt"
    let tracer = try ChildProcess(
      [strace, "-f", "-c", "-e", "trace=fdatasync,fsync", "-p", "\(process)", "-o", file], errorFile: "\(file).log")
    // strace says on standard error when it is attached.
    let deadline = MonotonicClock.milliseconds + 10_000
    while MonotonicClock.milliseconds < deadline,
      !((try? String(contentsOfFile: "\(file).log", encoding: .utf8))?.contains("attached") ?? false)
    { _ = poll(nil, 0, 20) }
    let outcome = try push(1, warmup: 0, seconds: 1)
    room.server.kill()
    while case .text = tracer.readLine(until: MonotonicClock.milliseconds + 10_000) {}
    tracer.kill()
    let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
    let syncs = StraceSummary.calls(of: ["fdatasync", "fsync"], in: text)
    guard syncs > 0 else { return "strace counted no sync of the disk: it may not trace here (\(text.prefix(80)))." }
    let perSync = Double(outcome.answered) / Double(syncs)
    return "strace: \(syncs) syncs of the disk while \(outcome.answered) pushes were acknowledged in "
      + "\(BenchTable.number(outcome.seconds)) s, \(BenchTable.number(perSync)) pushes for one sync "
      + "(slower under strace)."
  }

  /// Kills the server, starts it again, and asks for each journal's head: everything that was acknowledged is there.
  func checkAfterKill() throws -> String {
    room.server.kill()
    try room.server.start()
    let client = try BenchClient(port: port)
    for phone in room.phones {
      let request = SyncRequest(headQueries: [HeadQuery(journal: phone.journal, sequences: [phone.sequence])])
      let answer = try BenchRoom.response(try client.post("/v1/sync", request.wire, session: phone.session))
      guard let held = answer.heads.first, held.sequence == phone.sequence, held.heads[phone.sequence] == phone.head
      else {
        throw RoomError(
          "AN ACKNOWLEDGED ANSWER IS LOST: a journal was acknowledged up to \(phone.sequence), and after SIGKILL the "
            + "server says \(answer.heads)")
      }
    }
    let entries = room.phones.reduce(UInt64(0)) { $0 + $1.sequence }
    return "Then the server was killed with SIGKILL and started again: all \(BenchTable.number(Double(entries))) "
      + "acknowledged entries of \(room.phones.count) journals were there."
  }
}

/// Reads what `strace -c` prints.
enum StraceSummary {
  /// The number of calls: the fourth column of a line that ends with the call's name.
  static func calls(of names: Set<String>, in text: String) -> Int {
    var sum = 0
    for line in text.split(separator: "\n") {
      let columns = line.split(separator: " ")
      guard columns.count >= 5, let name = columns.last, names.contains(String(name)), let calls = Int(columns[3])
      else { continue }
      sum += calls
    }
    return sum
  }
}

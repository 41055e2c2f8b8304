import Foundation

/// From the start of a store's opening to ready, after SIGKILL, by the real `exam-client`.
struct OpenBench {
  let context: BenchContext

  static let barMilliseconds = 30.0
  /// Openings of one run; their median counts.
  private static let openings = 5
  private static let replyMilliseconds = 60_000

  func run() throws -> BenchResult {
    let folder = try context.makeFolder("open")
    context.progress("open: \(context.sizes.openEntries) entries")
    let room = try BenchRoom(binaries: context.options.binaries, folder: folder, candidates: 1, logsIn: false)
    defer { room.server.kill() }
    let entries = try answer(room, folder: folder)
    var runs: [Double] = []
    var slowest = 0.0
    for run in 1...context.runs {
      context.progress("open: run \(run) of \(context.runs)")
      var times: [Double] = []
      for _ in 0..<Self.openings {
        let process = try phone(room, folder)
        let ready = try reply(process, "ready")
        guard let milliseconds = ready.openMilliseconds else { throw RoomError("exam-client printed no open_ms") }
        guard ready.saved ?? 0 > 0 else { throw RoomError("after SIGKILL the phone holds no answer") }
        times.append(milliseconds)
        process.kill()
      }
      slowest = max(slowest, times.max() ?? 0)
      runs += BenchStatistics.median(times).map { [$0] } ?? []
    }
    return BenchResult(
      .open,
      bars: [
        BenchBar(
          "opening after SIGKILL until ready to answer", unit: "ms", .atMost, bar: Self.barMilliseconds, runs: runs)
      ],
      figures: [
        BenchFigure("slowest opening", unit: "ms", runs: [slowest]),
        BenchFigure("entries in the journal", unit: "entries", runs: [Double(entries)]),
      ],
      notes: ["Each opening follows a SIGKILL, so the WAL is read; each checks the whole chain and appends an entry."])
  }

  /// Begins the exam and saves; the process is then killed. Gives the journal's last sequence.
  private func answer(_ room: BenchRoom, folder: String) throws -> Int {
    let process = try phone(room, folder)
    _ = try reply(process, "ready")
    try command(process, "login \(BenchRoom.username(1)) \(BenchRoom.password)")
    try command(process, "join \(room.code)")
    try command(process, "await ready 30")
    try command(process, "start")
    var sequence = 0
    var index = 0
    while sequence < context.sizes.openEntries {
      let number = 1 + index % BenchPaper.itemCount
      let value = BenchPaper.isText(number) ? "the findings of case \(index)" : ["A", "B", "C"][index % 3]
      sequence = try command(process, "answer q\(number) \(value)").sequence ?? sequence + 1
      index += 1
    }
    process.kill()
    return sequence
  }

  private func phone(_ room: BenchRoom, _ folder: String) throws -> ChildProcess {
    try ChildProcess(
      [
        "\(context.options.binaries)/exam-client", "run", "-", "--store", "\(folder)/phone", "--server",
        "http://127.0.0.1:\(room.server.devicePort)", "--server-key", room.server.identityKey, "--output", "json",
        "--app-version", "3.4.2",
      ], errorFile: "\(folder)/phone.log")
  }

  @discardableResult
  private func command(_ process: ChildProcess, _ line: String) throws -> PhoneReply {
    guard process.send(line) else { throw RoomError("exam-client is gone before “\(line)”") }
    return try reply(process, line)
  }

  private func reply(_ process: ChildProcess, _ what: String) throws -> PhoneReply {
    guard case .text(let line) = process.readLine(until: MonotonicClock.milliseconds + Self.replyMilliseconds) else {
      throw RoomError("exam-client did not answer “\(what)”")
    }
    let reply = try PhoneReply.decode(line)
    guard reply.ok else {
      throw RoomError("exam-client refused “\(what)”: \(reply.error ?? "") \(reply.message ?? "")")
    }
    return reply
  }
}

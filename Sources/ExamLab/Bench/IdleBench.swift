import ExamModel
import Foundation
import Glibc
import SyncProtocol
import SyncWire

/// What a candidate costs the server's memory while a long poll is held.
struct IdleBench {
  let context: BenchContext

  static let barKilobytes = 20.0
  /// The server's own share of descriptors, and ours.
  private static let spareDescriptors = 500

  func run() throws -> BenchResult {
    let (few, many) = context.sizes.idlePolls
    guard Self.raiseDescriptorLimit(to: many + Self.spareDescriptors) else {
      return BenchResult(
        .idle,
        bars: [Self.bar(few, many, runs: [], note: "SKIPPED: the hard limit of open files is too low")],
        notes: [
          "\(many) connections need \(many + Self.spareDescriptors) open files: raise the hard limit (ulimit -Hn)."
        ])
    }
    let folder = try context.makeFolder("idle")
    let server = try ServerUnderTest(binary: "\(context.options.binaries)/exam-server", folder: folder)
    context.progress("idle: \(many) candidates")
    let (exam, sessions) = try Self.fill(server, candidates: many)
    var costs: [Double] = []
    var resident: (few: [Double], many: [Double]) = ([], [])
    for run in 1...context.runs {
      context.progress("idle: run \(run) of \(context.runs)")
      try server.start()
      defer { server.kill() }
      let crowd = IdleCrowd(port: server.devicePort, exam: exam)
      try crowd.park(sessions[..<few])
      let before = try Self.settledBytes(server)
      try crowd.park(sessions[few...])
      let after = try Self.settledBytes(server)
      try crowd.requireParked()
      resident.few.append(Double(before) / 1_048_576)
      resident.many.append(Double(after) / 1_048_576)
      costs.append(Double(after - before) / Double(many - few) / 1_000)
    }
    return BenchResult(
      .idle, bars: [Self.bar(few, many, runs: costs, note: nil)],
      figures: [
        BenchFigure("resident with \(few) polls", unit: "MiB", runs: resident.few),
        BenchFigure("resident with \(many) polls", unit: "MiB", runs: resident.many),
      ],
      notes: [
        "Each poll is another candidate's, with a session and a connection of its own, on two scopes; the server is "
          + "started anew for each run. Roster and sessions were written by the server's own core before it started."
      ])
  }

  private static func bar(_ few: Int, _ many: Int, runs: [Double], note: String?) -> BenchBar {
    BenchBar(
      "(resident at \(many) − at \(few)) ÷ \(many - few)", unit: "KB", .atMost, bar: barKilobytes, runs: runs,
      note: note)
  }

  /// Writes candidates and sessions into the store before the server has it: thousands of scrypts would measure
  /// nothing.
  private static func fill(
    _ server: ServerUnderTest, candidates: Int
  ) throws -> (exam: ID128, sessions: [BenchSession]) {
    let seed = try String(contentsOfFile: "\(server.dataFolder)/identity.key", encoding: .utf8)
    guard let key = Hex.decode(seed.trimmingCharacters(in: .whitespacesAndNewlines)).flatMap({ SigningKey(seed: $0) })
    else { throw RoomError("the identity of the server under test cannot be read") }
    let store = try BenchStore(path: "\(server.dataFolder)/store.sqlite", identity: key)
    let sessions = try store.sessions(candidates)
    try store.close()
    return (store.exam, sessions)
  }

  /// Resident bytes once they change no more.
  private static func settledBytes(_ server: ServerUnderTest) throws -> Int {
    guard let process = server.runningProcess else { throw RoomError("the server is gone") }
    var last = 0
    for _ in 0..<40 {
      _ = poll(nil, 0, 250)
      guard let now = ProcessMemory.residentBytes(of: process) else { throw RoomError("the server is gone") }
      if now == last { return now }
      last = now
    }
    return last
  }

  /// Of this process, and of the server that it starts.
  private static func raiseDescriptorLimit(to wanted: Int) -> Bool {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return false }
    if limit.rlim_cur >= rlim_t(wanted) { return true }
    guard limit.rlim_max >= rlim_t(wanted) else { return false }
    limit.rlim_cur = rlim_t(wanted)
    return setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
  }
}

/// Connections that wait in long polls.
private final class IdleCrowd {
  private let port: Int
  private let exam: ID128
  private var clients: [BenchClient] = []

  init(port: Int, exam: ID128) {
    self.port = port
    self.exam = exam
  }

  /// Each session reads its scopes, and then polls.
  func park(_ sessions: ArraySlice<BenchSession>) throws {
    for session in sessions {
      let client = try BenchClient(port: port)
      var cursors = [exam, session.candidate].map { ScopeCursor(scope: $0, cursor: .start) }
      let answer = try BenchRoom.response(
        try client.post("/v1/sync", SyncRequest(scopes: cursors).wire, session: session))
      for index in cursors.indices {
        if let delta = answer.deltas.first(where: { $0.scope == cursors[index].scope }) {
          cursors[index] = ScopeCursor(scope: delta.scope, cursor: delta.to)
        }
      }
      let request = SyncRequest(scopes: cursors, waitMilliseconds: Limits.waitMilliseconds)
      try client.send("/v1/sync", request.wire, session: session)
      clients.append(client)
    }
  }

  /// None of them was answered.
  func requireParked() throws {
    let answered = clients.filter(\.hasInput).count
    guard answered == 0 else { throw RoomError("\(answered) of \(clients.count) polls were not held") }
  }
}

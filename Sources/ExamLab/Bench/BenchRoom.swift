import ExamModel
import Foundation
import SyncProtocol
import SyncWire

/// A real server with an exam that is open, and phones that are logged in and have begun.
struct BenchRoom {
  let server: ServerUnderTest
  let exam: ID128
  let code: String
  private(set) var phones: [BenchPhone] = []

  static let password = "benchmark1"

  /// Makes a server, starts it with the benchmarks' endpoint, and brings an exam into it.
  ///
  /// - Parameters:
  ///   - candidates: how many are on the roster; see ``username(_:)``.
  ///   - logsIn: whether a device of each logs in and begins; otherwise ``phones`` stays empty.
  init(binaries: String, folder: String, candidates: Int, logsIn: Bool = true) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    server = try ServerUnderTest(binary: "\(binaries)/exam-server", folder: folder)
    // The phones of a benchmark send as fast as they can, which no honest phone does.
    try server.start(["--bench-endpoint", "--device-requests-per-second", "0"])
    let now = WallClock.milliseconds
    let created = try server.query([
      "exam", "create", "--title", "Benchmark", "--opens", "@\(now - 60_000)", "--closes", "@\(now + 36_000_000)",
      "--max-locks", "1",
    ])
    guard let id = (created["exam"] as? String).flatMap({ ID128(hex: $0) }), let code = created["code"] as? String
    else {
      throw RoomError("exam-server exam create printed no exam and code")
    }
    exam = id
    self.code = code
    try BenchPaper.write(to: "\(folder)/paper")
    try server.command(["paper", "publish", id.hex, "\(folder)/paper"])
    var roster = "number,name,username,password,specialty,room\n"
    for number in 1...candidates {
      roster += "N\(number),Candidate \(number),\(Self.username(number)),\(Self.password),,R1\n"
    }
    try roster.write(toFile: "\(folder)/roster.csv", atomically: true, encoding: .utf8)
    try server.command([
      "roster", "import", id.hex, "\(folder)/roster.csv", "--hand-out", "\(folder)/hand-out.csv",
    ])
    guard logsIn else { return }
    let client = try BenchClient(port: server.devicePort)
    for number in 1...candidates { phones.append(try Self.logIn(number, client)) }
  }

  static func username(_ number: Int) -> String { "phone\(number)" }

  /// Logs a device in, reads which attempt is its own, and opens and starts its journal.
  private static func logIn(_ number: Int, _ client: BenchClient) throws -> BenchPhone {
    let key = SigningKey()
    var login = LoginRequest(
      username: username(number), password: password, deviceKey: key.publicKey, nonce: .random(), appVersion: "3.4.2",
      signature: [])
    login.signature = key.sign(login.signedBytes, context: .login)
    let grant: SessionGrant
    do {
      grant = try SessionGrant(wire: SignedBytes(wire: try client.post("/v1/login", login.wire)).statement)
    } catch let error as WireError { throw RoomError("the log-in was answered with no grant: \(error)") }
    let session = try BenchSession(grant)
    let record = try attempt(of: session, client)
    var phone = BenchPhone(
      session: session, attempt: record.attempt, lease: record.lease, deviceKey: key.publicKey, seed: UInt64(number))
    let opening = phone.opening()
    let answer = try response(try client.post("/v1/sync", opening.message, session: session))
    guard let acknowledged = answer.acknowledgements.first, acknowledged.sequence == opening.sequence,
      acknowledged.head == opening.head, acknowledged.kept.isEmpty
    else { throw RoomError("the server did not take the beginning of a journal: \(answer.acknowledgements)") }
    return phone
  }

  private static func attempt(of session: BenchSession, _ client: BenchClient) throws -> AttemptRecord {
    let request = SyncRequest(scopes: [ScopeCursor(scope: session.candidate, cursor: .start)])
    let answer = try response(try client.post("/v1/sync", request.wire, session: session))
    let record = answer.deltas.flatMap(\.records).first { $0.collection == ScopeCollection.attempt }
    guard let record, let attempt = try? AttemptRecord(wire: record.body) else {
      throw RoomError("the candidate's scope holds no attempt")
    }
    return attempt
  }

  static func response(_ message: [UInt8]) throws -> SyncResponse {
    do { return try SyncResponse(wire: message) } catch { throw RoomError("an answer of the server is none: \(error)") }
  }

  mutating func replacePhones(_ phones: [BenchPhone]) {
    self.phones = phones
  }
}

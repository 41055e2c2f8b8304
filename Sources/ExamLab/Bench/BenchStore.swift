import ExamModel
import Foundation
import SQLite
import ServerCore
import ServerStoreSQLite
import SyncProtocol
import SyncWire

/// The server's decisions over its store in this process: no HTTP, no other thread, every instruction counted.
///
/// Confined to the thread that made it.
final class BenchStore {
  private let store: SQLiteServerStore
  private let core: ServerCore
  let exam: ID128
  private var rosterRows = 0
  private var time = Int64(WallClock.milliseconds)

  static let identity = OperatorIdentity(name: "benchmark", role: .operator)

  /// - Parameter identity: of the server that the store belongs to.
  init(path: String, identity: SigningKey = SigningKey()) throws {
    let store = try SQLiteServerStore(path: path)
    var generator = SystemRandomNumberGenerator()
    core = try ServerCore(
      store: store, identity: identity, node: identity.id, now: time, randomness: { generator.next() })
    self.store = store
    let draft = ExamDraft(title: "Benchmark", opensAt: time - 60_000, closesAt: time + 36_000_000)
    let outcome = core.perform([.command(.createExam(draft), by: Self.identity)], now: time)
    guard case .done(.exam(let summary)) = outcome.replies.first else {
      throw RoomError("the server's core made no exam: \(outcome.replies)")
    }
    exam = summary.exam
  }

  /// Folds the WAL into the file and closes it.
  func close() throws { try store.close() }

  private func perform(_ calls: [ServerCall]) -> [ServerReply] {
    time += 1
    return core.perform(calls, now: time).replies
  }

  /// Puts candidates on the roster, without passwords, and opens a session for each.
  func sessions(_ count: Int) throws -> [BenchSession] {
    var sessions: [BenchSession] = []
    while sessions.count < count {
      let rows = (0..<min(count - sessions.count, OperatorLimits.rosterRows)).map { Self.row(rosterRows + $0) }
      rosterRows += rows.count
      let imported = perform([.command(.importRoster(exam: exam, rows: rows), by: Self.identity)])
      guard case .done(.roster(let outcome)) = imported.first else {
        throw RoomError("the server's core took no roster: \(imported)")
      }
      let logins = outcome.rows.map { row in
        ServerCall.login(
          LoginRequest(
            username: row.username, password: "", deviceKey: ID128.random().bytes + ID128.random().bytes,
            nonce: .random(), appVersion: "3.4.2", signature: []), candidate: row.candidate)
      }
      for reply in perform(logins) {
        guard case .grant(let signed) = reply, let grant = try? SessionGrant(wire: signed.statement) else {
          throw RoomError("the server's core opened no session: \(reply)")
        }
        sessions.append(try BenchSession(grant))
      }
    }
    return sessions
  }

  private static func row(_ index: Int) -> PreparedRosterRow {
    func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255) } }
    return PreparedRosterRow(
      number: "N\(100_000 + index)", name: "Candidate \(index)", username: "idle\(index)", specialty: "", room: "R1",
      password: nil,
      secrets: AttemptSecrets(
        attempt: .random(), leaseID: .random(), orderSeed: .random(in: 0 ... .max), codeSalt: bytes(16),
        codeVerifier: bytes(32), unlockSalt: bytes(16), unlockVerifiers: (0..<8).map { _ in bytes(32) },
        scryptRounds: 2_048))
  }

  /// Writes records into the exam's scope, each with a version of its own.
  func announce(_ texts: [String]) throws {
    let calls = texts.map { ServerCall.command(.announce(exam: exam, text: $0), by: Self.identity) }
    for reply in perform(calls) {
      guard case .done = reply else { throw RoomError("the server's core wrote no record: \(reply)") }
    }
  }

  /// A sync round, from the decoded request to the framed response.
  func sync(_ request: SyncRequest, session: BenchSession) throws -> (response: SyncResponse, framed: [UInt8]) {
    let call = DeviceCall(session: session.id, request: request, receivedAt: time, isFresh: true)
    guard case .sync(let response, _) = perform([.sync(call)]).first else {
      throw RoomError("the server's core answered no round")
    }
    return (response, BodyFraming.frame(response.wire))
  }

  /// Instructions of SQLite's virtual machine since the last call.
  func takeSteps() -> Int { store.connection.total(.virtualMachineSteps, resets: true) }
}

import ExamModel
import Foundation
import SyncProtocol
import SyncWire

@testable import ExamServer

/// A phone with a journal: it remembers every acknowledgement, so that a test can ask whether the server does.
///
/// `@unchecked Sendable`: a test uses one phone from one place at a time.
final class PushingPhone: @unchecked Sendable {
  enum Outcome: Equatable {
    case acknowledged(UInt64)
    case refused(String)
    /// The connection ended without an answer.
    case gone
  }

  private(set) var device: TestDevice
  let attempt: ID128
  let journal = ID128.random()
  private var bodies: [[UInt8]] = []
  private var heads: [Digest256]
  /// The greatest sequence that the server said it has.
  private(set) var acknowledged: UInt64 = 0

  private init(_ device: TestDevice, attempt: ID128) {
    self.device = device
    self.attempt = attempt
    heads = [Chain.genesis(journal: journal, subject: attempt, deviceKey: device.key.id)]
  }

  /// Logs in and opens the journal.
  static func begin(_ server: any ReachableServer, _ exam: TestExam, candidate: Int = 0) async throws -> PushingPhone {
    let row = exam.handOut.rows[candidate]
    let device = TestDevice(server)
    guard let answer = try await device.login(username: row.username), answer.status == 200,
      let attempt = ID128(hex: row.attempt)
    else { throw RawConnection.Failure(description: "the log-in failed") }
    let phone = PushingPhone(device, attempt: attempt)
    phone.append(
      .open(
        Opening(
          nonce: .random(), bootID: .random(), bootMilliseconds: 1_000, wallMilliseconds: ServerClock().now,
          leaseOrdinal: 1, appVersion: "3.4.2")))
    return phone
  }

  /// From now on it speaks to a server that was started again.
  func move(to server: any ReachableServer) { device = TestDevice(device, at: server) }

  func append(_ kind: EntryKind) {
    let body = Entry(bootDeltaMilliseconds: 10, kind: kind).wire
    heads.append(Chain.next(heads[bodies.count], sequence: UInt64(bodies.count + 1), body: body))
    bodies.append(body)
  }

  /// Base64 of chance: no compression makes it smaller.
  private static let noise = Base64URL.encode((0..<48_000).map { _ in UInt8.random(in: 0...255) })

  func appendEssay(bytes: Int) {
    append(.answer(item: "q\(bodies.count)", value: .text("\(bodies.count)" + Self.noise.prefix(bytes))))
  }

  func appendSeal() {
    let position = JournalPosition(journal: journal, sequence: UInt64(bodies.count), head: heads[bodies.count])
    let statement = SealStatement(
      attempt: attempt, ordinal: 1, journals: [position], answers: Hash.sha256(AnswerSheet().canonicalBytes),
      answerCount: 0, cause: .candidate
    ).wire
    let signature = device.key.sign(statement + position.head.bytes, context: .seal)
    append(.seal(SignedStatement(statement: statement, signature: signature)))
  }

  private func push(from first: UInt64, to last: UInt64) -> Push {
    Push(
      journal: journal, subject: first == 1 ? attempt : nil, first: first,
      bodies: Array(bodies[Int(first - 1)..<Int(last)]), head: heads[Int(last)], lease: 1)
  }

  /// Pushes what is not acknowledged yet.
  func send(on connection: RawConnection) async throws -> Outcome {
    let pending = push(from: acknowledged + 1, to: UInt64(bodies.count))
    guard let response = try await answer(to: pending, on: connection) else { return .gone }
    guard case .success(let acknowledgement) = response else {
      if case .failure(let refusal) = response { return .refused(refusal.description) }
      return .gone
    }
    acknowledged = max(acknowledged, acknowledgement.sequence)
    return .acknowledged(acknowledgement.sequence)
  }

  /// One more entry, pushed.
  func answerAndSend(on connection: RawConnection, bytes: Int = 40) async throws -> Outcome {
    appendEssay(bytes: bytes)
    return try await send(on: connection)
  }

  /// Whether the server has everything that it acknowledged, as it was.
  func isKept() async throws -> Bool {
    let connection = try device.server.connect()
    guard case .success(let told)? = try await answer(to: push(from: acknowledged, to: acknowledged), on: connection)
    else { return false }
    return told.sequence >= acknowledged && told.sequence <= UInt64(bodies.count)
      && told.head == heads[Int(told.sequence)] && told.verdict == .duplicate
  }

  private func answer(
    to push: Push, on connection: RawConnection
  ) async throws -> Result<Acknowledgement, RawConnection.Failure>? {
    let signed = device.signed("/v1/sync", BodyFraming.frame(SyncRequest(pushes: [push]).wire))
    guard connection.send(signed.bytes), let answer = try? await connection.receive() else { return nil }
    guard device.isGenuine(answer, to: signed.mac) else {
      throw RawConnection.Failure(description: "an answer \(answer.status) with a wrong MAC: \(answer.text)")
    }
    guard answer.status == 200 else { return .failure(RawConnection.Failure(description: answer.problem ?? "?")) }
    let response = try SyncResponse(wire: try BodyFraming.unframe(answer.body))
    guard let acknowledgement = response.acknowledgements.first else {
      return .failure(RawConnection.Failure(description: "no acknowledgement"))
    }
    return .success(acknowledgement)
  }
}

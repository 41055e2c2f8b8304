import ExamModel
import Foundation
import SyncProtocol
import SyncWire
import Synchronization

/// Pushes of every phone, encoded and MACed in advance, and what each has to be answered with.
struct PushScripts {
  struct Expectation: Sendable {
    var mac: MAC
    var sequence: UInt64
    var head: Digest256
  }

  /// One for each phone, in their order.
  private(set) var scripts: [ReplayScript]
  private(set) var expectations: [[Expectation]]
  let answersPerPush: Int

  /// Encodes `pushes` pushes of each phone, on all processors. The phones move on to the end of their last push.
  init(phones: inout [BenchPhone], pushes: Int, answersPerPush: Int, port: Int) {
    let built = Mutex(
      [(phone: BenchPhone, script: ReplayScript, expected: [Expectation])?](
        repeating: nil, count: phones.count))
    let initial = phones
    DispatchQueue.concurrentPerform(iterations: phones.count) { index in
      var phone = initial[index]
      var script = ReplayScript()
      var expected: [Expectation] = []
      for _ in 0..<pushes {
        let push = phone.answers(answersPerPush)
        let request = BenchRequest(path: "/v1/sync", message: push.message, session: phone.session, port: port)
        script.append(request.bytes)
        expected.append(Expectation(mac: request.mac ?? .zero, sequence: push.sequence, head: push.head))
      }
      let result = (phone, script, expected)
      built.withLock { $0[index] = result }
    }
    let all = built.withLock { $0 }.compactMap(\.self)
    phones = all.map(\.phone)
    scripts = all.map(\.script)
    expectations = all.map(\.expected)
    self.answersPerPush = answersPerPush
  }

  /// The same requests for the endpoint that does nothing, answered with as many bytes.
  func redirected(bodyBytes: Int) -> [ReplayScript] {
    scripts.map { $0.redirected(to: "/v1/nothing?bytes=\(bodyBytes)") }
  }

  /// Checks every response in full, and takes the phones back to where the server is.
  ///
  /// - Returns: the bodies' median length, frame and all.
  /// - Throws: ``RoomError`` with the first response that is not what the push has to be answered with.
  func verify(_ outcome: ReplayOutcome, phones: inout [BenchPhone], before: [BenchPhone]) throws -> Int {
    var lengths: [Double] = []
    for (index, trace) in outcome.traces.enumerated() {
      guard trace.sent == trace.ends.count else { throw RoomError("a push was never answered") }
      for place in trace.ends.indices {
        let body = try Self.check(trace.response(place), expectations[index][place], before[index].session.secret)
        lengths.append(Double(body))
      }
      if let last = trace.ends.indices.last {
        let reached = expectations[index][last]
        phones[index].rewind(to: reached.sequence, head: reached.head)
      } else {
        phones[index].rewind(to: before[index].sequence, head: before[index].head)
      }
    }
    return Int(BenchStatistics.median(lengths) ?? 0)
  }

  private static func check(
    _ response: ArraySlice<UInt8>, _ expected: Expectation, _ secret: SessionSecret
  ) throws -> Int {
    guard case .response(let parts) = response.withUnsafeBytes({ ResponseScanner.scan($0) }) else {
      throw RoomError("a response cannot be read a second time")
    }
    let head = response.prefix(parts.bodyStart)
    let body = Array(response.dropFirst(parts.bodyStart))
    let value = ResponseScanner.field(Authorization.responseHeader, head: head)
    let given = value.flatMap { Base64URL.decode($0) }.flatMap { MAC($0) }
    let mac = MessageAuthentication.response(
      secret: secret, requestMAC: expected.mac, status: parts.status, body: body)
    guard given == mac else { throw RoomError("an acknowledgement does not carry the server's MAC") }
    guard let message = try? BodyFraming.unframe(body), let answer = try? SyncResponse(wire: message),
      answer.acknowledgements.count == 1
    else { throw RoomError("an acknowledgement cannot be decoded") }
    let acknowledged = answer.acknowledgements[0]
    guard acknowledged.verdict == .stored, acknowledged.sequence == expected.sequence,
      acknowledged.head == expected.head, acknowledged.kept.isEmpty
    else {
      throw RoomError("a push up to \(expected.sequence) was answered with \(acknowledged)")
    }
    return body.count
  }
}

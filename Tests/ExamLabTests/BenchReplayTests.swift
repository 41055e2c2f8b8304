import Foundation
import Testing

@testable import ExamLab

@Suite struct BenchScannerTests {
  private func scan(_ text: String) -> ResponseScanner.Outcome { scan(Array(text.utf8)) }

  private func scan(_ bytes: [UInt8]) -> ResponseScanner.Outcome { bytes.withUnsafeBytes { ResponseScanner.scan($0) } }

  private static let whole = "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 5\r\n\r\nhello"

  @Test func aWholeResponseIsFound() {
    let expected = ResponseScanner.Response(
      status: 200, length: Self.whole.utf8.count, bodyStart: Self.whole.utf8.count - 5)
    #expect(scan(Self.whole) == .response(expected))
  }

  @Test func everyBeginningIsIncomplete() {
    let bytes = Array(Self.whole.utf8)
    for count in 0..<bytes.count { #expect(scan(Array(bytes[..<count])) == .incomplete) }
  }

  @Test func whatFollowsIsNotTakenAlong() {
    guard case .response(let response) = scan(Self.whole + Self.whole) else {
      Issue.record("two responses are one and another")
      return
    }
    #expect(response.length == Self.whole.utf8.count)
  }

  @Test(arguments: [
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length:0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nCONTENT-LENGTH:   12 \r\n\r\n0123456789ab",
  ])
  func fieldNamesHaveNoCase(text: String) {
    guard case .response(let response) = scan(text) else {
      Issue.record("\(text) is a response")
      return
    }
    #expect(response.length == text.utf8.count)
  }

  @Test(arguments: [
    "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
    "220 mail.example ESMTP", "HTTP/1.1 200 OK\r\n" + String(repeating: "a", count: 5_000),
  ])
  func somethingElseIsMalformed(text: String) {
    #expect(scan(text) == .malformed)
  }

  @Test func fieldsAreFoundByName() {
    let head = Array("HTTP/1.1 200 OK\r\nExamSync-MAC: abc_-\r\nA: b: c\r\n\r\n".utf8)
    #expect(ResponseScanner.field("examsync-mac", head: head) == "abc_-")
    #expect(ResponseScanner.field("a", head: head) == "b: c")
    #expect(ResponseScanner.field("b", head: head) == nil)
  }

  @Test(
    arguments: [
      ([0, 0x0A, 4, 0x08, 7, 0x12, 0], UInt64(7)), ([0, 0x0A, 4, 0x08, 0x96, 0x01, 0x12], 150),
      ([1, 0x0A, 4, 0x08, 7, 0x12, 0], nil), ([0, 0x12, 4, 0x08, 7], nil), ([0, 0x0A, 4], nil),
      ([0, 0x0A, 0x80, 0x01, 0x08, 7], nil), ([0, 0x0A, 2, 0x08, 0x80], nil),
    ] as [([UInt8], UInt64?)])
  func theSequenceIsPeekedAt(body: [UInt8], expected: UInt64?) {
    #expect(body.withUnsafeBytes { AcknowledgementPeek.sequence($0) } == expected)
  }
}

@Suite struct BenchReplayTests {
  /// A script of `count` numbered requests.
  private static func script(_ count: Int, name: String = "r") -> ReplayScript {
    var script = ReplayScript()
    for index in 0..<count { script.append(Array(post("\(name)\(index)").utf8)) }
    return script
  }

  /// What a server acknowledges: frame 0, an acknowledgement with this sequence (under 128).
  private static func acknowledgement(_ sequence: Int) -> String {
    let body = String(decoding: [0, 0x0A, 2, 0x08, UInt8(sequence)], as: UTF8.self)
    return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + body
  }

  private static func replayer(_ server: ScriptedServer, _ scripts: [ReplayScript], sequences: Bool = false) -> Replayer
  {
    Replayer(port: server.port, scripts: scripts, warmupSeconds: 0, seconds: 20, expectsSequences: sequences)
  }

  @Test func everyRequestIsSentOnceAndInOrder() throws {
    let requests = Happenings<[UInt8]>()
    let server = ScriptedServer.http(requests) { _, _ in ScriptedServer.response("ok") }
    let outcome = try Self.replayer(server, [Self.script(5, name: "a"), Self.script(5, name: "b")]).run()
    #expect(outcome.isExhausted)
    #expect(outcome.seconds < 20)
    let received = requests.all.map { String(decoding: $0, as: UTF8.self) }
    for (place, name) in ["a", "b"].enumerated() {
      let own = received.filter { $0.contains("\r\n\r\n\(name)") }
      let trace = outcome.traces[place]
      #expect(own == (0..<trace.sent).map { post("\(name)\($0)") })
      #expect(trace.sent == trace.ends.count)
      for index in trace.ends.indices {
        #expect(String(decoding: trace.response(index), as: UTF8.self) == ScriptedServer.response("ok"))
      }
    }
    // One connection ends the measurement when it has nothing left.
    #expect(outcome.traces.contains { $0.sent == 5 })
    #expect(outcome.answered >= 5 && outcome.answered <= 10)
    #expect(outcome.latency.sorted.count == outcome.answered)
    #expect(outcome.generatorSeconds > 0)
  }

  @Test func aRepeatedScriptGoesOnUntilTheTimeIsOver() throws {
    let requests = Happenings<[UInt8]>()
    let server = ScriptedServer.http(requests) { _, _ in ScriptedServer.response("ok") }
    var replayer = Self.replayer(server, [Self.script(2)])
    replayer.repeats = true
    replayer.seconds = 2
    let outcome = try replayer.run()
    #expect(!outcome.isExhausted)
    #expect(outcome.answered > 4)
    #expect(outcome.traces.isEmpty)
    let received = requests.all.prefix(4).map { String(decoding: $0, as: UTF8.self) }
    #expect(received == [post("r0"), post("r1"), post("r0"), post("r1")])
  }

  @Test func longRequestsAndResponsesInPiecesAreWhole() throws {
    let length = 3_000_000
    let server = ScriptedServer { socket in
      for _ in 0..<2 {
        _ = socket.read(length)
        for piece in ["HTTP/1.1 200 OK\r\nConte", "nt-Length: 6\r\n\r\nabc", "def"] { try socket.write(piece) }
      }
    }
    var script = ReplayScript()
    for _ in 0..<2 { script.append([UInt8](repeating: 0x61, count: length)) }
    let outcome = try Self.replayer(server, [script]).run()
    #expect(outcome.answered == 2)
    #expect(String(decoding: outcome.traces[0].response(1), as: UTF8.self).hasSuffix("abcdef"))
  }

  @Test func sequencesHaveToAdvance() throws {
    let good = ScriptedServer.http(Happenings()) { number, _ in Self.acknowledgement(number) }
    let outcome = try Self.replayer(good, [Self.script(4)], sequences: true).run()
    #expect(outcome.answered == 4)

    let stuck = ScriptedServer.http(Happenings()) { number, _ in Self.acknowledgement(min(number, 2)) }
    let error = #expect(throws: ReplayError.self) {
      try Self.replayer(stuck, [Self.script(4)], sequences: true).run()
    }
    #expect(error?.description.contains("sequence 2 after 2") == true)

    let mute = ScriptedServer.http(Happenings()) { _, _ in ScriptedServer.response("thanks") }
    #expect(throws: ReplayError.self) { try Self.replayer(mute, [Self.script(4)], sequences: true).run() }
  }

  @Test(arguments: [
    ("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "status 503"), ("SSH-2.0-OpenSSH_9.2", "no response"),
    (ScriptedServer.response("a") + ScriptedServer.response("b"), "more than was asked"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + String(repeating: "x", count: 4_000), "longer than"),
    ("", "closed a connection"),
  ])
  func whatIsNoGoodAnswerEndsTheReplay(answer: String, reason: String) throws {
    let server = ScriptedServer { socket in
      _ = socket.read(post("r0").utf8.count)
      try socket.write(answer)
    }
    let error = #expect(throws: ReplayError.self) { try Self.replayer(server, [Self.script(2)]).run() }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  @Test func anotherPathKeepsHeadersAndBodies() {
    let script = Self.script(3).redirected(to: "/v1/nothing?bytes=60")
    #expect(script.count == 3)
    let text = String(decoding: script.bytes[script.range(1)], as: UTF8.self)
    #expect(text == post("r1").replacingOccurrences(of: "POST /v1/sync", with: "POST /v1/nothing?bytes=60"))
  }
}

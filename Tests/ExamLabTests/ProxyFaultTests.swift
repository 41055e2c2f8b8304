import ExamLab
import Testing

@Suite(.serialized) struct ProxyFaultTests {
  private let requests = Happenings<[UInt8]>()

  private func faults(_ change: (inout FaultPlan) -> Void) -> LinkProfile {
    var plan = FaultPlan()
    change(&plan)
    return LinkProfile(faults: plan)
  }

  @Test func cutResetsLiveConnections() throws {
    let server = ScriptedServer.http(requests)
    let proxy = try TestProxy(server)
    let phones = try (0..<3).map { _ in try TestSocket.connect(port: proxy.port) }
    for phone in phones {
      try phone.write(post("x"))
      #expect(try phone.readResponse() != nil)
    }
    try proxy.engine.cut("phone")
    for phone in phones { #expect(phone.readToEnd().ending == .reset) }
    #expect(proxy.counters.cuts == 1)
    #expect(proxy.counters.resets == 3)
  }

  @Test func plannedResetsStrike() throws {
    let server = ScriptedServer { _ = $0.readToEnd() }
    let proxy = try TestProxy(server, profile: faults { $0.resetIntervalMilliseconds = 30...60 }, framing: .bytes)
    for _ in 0..<2 {
      let phone = try TestSocket.connect(port: proxy.port)
      #expect(phone.readToEnd().ending == .reset)
    }
    #expect(proxy.counters.resets == 2)
  }

  @Test func resetAfterBytesStrikesAtTheByte() throws {
    let seen = Happenings<[UInt8]>()
    let server = ScriptedServer { seen.add($0.readToEnd().bytes) }
    let profile = faults { $0.resetAfterBytes = ByteFault(rate: 1, bytes: 1000...1000) }
    let proxy = try TestProxy(server, profile: profile, framing: .bytes)
    let phone = try TestSocket.connect(port: proxy.port)
    try phone.write(randomBytes(5000, seed: 1))
    #expect(phone.readToEnd().ending == .reset)
    #expect(seen.wait { $0.count == 1 })
    #expect(proxy.counters.bytesUp == 1000)
    #expect(proxy.counters.resets == 1)
  }

  @Test func halfOpenSwallowsInSilence() throws {
    let ended = Happenings<TestSocket.Ending>()
    let server = ScriptedServer { ended.add($0.readToEnd().ending) }
    let profile = faults { $0.halfOpen = ByteFault(rate: 1, bytes: 10...10) }
    let proxy = try TestProxy(server, profile: profile, framing: .bytes)
    let phone = try TestSocket.connect(port: proxy.port)
    try phone.write(randomBytes(10, seed: 1))
    #expect(ended.wait { $0.count == 1 })
    #expect(proxy.events.wait { $0.contains { $0.fault == .halfOpen } })
    // Far more than any buffer holds goes down the drain without an error.
    try phone.write([UInt8](repeating: 2, count: 20_000_000))
    #expect(!phone.isReadable)
    #expect(proxy.counters.halfOpens == 1)
    #expect(proxy.counters.connectionsLive == 1)
  }

  @Test(arguments: [0, 1, 30, 42]) func responseIsTruncated(afterBytes count: Int) throws {
    let answer = ScriptedServer.response("a body")
    let server = ScriptedServer.http(requests) { _, _ in answer }
    let proxy = try TestProxy(server, profile: faults { $0.truncation = ByteFault(rate: 1, bytes: count...count) })
    let phone = try TestSocket.connect(port: proxy.port)
    try phone.write(post("x"))
    let (bytes, ending) = phone.readToEnd()
    #expect(bytes == Array(answer.utf8.prefix(count)))
    #expect(ending == .finished)
    #expect(proxy.counters.truncations == 1)
    #expect(requests.all.count == 1)
  }

  @Test(arguments: [false, true]) func lostReplyWasCommitted(chunked: Bool) throws {
    let server = ScriptedServer.http(requests) { number, _ in
      guard chunked else { return ScriptedServer.response("answer \(number)") }
      return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nanswer \(number)\r\n0\r\n\r\n"
    }
    let proxy = try TestProxy(server, profile: faults { $0.lostReplies = LostReplies(rate: 1) })
    let phone = try TestSocket.connect(port: proxy.port)
    let body = String(decoding: randomBytes(30_000, seed: 4).map { $0 % 26 + 97 }, as: UTF8.self)
    try phone.write(post(body))
    let (bytes, ending) = phone.readToEnd()
    #expect(bytes.isEmpty)
    #expect(ending == .reset)
    #expect(requests.all.map { String(decoding: $0, as: UTF8.self) } == [post(body)])
    #expect(proxy.counters.repliesLost == 1)
  }

  @Test func lostReplyCanEndInSilence() throws {
    let server = ScriptedServer.http(requests)
    let proxy = try TestProxy(server)
    try proxy.engine.arm(.loseReply(.silence), on: "phone")
    let phone = try TestSocket.connect(port: proxy.port)
    try phone.write(post("x"))
    #expect(proxy.events.wait { $0.contains { $0.fault == .replyLost } })
    try phone.write(post("y"))
    #expect(!phone.isReadable)
    #expect(requests.all.count == 1)
    let other = try TestSocket.connect(port: proxy.port)
    try other.write(post("z"))
    #expect(try other.readResponse()?.hasSuffix("answer 2") == true)
  }

  @Test(arguments: [0, 60]) func duplicateReachesTheServerTwice(delayMilliseconds: Int) throws {
    let server = ScriptedServer.http(requests)
    let profile = faults {
      $0.duplicates = Duplicates(rate: 1, delayMilliseconds: delayMilliseconds...delayMilliseconds)
    }
    let proxy = try TestProxy(server, profile: profile)
    let phone = try TestSocket.connect(port: proxy.port)
    let startedAt = monotonicMilliseconds()
    try phone.write(post("once"))
    #expect(try phone.readResponse()?.hasSuffix("answer 1") == true)
    #expect(requests.wait { $0.count == 2 })
    #expect(monotonicMilliseconds() - startedAt >= delayMilliseconds - 1)
    #expect(requests.all == [Array(post("once").utf8), Array(post("once").utf8)])
    #expect(proxy.waitFor(.duplicateAnswered))
    #expect(proxy.events.all.first { $0.kind == .duplicateAnswered }?.detail == "status 200")
    #expect(!phone.isReadable)
    #expect(proxy.counters.duplicates == 1)
    #expect(server.connections.all.count == 2)
  }

  @Test func oneBitOfTheBodyIsWrong() throws {
    let server = ScriptedServer.http(requests) { _, _ in ScriptedServer.response("abcdef") }
    let proxy = try TestProxy(server, profile: faults { $0.corruption = ByteFault(rate: 1, bytes: 2...2) })
    let phone = try TestSocket.connect(port: proxy.port)
    try phone.write(post("x"))
    #expect(try phone.readResponse()?.hasSuffix("\r\n\r\nabbdef") == true)
    #expect(proxy.counters.corruptions == 1)
  }

  @Test(arguments: WeatherKind.allCases) func weatherNeverContactsTheServer(_ kind: WeatherKind) throws {
    let server = ScriptedServer.http(requests)
    let profile = faults { $0.weather = [Weather(kind: kind, rate: 1, retryAfterSeconds: 86_400)] }
    let proxy = try TestProxy(server, profile: profile)
    let phone = try TestSocket.connect(port: proxy.port)
    for _ in 0..<2 {
      try phone.write(post("x"))
      let answer = try #require(try phone.readResponse())
      switch kind {
      case .portalRedirect: #expect(answer.hasPrefix("HTTP/1.1 302 ") && answer.contains("\r\nLocation: "))
      case .portalPage: #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains("<html>"))
      case .badGateway: #expect(answer.hasPrefix("HTTP/1.1 502 ") && answer.contains("<html>"))
      case .tooManyRequests: #expect(answer.hasPrefix("HTTP/1.1 429 ") && answer.contains("\r\nRetry-After: 86400\r\n"))
      case .unavailable: #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("\r\nRetry-After: 86400\r\n"))
      }
    }
    #expect(server.connections.all.isEmpty)
    #expect(proxy.counters.answersReplaced == 2)
  }

  @Test func weatherPassesAndTheConnectionLives() throws {
    let server = ScriptedServer.http(requests)
    let proxy = try TestProxy(server)
    let phone = try TestSocket.connect(port: proxy.port)
    try proxy.engine.arm(.replace(.badGateway, retryAfterSeconds: 1), on: "phone")
    try phone.write(post("a"))
    #expect(try phone.readResponse()?.hasPrefix("HTTP/1.1 502 ") == true)
    try phone.write(post("b"))
    #expect(try phone.readResponse()?.hasSuffix("answer 1") == true)
    #expect(requests.all == [Array(post("b").utf8)])
  }

  @Test func faultsCanRest() throws {
    let server = ScriptedServer.http(requests)
    let proxy = try TestProxy(server, profile: faults { $0.lostReplies = LostReplies(rate: 1) })
    try proxy.engine.setFaults("phone", enabled: false)
    let phone = try TestSocket.connect(port: proxy.port)
    try phone.write(post("x"))
    #expect(try phone.readResponse()?.hasSuffix("answer 1") == true)
    try proxy.engine.setFaults("phone", enabled: true)
    try phone.write(post("y"))
    #expect(phone.readToEnd().ending == .reset)
    #expect(requests.all.count == 2)
  }

  @Test func bytesThatAreNotHTTPPass() throws {
    let server = ScriptedServer { socket in
      let (bytes, _) = socket.readSome()
      try socket.write(bytes)
      _ = socket.readToEnd()
    }
    let proxy = try TestProxy(server)
    let phone = try TestSocket.connect(port: proxy.port)
    try phone.write([0, 1, 2, 3])
    #expect(phone.read(4) == [0, 1, 2, 3])
    #expect(proxy.waitFor(.framingLost))
  }
}

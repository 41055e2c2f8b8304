import ExamLab
import Foundation
import Testing

@Suite(.serialized) struct ProxyCommandTests {
  private func field(_ links: [LinkConfiguration], host: String = "127.0.0.1", port: Int = 8080) -> String? {
    do {
      _ = try ProxyEngine(upstream: ProxyAddress(host: host, port: port), links: links, seed: 1)
      return nil
    } catch {
      return error.field
    }
  }

  private func field(_ change: (inout LinkProfile) -> Void) -> String? {
    var profile = LinkProfile()
    change(&profile)
    return field([LinkConfiguration(name: "a", profile: profile)])
  }

  @Test(arguments: ["192.168.1.4", "0.0.0.0", "10.0.0.1", "::", "fe80::1", "example.org", "128.0.0.1", ""])
  func onlyLoopbackIsServed(_ host: String) {
    #expect(field([LinkConfiguration(name: "a")], host: host) == "upstream.host")
  }

  @Test(arguments: ["127.0.0.1", "127.1.2.3", "localhost", "::1"]) func loopbackIsServed(_ host: String) {
    #expect(field([LinkConfiguration(name: "a")], host: host) == nil)
  }

  @Test func badValuesAreRefusedByField() {
    #expect(field([]) == "links")
    #expect(field([LinkConfiguration(name: "a")], port: 0) == "upstream.port")
    #expect(field([LinkConfiguration(name: "")]) == "links[0].name")
    #expect(field([LinkConfiguration(name: "a b")]) == "links[0].name")
    #expect(field([LinkConfiguration(name: "*")]) == "links[0].name")
    #expect(field([LinkConfiguration(name: "a"), LinkConfiguration(name: "a")]) == "links[1].name")
    #expect(field([LinkConfiguration(name: "a", listenPort: 70_000)]) == "links[0].listenPort")
    let twins = ["a", "b"].map { LinkConfiguration(name: $0, listenPort: 9001) }
    #expect(field(twins) == "links[1].listenPort")
    #expect(field { $0.up.latencyMilliseconds = -1 } == "links[0].profile.up.latencyMilliseconds")
    #expect(field { $0.down.jitterMilliseconds = 1 << 40 } == "links[0].profile.down.jitterMilliseconds")
    #expect(field { $0.up.bytesPerSecond = 0...5 } == "links[0].profile.up.bytesPerSecond")
    #expect(field { $0.up.chunkBytes = 0 } == "links[0].profile.up.chunkBytes")
    #expect(field { $0.up.tracePath = "/nowhere/x.up" } == "links[0].profile.up.tracePath")
    #expect(
      field { $0.randomOutages = RandomOutages(upMilliseconds: 0...1, downMilliseconds: 1...1) }
        == "links[0].profile.randomOutages.upMilliseconds")
    #expect(
      field { $0.deadZones = [DeadZone(startMilliseconds: -5, durationMilliseconds: 1)] }
        == "links[0].profile.deadZones[0].startMilliseconds")
    #expect(field { $0.faults.lostReplies = LostReplies(rate: 1.1) } == "links[0].profile.faults.lostReplies.rate")
    #expect(field { $0.faults.lostReplies = LostReplies(rate: .nan) } == "links[0].profile.faults.lostReplies.rate")
    #expect(
      field { $0.faults.halfOpen = ByteFault(rate: 1, bytes: -1...1) } == "links[0].profile.faults.halfOpen.bytes")
    #expect(
      field { $0.faults.weather = [Weather(kind: .badGateway, rate: 1, fromMilliseconds: 5, untilMilliseconds: 5)] }
        == "links[0].profile.faults.weather[0].untilMilliseconds")
    let rates = field {
      $0.faults.lostReplies = LostReplies(rate: 0.6)
      $0.faults.duplicates = Duplicates(rate: 0.6)
    }
    #expect(rates == "links[0].profile.faults")
    var plain = LinkConfiguration(name: "a", framing: .bytes)
    plain.profile.faults.lostReplies = LostReplies(rate: 0.1)
    #expect(field([plain]) == "links[0].framing")
  }

  @Test func portInUseIsRefused() throws {
    let server = ScriptedServer { _ in }
    let link = LinkConfiguration(name: "a", listenPort: server.port)
    let engine = try ProxyEngine(upstream: ProxyAddress(host: "127.0.0.1", port: 1), links: [link], seed: 1)
    let error = #expect(throws: ProxyError.self) { try engine.start() }
    #expect(error?.code == .system)
    #expect(error?.field == "links[0].listenPort")
    #expect(engine.ports.isEmpty)
    withExtendedLifetime(server) {}
  }

  @Test func scenarioIsData() throws {
    let json = """
      {"upstream": "127.0.0.1:8080", "seed": 7, "links": [
        {"name": "phone-01", "listenPort": 9001, "profile": "3g-dead"},
        {"name": "phone-02", "profile": {"name": "mine", "up": {"latencyMilliseconds": 5, "bytesPerSecond": [9, 10]},
          "faults": {"lostReplies": {"rate": 0.5, "end": "silence"}}}, "seed": 3}]}
      """
    let configuration = try ProxyCommandConfiguration(json: json.utf8)
    #expect(configuration.upstream == ProxyAddress(host: "127.0.0.1", port: 8080))
    #expect(configuration.seed == 7)
    #expect(configuration.links[0].profile == .deadly3G)
    #expect(configuration.links[1].profile.up.bytesPerSecond == 9...10)
    #expect(configuration.links[1].profile.faults.lostReplies == LostReplies(rate: 0.5, end: .silence))
    #expect(configuration.links[1].seed == 3)
    #expect(try ProxyCommandConfiguration(json: JSONEncoder().encode(configuration)) == configuration)
  }

  @Test(arguments: [
    (#"{"upstream": "127.0.0.1:8080"}"#, "links"),
    (#"{"upstream": "127.0.0.1", "links": []}"#, "upstream"),
    (#"{"upstream": "127.0.0.1:80", "links": [{"name": "a", "profile": "5g"}]}"#, "links[0].profile"),
    (#"{"upstream": "127.0.0.1:80", "links": [{"name": "a", "latency": 5}]}"#, "links[0].latency"),
    (#"{"upstream": "127.0.0.1:80", "links": [{"name": 5}]}"#, "links[0].name"),
    (
      #"{"upstream": "127.0.0.1:80", "links": [{"name": "a", "profile": {"faults": {"lostReply": 1}}}]}"#,
      "links[0].profile.faults.lostReply"
    ),
  ])
  func brokenScenarioIsRefusedByField(_ json: String, _ field: String) {
    let error = #expect(throws: ProxyError.self) { try ProxyCommandConfiguration(json: json.utf8) }
    #expect(error?.field == field)
    #expect(error?.code == .badConfiguration)
  }

  @Test func argumentsComeOnTopOfTheFile() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "proxy-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    try #"{"upstream": "127.0.0.1:80", "seed": 2, "links": [{"name": "a"}]}"#.write(
      to: file, atomically: true, encoding: .utf8)
    let both = try ProxyCommandConfiguration.assemble(
      file: file.path, upstream: "[::1]:81", links: ["b=0,lte,seed=4,framing=bytes"], seed: 5)
    let second = LinkConfiguration(name: "b", profile: .lte, seed: 4, framing: .bytes)
    #expect(
      both
        == ProxyCommandConfiguration(
          upstream: ProxyAddress(host: "::1", port: 81), seed: 5, links: [LinkConfiguration(name: "a"), second]))
    for bad in ["b", "b=x", "b=1,5g", "b=1,seed=x", "b=1,framing=x", "=1", ""] {
      #expect(throws: ProxyError.self, "\(bad)") {
        try ProxyCommandConfiguration.assemble(upstream: "127.0.0.1:80", links: [bad])
      }
    }
    #expect(throws: ProxyError.self) { try ProxyCommandConfiguration.assemble(links: ["a=1"]) }
  }

  @Test(arguments: [
    ("up *", ProxyControlLine.setNetwork(.all, up: true)),
    ("down  phone-1 ", .setNetwork(.link("phone-1"), up: false)),
    ("close a up", .setDirection(.link("a"), .up, up: false)),
    ("faults a off", .setFaults(.link("a"), enabled: false)),
    ("cut *\r", .cut(.all)),
    ("lose a", .arm(.link("a"), .loseReply(.reset))),
    ("lose a silence", .arm(.link("a"), .loseReply(.silence))),
    ("duplicate a 300", .arm(.link("a"), .duplicate(delayMilliseconds: 300))),
    ("truncate a 12", .arm(.link("a"), .truncate(afterBytes: 12))),
    ("corrupt a 0", .arm(.link("a"), .corrupt(bodyByte: 0))),
    ("replace a badGateway", .arm(.link("a"), .replace(.badGateway, retryAfterSeconds: 5))),
    ("replace a unavailable 99", .arm(.link("a"), .replace(.unavailable, retryAfterSeconds: 99))),
    ("counters", .counters), ("stop", .stop),
  ])
  func linesAreUnderstood(_ line: String, _ expected: ProxyControlLine) throws {
    #expect(try ProxyControlLine(parsing: line) == expected)
  }

  @Test(arguments: [
    "", "jump a", "up", "up a b", "close a", "close a left", "faults a", "faults a maybe", "lose a loudly",
    "truncate a", "truncate a -1", "truncate a x", "replace a", "replace a 404", "stop now", "duplicate a 1 2",
  ])
  func nonsenseIsRefused(_ line: String) {
    #expect(throws: ProxyError.self) { try ProxyControlLine(parsing: line) }
  }

  @Test func commandObeysLinesAndPrintsEvents() throws {
    let requests = Happenings<[UInt8]>()
    let server = ScriptedServer.http(requests)
    let configuration = try ProxyCommandConfiguration.assemble(
      upstream: "127.0.0.1:\(server.port)", links: ["phone=0,perfect"])
    let input = Pipe()
    let output = Pipe()
    let ended = Happenings<Bool>()
    Thread.detachNewThread {
      let result = Result {
        try ProxyCommand(configuration).run(
          input: input.fileHandleForReading.fileDescriptor, output: output.fileHandleForWriting.fileDescriptor)
      }
      try? output.fileHandleForWriting.close()
      ended.add((try? result.get()) != nil)
    }
    input.fileHandleForWriting.write(Data("cut phone\njump\ndown nobody\nlose phone\ncounters\nstop\n".utf8))
    let lines = try output.fileHandleForReading.readToEnd().map { String(decoding: $0, as: UTF8.self) } ?? ""
    #expect(ended.wait { $0 == [true] })
    withExtendedLifetime(server) {}
    let objects = try lines.split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
    #expect(objects.compactMap { $0["done"] as? String } == ["cut phone", "lose phone"])
    #expect(objects.count { $0["error"] != nil } == 2)
    #expect(objects.count { $0["counters"] != nil } == 2)
    let kinds = objects.compactMap { $0["kind"] as? String }
    #expect(kinds == ["started", "linkReady", "cut", "stopped"])
    #expect(objects.filter { $0["kind"] != nil }.allSatisfy { $0["monotonicMilliseconds"] is Int })
  }
}

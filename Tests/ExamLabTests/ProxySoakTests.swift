import ExamLab
import Foundation
import Testing

/// All faults at once on several links, with phones that come and go: whatever happens, what arrives is whole, and
/// nothing is left behind.
@Suite(.serialized) struct ProxySoakTests {
  private static var badDay: LinkProfile {
    var plan = FaultPlan()
    plan.resetIntervalMilliseconds = 40...120
    plan.resetAfterBytes = ByteFault(rate: 0.1, bytes: 0...3000)
    plan.truncation = ByteFault(rate: 0.1, bytes: 0...60)
    plan.lostReplies = LostReplies(rate: 0.15)
    plan.duplicates = Duplicates(rate: 0.15, delayMilliseconds: 0...20)
    plan.weather = [Weather(kind: .badGateway, rate: 0.1), Weather(kind: .portalRedirect, rate: 0.1)]
    let shape = DirectionShape(
      latencyMilliseconds: 1, jitterMilliseconds: 3, bytesPerSecond: 200_000...2_000_000, chunkBytes: 300)
    return LinkProfile(
      up: shape, down: shape,
      randomOutages: RandomOutages(upMilliseconds: 20...100, downMilliseconds: 5...30), faults: plan)
  }

  /// Sends requests until `count` were answered by the server itself, on as many connections as it takes.
  private static func sit(port: Int, phone: Int, count: Int) throws -> [String] {
    var answered: [String] = []
    var attempts = 0
    while answered.count < count, attempts < 2000 {
      let socket = try TestSocket.connect(port: port)
      while answered.count < count {
        attempts += 1
        let name = "phone-\(phone)-answer-\(answered.count)"
        let body = name + String(repeating: ".", count: (attempts * 397) % 2500)
        guard (try? socket.write(post(body))) != nil, let answer = try? socket.readResponse() else { break }
        guard answer.hasPrefix("HTTP/1.1 200 ") else { continue }
        answered.append(String(answer.split(separator: "\r\n\r\n", maxSplits: 1).last ?? ""))
      }
    }
    return answered
  }

  @Test func nothingIsGarbledAndNothingIsLeft() throws {
    let requests = Happenings<[UInt8]>()
    let server = ScriptedServer.http(requests) { _, request in
      let body = String(decoding: request, as: UTF8.self).split(separator: "\r\n\r\n", maxSplits: 1).last ?? ""
      return ScriptedServer.response(String(body.prefix { $0 != "." }))
    }
    let links = (0..<6).map { LinkConfiguration(name: "phone-\($0)", profile: Self.badDay) }
    let ends = Happenings<ProxyEvent.Kind>()
    let engine = try ProxyEngine(
      upstream: ProxyAddress(host: "127.0.0.1", port: server.port), links: links, seed: 11,
      eventSink: { if $0.kind == .connectionOpened || $0.kind == .connectionClosed { ends.add($0.kind) } })
    try engine.start()
    defer { engine.stop() }
    let results = Happenings<(phone: Int, answered: [String])>()
    for (phone, port) in engine.ports.enumerated() {
      Thread.detachNewThread {
        results.add((phone, (try? Self.sit(port: port, phone: phone, count: 25)) ?? []))
      }
    }
    #expect(results.wait(seconds: 300) { $0.count == links.count })
    for (phone, answered) in results.all {
      #expect(answered == (0..<25).map { "phone-\(phone)-answer-\($0)" })
    }
    let total = engine.counters().total
    for kind in [FaultKind.reset, .replyLost, .duplicate, .truncated, .answerReplaced] {
      #expect(total[kind] > 0, "\(kind)")
    }
    #expect(total.cuts > 0)
    // Each request that reached the server whole is one that was sent; none was made up or mixed with another.
    for request in requests.all {
      let body = String(decoding: request, as: UTF8.self).split(separator: "\r\n\r\n", maxSplits: 1).last ?? ""
      #expect(body.prefix { $0 != "." }.hasPrefix("phone-"))
      #expect(body.drop { $0 != "." }.allSatisfy { $0 == "." })
    }
    for link in links { try engine.setFaults(link.name, enabled: false) }
    // The phones' sockets are closed by now; with the links up, their ends cross and every connection goes.
    #expect(ends.wait { kinds in kinds.count { $0 == .connectionClosed } * 2 == kinds.count })
    #expect(engine.counters().total.connectionsLive == 0)
    withExtendedLifetime(server) {}
  }
}

import Foundation
import Testing

@testable import ExamLab

@Suite struct ProxyPureTests {
  @Test func splitmixMatchesItsReference() {
    // The first outputs of Vigna's splitmix64.c for the state 1234567.
    var stream = DecisionStream(state: 1_234_567)
    #expect(
      (0..<3).map { _ in stream.next() } == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      ])
  }

  private func fates(seed: UInt64, link: String) -> [RequestFault?] {
    var plan = FaultPlan()
    plan.lostReplies = LostReplies(rate: 0.2)
    plan.duplicates = Duplicates(rate: 0.2, delayMilliseconds: 0...5000)
    plan.truncation = ByteFault(rate: 0.2, bytes: 0...4000)
    var decisions = FaultDecisions(seed: seed, link: link, profile: LinkProfile(faults: plan))
    return (0..<400).map { _ in decisions.requestFault(atMilliseconds: 0) }
  }

  @Test func seedDecides() {
    #expect(fates(seed: 5, link: "phone-1") == fates(seed: 5, link: "phone-1"))
    #expect(fates(seed: 5, link: "phone-1") != fates(seed: 6, link: "phone-1"))
    #expect(fates(seed: 5, link: "phone-1") != fates(seed: 5, link: "phone-2"))
    let struck = fates(seed: 5, link: "phone-1").compactMap(\.self)
    #expect((180...300).contains(struck.count))
    #expect(Set(struck.map(\.kind)) == [.replyLost, .duplicate, .truncated])
  }

  @Test func streamsOfOneLinkDoNotDisturbEachOther() {
    var plan = FaultPlan()
    plan.lostReplies = LostReplies(rate: 0.5)
    let profile = LinkProfile(
      up: DirectionShape(jitterMilliseconds: 100),
      randomOutages: RandomOutages(upMilliseconds: 1...1000, downMilliseconds: 1...1000), faults: plan)
    var alone = FaultDecisions(seed: 9, link: "a", profile: profile)
    var mixed = alone
    let expected = (0..<50).map { _ in alone.requestFault(atMilliseconds: 0) }
    let found = (0..<50).map { index in
      if index % 3 == 0 { _ = mixed.untilOutageToggleMilliseconds(isUp: true) }
      _ = mixed.delayMilliseconds(.up)
      return mixed.requestFault(atMilliseconds: 0)
    }
    #expect(found == expected)
  }

  @Test func drawsStayInTheirRange() {
    var stream = DecisionStream(seed: 1, link: "a", concern: .outages)
    let drawn = Set((0..<500).map { _ in stream.number(in: -2...3) })
    #expect(drawn == Set(-2...3))
    #expect((0..<500).allSatisfy { _ in (0..<1).contains(stream.fraction()) })
  }

  @Test func weatherHasItsTime() {
    var plan = FaultPlan()
    plan.weather = [Weather(kind: .badGateway, rate: 1, fromMilliseconds: 100, untilMilliseconds: 200)]
    var decisions = FaultDecisions(seed: 1, link: "a", profile: LinkProfile(faults: plan))
    #expect(decisions.requestFault(atMilliseconds: 99) == nil)
    #expect(decisions.requestFault(atMilliseconds: 100) == .replace(.badGateway, retryAfterSeconds: 5))
    #expect(decisions.requestFault(atMilliseconds: 200) == nil)
  }

  @Test func traceIsReadAndRepeats() throws {
    let trace = try NetworkTrace(parsing: Array("0\n0\n5\r\n10".utf8), name: "t")
    #expect(trace.opportunitiesMilliseconds == [0, 0, 5, 10])
    #expect(trace.periodMilliseconds == 10)
    #expect(trace.opportunities(after: 0, through: 5) == 1)
    #expect(trace.opportunities(after: 5, through: 10) == 3)
    #expect(trace.opportunities(after: 0, through: 1000) == 400)
    #expect(trace.nextOpportunity(after: 5) == 10)
    #expect(trace.nextOpportunity(after: 12) == 15)
  }

  @Test(arguments: ["", "\n", "0\n0\n", "5\n4\n", "5\n\n6\n", "1.5\n", "-1\n", "a\n", "99999999999999999999\n"])
  func brokenTraceIsRefused(_ text: String) {
    #expect(throws: ProxyError.self) { try NetworkTrace(parsing: Array(text.utf8), name: "t") }
  }

  @Test func brokenTraceIsRefusedByFileAndLine() {
    let error = #expect(throws: ProxyError.self) { try NetworkTrace(parsing: Array("1\n2\nx\n".utf8), name: "a.up") }
    #expect(error?.message.hasPrefix("a.up, line 3: ") == true)
  }

  @Test func tracePacerLosesWhatNobodyWaitedFor() throws {
    let millisecond: UInt64 = 1_000_000
    let trace = try NetworkTrace(parsing: Array("10\n20\n20\n30\n".utf8), name: "t")
    var pacer = LinkPacer(trace: trace, offsetMilliseconds: 0, startingAt: 0)
    #expect(pacer.allowance(for: 9000, at: 15 * millisecond) == 0)
    #expect(pacer.nextChance(for: 9000, after: 15 * millisecond) == 20 * millisecond)
    #expect(pacer.allowance(for: 9000, at: 20 * millisecond) == 3000)
    pacer.spend(1500)
    #expect(pacer.allowance(for: 9000, at: 41 * millisecond) == 1500 + 1500 + 1500)
    pacer.settle(isAwaited: false)
    #expect(pacer.allowance(for: 9000, at: 55 * millisecond) == 0)
    pacer.restart(at: 59 * millisecond)
    #expect(pacer.allowance(for: 9000, at: 60 * millisecond) == 0)
  }

  @Test func bucketNeverGivesMoreThanItsRate() {
    var pacer = LinkPacer(bytesPerSecond: 100_000, startingAt: 0)
    var now: UInt64 = 0
    var sent = 0
    while now < 2_000_000_000 {
      let allowed = pacer.allowance(for: 1_000_000, at: now)
      pacer.spend(min(allowed, 1500))
      sent += min(allowed, 1500)
      now = max(now + 1, pacer.nextChance(for: 1_000_000, after: now))
    }
    #expect((197_000...200_000).contains(sent))
    #expect(pacer.nextChance(for: 1, after: now) > now)
  }

  @Test func pipeKeepsOrderAndItsBound() {
    var pipe = BytePipe()
    pipe.append([1, 2, 3], dueAt: 50)
    pipe.append([4], dueAt: 10)
    pipe.end(.finish, dueAt: 0)
    #expect(pipe.nextDueAt == 50)
    #expect(pipe.take(2) == [1, 2])
    #expect(pipe.take(9) == [3])
    #expect(pipe.nextDueAt == 50)
    #expect(pipe.take(9) == [4])
    #expect(pipe.nextPieceByteCount == 0)
    #expect(pipe.takeEnding() == .finish)
    #expect(pipe.nextDueAt == nil)
    var full = BytePipe()
    full.append([UInt8](repeating: 0, count: ProxyLimits.bufferedBytes), dueAt: 0)
    #expect(full.space == 0)
    var crumbs = BytePipe()
    for _ in 0..<ProxyLimits.bufferedPieces { crumbs.append([0], dueAt: 0) }
    #expect(crumbs.space == 0)
    for _ in 0..<1000 { _ = crumbs.take(1) }
    #expect(crumbs.byteCount == ProxyLimits.bufferedPieces - 1000)
    #expect(crumbs.space > 0)
  }

  @Test func timersComeInOrder() {
    var heap = TimerHeap<Int>()
    var stream = DecisionStream(state: 3)
    let times = (0..<200).map { _ in UInt64(stream.number(in: 0...50)) }
    for (index, time) in times.enumerated() { heap.insert(index, at: time) }
    #expect(heap.popDue(at: 0).map { times[$0] } ?? 0 == 0)
    var popped: [Int] = []
    while let next = heap.popDue(at: 100) { popped.append(next) }
    #expect(popped == popped.sorted { (times[$0], $0) < (times[$1], $1) })
    #expect(popped.count >= 199)
    #expect(heap.nextTime == nil)
  }

  static let networks: URL = {
    if let folder = ProcessInfo.processInfo.environment["EXAMSYNC_SHARED_DATA"] {
      return URL(filePath: folder).appending(path: "networks")
    }
    let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    return root.deletingLastPathComponent().appending(path: "shared/data/networks")
  }()

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: networks.path),
      "the recorded networks (../shared/data/networks) are not on this machine"),
    arguments: [
      ("TMobile-UMTS-driving", 929, 2.0), ("Verizon-EVDO-driving", 1063, 0.5), ("ATT-LTE-driving", 787, 5.2),
    ])
  func recordedNetworksAreAsDescribed(_ name: String, seconds: Int, megabitsPerSecond: Double) throws {
    let profile = LinkProfile.recorded(prefix: Self.networks.appending(path: name).path)
    let down = try NetworkTrace(contentsOf: try #require(profile.down.tracePath))
    #expect(abs(down.periodMilliseconds - seconds * 1000) <= 1000)
    #expect(abs(Double(down.meanBytesPerSecond) * 8 / 1_000_000 - megabitsPerSecond) < 0.1)
    #expect(try NetworkTrace(contentsOf: try #require(profile.up.tracePath)).periodMilliseconds > 0)
  }

  @Test func stateOfTheRelayWaitsForTheResponse() {
    var relay = HTTPRelay()
    let first = Array("GET /1 HTTP/1.1\r\n\r\n".utf8)
    let second = Array("GET /2 HTTP/1.1\r\n\r\n".utf8)
    #expect(relay.request(first + second) { _ in nil } == [.toServer(first)])
    #expect(!relay.acceptsRequestBytes)
    let answer = Array("HTTP/1.1 204 No Content\r\n\r\n".utf8)
    #expect(relay.response(answer) { _ in nil } == [.toPhone(answer), .toServer(second)])
    #expect(relay.response(answer) { _ in nil } == [.toPhone(answer)])
    #expect(relay.acceptsRequestBytes)
  }

  @Test func relayAnswersAtOnceWhenThePhoneWaitsToSendItsBody() {
    var relay = HTTPRelay()
    let head = Array("PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n".utf8)
    let fault = RequestFault.replace(.unavailable, retryAfterSeconds: 3)
    let answer = WeatherKind.unavailable.answer(retryAfterSeconds: 3, closes: true, isHead: false)
    #expect(relay.request(head) { _ in fault } == [.struck(fault), .toPhone(answer), .closePhone])
    #expect(relay.request(Array("body".utf8)) { _ in nil } == [])
  }

  @Test func relayLetsProtocolsSwitch() {
    var relay = HTTPRelay()
    let request = Array("GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n".utf8)
    #expect(relay.request(request) { _ in nil } == [.toServer(request)])
    let answer = Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n".utf8)
    #expect(relay.response(answer + [1, 2]) { _ in nil } == [.toPhone(answer), .toPhone([1, 2])])
    #expect(relay.request([0, 255]) { _ in nil } == [.toServer([0, 255])])
  }
}

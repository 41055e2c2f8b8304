import ExamModel
import NIOCore
import SyncProtocol
import SyncWire
import Testing

@testable import ExamServer

/// One device in a loop costs the others nothing, and its last answers still pass.
@Suite(.timeLimit(.minutes(10))) struct DeviceThrottleTests {
  private func throttle(_ change: (inout DevicePlaneLimits) -> Void = { _ in }) -> DeviceThrottle {
    var limits = DevicePlaneLimits()
    limits.deviceRequestsPerSecond = 10
    limits.deviceRequestBurst = 3
    limits.deviceSealBurst = 2
    change(&limits)
    return DeviceThrottle(limits)
  }

  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

  /// Takes the three requests that a device has at once; there is no fourth.
  private func empty(_ throttle: DeviceThrottle, of device: ID128) {
    for _ in 0..<3 { #expect(throttle.take(device, at: start) == nil) }
    #expect(throttle.take(device, at: start) != nil)
  }

  @Test func aBurstIsTakenAndThenTheRateCounts() throws {
    let throttle = throttle()
    let device = ID128.random()
    for _ in 0..<3 { #expect(throttle.take(device, at: start) == nil) }
    let wait = try #require(throttle.take(device, at: start))
    #expect((100...101).contains(wait))
    #expect(throttle.take(device, at: start + .milliseconds(wait)) == nil)
    #expect(throttle.take(device, at: start + .milliseconds(wait)) != nil)
    #expect(throttle.take(.random(), at: start) == nil)
    // After a while the burst is there again, and no more than the burst.
    for _ in 0..<3 { #expect(throttle.take(device, at: start + .seconds(60)) == nil) }
    #expect(throttle.take(device, at: start + .seconds(60)) != nil)
  }

  @Test func sealsHaveABucketThatNobodyElseEmpties() {
    let throttle = throttle()
    let device = ID128.random()
    empty(throttle, of: device)
    for _ in 0..<2 { #expect(throttle.take(device, isSeal: true, at: start) == nil) }
    #expect(throttle.take(device, isSeal: true, at: start) != nil)
  }

  @Test func aClockThatGoesBackGivesNothing() {
    let throttle = throttle()
    let device = ID128.random()
    empty(throttle, of: device)
    #expect(throttle.take(device, at: .uptimeNanoseconds(1)) != nil)
    #expect(throttle.take(device, at: start) != nil)
  }

  @Test func theMemoryIsBounded() {
    let throttle = throttle { $0.countedDevices = 100 }
    let busy = ID128.random()
    empty(throttle, of: busy)
    for _ in 0..<99 { #expect(throttle.take(.random(), at: start) == nil) }
    #expect(throttle.count == 100)
    // The others have rested; the busy one is still known.
    let later = start + .milliseconds(150)
    #expect(throttle.take(busy, at: later) == nil)
    #expect(throttle.take(.random(), at: later) == nil)
    #expect(throttle.count == 2)
    #expect(throttle.take(busy, at: later) != nil)
    for _ in 0..<10_000 { _ = throttle.take(.random(), at: later) }
    #expect(throttle.count <= 100)
  }

  @Test func zeroIsNoLimit() {
    let throttle = throttle { $0.deviceRequestsPerSecond = 0 }
    let device = ID128.random()
    for _ in 0..<1_000 { #expect(throttle.take(device, at: start) == nil) }
    #expect(throttle.count == 0)
  }

  @Test func aDeviceInALoopIsToldToWaitAndItsSealPasses() async throws {
    let server = try await TestServer { options in
      options.limits.deviceRequestsPerSecond = 1
      options.limits.deviceRequestBurst = 3
      options.limits.deviceSealBurst = 2
    }
    let exam = try await server.makeExam(candidates: ["wang", "zhao"])
    let phone = try await PushingPhone.begin(server, exam, candidate: 0)
    let line = try server.connect()
    var outcome = PushingPhone.Outcome.acknowledged(0)
    try await waitUntil("the device is refused") {
      outcome = try await phone.answerAndSend(on: line)
      if case .acknowledged = outcome { return false }
      return true
    }
    #expect(outcome == .refused("too-many-requests"))
    // On a slow machine a second may pass between two requests, and then one more is let through.
    var signed = phone.device.signed("/v1/sync", BodyFraming.frame(SyncRequest().wire))
    var answer = try #require(try await server.exchange(signed.bytes))
    try await waitUntil("two requests come within a second") {
      if answer.status != 200 { return true }
      signed = phone.device.signed("/v1/sync", BodyFraming.frame(SyncRequest().wire))
      answer = try #require(try await server.exchange(signed.bytes))
      return false
    }
    #expect(answer.status == 429)
    #expect(phone.device.isGenuine(answer, to: signed.mac))
    #expect((1...4).contains(Int(answer.headers["retry-after"] ?? "") ?? 0))
    phone.appendSeal()
    guard case .acknowledged = try await phone.send(on: line) else {
      Issue.record("the seal did not pass")
      return
    }
    let other = try await PushingPhone.begin(server, exam, candidate: 1)
    #expect(try await other.send(on: line) == .acknowledged(1))
    await server.end()
  }
}

import ExamModel
import SyncProtocol
import Testing

@testable import SyncCore

@Suite struct SessionTests {
  private func startWithout(_ last: UInt64 = 2) -> (Harness, RequestID?) {
    var harness = Harness()
    let effects = harness.step(.start(SyncStart(journals: [Harness.known(last: last)], hasSession: false)))
    return (harness, effects.sessionAttempts.first)
  }

  @Test func aMissingSessionIsMadeAndThePushFollows() throws {
    var (harness, attempt) = startWithout()
    #expect(harness.core.status().requestsInFlight == 1)
    #expect(harness.step(.sessionOpened(try #require(attempt))).plans.map(\.role) == [.push])
  }

  @Test func noSessionIsMadeForNothing() {
    let (_, attempt) = startWithout(0)
    #expect(attempt == nil)
  }

  @Test func sessionAttemptsBackOff() throws {
    var (harness, attempt) = startWithout()
    let start = harness.now
    for _ in 0..<20 {
      harness.step(.failed(try #require(attempt), .transport))
      attempt = try harness.wakeUntilRequest().sessionAttempts.first
    }
    #expect(harness.now.milliseconds(since: start) > 30_000)
    #expect(harness.core.status().pendingCount == 2)
  }

  @Test func anAppThatIsTooOldForASessionIsToldOnceAndShown() throws {
    var (harness, attempt) = startWithout()
    let first = harness.step(.failed(try #require(attempt), .problem(.clientTooOld)))
    #expect(first.notices == [.clientTooOld, .loginNeeded])
    for _ in 0..<3 {
      #expect(harness.core.status().trouble == .clientTooOld)
      attempt = try harness.wakeUntilRequest().sessionAttempts.first
      #expect(harness.step(.failed(try #require(attempt), .problem(.clientTooOld))).notices.isEmpty)
    }
    attempt = try harness.wakeUntilRequest().sessionAttempts.first
    let plan = harness.step(.sessionOpened(try #require(attempt))).plans.first
    harness.acknowledge(try #require(plan), 2)
    #expect(harness.core.status().trouble == nil)
  }

  @Test func aSessionAttemptThatNobodyAnswersIsGivenUpAndMadeAgain() throws {
    var (harness, attempt) = startWithout()
    let first = try #require(attempt)
    let start = harness.now
    attempt = try harness.wakeUntilRequest().sessionAttempts.first
    #expect(attempt != nil && attempt != first)
    #expect(harness.now.milliseconds(since: start) > 15_000)
    // What comes after all is nobody's any more.
    #expect(harness.step(.sessionOpened(first)).plans.isEmpty)
    #expect(harness.step(.sessionOpened(try #require(attempt))).plans.map(\.role) == [.push])
  }

  @Test func aSessionAttemptWaitsAsLongAsItWasToldTo() throws {
    var (harness, attempt) = startWithout()
    let start = harness.now
    harness.step(.failed(try #require(attempt), .problem(.busy, retryAfterSeconds: 60)))
    attempt = try harness.wakeUntilRequest().sessionAttempts.first
    #expect(attempt != nil)
    #expect(harness.now.milliseconds(since: start) >= 60_000)
  }

  @Test func anAuthenticated401MakesANewSessionAtOnce() throws {
    var (harness, plan) = Harness.pushing()
    let effects = harness.step(.failed(try #require(plan).id, .problem(.sessionUnknown)))
    #expect(effects.plans.isEmpty)
    let attempt = try #require(effects.sessionAttempts.first)
    #expect(harness.step(.sessionOpened(attempt)).plans.map { $0.pushes[0].first } == [1])
  }

  @Test func aServerThatForgotTheSessionIsAskedWhatElseItForgot() throws {
    var (harness, poll) = Harness.polling(cursor: Cursor(epoch: 1, version: 1))
    harness.step(.journalChanged(Harness.known(last: 6, acknowledged: 6)))
    var effects = harness.step(.failed(try #require(poll).id, .problem(.sessionUnknown, isAuthenticated: false)))
    effects = harness.step(.sessionOpened(try #require(effects.sessionAttempts.first)))
    let question = try #require(effects.plans.first)
    #expect(question.pushes.map(\.first) == [6])
    #expect(question.presentsReceipts)
    effects = harness.acknowledge(question, 6, .duplicate)
    #expect(effects.plans.allSatisfy { $0.pushes.isEmpty && !$0.presentsReceipts })
  }

  @Test func aHintTriesANewSessionAndKeepsTheOldOne() throws {
    var (harness, plan) = Harness.pushing()
    var effects = harness.step(.failed(try #require(plan).id, .problem(.sessionUnknown, isAuthenticated: false)))
    let attempt = try #require(effects.sessionAttempts.first)
    // A stranger cannot take the session away: the attempt fails, and the old one is used on.
    effects = harness.step(.failed(attempt, .weather(502)))
    plan = try effects.plans.first ?? harness.wakeUntilRequest().plans.first
    #expect(plan?.role == .push)
    harness.acknowledge(try #require(plan), 3)
    #expect(harness.core.status().pendingCount == 0)
  }

  @Test func a401WithoutAProblemIsWeather() throws {
    var (harness, plan) = Harness.pushing()
    let effects = harness.step(.failed(try #require(plan).id, .weather(401)))
    #expect(effects.sessionAttempts.isEmpty)
    #expect(try harness.wakeUntilRequest().plans.count == 1)
  }

  @Test(arguments: [true, false])
  func aServerThatForgetsEachSessionIsNotAskedInALoop(isAuthenticated: Bool) throws {
    var (harness, plan) = Harness.pushing()
    let start = harness.now
    var attempts = 0
    for _ in 0..<25 {
      var effects = harness.step(
        .failed(try #require(plan).id, .problem(.sessionUnknown, isAuthenticated: isAuthenticated)))
      if effects.sessionAttempts.isEmpty { effects = try harness.wakeUntilRequest() }
      if let attempt = effects.sessionAttempts.first {
        attempts += 1
        effects = harness.step(.sessionOpened(attempt))
      }
      plan = try effects.plans.first ?? harness.wakeUntilRequest().plans.first
    }
    #expect(attempts >= 10)
    #expect(harness.now.milliseconds(since: start) > 30_000)
  }

  @Test func anAnswerToTheOldSessionDoesNotEndTheNewOne() throws {
    var (harness, poll) = Harness.polling()
    let push = harness.step(.journalChanged(Harness.known(last: 1))).plans[0]
    var effects = harness.step(.failed(push.id, .problem(.sessionUnknown)))
    effects = harness.step(.sessionOpened(try #require(effects.sessionAttempts.first)))
    #expect(effects.plans.map(\.role) == [.push])
    effects = harness.step(.failed(try #require(poll).id, .problem(.sessionUnknown)))
    #expect(effects.sessionAttempts.isEmpty)
    #expect(effects.plans.map(\.role) == [.poll])
    #expect(harness.core.probes[.oldSessionRefused] == 1)
  }

  @Test(arguments: [Problem.Kind.certificateRefused, .forbidden, .wrongPassword])
  func aRefusalNeedsALoginAndNeverDropsTheQueue(kind: Problem.Kind) throws {
    var (harness, attempt) = startWithout()
    let effects = harness.step(.failed(try #require(attempt), .problem(kind, isAuthenticated: false)))
    #expect(effects.notices == [.loginNeeded])
    #expect(harness.core.status().isLoginNeeded)
    harness.step(.journalChanged(Harness.known(last: 7)))
    #expect(harness.core.status().pendingCount == 7)
    let after = harness.step(.loggedIn)
    #expect(after.plans.map(\.role) == [.push])
    #expect(!harness.core.status().isLoginNeeded)
  }

  @Test func aRefusalIsTriedAgainSeldomBecauseNobodySignsIt() throws {
    var (harness, attempt) = startWithout()
    harness.step(.failed(try #require(attempt), .problem(.certificateRefused, isAuthenticated: false)))
    let refusedAt = harness.now
    attempt = try harness.wakeUntilRequest().sessionAttempts.first
    #expect(harness.now.milliseconds(since: refusedAt) == SyncTuning.refusedRetryMilliseconds)
    let effects = harness.step(
      .failed(try #require(attempt), .problem(.certificateRefused, isAuthenticated: false)))
    #expect(effects.notices.isEmpty)
    attempt = try harness.wakeUntilRequest().sessionAttempts.first
    #expect(harness.step(.sessionOpened(try #require(attempt))).plans.count == 1)
  }

  @Test func withoutACertificateOnlyALoginHelps() throws {
    var (harness, attempt) = startWithout()
    #expect(harness.step(.failed(try #require(attempt), .noCertificate)).notices == [.loginNeeded])
    #expect(harness.step(.wake, after: 86_400_000).isEmpty)
    #expect(harness.step(.networkChanged(isReachable: true)).isEmpty)
    #expect(harness.step(.loggedIn).plans.count == 1)
  }

  @Test func aLoginReplacesASessionAttempt() throws {
    var (harness, attempt) = startWithout()
    let effects = harness.step(.loggedIn)
    #expect(effects.cancelled == [try #require(attempt)])
    #expect(effects.plans.count == 1)
    #expect(harness.step(.sessionOpened(try #require(attempt))).isEmpty)
  }
}

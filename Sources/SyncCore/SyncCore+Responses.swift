import ExamModel
import SyncProtocol

/// Answers, and what comes instead of answers.
extension SyncCore {
  private mutating func takeFlight(_ id: RequestID) -> Flight? {
    guard let index = flights.firstIndex(where: { $0.plan.id == id }) else { return nil }
    return flights.remove(at: index)
  }

  mutating func responded(_ id: RequestID, _ response: SyncResponse) {
    guard let flight = takeFlight(id) else { return sometimes(.unknownRequest) }
    lastContact = now
    sessionLane.succeeded()
    if flight.sessionGeneration == sessionGeneration { sessionIsDoubtful = false }
    wasLoginNoticed = false
    refusal = nil
    isIsolating = false
    if flight.plan.presentsReceipts { presentsReceipts = false }
    if flight.pushes { pushAnswered(flight, response) }
    if flight.polls { pollAnswered(flight, response) }
  }

  /// What the server says about coming again, within the bounds of a `Retry-After` that it signed.
  private func slot(_ response: SyncResponse) -> Instant {
    let cap = HTTPRefusal.cap(isAuthenticated: true, sealIsPending: isSealPending)
    return now.advanced(byMilliseconds: min(Int64(response.nextMilliseconds), cap))
  }

  private mutating func pushAnswered(_ flight: Flight, _ response: SyncResponse) {
    pushLane.waitForSlot(at: slot(response))
    recoverPushSize()
    // Fewer acknowledgements than pushes: the rest stays pending, and the lane backs off.
    if response.acknowledgements.count < flight.plan.pushes.count { fail(\.pushLane) }
    for (push, acknowledgement) in zip(flight.plan.pushes, response.acknowledgements) {
      take(acknowledgement, of: push, in: flight.plan.id)
    }
    for query in flight.plan.headQueries {
      guard let index = journalIndex(query.journal), case .searching(var bracket) = journals[index].phase else {
        continue
      }
      guard let answer = response.heads.first(where: { $0.journal == query.journal }) else {
        fail(\.pushLane)
        continue
      }
      bracket.serverSequence = answer.sequence
      journals[index].phase = .searching(bracket)
      journals[index].owedSince = now
      pushLane.callerInsists(at: now)
      effects.append(.compareHeads(answer))
    }
  }

  private mutating func recoverPushSize() {
    guard pushHalvings > 0 else { return }
    pushesSinceHalving += 1
    guard pushesSinceHalving >= Self.pushesBeforeGrowing else { return }
    pushHalvings -= 1
    pushesSinceHalving = 0
  }

  private mutating func pollAnswered(_ flight: Flight, _ response: SyncResponse) {
    var next = slot(response)
    if response.isStale {
      sometimes(.staleRequestTime)
      staleAnswers += 1
      // At once, now that there is a time sample; but a clock that stays wrong must not turn into a loop.
      if staleAnswers > 1 { fail(\.pollLane) } else { pollLane.succeeded() }
      pollLane.waitForSlot(at: now)
      return
    }
    staleAnswers = 0
    pollLane.succeeded()
    if response.deltas.isEmpty {
      let madeCurrent = markCurrent(flight.plan.scopes)
      if !madeCurrent, now.milliseconds(since: flight.sentAt) < SyncTuning.quietPollMilliseconds {
        next = max(next, now.advanced(byMilliseconds: SyncTuning.quietPollMilliseconds))
      }
    }
    pollLane.waitForSlot(at: next)
    for delta in response.deltas { take(delta, of: flight) }
  }

  mutating func failed(_ id: RequestID, _ failure: RequestFailure) {
    if sessionFailed(id, failure) { return }
    guard let flight = takeFlight(id) else { return sometimes(.unknownRequest) }
    if flight.pushes { finishManual(.send, succeeded: false) }
    if flight.polls { finishManual(.fetch, succeeded: false) }
    switch failure {
    case .transport, .storage: failLanes(of: flight)
    case .undecodable:
      refusedForGood(flight, kind: nil)
    case .noCertificate:
      failLanes(of: flight)
      if session == .open { session = .missing }
    case .refused(let refusal): refused(flight, refusal)
    }
  }

  private mutating func refused(_ flight: Flight, _ refusal: HTTPRefusal) {
    takeRetryAfter(refusal) { core, instant in
      if flight.pushes { core.pushLane.waitForSlot(at: instant) }
      if flight.polls { core.pollLane.waitForSlot(at: instant) }
    }
    switch refusal.status {
    case 401 where refusal.isAuthenticated || refusal.kind == .sessionUnknown || refusal.kind == .macInvalid:
      failLanes(of: flight)
      unauthorized(flight, isAuthenticated: refusal.isAuthenticated)
    case 413 where flight.pushes:
      tooLarge(flight, refusal)
    case _ where !refusal.isAuthenticated:
      // Network weather: a proxy, a portal, a stranger. Nothing is taken from it.
      failLanes(of: flight)
    default:
      refusedByServer(flight, refusal)
    }
  }

  private mutating func refusedByServer(_ flight: Flight, _ refusal: HTTPRefusal) {
    switch refusal.kind {
    case .busy, .shuttingDown, .tooManyRequests, .tooManyTries, .tooSlow:
      failLanes(of: flight)
    case .storageLow, .storageFailed, .internal:
      failLanes(of: flight)
      isolate(flight)
    case .clientTooOld:
      failLanes(of: flight, lastingly: true)
      noticeOnce(.clientTooOld, .clientTooOld)
    default:
      refusedForGood(flight, kind: refusal.kind)
    }
  }

  /// One side is wrong. Tried again all the same, slowly and journal by journal, for the sake of the others.
  private mutating func refusedForGood(_ flight: Flight, kind: Problem.Kind?) {
    failLanes(of: flight, lastingly: true)
    isolate(flight)
    noticeOnce(.requestRefused(kind), .requestRefused(kind))
  }

  /// A refusal is told once until something is answered.
  mutating func noticeOnce(_ trouble: SyncStatus.Trouble, _ notice: SyncNotice) {
    guard refusal == nil else { return }
    refusal = trouble
    self.notice(notice)
  }

  private mutating func isolate(_ flight: Flight) {
    isIsolating = true
    for push in flight.plan.pushes {
      if let index = journalIndex(push.journal) { journals[index].refusals += 1 }
    }
  }

  private mutating func tooLarge(_ flight: Flight, _ refusal: HTTPRefusal) {
    pushesSinceHalving = 0
    if pushHalvings < Self.mostHalvings {
      sometimes(.pushHalved)
      pushHalvings += 1
      failLanes(of: flight)
      // The server's own word costs no waiting; a stranger's is weather, though a smaller push cannot hurt.
      if refusal.isAuthenticated, refusal.retryAfterSeconds == nil {
        pushLane.retryAtOnce(at: now)
        if flight.polls { pollLane.retryAtOnce(at: now) }
      }
    } else {
      sometimes(.pushAtFloor)
      if refusal.isAuthenticated { refusedForGood(flight, kind: .tooLarge) } else { failLanes(of: flight) }
    }
  }

  mutating func failLanes(of flight: Flight, lastingly: Bool = false) {
    if flight.pushes { fail(\.pushLane, lastingly: lastingly) }
    if flight.polls { fail(\.pollLane, lastingly: lastingly) }
  }

  /// 256 entries halved to one.
  static let mostHalvings = 8
  static let pushesBeforeGrowing = 8
}

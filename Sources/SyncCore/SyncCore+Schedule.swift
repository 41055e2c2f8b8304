import ExamModel
import SyncProtocol

#if PlantedBugs
  import Planted
#endif

/// Level-triggered: looks at what is there, sends what is due, and arms one wake for the rest.
extension SyncCore {
  mutating func schedule() {
    guard lifecycle == .running else { return }
    giveUpLostFlights()
    forgiveOwed()
    openSuccessors()
    repairScopes()
    finishAwaitedAnswers()
    finishManualRounds()
    if isSealPending {
      let isSooner = [
        pushLane.hurry(at: now, using: &generator), sessionLane.hurry(at: now, using: &generator),
      ]
      if isSooner.contains(true) { sometimes(.sealHurried) }
    }
    cancelOutdatedPoll()
    openSessionIfDue()
    sendIfDue()
    armWake()
  }

  // MARK: What there is to do

  /// Whether the core may push and ask for heads.
  var syncsJournals: Bool { lifecycle == .running && (options.automaticallySync || sendsManually) }
  /// Whether the core may read scopes.
  var syncsScopes: Bool { lifecycle == .running && (options.automaticallySync || fetchesManually) }

  /// Journals with something to send, ready or held. Those whose successor is being opened wait for the executor, and
  /// those that go on from one that was left wait for what the server lacks of that.
  var sendableJournals: [JournalTrack] {
    guard syncsJournals else { return [] }
    return journals.filter { journal in
      guard journal.hasWork, journal.owedSince == nil else { return false }
      if case .opening = journal.phase { return false }
      return journal.phase != .following || !waitsForPredecessor(journal)
    }
  }

  /// Whether an older journal of the same subject, which was left, has to be pushed before: a server that went back may
  /// lack the start in it, and an answer in it would be taken for a newer one. One that the server refuses or does not
  /// know holds nobody up.
  private func waitsForPredecessor(_ journal: JournalTrack) -> Bool {
    journals.contains { other in
      other.known.isLeft && other.known.subject == journal.known.subject && other.id != journal.id
        && (other.known.number < journal.known.number || !journal.known.isLeft)
        && other.phase == .following && other.hasWork && other.heldUntil <= now && other.refusals == 0
    }
  }

  /// Scopes that a poll may name now.
  var readableScopes: [ScopeTrack] {
    guard syncsScopes else { return [] }
    return scopes.filter { $0.heldUntil <= now }
  }

  /// The executor's word on a journal is on its way within this turn: one push with everything beats two.
  var isJournalOwed: Bool { journals.contains { $0.owedSince != nil } }
  var isScopeOwed: Bool { scopes.contains { $0.owedSince != nil } }

  /// A poll that is open must not wait: somebody wants to know that nothing is missing, or more is known to be there.
  var wantsPollAtOnce: Bool {
    let readable = readableScopes
    if readable.count > Limits.scopesPerRequest || readable.contains(where: \.hasMorePages) { return true }
    guard fetchesManually || awaitedAnswers.contains(where: \.isAcknowledged) else { return false }
    return readable.contains { !$0.isCurrent }
  }

  var pushFlight: Flight? { flights.first { $0.pushes } }
  var pollFlight: Flight? { flights.first { $0.polls } }

  // MARK: What is due

  private mutating func giveUpLostFlights() {
    func isLost(_ since: Instant) -> Bool {
      now.milliseconds(since: since) >= SyncTuning.flightPatienceMilliseconds
    }
    for flight in flights where isLost(flight.sentAt) {
      sometimes(.flightGivenUp)
      effects.append(.cancel(flight.plan.id))
      failed(flight.plan.id, .transport)
    }
    if case .opening(let id, let since, _) = session, isLost(since) {
      sometimes(.flightGivenUp)
      effects.append(.cancel(id))
      failed(id, .transport)
    }
  }

  private mutating func forgiveOwed() {
    let limit = now.advanced(byMilliseconds: -SyncTuning.executorPatienceMilliseconds)
    for index in journals.indices {
      guard let since = journals[index].owedSince, since <= limit else { continue }
      sometimes(.executorOwed)
      journals[index].owedSince = nil
      searchAnew(index)
    }
    for index in scopes.indices {
      guard let since = scopes[index].owedSince, since <= limit else { continue }
      sometimes(.executorOwed)
      scopes[index].owedSince = nil
    }
  }

  /// An open poll that waits for less than is wanted now is replaced; the server answers the old one at once anyway.
  private mutating func cancelOutdatedPoll() {
    guard let flight = pollFlight, flight.plan.role == .poll, pollLane.due <= now, isSessionGood else { return }
    let wanted = readableScopes
    let isCut = wanted.count > Limits.scopesPerRequest
    let lacks =
      !isCut
      && wanted.contains { scope in
        !flight.plan.scopes.contains { $0.scope == scope.id && $0.cursor == scope.cursor.cursor }
      }
    guard lacks || (flight.plan.waitMilliseconds > 0 && wantsPollAtOnce) else { return }
    effects.append(.cancel(flight.plan.id))
    flights.removeAll { $0.plan.id == flight.plan.id }
  }

  private mutating func sendIfDue() {
    guard isSessionGood else { return }
    let pushes =
      pushFlight == nil && pushLane.due <= now && !isJournalOwed && sendableJournals.contains { $0.isReady(at: now) }
    let polls = pollFlight == nil && pollLane.due <= now && !isScopeOwed && !readableScopes.isEmpty
    let joins = pushes && polls && !isIsolating && max(pushLane.attempt, pollLane.attempt) < Self.attemptsJoined
    if joins {
      sometimes(.joinedRequest)
      send(.joined)
    } else {
      if pushes { send(.push) }
      if polls { send(.poll) }
    }
  }

  /// After so many failures push and poll go apart: what breaks one must not keep breaking the other.
  static let attemptsJoined = 2

  // MARK: The wake

  private mutating func armWake() {
    #if PlantedBugs
      if planted(.retryNeverRearms), pushLane.attempt > 1 { return }
    #endif
    guard let next = nextInstant, next != armedWake else { return }
    armedWake = next
    effects.append(.wake(at: next))
  }

  /// The earliest instant, after now, at which something will be due if nothing happens until then.
  var nextInstant: Instant? {
    var next = Earliest(after: now)
    for flight in flights { next.take(flight.sentAt.advanced(byMilliseconds: SyncTuning.flightPatienceMilliseconds)) }
    for journal in journals {
      if let since = journal.owedSince {
        next.take(since.advanced(byMilliseconds: SyncTuning.executorPatienceMilliseconds))
      } else if journal.phase != .following {
        next.take(journal.heldUntil)
      }
    }
    for scope in scopes {
      if let since = scope.owedSince {
        next.take(since.advanced(byMilliseconds: SyncTuning.executorPatienceMilliseconds))
      }
      if scope.needsRepair { next.take(scope.repairAllowedAt) }
      next.take(scope.heldUntil)
    }
    switch session {
    case .opening(_, let since, _):
      next.take(since.advanced(byMilliseconds: SyncTuning.flightPatienceMilliseconds))
    case .missing: if wantsSession { next.take(sessionLane.due) }
    case .refused(let retryAt): if wantsSession { next.take(retryAt) }
    case .noCertificate: break
    case .open:
      if sessionIsDoubtful, wantsSession { next.take(sessionLane.due) }
      if pushFlight == nil { for journal in sendableJournals { next.take(max(pushLane.due, journal.heldUntil)) } }
      if syncsScopes { for scope in scopes { next.take(max(pollLane.due, scope.heldUntil)) } }
    }
    return next.instant
  }
}

/// The least of the instants after another one.
private struct Earliest {
  let start: Instant
  private(set) var instant: Instant?

  init(after start: Instant) {
    self.start = start
  }

  mutating func take(_ candidate: Instant) {
    guard candidate > start else { return }
    instant = min(instant ?? candidate, candidate)
  }
}

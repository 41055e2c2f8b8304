import ExamModel
import SyncProtocol

#if PlantedBugs
  import Planted
#endif

extension ServerCore {
  /// Performs calls in one transaction, in their order. When that fails, each call is tried alone, and only the
  /// guilty ones get an error.
  ///
  /// - Parameter now: the wall clock, in milliseconds since 1970.
  public func perform(_ batch: [ServerCall], now: Int64) -> BatchOutcome {
    storage = configuration.storage.decide()
    defer { cache.trim(attempts: configuration.cachedAttempts, answerBytes: configuration.cachedAnswerBytes) }
    if storeFault == nil, batch.count > 1, let outcome = try? run(batch, now: now) { return outcome }
    var outcome = BatchOutcome(replies: [], changedScopes: [])
    for call in batch {
      do {
        // What a store that lied once says next proves nothing.
        if let storeFault { throw storeFault }
        let single = try run([call], now: now)
        outcome.replies += single.replies
        outcome.changedScopes.formUnion(single.changedScopes)
      } catch {
        outcome.replies.append(.problem(Self.problem(error)))
        if case .command(let command, let identity) = call, let problem = error as? Problem {
          noteRefusal(of: command, by: identity, problem, now: now)
        }
      }
    }
    return outcome
  }

  /// A token that was revoked must not go on working because the list cannot be read: then none works.
  private func refreshOperators() {
    do { try loadOperators() } catch { operators.replace([:]) }
  }

  /// The refusal of a command is audited after everything else of it was rolled back.
  private func noteRefusal(of command: OperatorCommand, by identity: OperatorIdentity, _ problem: Problem, now: Int64) {
    #if PlantedBugs
      if planted(.refusalNotAudited) { return }
    #endif
    do {
      try store.transaction {
        try advanceClock(now: now)
        try audit(
          "refused", by: "\(identity.role.rawValue) \(identity.name)", of: command.name, problem.kind.rawValue)
        try flush()
      }
      committed()
    } catch {
      // The store takes nothing now, so nothing was done that the trail would lack.
      rolledBack()
    }
  }

  private func run(_ batch: [ServerCall], now: Int64) throws -> BatchOutcome {
    var replies: [ServerReply] = []
    replies.reserveCapacity(batch.count)
    do {
      try store.transaction {
        try advanceClock(now: now)
        for call in batch { replies.append(try perform(call, shift: time - now)) }
        try levelTriggeredWork()
        for (index, call) in batch.enumerated() {
          if case .sync(let device) = call { replies[index] = try complete(replies[index], of: device) }
          if case .tick = call { replies[index] = .ticked(nextAt: nextWork()) }
        }
        try flush()
      }
    } catch {
      rolledBack()
      if let failure = error as? StoreError, failure.kind == .fault { storeFault = failure }
      #if PlantedBugs
        if planted(.acknowledgedBeforeCommit), replies.count == batch.count {
          return BatchOutcome(replies: replies, changedScopes: [])
        }
      #endif
      throw error
    }
    let changed = work.changedScopes
    let operatorsChanged = work.operatorsChanged
    committed()
    if operatorsChanged { refreshOperators() }
    return BatchOutcome(replies: replies, changedScopes: changed)
  }

  private func perform(_ call: ServerCall, shift: Int64) throws -> ServerReply {
    do {
      switch call {
      case .command(let command, let identity): return .done(try execute(command, by: identity))
      case .sync(let device): return try sync(device, shift: shift)
      case .credentials(let username): return .credentials(try credentials(username: username))
      case .login(let request, let candidate):
        try refuseIfLow()
        return .grant(try login(request, candidate: candidate))
      case .session(let request, let certificate):
        try refuseIfLow()
        return .grant(try newSession(request, certificate))
      case .join(let session, let code):
        try refuseIfLow()
        return try join(session: session, code: code)
      case .tick:
        try endExpiredSessions()
        return .ticked(nextAt: nil)
      }
    } catch let problem as Problem {
      // A command that is refused half-way takes nothing into the commit: it fails its transaction.
      if case .command = call { throw problem }
      return .problem(problem)
    }
  }

  func refuseIfLow() throws {
    guard storage == .normal else { throw Self.storageLow }
  }

  static let storageLow = Problem(
    .storageLow, "The server's disk is nearly full; only hand-ins are taken. An operator has to free space.",
    retryAfterSeconds: nil)

  static func problem(_ error: any Error) -> Problem {
    switch error {
    case let problem as Problem: problem
    case let failure as StoreError where failure.kind == .full: storageLow
    case is StoreError:
      Problem(.storageFailed, "The server could not store this; nothing of it was changed. Send it again later.")
    default:
      Problem(.internal, "The server made a mistake and changed nothing. Tell support when it happened.")
    }
  }

  // MARK: Sync rounds

  private func sync(_ call: DeviceCall, shift: Int64) throws -> ServerReply {
    guard let session = openSessions[call.session], session.expiresAt > time else {
      return .problem(Problem(.sessionUnknown, "This session is not known here. Make a new one from the certificate."))
    }
    if let refusal = refusal(of: call.pushes) { return .problem(refusal) }
    if storage == .sealsOnly, !call.pushes.isEmpty, !call.pushes.contains(where: \.holdsSeal) {
      return .problem(Self.storageLow)
    }
    // When the wall clock went back, arrival is counted on the server's own, which did not.
    let isShifted = shift > Self.clockStepMilliseconds
    let receivedAt = isShifted ? call.receivedAt + shift : min(call.receivedAt, time)
    var response = SyncResponse(receivedAt: receivedAt, nextMilliseconds: configuration.nextMilliseconds)
    for receipt in call.request.presentedReceipts.prefix(Limits.presentedReceiptsPerRequest) {
      try honour(receipt, session: session)
    }
    let knowsEpoch = noteEpoch(of: call)
    for push in call.pushes {
      response.acknowledgements.append(
        try take(push, session: session, knowsEpoch: knowsEpoch, receivedAt: receivedAt))
    }
    for query in call.request.headQueries.prefix(Limits.headQueriesPerRequest) {
      response.heads.append(try answer(query, session: session))
    }
    return .sync(response, isQuiet: false)
  }

  /// Adds the deltas, once everything of the batch is written: a seal's answer can hold its receipt.
  private func complete(_ reply: ServerReply, of call: DeviceCall) throws -> ServerReply {
    guard case .sync(var response, _) = reply, let session = openSessions[call.session] else { return reply }
    if call.isFresh {
      response.deltas = try deltas(for: call.request.scopes, session: call.session, candidate: session.candidate)
    } else {
      response.isStale = !call.request.scopes.isEmpty
    }
    let isQuiet =
      response.acknowledgements.isEmpty && response.heads.isEmpty && response.deltas.isEmpty && !response.isStale
    return .sync(response, isQuiet: isQuiet)
  }
}

import ExamModel
import SyncProtocol

@testable import SyncCore

/// The executor's and the server's part of the model.
extension ModelWorld {
  /// - Returns: what the effect brings about at once.
  mutating func execute(_ effect: SyncEffect) -> [SyncEvent] {
    switch effect {
    case .wake(let instant): wakeAt = instant.milliseconds
    case .cancel(let id):
      open[id] = nil
      // The answer may be on its way already.
      if !chance(30) { arrivals.removeAll { $0.event.request == id } }
    case .send(let plan): send(plan)
    case .openSession(let id): openSession(id)
    case .storeAcknowledgement, .compareHeads, .openSuccessor, .stage, .apply, .forgetCursor:
      if isChaotic, chance(3) { return chance(50) ? [] : [.storeFailed(subject: subject(of: effect))] }
      return store(effect)
    case .suspendJournal, .resumeJournal, .serverAnswersFetched, .notice, .finished: break
    }
    return []
  }

  private func subject(of effect: SyncEffect) -> ID128 {
    switch effect {
    case .storeAcknowledgement(let journal, _), .openSuccessor(let journal, _): journal
    case .compareHeads(let answer): answer.journal
    case .stage(let delta), .apply(let delta): delta.scope
    default: Self.scope
    }
  }

  private mutating func store(_ effect: SyncEffect) -> [SyncEvent] {
    switch effect {
    case .storeAcknowledgement(let journal, let word):
      let chain = own[journal] ?? Chain()
      let sequence = Int(word.sequence)
      let result: AcknowledgementResult
      if sequence > chain.bodies.count {
        result = .beyondOwn(sequence: word.sequence)
      } else if chain.head(sequence) == word.head {
        result = .matched(sequence: word.sequence, priority: .answer)
        acknowledged[journal] = sequence
      } else {
        result = .headDiffers(sequence: word.sequence)
      }
      return [.acknowledged(journal: journal, result)]
    case .compareHeads(let answer):
      let chain = own[answer.journal] ?? Chain()
      let same = answer.heads.keys.filter { chain.head(Int($0)) == answer.heads[$0] }
      let common = same.max() ?? 0
      let different = answer.heads.keys.filter { $0 > common }.min()
      return [.headsCompared(journal: answer.journal, lastCommon: common, firstDifferent: different)]
    case .openSuccessor(let journal, let sequence): return openSuccessor(of: journal, at: Int(sequence))
    case .stage(let delta):
      staged = delta.to.version
      return [.deltaStored(scope: delta.scope, .staged(upTo: staged))]
    case .apply(let delta):
      let before = ScopeCursor(scope: delta.scope, cursor: cursor, staged: 0)
      staged = 0
      if isChaotic, chance(8) { return [.deltaStored(scope: delta.scope, .digestMismatch(stored: before))] }
      guard delta.from == cursor else { return [.deltaStored(scope: delta.scope, .dropped(stored: before))] }
      cursor = delta.to
      return [.deltaStored(scope: delta.scope, .applied(cursor))]
    case .forgetCursor:
      (cursor, staged) = (.start, 0)
      return []
    default: return []
    }
  }

  private mutating func openSuccessor(of journal: ID128, at sequence: Int) -> [SyncEvent] {
    guard let chain = own[journal], chain.fork == nil else { return [.storeFailed(subject: journal)] }
    let successor = ID128(high: 1, low: live.low + 1)
    own[journal]?.fork = sequence
    lastBody += 1
    own[successor] = Chain(bodies: [lastBody] + chain.bodies.dropFirst(sequence))
    live = successor
    return [.successorOpened(predecessor: journal, fork: UInt64(sequence), successor: known(successor))]
  }

  // MARK: The network

  private mutating func send(_ plan: RequestPlan) {
    open[plan.id] = plan
    sends.append(now)
    for push in plan.pushes where (own[push.journal]?.end ?? 0) < Int(push.first) {
      violations.append("\(plan.id) pushes what is not there")
    }
    let delay = Int64.random(in: 10...800, using: &generator)
    let failure = isChaotic ? failure(of: plan) : nil
    // Lost on the way there, or on the way back.
    if let failure, chance(50) { return arrivals.append(Arrival(at: now + delay, event: .failed(plan.id, failure))) }
    if isChaotic, chance(1) { return }
    guard hasSession else {
      let refusal = HTTPRefusal(status: 401, isAuthenticated: chance(30), kind: .sessionUnknown)
      return arrivals.append(Arrival(at: now + delay, event: .failed(plan.id, .refused(refusal))))
    }
    let response = answer(plan)
    if let failure { return arrivals.append(Arrival(at: now + delay, event: .failed(plan.id, failure))) }
    let isQuiet = response.acknowledgements.isEmpty && response.heads.isEmpty && response.deltas.isEmpty
    let held = isQuiet ? Int64(plan.waitMilliseconds) : 0
    arrivals.append(Arrival(at: now + delay + held, event: .responded(plan.id, response)))
  }

  private mutating func failure(of plan: RequestPlan) -> RequestFailure? {
    switch Int.random(in: 0..<100, using: &generator) {
    case 0..<12: .transport
    case 12..<15: .refused(HTTPRefusal(status: 502, isAuthenticated: false, retryAfterSeconds: 9_000))
    case 15..<18: .refused(HTTPRefusal(status: 503, isAuthenticated: true, kind: .busy, retryAfterSeconds: 400))
    case 18..<20: .refused(HTTPRefusal(status: 413, isAuthenticated: chance(50), kind: .tooLarge))
    case 20: .undecodable
    case 21: .refused(HTTPRefusal(status: 500, isAuthenticated: true, kind: .internal))
    case 22: .storage
    default: nil
    }
  }

  private mutating func openSession(_ id: RequestID) {
    sends.append(now)
    let at = now + Int64.random(in: 10...800, using: &generator)
    if isRefusing {
      let refusal = HTTPRefusal(status: 401, isAuthenticated: false, kind: .certificateRefused)
      arrivals.append(Arrival(at: at, event: .failed(id, .refused(refusal))))
    } else if isChaotic, chance(20) {
      arrivals.append(Arrival(at: at, event: .failed(id, .transport)))
    } else {
      hasSession = true
      arrivals.append(Arrival(at: at, event: .sessionOpened(id)))
    }
  }

  // MARK: The server

  private mutating func answer(_ plan: RequestPlan) -> SyncResponse {
    let next = UInt32.random(in: 0...1_000, using: &generator)
    var response = SyncResponse(receivedAt: 0, nextMilliseconds: next)
    for push in plan.pushes { response.acknowledgements.append(take(push)) }
    for query in plan.headQueries {
      let chain = server[query.journal] ?? Chain()
      let there = query.sequences.filter { $0 <= UInt64(chain.bodies.count) }
      let heads = Dictionary(uniqueKeysWithValues: there.map { ($0, chain.head(Int($0))) })
      response.heads.append(
        HeadAnswer(journal: query.journal, heads: heads, sequence: UInt64(chain.bodies.count)))
    }
    if isChaotic, !plan.scopes.isEmpty, chance(3) {
      response.isStale = true
    } else {
      response.deltas = plan.scopes.compactMap { delta($0) }
    }
    return response
  }

  private mutating func take(_ push: PushPlan) -> Acknowledgement {
    let mine = own[push.journal] ?? Chain()
    let first = Int(push.first)
    let bodies = mine.bodies[..<mine.end].dropFirst(first - 1).prefix(push.maximumEntries)
    guard let there = server[push.journal] else {
      guard first == 1 else { return Acknowledgement(sequence: 0, head: .zero, verdict: .unknownJournal) }
      server[push.journal] = Chain(bodies: Array(bodies))
      return word(push.journal, .stored)
    }
    if first > there.bodies.count + 1 { return word(push.journal, .gap) }
    let overlap = there.bodies.dropFirst(first - 1)
    guard zip(overlap, bodies).allSatisfy(==), mine.head(first - 1) == there.head(first - 1) else {
      return word(push.journal, .diverged)
    }
    let new = bodies.dropFirst(overlap.count)
    server[push.journal]?.bodies += new
    return word(push.journal, new.isEmpty ? .duplicate : .stored)
  }

  private func word(_ journal: ID128, _ verdict: PushVerdict) -> Acknowledgement {
    let chain = server[journal] ?? Chain()
    return Acknowledgement(
      sequence: UInt64(chain.bodies.count), head: chain.head(chain.bodies.count), verdict: verdict)
  }

  private func delta(_ asked: ScopeCursor) -> Delta? {
    let isGood = asked.cursor.epoch == epoch
    if isGood, asked.cursor.version == version, asked.staged == 0 { return nil }
    let isReset = !isGood && asked.staged == 0
    let from = asked.staged > 0 ? asked.staged : (isGood ? asked.cursor.version : 0)
    let to = min(from + 2, version)
    return Delta(
      scope: asked.scope, from: asked.cursor, isReset: isReset, records: [], to: Cursor(epoch: epoch, version: to),
      checkpoint: to == version ? Checkpoint(count: 0, digest: .empty) : nil)
  }
}

extension SyncEvent {
  var request: RequestID? {
    switch self {
    case .responded(let id, _), .failed(let id, _), .sessionOpened(let id): id
    default: nil
    }
  }
}

import ExamModel
import ServerCore
import SyncProtocol

/// Polls are held, woken and given up as `ExamServer` does it.
extension SimServer {
  /// Registers the session's newest poll; an older one is answered at once.
  func beginPoll(_ request: SyncRequest, _ session: ID128, _ wait: UInt32, _ exchange: SimExchange) {
    let poll = SimPoll(
      SyncRequest(scopes: request.scopes, appVersion: request.appVersion), session: session,
      deadline: world.kernel.now + Int64(wait), exchange: exchange)
    exchange.poll = poll
    let older = polls.newest.updateValue(poll, forKey: session)
    guard let older else { return }
    if older.isParked { answerHeld(older) } else { older.isSuperseded = true }
  }

  /// Holds a quiet poll; `false` where it is to be answered now.
  func hold(_ exchange: SimExchange, _ response: SyncResponse) -> Bool {
    guard let poll = exchange.poll, !poll.isSuperseded, !response.isStale, response.acknowledgements.isEmpty,
      response.heads.isEmpty, world.kernel.now < poll.deadline
    else { return false }
    poll.answer = response
    poll.isParked = true
    polls.parked.append(poll)
    world.kernel.at(poll.deadline) { [self, exchange] in
      // The exchange keeps the poll alive; a poll that was answered meanwhile is not parked any more.
      if let poll = exchange.poll, poll.isParked, poll.deadline <= world.kernel.now { answerHeld(poll) }
    }
    return true
  }

  /// Asks the polls anew whose scopes changed; those that got nothing new are held again.
  func wakePolls(_ changed: Set<ID128>) {
    let due = polls.parked.filter { poll in poll.request.scopes.contains { changed.contains($0.scope) } }
    for poll in due {
      unpark(poll)
      let exchange = poll.exchange
      let call = DeviceCall(
        session: poll.session, request: poll.request, receivedAt: exchange.receivedAt, isFresh: true)
      submit(.sync(call)) { [self] in take($0, exchange) }
    }
  }

  private func answerHeld(_ poll: SimPoll) {
    guard poll.isParked, let response = poll.answer else { return }
    unpark(poll)
    answer(response, poll.exchange)
  }

  private func unpark(_ poll: SimPoll) {
    poll.isParked = false
    polls.parked.removeAll { $0 === poll }
  }

  func dropPoll(_ exchange: SimExchange) {
    guard let poll = exchange.poll else { return }
    unpark(poll)
    if polls.newest[poll.session] === poll { polls.newest[poll.session] = nil }
    exchange.poll = nil
  }
}

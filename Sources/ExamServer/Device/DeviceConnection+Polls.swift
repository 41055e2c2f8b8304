import ExamModel
import NIOCore
import ServerCore
import SyncProtocol

/// A long poll: what it asked, and until when it is held.
struct HeldPoll {
  var request: SyncRequest
  var session: ID128
  var deadline: NIODeadline
  /// The quiet answer, for when the time is up.
  var answer: SyncResponse?
  /// A newer poll of the session came while this one was in the writer.
  var isSuperseded = false
  var scopes: [ID128] { request.scopes.map(\.scope) }
}

extension DeviceConnection {
  /// Registers the session's newest poll; an older one is answered at once.
  func beginPoll(_ request: SyncRequest, session: ID128, wait: UInt32) {
    poll = HeldPoll(
      request: SyncRequest(scopes: request.scopes, appVersion: request.appVersion), session: session,
      deadline: .now() + .milliseconds(Int64(wait)))
    let entry = PollRegistry.Entry(connection: self, number: number)
    guard let older = services.polls.replace(session, with: entry), older.connection !== self else { return }
    let target = older.connection
    let olderNumber = older.number
    if target.loop === loop {
      target.supersede(olderNumber)
    } else {
      target.loop.eventLoop.execute { target.supersede(olderNumber) }
    }
  }

  private func supersede(_ olderNumber: UInt64) {
    guard number == olderNumber, poll != nil else { return }
    if phase == .parked { answerHeldPoll() } else { poll?.isSuperseded = true }
  }

  /// Holds a quiet poll; `false` where it is to be answered now.
  func holdPoll(_ response: SyncResponse) -> Bool {
    guard let held = poll, !held.isSuperseded, !closesAfterAnswer, !response.isStale,
      response.acknowledgements.isEmpty, response.heads.isEmpty, NIODeadline.now() < held.deadline
    else { return false }
    poll?.answer = response
    park()
    loop.park(self, scopes: held.scopes)
    return true
  }

  /// Something changed in one of the poll's scopes: it is asked anew, and held again if it was nothing for it.
  func wake() {
    guard phase == .parked, let held = poll, let exchange else { return }
    loop.unpark(self, scopes: held.scopes)
    unpark()
    let call = DeviceCall(
      session: held.session, request: held.request, receivedAt: exchange.receivedAt, isFresh: true)
    submit(.sync(call), priority: .admitted)
  }

  func checkPoll(_ now: NIODeadline) {
    if let held = poll, now >= held.deadline { answerHeldPoll() }
  }

  func answerHeldPoll() {
    guard phase == .parked, let response = poll?.answer else { return }
    unpark()
    answer(response)
  }

  /// Forgets the poll wherever it is known.
  func dropPoll() {
    guard let held = poll else { return }
    loop.unpark(self, scopes: held.scopes)
    services.polls.remove(held.session, PollRegistry.Entry(connection: self, number: number))
    poll = nil
  }
}

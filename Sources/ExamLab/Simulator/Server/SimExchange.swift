import CurlTransport
import ExamModel
import SyncProtocol

/// A request that the server has and has not answered.
final class SimExchange {
  /// 0 for one that nobody waits for.
  let number: UInt64
  let respond: (HTTPResponse) -> Void
  let breakOff: () -> Void
  /// Of an authenticated request.
  var session: ID128?
  var secret: SessionSecret?
  var requestMAC: MAC?
  var receivedAt: Int64 = 0
  var isFresh = false
  var poll: SimPoll?
  var isOver = false

  init(number: UInt64, respond: @escaping (HTTPResponse) -> Void, breakOff: @escaping () -> Void) {
    self.number = number
    self.respond = respond
    self.breakOff = breakOff
  }
}

/// A long poll: what it asked, and until when it is held.
final class SimPoll {
  let request: SyncRequest
  let session: ID128
  /// True milliseconds.
  let deadline: Int64
  /// The quiet answer, for when the time is up.
  var answer: SyncResponse?
  var isParked = false
  var isSuperseded = false
  unowned let exchange: SimExchange

  init(_ request: SyncRequest, session: ID128, deadline: Int64, exchange: SimExchange) {
    self.request = request
    self.session = session
    self.deadline = deadline
    self.exchange = exchange
  }
}

/// The polls that a server holds, in the order in which they came.
struct SimPolls {
  var parked: [SimPoll] = []
  var newest: [ID128: SimPoll] = [:]
}

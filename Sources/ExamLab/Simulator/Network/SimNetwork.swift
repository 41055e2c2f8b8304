import CurlTransport
import ExamModel

/// Why an exchange has no response.
struct SimTransportFailure: Error {
  var why: String
}

/// A request whose sender waits.
final class SimFlight {
  let exchange: UInt64
  let phone: Int
  fileprivate(set) var isOver = false
  fileprivate let completion: (Result<HTTPResponse, SimTransportFailure>) -> Void

  fileprivate init(
    exchange: UInt64, phone: Int, completion: @escaping (Result<HTTPResponse, SimTransportFailure>) -> Void
  ) {
    self.exchange = exchange
    self.phone = phone
    self.completion = completion
  }
}

/// One phone's way to the server.
struct SimLink {
  /// The phone knows that there is no network.
  var isUp = true
  /// Messages vanish though the phone thinks it is connected: half-open, or one direction of a partition.
  var losesRequests = false
  var losesResponses = false
  /// Somebody on the way answers 503 with this `Retry-After`.
  var strangersRetryAfterSeconds: Int64?
}

/// The network between phones and servers. One message is one half of an HTTP exchange.
final class SimNetwork {
  private unowned let world: SimWorld
  var links: [SimLink]
  private(set) var exchangeCount: UInt64 = 0
  private(set) var faults = FaultCounts()
  /// Requests of each phone in the minute that runs, and the most of any minute (I23).
  private var minutes: [(number: Int64, requests: Int64)]
  private(set) var mostRequestsInAMinute: Int64 = 0
  /// Nothing comes through any more.
  var isOver = false
  static let address = "http://exam.simulated"

  init(_ world: SimWorld, phones: Int) {
    self.world = world
    links = Array(repeating: SimLink(), count: phones)
    minutes = Array(repeating: (0, 0), count: phones)
  }

  private func countRequest(of phone: Int) {
    let minute = world.kernel.now / 60_000
    if minutes[phone].number != minute { minutes[phone] = (minute, 0) }
    minutes[phone].requests += 1
    mostRequestsInAMinute = max(mostRequestsInAMinute, minutes[phone].requests)
  }

  /// Sends a request; `completion` is called once, unless the flight is cancelled.
  func send(
    _ request: HTTPRequest, kind: String, from phone: SimPhone,
    completion: @escaping (Result<HTTPResponse, SimTransportFailure>) -> Void
  ) -> SimFlight {
    exchangeCount += 1
    countRequest(of: phone.index)
    let flight = SimFlight(exchange: exchangeCount, phone: phone.index, completion: completion)
    world.note(phone.node, .requestSent(exchange: exchangeCount, kind: kind, bytes: request.body.count))
    let patience = Int64(request.responseDeadlineMilliseconds) + 1_000
    let link = links[phone.index]
    guard link.isUp, !isOver else {
      world.kernel.after(5) { [self] in fail(flight, "no network") }
      return flight
    }
    world.kernel.after(patience) { [self] in fail(flight, "timed out") }
    let stranger = link.strangersRetryAfterSeconds.map { NetworkFault(kind: .unavailable, number: $0) }
    let fault = link.losesRequests ? NetworkFault(kind: .lost, number: 0) : stranger ?? requestFault(phone)
    up(request, flight, fault, from: phone)
    return flight
  }

  /// Forgets a request; the server notices in time that nobody listens.
  func cancel(_ flight: SimFlight) {
    guard !flight.isOver else { return }
    flight.isOver = true
    guard links[flight.phone].isUp, !links[flight.phone].losesRequests else { return }
    world.kernel.after(latency(flight.exchange, 3)) { [self] in world.server.hangUp(flight.exchange) }
  }

  // MARK: - Up

  private func requestFault(_ phone: SimPhone) -> NetworkFault {
    let rate = world.swarm.requestFaultsPerMillion
    guard rate > 0 else { return .none }
    let value = world.decisions.next(.request, node: phone.node.number) {
      NetworkFault.request(&$0, perMillion: rate)
    }
    return world.isHealed ? .none : NetworkFault(decision: value)
  }

  private func up(_ request: HTTPRequest, _ flight: SimFlight, _ fault: NetworkFault, from phone: SimPhone) {
    let delay = latency(flight.exchange, 1) + slowness(phone)
    if fault.kind != .none { faults.count("request \(fault.kind)") }
    switch fault.kind {
    case .none: deliver(request, flight, after: delay)
    case .lost: world.note(phone.node, .requestLost(exchange: flight.exchange, why: "lost"))
    case .reset, .truncated:
      world.note(phone.node, .requestLost(exchange: flight.exchange, why: "reset"))
      world.kernel.after(delay) { [self] in fail(flight, "reset") }
    case .delayed: deliver(request, flight, after: delay + fault.number)
    case .duplicated:
      deliver(request, flight, after: delay)
      deliver(request, flight, after: delay + fault.number, isRepeat: true)
    case .corrupted: deliver(corrupted(request, at: fault.number), flight, after: delay)
    case .portal:
      answer(flight, after: delay, status: 200, "text/html", "<html><body>Please accept our terms.</body></html>")
    case .badGateway: answer(flight, after: delay, status: 502, "text/html", "<html>502 Bad Gateway</html>")
    case .unavailable: answer(flight, after: delay, status: 503, "text/plain", "later", retryAfter: fault.number)
    case .tooMany: answer(flight, after: delay, status: 429, "text/plain", "slower", retryAfter: fault.number)
    }
  }

  private func deliver(_ request: HTTPRequest, _ flight: SimFlight, after delay: Int64, isRepeat: Bool = false) {
    world.kernel.after(delay) { [self] in
      let server: SimServer = world.server
      guard server.isReachable else {
        if !isRepeat, !server.isSilent { fail(flight, "refused") }
        return
      }
      world.note(server.node, .requestDelivered(exchange: flight.exchange, isRepeat: isRepeat))
      server.receive(
        request, exchange: isRepeat ? 0 : flight.exchange,
        respond: { [self] response in if !isRepeat { down(response, flight) } },
        breakOff: { [self] in
          if !isRepeat { world.kernel.after(latency(flight.exchange, 2)) { [self] in fail(flight, "reset") } }
        })
    }
  }

  private func corrupted(_ request: HTTPRequest, at place: Int64) -> HTTPRequest {
    var request = request
    guard !request.body.isEmpty else { return request }
    request.body[Int(place) % request.body.count] ^= 1 << UInt8(place % 8)
    return request
  }

  // MARK: - Down

  private func down(_ response: HTTPResponse, _ flight: SimFlight) {
    let phone = world.phones[flight.phone]
    let link = links[flight.phone]
    let fault =
      link.losesResponses || !link.isUp || isOver ? NetworkFault(kind: .lost, number: 0) : responseFault(phone)
    let delay = latency(flight.exchange, 2) + slowness(phone)
    if fault.kind != .none { faults.count("response \(fault.kind)") }
    switch fault.kind {
    case .lost: world.note(phone.node, .responseLost(exchange: flight.exchange, why: "lost"))
    case .reset, .truncated:
      world.note(phone.node, .responseLost(exchange: flight.exchange, why: "reset"))
      world.kernel.after(delay) { [self] in fail(flight, "reset") }
    case .delayed: arrive(response, flight, after: delay + fault.number)
    case .corrupted:
      var body = response.body
      if !body.isEmpty { body[Int(fault.number) % body.count] ^= 1 << UInt8(fault.number % 8) }
      arrive(HTTPResponse(status: response.status, headers: response.headers, body: body), flight, after: delay)
    default: arrive(response, flight, after: delay)
    }
  }

  private func responseFault(_ phone: SimPhone) -> NetworkFault {
    let rate = world.losesAnswers ? 500_000 : world.swarm.responseFaultsPerMillion
    guard rate > 0 else { return .none }
    let value = world.decisions.next(.response, node: phone.node.number) {
      NetworkFault.response(&$0, perMillion: rate)
    }
    return world.isHealed ? .none : NetworkFault(decision: value)
  }

  private func answer(
    _ flight: SimFlight, after delay: Int64, status: Int, _ type: String, _ text: String, retryAfter: Int64? = nil
  ) {
    var headers: HTTPHeaders = ["Content-Type": type]
    if let retryAfter { headers.append("Retry-After", "\(retryAfter)") }
    arrive(HTTPResponse(status: status, headers: headers, body: Array(text.utf8)), flight, after: delay)
  }

  private func arrive(_ response: HTTPResponse, _ flight: SimFlight, after delay: Int64) {
    world.kernel.after(delay) { [self] in
      guard !flight.isOver else { return }
      let link = links[flight.phone]
      guard link.isUp, !link.losesResponses else {
        return world.note(world.phones[flight.phone].node, .responseLost(exchange: flight.exchange, why: "link down"))
      }
      flight.isOver = true
      world.note(
        world.phones[flight.phone].node, .responseDelivered(exchange: flight.exchange, status: response.status))
      flight.completion(.success(response))
    }
  }

  private func fail(_ flight: SimFlight, _ why: String) {
    guard !flight.isOver else { return }
    flight.isOver = true
    flight.completion(.failure(SimTransportFailure(why: why)))
  }

  // MARK: - Latency

  /// 10 to 60 ms each way; `way` tells the ways apart.
  private func latency(_ exchange: UInt64, _ way: UInt64) -> Int64 {
    world.seeds.number(.latency, exchange, way, in: 10...60)
  }

  private func slowness(_ phone: SimPhone) -> Int64 {
    let rate = world.swarm.slownessPerMillion
    guard rate > 0 else { return 0 }
    let value = world.decisions.next(.latency, node: phone.node.number) {
      $0.number(in: 0...999_999) < rate ? NetworkFault.heavyTail(&$0, most: 40_000) : 0
    }
    return world.isHealed ? 0 : value
  }
}

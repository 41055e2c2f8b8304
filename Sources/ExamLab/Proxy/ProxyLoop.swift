/// What the loop is made of; made by the engine's thread, used by the loop's.
struct ProxyLoopParts: Sendable {
  var upstream: SocketAddress
  var configurations: [LinkConfiguration]
  var listeners: [Int32]
  var traces: [String: NetworkTrace]
  var seed: UInt64
  var mailbox: ProxyMailbox
  var board: ProxyBoard
  var eventSink: @Sendable (ProxyEvent) -> Void
}

/// The proxy's one thread: waits for sockets, timers and orders, and moves bytes. All of its state is its own.
final class ProxyLoop {
  enum Timer {
    case pump(UInt64, LinkDirection)
    case lane(link: Int, LinkDirection)
    case outage(link: Int)
    case deadZone(link: Int, zone: Int, begins: Bool)
    case randomReset(link: Int)
    case timedReset(link: Int)
    case acceptAgain(link: Int)
    case duplicateBegins(UInt64)
    case duplicateEnds(UInt64)
    case traffic
  }

  let parts: ProxyLoopParts
  let links: [ProxyLink]
  let startedAt: UInt64
  var now: UInt64
  var poller = Poller()
  var timers = TimerHeap<Timer>()
  var connections: [UInt64: ProxyConnection] = [:]
  var duplicates: [UInt64: DuplicateCall] = [:]
  /// Connections whose bytes may have got a way to move; handled after each event, so that no handler calls itself.
  var pumps: [(connection: ProxyConnection, direction: LinkDirection)] = []
  private var lastIdentifier: UInt64 = 0
  private var isStopping = false

  init(_ parts: ProxyLoopParts) {
    self.parts = parts
    let now = ProxyClock.nanoseconds()
    self.now = now
    startedAt = now
    links = parts.configurations.indices.map { index in
      ProxyLink(
        index: index, configuration: parts.configurations[index], listener: parts.listeners[index], seed: parts.seed,
        traces: parts.traces, startingAt: now)
    }
  }

  var millisecondsSinceStart: Int {
    Int((now - startedAt) / ProxyClock.nanosecondsPerMillisecond)
  }

  /// Runs until an order to stop, and closes everything.
  func run() {
    begin()
    while !isStopping {
      let ready = poller.wait(milliseconds: timers.nextTime.map(pause(until:)))
      refreshClock()
      // Orders come first: what was sent after `setLink` returned must meet the new state.
      parts.mailbox.drainWake()
      parts.mailbox.carryOut(carryOut)
      while let timer = timers.popDue(at: now) {
        fire(timer)
        drainPumps()
      }
      for event in ready where !isStopping {
        handle(event)
        drainPumps()
      }
      drainPumps()
    }
    end()
  }

  func refreshClock() {
    now = max(now, ProxyClock.nanoseconds())
  }

  func nextIdentifier() -> UInt64 {
    lastIdentifier += 1
    return lastIdentifier
  }

  func schedule(_ timer: Timer, inMilliseconds delay: Int) {
    timers.insert(timer, at: now + UInt64(delay) * ProxyClock.nanosecondsPerMillisecond)
  }

  func emit(
    _ kind: ProxyEvent.Kind, _ link: ProxyLink? = nil, connection: UInt64? = nil, direction: LinkDirection? = nil,
    fault: FaultKind? = nil, bytesUp: Int? = nil, bytesDown: Int? = nil, detail: String? = nil
  ) {
    parts.eventSink(
      ProxyEvent(
        monotonicMilliseconds: Int(now / ProxyClock.nanosecondsPerMillisecond), kind: kind, link: link?.name,
        connection: connection, direction: direction, fault: fault, bytesUp: bytesUp, bytesDown: bytesDown,
        detail: detail))
  }

  func noteFault(_ fault: FaultKind, _ link: ProxyLink, connection: UInt64?, detail: String? = nil) {
    parts.board.change(link.index) { $0[fault] += 1 }
    emit(.fault, link, connection: connection, fault: fault, detail: detail)
  }

  private func begin() {
    poller.watch(parts.mailbox.wakeReader, Poller.readable, token: .wake)
    emit(.started, detail: "seed \(parts.seed)")
    for link in links {
      poller.watch(link.listener, Poller.readable, token: .listener(link: link.index))
      emit(.linkReady, link, detail: "port \(ProxySocket.port(of: link.listener))")
      let profile = link.configuration.profile
      if let delay = link.decisions.untilOutageToggleMilliseconds(isUp: true) {
        schedule(.outage(link: link.index), inMilliseconds: delay)
      }
      for (index, zone) in profile.deadZones.enumerated() {
        let end = zone.startMilliseconds + zone.durationMilliseconds
        schedule(.deadZone(link: link.index, zone: index, begins: true), inMilliseconds: zone.startMilliseconds)
        schedule(.deadZone(link: link.index, zone: index, begins: false), inMilliseconds: end)
      }
      if let delay = link.decisions.untilResetMilliseconds() {
        schedule(.randomReset(link: link.index), inMilliseconds: delay)
      }
      for time in profile.faults.resetAtMilliseconds {
        schedule(.timedReset(link: link.index), inMilliseconds: time)
      }
    }
    schedule(.traffic, inMilliseconds: ProxyLimits.trafficIntervalMilliseconds)
  }

  private func end() {
    reportTraffic()
    for identifier in connections.keys.sorted() {
      if let connection = connections[identifier] { close(connection, because: "the proxy stopped") }
    }
    for call in duplicates.values { close(call) }
    emit(.stopped)
    parts.mailbox.shut()
  }

  private func pause(until time: UInt64) -> Int {
    guard time > now else { return 0 }
    let unit = ProxyClock.nanosecondsPerMillisecond
    return Int((time - now + unit - 1) / unit)
  }

  private func handle(_ event: Poller.Ready) {
    switch event.token {
    case .wake:
      return
    case .listener(let index):
      accept(links[index])
    case .phone(let identifier):
      guard let connection = connections[identifier] else { return }
      if event.canWrite { flushPhone(connection) }
      if event.canRead, !connection.isClosed { readPhone(connection) }
    case .server(let identifier):
      guard let connection = connections[identifier] else { return }
      if event.canWrite { serverIsWritable(connection) }
      if event.canRead, !connection.isClosed { readServer(connection) }
    case .duplicate(let identifier):
      if let call = duplicates[identifier] { advance(call) }
    }
  }

  private func fire(_ timer: Timer) {
    switch timer {
    case .pump(let identifier, let direction):
      guard let connection = connections[identifier] else { return }
      if direction == .up { connection.upTimerAt = nil } else { connection.downTimerAt = nil }
      connectServerIfWanted(connection)
      pumps.append((connection, direction))
    case .lane(let index, let direction):
      links[index][direction].timerAt = nil
      runLane(links[index], direction)
    case .outage(let index):
      toggleOutage(links[index])
    case .deadZone(let index, let zone, let begins):
      changeDeadZone(links[index], zone: zone, begins: begins)
    case .randomReset(let index):
      if links[index].areFaultsEnabled { cut(links[index]) }
      if let delay = links[index].decisions.untilResetMilliseconds() {
        schedule(timer, inMilliseconds: delay)
      }
    case .timedReset(let index):
      if links[index].areFaultsEnabled { cut(links[index]) }
    case .acceptAgain(let index):
      poller.watch(links[index].listener, Poller.readable, token: .listener(link: index))
    case .duplicateBegins(let identifier):
      if let call = duplicates[identifier] { begin(call) }
    case .duplicateEnds(let identifier):
      if let call = duplicates[identifier] { giveUp(call, because: "no answer in time") }
    case .traffic:
      reportTraffic()
      schedule(.traffic, inMilliseconds: ProxyLimits.trafficIntervalMilliseconds)
    }
  }

  private func carryOut(_ order: ProxyOrder) {
    switch order {
    case .setDirection(let link, let direction, let isOpen):
      setOperatorClosed(links[link], [direction], isClosed: !isOpen)
    case .setNetwork(let link, let isUp):
      setOperatorClosed(links[link], LinkDirection.allCases, isClosed: !isUp)
    case .setFaults(let link, let enabled):
      change(links[link]) { $0.areFaultsEnabled = enabled }
    case .cut(let link):
      cut(links[link])
    case .arm(let link, let fault):
      links[link].armed.append(fault)
    case .stop:
      isStopping = true
    }
  }

  private func reportTraffic() {
    for link in links {
      let counters = parts.board.read(link.index)
      let up = counters.bytesUp - link.reportedBytesUp
      let down = counters.bytesDown - link.reportedBytesDown
      guard up > 0 || down > 0 else { continue }
      link.reportedBytesUp = counters.bytesUp
      link.reportedBytesDown = counters.bytesDown
      emit(.traffic, link, bytesUp: up, bytesDown: down)
    }
  }
}

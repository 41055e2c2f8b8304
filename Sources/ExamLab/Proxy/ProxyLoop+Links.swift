/// Links that go down and come back, and what resets their connections.
extension ProxyLoop {
  func setOperatorClosed(_ link: ProxyLink, _ directions: [LinkDirection], isClosed: Bool) {
    change(link) { link in
      for direction in directions {
        if isClosed {
          link[direction].closed.insert(.operatorCommand)
        } else {
          link[direction].closed.remove(.operatorCommand)
        }
      }
    }
  }

  func toggleOutage(_ link: ProxyLink) {
    link.isOutageOn.toggle()
    change(link) { link in
      for direction in LinkDirection.allCases {
        if link.isOutageOn {
          link[direction].closed.insert(.randomOutage)
        } else {
          link[direction].closed.remove(.randomOutage)
          // A phone that comes back is in another cell, with another bandwidth.
          if let rate = link.decisions.bytesPerSecond(direction) {
            link[direction].pacer?.setRate(bytesPerSecond: rate)
          }
        }
      }
    }
    if let delay = link.decisions.untilOutageToggleMilliseconds(isUp: !link.isOutageOn) {
      schedule(.outage(link: link.index), inMilliseconds: delay)
    }
  }

  func changeDeadZone(_ link: ProxyLink, zone index: Int, begins: Bool) {
    let zone = link.configuration.profile.deadZones[index]
    change(link) { link in
      for direction in LinkDirection.allCases where zone.direction ?? direction == direction {
        link[direction].deadZones += begins ? 1 : -1
        if link[direction].deadZones > 0 {
          link[direction].closed.insert(.deadZone)
        } else {
          link[direction].closed.remove(.deadZone)
        }
      }
    }
  }

  /// Changes a link and does what follows from a direction that opened or closed by it.
  func change(_ link: ProxyLink, _ body: (ProxyLink) -> Void) {
    let before = LinkDirection.allCases.filter(link.isOpen)
    body(link)
    let after = LinkDirection.allCases.filter(link.isOpen)
    guard before != after else { return }
    if before.contains(where: { !after.contains($0) }) {
      parts.board.change(link.index) { $0.cuts += 1 }
    }
    switch after.count {
    case 2: emit(.linkUp, link)
    case 1: emit(.linkDown, link, direction: after == [.up] ? .down : .up)
    default: emit(.linkDown, link)
    }
    for direction in after where !before.contains(direction) {
      link[direction].pacer?.restart(at: now)
    }
    for identifier in link.connections.sorted() {
      guard let connection = connections[identifier] else { continue }
      connectServerIfWanted(connection)
      for direction in LinkDirection.allCases { pumps.append((connection, direction)) }
    }
  }

  /// Resets all live connections of a link.
  func cut(_ link: ProxyLink) {
    let identifiers = link.connections.sorted()
    if !identifiers.isEmpty { parts.board.change(link.index) { $0.cuts += 1 } }
    emit(.cut, link, detail: "\(identifiers.count) connections")
    for identifier in identifiers {
      if let connection = connections[identifier] { reset(connection, because: "cut") }
    }
  }

  func accept(_ link: ProxyLink) {
    // A bound on one turn keeps a flood of connections from starving those that live.
    for _ in 0..<64 {
      switch ProxySocket.accept(link.listener) {
      case .none:
        return
      case .exhausted:
        poller.watch(link.listener, 0, token: .listener(link: link.index))
        schedule(.acceptAgain(link: link.index), inMilliseconds: ProxyLimits.acceptPauseMilliseconds)
        refuse(link, because: "no descriptor is free")
        return
      case .socket(let descriptor):
        guard connections.count < ProxyLimits.connections else {
          ProxySocket.reset(descriptor)
          refuse(link, because: "there are \(ProxyLimits.connections) connections already")
          continue
        }
        open(link, descriptor)
      }
    }
  }

  private func refuse(_ link: ProxyLink, because reason: String) {
    parts.board.change(link.index) { $0.connectionsRefused += 1 }
    emit(.connectionRefused, link, detail: reason)
  }

  private func open(_ link: ProxyLink, _ descriptor: Int32) {
    refreshClock()
    let delay = UInt64(link.decisions.delayMilliseconds(.up)) * ProxyClock.nanosecondsPerMillisecond
    let connection = ProxyConnection(
      identifier: nextIdentifier(), link: link, phone: descriptor, faults: link.decisions.connectionFaults(),
      reachableAt: now + delay)
    connections[connection.identifier] = connection
    link.connections.insert(connection.identifier)
    parts.board.change(link.index) {
      $0.connectionsOpened += 1
      $0.connectionsLive += 1
    }
    emit(.connectionOpened, link, connection: connection.identifier)
    if connection.relay == nil {
      connection.serverState = .wanted
      connectServerIfWanted(connection)
    }
    watch(connection)
  }
}

/// The phone's side of a connection, and the ends connections come to.
extension ProxyLoop {
  func readPhone(_ connection: ProxyConnection) {
    for _ in 0..<ProxyLimits.readsPerTurn {
      let throwsAway = connection.isSwallowing || connection.isClosingPhone
      let room = throwsAway ? ProxyLimits.readBytes : min(connection.up.space, ProxyLimits.readBytes)
      guard room > 0, connection.phone.isOpen, !connection.phone.isReadFinished else { break }
      switch ProxySocket.read(connection.phone.descriptor, maximum: room) {
      case .bytes(let bytes):
        if !throwsAway { send(bytes, connection, .up) }
        if bytes.count == room { continue }
      case .wouldBlock:
        break
      case .finished:
        connection.phone.isReadFinished = true
        if connection.isSwallowing { return close(connection, because: "the phone closed it") }
        if !connection.isClosingPhone { sendEnding(.finish, connection, .up) }
        closeIfDone(connection)
      case .failed:
        return losePhone(connection)
      }
      break
    }
    guard !connection.isClosed else { return }
    pumps.append((connection, .up))
    watch(connection)
  }

  func flushPhone(_ connection: ProxyConnection) {
    guard !connection.isClosed, connection.phone.isOpen else { return }
    guard connection.phone.flush() else { return losePhone(connection) }
    if !connection.phone.hasOutbox, connection.down.nextDueAt != nil { pumps.append((connection, .down)) }
    watch(connection)
    closeIfDone(connection)
  }

  /// The phone is gone; its end crosses the link as all else does.
  private func losePhone(_ connection: ProxyConnection) {
    if connection.phone.isOpen {
      forget(connection.phone)
      ProxySocket.reset(connection.phone.descriptor)
    }
    connection.phone.descriptor = -1
    connection.phone.isReadFinished = true
    connection.phone.outbox = []
    connection.phone.outboxOffset = 0
    connection.down.discard()
    sendEnding(.reset, connection, .up)
    if connection.isSwallowing || connection.isClosingPhone || connection.serverState == .none
      || connection.serverState == .gone
    {
      return close(connection, because: "the phone reset it")
    }
    watch(connection)
    closeIfDone(connection)
  }

  /// Cuts the server's side off and leaves the phone alone with an open, silent connection.
  func swallow(_ connection: ProxyConnection) {
    closeServer(connection)
    connection.up.discard()
    connection.down.discard()
    connection.phone.outbox = []
    connection.phone.outboxOffset = 0
    connection.isSwallowing = true
    if connection.phone.isReadFinished { return close(connection, because: "the phone closed it") }
    watch(connection)
  }

  /// Resets both sides at once, as a box on the way does.
  func reset(_ connection: ProxyConnection, because reason: String) {
    guard !connection.isClosed else { return }
    noteFault(.reset, connection.link, connection: connection.identifier, detail: reason)
    resetPhone(connection)
    if connection.server.isOpen {
      forget(connection.server)
      ProxySocket.reset(connection.server.descriptor)
      connection.server.descriptor = -1
    }
    close(connection, because: reason)
  }

  func resetPhone(_ connection: ProxyConnection) {
    guard connection.phone.isOpen else { return }
    forget(connection.phone)
    ProxySocket.reset(connection.phone.descriptor)
    connection.phone.descriptor = -1
  }

  /// Closes once both directions have come to their ends.
  func closeIfDone(_ connection: ProxyConnection) {
    guard !connection.isClosed else { return }
    let isDownDone = !connection.phone.isOpen || connection.phone.isWriteFinished
    let isUpDone =
      connection.isClosingPhone
      ? connection.phone.isReadFinished
      : connection.up.isEndingTaken && !connection.server.hasOutbox
    if isDownDone, isUpDone { close(connection, because: "both sides finished") }
  }

  func close(_ connection: ProxyConnection, because reason: String) {
    guard !connection.isClosed else { return }
    connection.isClosed = true
    closeServer(connection)
    if connection.phone.isOpen {
      forget(connection.phone)
      ProxySocket.close(connection.phone.descriptor)
      connection.phone.descriptor = -1
    }
    connections[connection.identifier] = nil
    connection.link.connections.remove(connection.identifier)
    parts.board.change(connection.link.index) { $0.connectionsLive -= 1 }
    emit(
      .connectionClosed, connection.link, connection: connection.identifier, bytesUp: connection.bytesUp,
      bytesDown: connection.bytesDown, detail: reason)
  }

  /// Tells the poller what each side waits for.
  func watch(_ connection: ProxyConnection) {
    guard !connection.isClosed else { return }
    if connection.phone.isOpen {
      let throwsAway = connection.isSwallowing || connection.isClosingPhone
      let wantsRead = !connection.phone.isReadFinished && (throwsAway || connection.up.space > 0)
      let events = (wantsRead ? Poller.readable : 0) | (connection.phone.hasOutbox ? Poller.writable : 0)
      watch(&connection.phone, events, .phone(connection.identifier))
    }
    if connection.server.isOpen {
      let isConnecting = connection.serverState == .connecting
      let wantsRead = !isConnecting && !connection.server.isReadFinished && connection.down.space > 0
      let wantsWrite = isConnecting || connection.server.hasOutbox
      let events = (wantsRead ? Poller.readable : 0) | (wantsWrite ? Poller.writable : 0)
      watch(&connection.server, events, .server(connection.identifier))
    }
  }

  private func watch(_ endpoint: inout LinkEndpoint, _ events: Int16, _ token: Poller.Token) {
    guard endpoint.watched != events else { return }
    endpoint.watched = events
    poller.watch(endpoint.descriptor, events, token: token)
  }

  /// Takes a socket out of the poller, before it is closed and its number is used again.
  func forget(_ endpoint: LinkEndpoint) {
    poller.watch(endpoint.descriptor, 0, token: .wake)
  }
}

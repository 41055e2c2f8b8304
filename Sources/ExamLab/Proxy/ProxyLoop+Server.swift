/// The server's side of a connection.
extension ProxyLoop {
  /// Begins the connection to the server once it is wanted and the link lets it through.
  func connectServerIfWanted(_ connection: ProxyConnection) {
    guard !connection.isClosed, connection.serverState == .wanted, connection.link.canConnect else { return }
    guard connection.serverReachableAt <= now else {
      return wake(connection, .up, at: connection.serverReachableAt)
    }
    guard let descriptor = ProxySocket.connect(to: parts.upstream) else { return refuseUpstream(connection) }
    connection.server.descriptor = descriptor
    connection.serverState = .connecting
    watch(connection)
  }

  func serverIsWritable(_ connection: ProxyConnection) {
    guard !connection.isClosed, connection.server.isOpen else { return }
    if connection.serverState == .connecting {
      guard ProxySocket.isConnected(connection.server.descriptor) else { return refuseUpstream(connection) }
      connection.serverState = .connected
    }
    flushServer(connection)
    if !connection.isClosed {
      pumps.append((connection, .up))
      watch(connection)
    }
  }

  private func refuseUpstream(_ connection: ProxyConnection) {
    parts.board.change(connection.link.index) { $0.upstreamRefused += 1 }
    emit(.upstreamRefused, connection.link, connection: connection.identifier)
    resetPhone(connection)
    close(connection, because: "the server refused it")
  }

  func readServer(_ connection: ProxyConnection) {
    for _ in 0..<ProxyLimits.readsPerTurn {
      let room = min(connection.down.space, ProxyLimits.readBytes)
      guard room > 0, connection.server.isOpen, connection.serverState == .connected,
        !connection.server.isReadFinished
      else { break }
      switch ProxySocket.read(connection.server.descriptor, maximum: room) {
      case .bytes(let bytes):
        takeFromServer(bytes, connection)
        if bytes.count == room, !connection.isClosed { continue }
      case .wouldBlock:
        break
      case .finished:
        connection.server.isReadFinished = true
        withRelay(connection) { $0.serverClosed() }
        if !connection.isClosed, !connection.isSwallowing { sendEnding(.finish, connection, .down) }
      case .failed:
        closeServer(connection)
        sendEnding(.reset, connection, .down)
      }
      break
    }
    guard !connection.isClosed else { return }
    pumps.append((connection, .down))
    // A response that is complete lets the next request pass.
    pumps.append((connection, .up))
    watch(connection)
  }

  private func takeFromServer(_ bytes: [UInt8], _ connection: ProxyConnection) {
    guard connection.relay != nil else { return send(bytes, connection, .down) }
    let link = connection.link
    let time = millisecondsSinceStart
    withRelay(connection) { relay in
      relay.response(bytes) { _ in link.nextRequestFault(atMilliseconds: time) }
    }
  }

  /// Bytes have crossed the link.
  func deliverToServer(_ bytes: [UInt8], _ connection: ProxyConnection) {
    guard !connection.isSwallowing, !connection.isClosingPhone else { return }
    guard connection.relay != nil else { return writeToServer(bytes, connection) }
    let link = connection.link
    let time = millisecondsSinceStart
    withRelay(connection) { relay in
      relay.request(bytes) { _ in link.nextRequestFault(atMilliseconds: time) }
    }
  }

  private func withRelay(_ connection: ProxyConnection, _ body: (inout HTTPRelay) -> [HTTPRelay.Action]) {
    guard var relay = connection.relay else { return }
    connection.relay = nil
    let actions = body(&relay)
    connection.relay = relay
    for action in actions where !connection.isClosed { perform(action, connection) }
  }

  private func perform(_ action: HTTPRelay.Action, _ connection: ProxyConnection) {
    switch action {
    case .toServer(let bytes):
      writeToServer(bytes, connection)
    case .toPhone(let bytes):
      send(bytes, connection, .down)
      pumps.append((connection, .down))
    case .struck(let fault):
      noteFault(fault.kind, connection.link, connection: connection.identifier, detail: fault.detail)
    case .closePhone:
      closeServer(connection)
      connection.up.discard()
      connection.isClosingPhone = true
      sendEnding(.finish, connection, .down)
      watch(connection)
    case .abandonPhone(.reset):
      resetPhone(connection)
      close(connection, because: "reply lost")
    case .abandonPhone(.silence):
      swallow(connection)
    case .sendDuplicate(let request, let method, let delay):
      let call = DuplicateCall(identifier: nextIdentifier(), link: connection.link, request: request, method: method)
      duplicates[call.identifier] = call
      schedule(.duplicateBegins(call.identifier), inMilliseconds: delay)
    case .framingLost(let reason):
      emit(.framingLost, connection.link, connection: connection.identifier, detail: reason)
    }
  }

  private func writeToServer(_ bytes: [UInt8], _ connection: ProxyConnection) {
    guard connection.serverState != .gone, !connection.server.isWriteFinished else { return }
    connection.server.put(bytes)
    if connection.serverState == .none { connection.serverState = .wanted }
    connectServerIfWanted(connection)
    flushServer(connection)
  }

  private func flushServer(_ connection: ProxyConnection) {
    guard !connection.isClosed, connection.serverState == .connected, connection.server.isOpen else { return }
    if !connection.server.flush() {
      // What the server said before it left is still to be read.
      connection.server.outbox = []
      connection.server.outboxOffset = 0
      connection.server.isWriteFinished = true
    }
    closeIfDone(connection)
  }

  /// The phone's last byte has crossed the link.
  func finishServer(_ connection: ProxyConnection) {
    connection.server.finishesAfterOutbox = true
    switch connection.serverState {
    case .none, .gone:
      sendEnding(.finish, connection, .down)
      closeIfDone(connection)
    case .wanted, .connecting:
      return
    case .connected:
      flushServer(connection)
    }
  }

  func closeServer(_ connection: ProxyConnection) {
    if connection.server.isOpen {
      forget(connection.server)
      ProxySocket.close(connection.server.descriptor)
    }
    connection.server = LinkEndpoint()
    connection.serverState = .gone
  }
}

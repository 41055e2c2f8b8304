/// Bytes on their way across a link.
extension ProxyLoop {
  func drainPumps() {
    while !pumps.isEmpty {
      let batch = pumps
      pumps = []
      for (connection, direction) in batch { pump(connection, direction) }
    }
  }

  /// Puts bytes on their way, each piece with its own delay.
  func send(_ bytes: [UInt8], _ connection: ProxyConnection, _ direction: LinkDirection) {
    refreshClock()
    let pieceBytes = connection.link.configuration.profile[direction].chunkBytes ?? bytes.count
    guard pieceBytes < bytes.count else {
      connection[direction].append(bytes, dueAt: dueTime(connection, direction))
      return
    }
    var position = 0
    while position < bytes.count {
      let end = min(position + pieceBytes, bytes.count)
      connection[direction].append(Array(bytes[position..<end]), dueAt: dueTime(connection, direction))
      position = end
    }
  }

  /// Puts the end of a direction on its way.
  func sendEnding(_ ending: BytePipe.Ending, _ connection: ProxyConnection, _ direction: LinkDirection) {
    refreshClock()
    guard connection[direction].ending == nil else { return }
    connection[direction].end(ending, dueAt: dueTime(connection, direction))
    pumps.append((connection, direction))
  }

  private func dueTime(_ connection: ProxyConnection, _ direction: LinkDirection) -> UInt64 {
    let delay = connection.link.decisions.delayMilliseconds(direction)
    return now + UInt64(delay) * ProxyClock.nanosecondsPerMillisecond
  }

  /// Delivers what may arrive now.
  private func pump(_ connection: ProxyConnection, _ direction: LinkDirection) {
    let link = connection.link
    if link[direction].pacer == nil {
      while let count = readyByteCount(connection, direction) {
        arrive(connection, direction, maximum: count)
      }
    } else if readyByteCount(connection, direction) != nil {
      if !link[direction].waiting.contains(connection.identifier) {
        link[direction].waiting.append(connection.identifier)
      }
      runLane(link, direction)
    }
    watch(connection)
  }

  /// Lets the connections of a paced link take turns, a packet each, as long as the link has room.
  func runLane(_ link: ProxyLink, _ direction: LinkDirection) {
    while let identifier = link[direction].waiting.first {
      guard let connection = connections[identifier], let count = readyByteCount(connection, direction) else {
        link[direction].waiting.removeFirst()
        continue
      }
      var maximum = 0
      if count > 0 {
        maximum = min(count, link[direction].pacer?.allowance(for: count, at: now) ?? count, ProxyLimits.packetBytes)
        guard maximum > 0 else { return wakeLane(link, direction, wanted: count) }
      }
      link[direction].waiting.removeFirst()
      let arrived = arrive(connection, direction, maximum: maximum)
      link[direction].pacer?.spend(arrived)
      if !connection.isClosed { link[direction].waiting.append(identifier) }
      watch(connection)
    }
    link[direction].pacer?.settle(isAwaited: false)
  }

  private func wakeLane(_ link: ProxyLink, _ direction: LinkDirection, wanted: Int) {
    guard let time = link[direction].pacer?.nextChance(for: wanted, after: now) else { return }
    if let armed = link[direction].timerAt, armed <= time { return }
    link[direction].timerAt = time
    timers.insert(.lane(link: link.index, direction), at: time)
  }

  /// Bytes of the next piece if it may arrive now, 0 for an ending; nil if nothing may.
  private func readyByteCount(_ connection: ProxyConnection, _ direction: LinkDirection) -> Int? {
    guard !connection.isClosed, let dueAt = connection[direction].nextDueAt, connection.link.isOpen(direction),
      connection.canDeliver(direction)
    else { return nil }
    guard dueAt <= now else {
      wake(connection, direction, at: dueAt)
      return nil
    }
    return connection[direction].nextPieceByteCount
  }

  func wake(_ connection: ProxyConnection, _ direction: LinkDirection, at time: UInt64) {
    let armed = direction == .up ? connection.upTimerAt : connection.downTimerAt
    if let armed, armed <= time { return }
    if direction == .up { connection.upTimerAt = time } else { connection.downTimerAt = time }
    timers.insert(.pump(connection.identifier, direction), at: time)
  }

  /// Hands the next bytes, or the ending, to their receiver.
  ///
  /// - Returns: how many bytes arrived.
  @discardableResult
  private func arrive(_ connection: ProxyConnection, _ direction: LinkDirection, maximum: Int) -> Int {
    guard maximum > 0 else {
      if let ending = connection[direction].takeEnding() { arrive(connection, direction, ending) }
      return 0
    }
    var maximum = maximum
    if let left = bytesUntilFault(connection) {
      if left == 0 {
        strike(connection)
        return 0
      }
      maximum = min(maximum, left)
    }
    let bytes = connection[direction].take(maximum)
    parts.board.change(connection.link.index) {
      if direction == .up { $0.bytesUp += bytes.count } else { $0.bytesDown += bytes.count }
    }
    switch direction {
    case .up:
      connection.bytesUp += bytes.count
      deliverToServer(bytes, connection)
    case .down:
      connection.bytesDown += bytes.count
      connection.phone.put(bytes)
      flushPhone(connection)
    }
    if !connection.isClosed, bytesUntilFault(connection) == 0 { strike(connection) }
    return bytes.count
  }

  /// Bytes that may still arrive before the connection meets a fault of its own.
  private func bytesUntilFault(_ connection: ProxyConnection) -> Int? {
    guard connection.link.areFaultsEnabled, !connection.isSwallowing else { return nil }
    let positions = [connection.faults.resetAfterBytes, connection.faults.halfOpenAfterBytes].compactMap(\.self)
    return positions.min().map { max(0, $0 - connection.bytesUp - connection.bytesDown) }
  }

  private func strike(_ connection: ProxyConnection) {
    let arrived = connection.bytesUp + connection.bytesDown
    if let position = connection.faults.resetAfterBytes, position <= arrived {
      reset(connection, because: "reset after \(arrived) bytes")
    } else {
      noteFault(.halfOpen, connection.link, connection: connection.identifier, detail: "after \(arrived) bytes")
      swallow(connection)
    }
  }

  private func arrive(_ connection: ProxyConnection, _ direction: LinkDirection, _ ending: BytePipe.Ending) {
    switch (direction, ending) {
    case (_, .reset):
      let receiver = direction == .up ? connection.server : connection.phone
      if receiver.isOpen {
        forget(receiver)
        ProxySocket.reset(receiver.descriptor)
        if direction == .up { connection.server.descriptor = -1 } else { connection.phone.descriptor = -1 }
      }
      close(connection, because: direction == .up ? "the phone reset it" : "the server reset it")
    case (.up, .finish):
      finishServer(connection)
    case (.down, .finish):
      connection.phone.finishesAfterOutbox = true
      flushPhone(connection)
    }
  }
}

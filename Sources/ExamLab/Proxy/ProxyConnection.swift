/// One side of a connection: a socket and what waits to be written to it.
struct LinkEndpoint {
  /// -1 when there is no socket.
  var descriptor: Int32 = -1
  /// Bytes that have crossed the link and that the system has not taken yet.
  var outbox: [UInt8] = []
  var outboxOffset = 0
  /// Nothing more will be read.
  var isReadFinished = false
  /// Nothing more will be written after the outbox.
  var finishesAfterOutbox = false
  var isWriteFinished = false
  /// The events the poller watches for.
  var watched: Int16 = 0

  var isOpen: Bool { descriptor >= 0 }
  var hasOutbox: Bool { outboxOffset < outbox.count }

  mutating func put(_ bytes: [UInt8]) {
    if hasOutbox {
      outbox.append(contentsOf: bytes)
    } else {
      outbox = bytes
      outboxOffset = 0
    }
  }

  /// Writes what the system takes; false if the connection is gone.
  mutating func flush() -> Bool {
    while hasOutbox {
      guard let count = ProxySocket.write(descriptor, outbox[outboxOffset...]) else { return false }
      guard count > 0 else { return true }
      outboxOffset += count
    }
    outbox = []
    outboxOffset = 0
    if finishesAfterOutbox, !isWriteFinished {
      isWriteFinished = true
      ProxySocket.finish(descriptor)
    }
    return true
  }
}

/// One connection of a phone and its twin to the server. Only the loop's thread touches it.
final class ProxyConnection {
  enum ServerState {
    /// Not asked for yet.
    case none
    /// Bytes wait for a server, and the link is down or its latency not over.
    case wanted
    case connecting
    case connected
    case gone
  }

  let identifier: UInt64
  let link: ProxyLink
  let faults: ConnectionFaults
  var phone = LinkEndpoint()
  var server = LinkEndpoint()
  var serverState = ServerState.none
  /// A connection cannot reach the server before the latency of the link is over.
  var serverReachableAt: UInt64
  var up = BytePipe()
  var down = BytePipe()
  var upTimerAt: UInt64?
  var downTimerAt: UInt64?
  var relay: HTTPRelay?
  var bytesUp = 0
  var bytesDown = 0
  /// The phone's bytes are read and thrown away, and none come back.
  var isSwallowing = false
  /// The phone's side is closed in order once all bytes for it have arrived; what it still sends is thrown away.
  var isClosingPhone = false
  var isClosed = false

  init(identifier: UInt64, link: ProxyLink, phone descriptor: Int32, faults: ConnectionFaults, reachableAt: UInt64) {
    self.identifier = identifier
    self.link = link
    self.faults = faults
    phone.descriptor = descriptor
    serverReachableAt = reachableAt
    relay = link.configuration.framing == .http ? HTTPRelay() : nil
  }

  subscript(direction: LinkDirection) -> BytePipe {
    get { direction == .up ? up : down }
    _modify {
      if direction == .up { yield &up } else { yield &down }
    }
  }

  /// Whether bytes of this direction can be handed to their receiver now.
  func canDeliver(_ direction: LinkDirection) -> Bool {
    switch direction {
    case .up:
      if isSwallowing || isClosingPhone { return true }
      return !server.hasOutbox && relay?.acceptsRequestBytes ?? (serverState == .connected)
    case .down:
      return !phone.hasOutbox
    }
  }
}

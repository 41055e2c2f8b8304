/// A request on its second way to the server.
final class DuplicateCall {
  let identifier: UInt64
  let link: ProxyLink
  var server = LinkEndpoint()
  var responses: HTTPFramer
  var status: Int?
  var isConnected = false
  var isSent = false

  init(identifier: UInt64, link: ProxyLink, request: [UInt8], method: String) {
    self.identifier = identifier
    self.link = link
    server.put(request)
    responses = .responses(to: method)
  }
}

/// Duplicates reach the server on connections of their own, whatever the state of the phone's link: they were under
/// way already.
extension ProxyLoop {
  func begin(_ call: DuplicateCall) {
    guard let descriptor = ProxySocket.connect(to: parts.upstream) else {
      return giveUp(call, because: "the server refused the connection")
    }
    call.server.descriptor = descriptor
    poller.watch(descriptor, Poller.writable, token: .duplicate(call.identifier))
    schedule(.duplicateEnds(call.identifier), inMilliseconds: ProxyLimits.duplicateTimeoutMilliseconds)
  }

  func advance(_ call: DuplicateCall) {
    if !call.isConnected {
      guard ProxySocket.isConnected(call.server.descriptor) else {
        return giveUp(call, because: "the server refused the connection")
      }
      call.isConnected = true
    }
    if !call.isSent {
      guard call.server.flush() else { return giveUp(call, because: "the server reset the connection") }
      guard !call.server.hasOutbox else { return }
      call.isSent = true
      noteFault(.duplicate, call.link, connection: nil)
      poller.watch(call.server.descriptor, Poller.readable, token: .duplicate(call.identifier))
    }
    while true {
      switch ProxySocket.read(call.server.descriptor, maximum: ProxyLimits.readBytes) {
      case .bytes(let bytes):
        if take(bytes, call) { return }
      case .wouldBlock:
        return
      case .finished:
        if call.responses.endsWithInput { return finish(call) }
        return giveUp(call, because: "the server closed before it answered")
      case .failed:
        return giveUp(call, because: "the server reset the connection")
      }
    }
  }

  /// Takes a part of the answer; true once the call is over.
  private func take(_ bytes: [UInt8], _ call: DuplicateCall) -> Bool {
    var rest = bytes[...]
    do {
      while true {
        let step = try call.responses.advance(over: rest)
        rest = rest.dropFirst(step.consumed)
        switch step.boundary {
        case .head(let head):
          if case .response(let status) = head.startLine { call.status = status }
        case .message:
          finish(call)
          return true
        case .none:
          if rest.isEmpty { return false }
        }
      }
    } catch {
      giveUp(call, because: "the answer is not HTTP/1.1: \(error)")
      return true
    }
  }

  private func finish(_ call: DuplicateCall) {
    emit(.duplicateAnswered, call.link, detail: call.status.map { "status \($0)" })
    close(call)
  }

  func giveUp(_ call: DuplicateCall, because reason: String) {
    emit(.duplicateAnswered, call.link, detail: reason)
    close(call)
  }

  func close(_ call: DuplicateCall) {
    duplicates[call.identifier] = nil
    guard call.server.isOpen else { return }
    forget(call.server)
    ProxySocket.close(call.server.descriptor)
    call.server.descriptor = -1
  }
}

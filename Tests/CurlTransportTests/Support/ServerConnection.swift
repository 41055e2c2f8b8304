import Foundation
import Glibc
import Synchronization

/// One connection of a ``ScriptedServer``, used by its script's thread only, but for `captured` and `interrupt`.
final class ServerConnection: Sendable {
  let index: Int
  private struct State {
    var socket: Int32?
    var captured: [UInt8] = []
    var unread: [UInt8] = []
  }
  private let state: Mutex<State>

  init(_ socket: Int32, index: Int) {
    self.index = index
    state = Mutex(State(socket: socket))
  }

  var captured: [UInt8] { state.withLock { $0.captured } }

  private var socket: Int32 { state.withLock { $0.socket ?? -1 } }

  /// The next request, head and body by its Content-Length, or nil if the client closed first.
  func readRequest() -> [UInt8]? {
    while true {
      if let request = state.withLock({ takeRequest(&$0.unread) }) { return request }
      guard receive() else { return nil }
    }
  }

  func send(_ text: String) { send(Array(text.utf8)) }

  /// False once the client has gone.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// Answers one request with status 200 and this body.
  func reply(_ body: String, headers: String = "") {
    send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
  }

  /// Waits until the client closes; false if it has not done so for this long.
  @discardableResult
  func waitForClose(milliseconds: Int32 = 60_000) -> Bool {
    while true {
      var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      guard poll(&descriptor, 1, milliseconds) > 0 else { return false }
      guard receive() else { return true }
    }
  }

  /// Waits until the server is stopped without reading what the client sends, so that its sending comes to a stop.
  func waitWithoutReading() {
    var descriptor = pollfd(fd: socket, events: 0, revents: 0)
    poll(&descriptor, 1, 60_000)
  }

  /// Closes so that the client gets a RST.
  func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  func close() {
    state.withLock { state in
      if let socket = state.socket { Glibc.close(socket) }
      state.socket = nil
    }
  }

  /// From another thread: makes whatever the script waits for fail.
  func interrupt() {
    state.withLock { state in
      if let socket = state.socket { _ = shutdown(socket, Int32(SHUT_RDWR)) }
    }
  }

  private func receive() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(socket, &buffer, buffer.count, 0)
    guard count > 0 else { return false }
    state.withLock { state in
      state.captured += buffer[..<count]
      state.unread += buffer[..<count]
    }
    return true
  }
}

private func takeRequest(_ bytes: inout [UInt8]) -> [UInt8]? {
  guard let range = Data(bytes).range(of: Data("\r\n\r\n".utf8)) else { return nil }
  let head = String(decoding: bytes[..<range.lowerBound], as: UTF8.self)
  let length =
    head.split(separator: "\r\n").lazy
    .filter { $0.lowercased().hasPrefix("content-length:") }
    .compactMap { Int($0.dropFirst(15).drop { $0 == " " }) }.first ?? 0
  let end = range.upperBound + length
  guard bytes.count >= end else { return nil }
  let request = Array(bytes[..<end])
  bytes.removeFirst(end)
  return request
}

import Foundation
import Glibc
import Synchronization

/// A TCP server on loopback that does to each connection what a test's script says, and keeps every byte it got.
///
/// Each connection has a thread of its own, so a script may block.
final class ScriptedServer: Sendable {
  typealias Script = @Sendable (ServerConnection) -> Void

  let port: Int
  private let listener: Int32
  private let connections = Mutex<[ServerConnection]>([])

  init(_ script: @escaping Script) throws {
    (listener, port) = try makeListener(backlog: 512)
    Thread.detachNewThread { [self] in accept(script) }
  }

  var url: String { "http://127.0.0.1:\(port)" }

  var connectionCount: Int { connections.withLock { $0.count } }

  /// Every byte that came on the connection with this number, counted from 0.
  func bytesReceived(on index: Int) -> [UInt8] {
    connections.withLock { $0.indices.contains(index) ? $0[index].captured : [] }
  }

  func textReceived(on index: Int) -> String { String(decoding: bytesReceived(on: index), as: UTF8.self) }

  func stop() {
    _ = shutdown(listener, Int32(SHUT_RDWR))
    for connection in connections.withLock({ $0 }) { connection.interrupt() }
  }

  private func accept(_ script: @escaping Script) {
    while true {
      let socket = Glibc.accept(listener, nil, nil)
      guard socket >= 0 else { break }
      let connection = connections.withLock { all in
        let connection = ServerConnection(socket, index: all.count)
        all.append(connection)
        return connection
      }
      Thread.detachNewThread {
        script(connection)
        connection.close()
      }
    }
    Glibc.close(listener)
  }
}

/// A listening socket on a free port of 127.0.0.1.
func makeListener(backlog: Int32) throws -> (socket: Int32, port: Int) {
  let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let result = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
      guard bind(listener, generic, length) == 0, listen(listener, backlog) == 0 else { return Int32(-1) }
      return getsockname(listener, generic, &length)
    }
  }
  guard listener >= 0, result == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
  return (listener, Int(UInt16(bigEndian: address.sin_port)))
}

/// Runs `body` against a server with this script, and stops the server after it.
func withServer<Result>(
  _ script: @escaping ScriptedServer.Script, _ body: (ScriptedServer) async throws -> Result
) async throws -> Result {
  let server = try ScriptedServer(script)
  defer { server.stop() }
  return try await body(server)
}

func closeSocket(_ socket: Int32) { Glibc.close(socket) }

/// Calls a port of 127.0.0.1 and does not wait for it to answer.
func openCaller(to port: Int) -> Int32 {
  let caller = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = UInt16(port).bigEndian
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  _ = withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(caller, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  return caller
}

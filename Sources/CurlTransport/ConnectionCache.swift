import CCurl

/// Open connections, TLS sessions and addresses that later requests may use again.
///
/// libcurl cannot be asked to close its idle connections. A request belongs to the cache it was started with, so
/// letting go of a cache closes what is idle in it, and the last request that uses it closes the rest. Confined to
/// the transport's thread; that is why it needs no locks.
final class ConnectionCache {
  /// What tells one open connection from the others.
  struct ConnectionName: Equatable {
    let remoteAddress: String
    let remotePort: Int
    let localPort: Int
  }

  let share: UnsafeMutableRawPointer
  /// libcurl tells the socket of a connection only when a request on it is done, and its name only when one starts.
  private var idleSockets: [(name: ConnectionName, socket: curl_socket_t)] = []

  init() throws(TransportError) {
    guard let share = curl_share_init() else {
      throw TransportError.outOfResources("No memory for connections to the server")
    }
    self.share = share
    for data in [CURL_LOCK_DATA_CONNECT, CURL_LOCK_DATA_SSL_SESSION, CURL_LOCK_DATA_DNS] {
      guard examsync_curl_share_setopt_data(share, data) == CURLSHE_OK else {
        curl_share_cleanup(share)
        throw TransportError.outOfResources("No memory for connections to the server")
      }
    }
  }

  deinit {
    curl_share_cleanup(share)
  }

  func noteIdleSocket(_ socket: curl_socket_t, of name: ConnectionName) {
    idleSockets.removeAll { $0.name == name || $0.socket == socket }
    // Connections that were closed while idle leave their notes behind.
    if idleSockets.count >= TransportLimits.idleConnectionCount { idleSockets.removeFirst() }
    idleSockets.append((name, socket))
  }

  func takeIdleSocket(of name: ConnectionName) -> curl_socket_t? {
    guard let index = idleSockets.lastIndex(where: { $0.name == name }) else { return nil }
    return idleSockets.remove(at: index).socket
  }
}

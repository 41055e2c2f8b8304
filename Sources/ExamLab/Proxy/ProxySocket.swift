import Glibc

/// Where the server listens; only this machine's own addresses are allowed.
public struct ProxyAddress: Codable, Hashable, Sendable, CustomStringConvertible {
  /// `127.x.x.x`, `::1` or `localhost`.
  public var host: String
  public var port: Int

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// Understands `host:port` and `[::1]:port`.
  public init(parsing text: String, field: String) throws(ProxyError) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]) else {
      throw ProxyCheck.refuse(field, "“\(text)” is no host:port, such as 127.0.0.1:8080.")
    }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    self.init(host: host, port: port)
  }

  public var description: String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  /// The address in the system's form; refuses all that is not loopback, so that no fault ever meets a real server.
  func resolve(_ field: String) throws(ProxyError) -> SocketAddress {
    guard (1...65535).contains(port) else {
      throw ProxyCheck.refuse("\(field).port", "\(port) is no port; use 1 to 65535.")
    }
    let name = host == "localhost" ? "127.0.0.1" : host
    var version4 = in_addr()
    if inet_pton(AF_INET, name, &version4) == 1, UInt32(bigEndian: version4.s_addr) >> 24 == 127 {
      return .version4(version4, UInt16(port))
    }
    var version6 = in6_addr()
    if inet_pton(AF_INET6, name, &version6) == 1,
      withUnsafeBytes(of: version6, { $0.dropLast().allSatisfy { $0 == 0 } && $0.last == 1 })
    {
      return .version6(version6, UInt16(port))
    }
    throw ProxyCheck.refuse(
      "\(field).host", "“\(host)” is not loopback; the proxy only stands before 127.x.x.x, ::1 or localhost.")
  }
}

/// A loopback address in the system's form.
enum SocketAddress: @unchecked Sendable {
  case version4(in_addr, UInt16)
  case version6(in6_addr, UInt16)

  static func loopback(port: Int) -> SocketAddress {
    .version4(in_addr(s_addr: INADDR_LOOPBACK.bigEndian), UInt16(port))
  }

  fileprivate var family: Int32 {
    switch self {
    case .version4: AF_INET
    case .version6: AF_INET6
    }
  }

  fileprivate func withSystemAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    switch self {
    case .version4(let host, let port):
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr = host
      address.sin_port = port.bigEndian
      return Self.rebound(&address, body)
    case .version6(let host, let port):
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_addr = host
      address.sin6_port = port.bigEndian
      return Self.rebound(&address, body)
    }
  }

  private static func rebound<Address, Result>(
    _ address: inout Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<Address>.size)) }
    }
  }
}

/// The few system calls the proxy makes on non-blocking sockets.
enum ProxySocket {
  enum ReadResult {
    case bytes([UInt8])
    case wouldBlock
    case finished
    case failed
  }

  enum AcceptResult {
    case socket(Int32)
    case none
    /// No descriptor is free.
    case exhausted
  }

  static func listen(port: Int, field: String) throws(ProxyError) -> Int32 {
    let descriptor = socket(AF_INET, streamType, 0)
    guard descriptor >= 0 else { throw failure("a socket cannot be made", field) }
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    let bound = SocketAddress.loopback(port: port).withSystemAddress { bind(descriptor, $0, $1) }
    guard bound == 0, Glibc.listen(descriptor, 1024) == 0 else {
      let error = failure("port \(port) cannot be listened on", field)
      close(descriptor)
      throw error
    }
    return descriptor
  }

  static func port(of descriptor: Int32) -> Int {
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &size) }
    }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  static func accept(_ listener: Int32) -> AcceptResult {
    while true {
      let descriptor = Glibc.accept(listener, nil, nil)
      if descriptor >= 0 {
        makeNonBlocking(descriptor)
        return .socket(descriptor)
      }
      switch errno {
      case EINTR, ECONNABORTED: continue
      case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
      default: return .none
      }
    }
  }

  /// Begins a connection; nil if the system refused at once.
  static func connect(to address: SocketAddress) -> Int32? {
    let descriptor = socket(address.family, streamType, 0)
    guard descriptor >= 0 else { return nil }
    disableDelay(descriptor)
    let result = address.withSystemAddress { Glibc.connect(descriptor, $0, $1) }
    guard result == 0 || errno == EINPROGRESS else {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  /// Whether a connection that was begun has come to stand.
  static func isConnected(_ descriptor: Int32) -> Bool {
    var error: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0
  }

  static func read(_ descriptor: Int32, maximum: Int) -> ReadResult {
    var count = 0
    var problem: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: maximum) { buffer, initialized in
      repeat { count = recv(descriptor, buffer.baseAddress, maximum, 0) } while count < 0 && errno == EINTR
      problem = errno
      initialized = max(0, count)
    }
    if count > 0 { return .bytes(bytes) }
    if count == 0 { return .finished }
    return problem == EAGAIN ? .wouldBlock : .failed
  }

  /// Bytes the system took, 0 if it takes none now, nil if the connection is gone.
  static func write(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> Int? {
    let count = bytes.withUnsafeBytes { buffer in
      var count = 0
      repeat {
        count = send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
      } while count < 0 && errno == EINTR
      return count
    }
    if count >= 0 { return count }
    return errno == EAGAIN ? 0 : nil
  }

  /// Says that nothing more will be sent.
  static func finish(_ descriptor: Int32) {
    shutdown(descriptor, Int32(SHUT_WR))
  }

  static func close(_ descriptor: Int32) {
    _ = Glibc.close(descriptor)
  }

  /// Closes with RST instead of FIN.
  static func reset(_ descriptor: Int32) {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    close(descriptor)
  }

  /// Raises the process's own limit of open descriptors, as two are needed for each connection.
  static func raiseDescriptorLimit() {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return }
    limit.rlim_cur = min(limit.rlim_max, max(limit.rlim_cur, rlim_t(3 * ProxyLimits.connections)))
    setrlimit(resource, &limit)
  }

  static func makeNonBlocking(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    disableDelay(descriptor)
  }

  private static let streamType = Int32(
    SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)

  private static func disableDelay(_ descriptor: Int32) {
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
  }

  private static func failure(_ what: String, _ field: String) -> ProxyError {
    ProxyError(code: .system, field: field, message: "\(what): \(String(cString: strerror(errno))).")
  }
}

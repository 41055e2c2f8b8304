#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A Unix socket beside the store: how `exam-client status` asks a phone that is running.
///
/// One line is asked, one line is answered. Only the store's owner may connect.
package final class ControlSocket: Sendable {
  package typealias Answer = @Sendable (String) async -> String

  package static func path(in folder: String) -> String { "\(folder)/control.sock" }
  static let lineBytes = 4 * 1024
  private static let patienceSeconds = 5

  private let descriptor: Int32
  private let path: String

  /// Begins to listen; `nil` if the folder's path is too long for a socket, or no socket can be made. The phone goes on
  /// without one.
  package init?(folder: String, answer: @escaping Answer) {
    path = Self.path(in: folder)
    guard var address = Self.address(path) else { return nil }
    let listener = socket(AF_UNIX, Self.streamType, 0)
    guard listener >= 0 else { return nil }
    // Whoever holds the store's lock owns the name: what is left there is a dead process's.
    unlink(path)
    let isBound = Self.withAddress(&address) { bind(listener, $0, $1) == 0 }
    guard isBound, chmod(path, 0o600) == 0, listen(listener, 8) == 0 else {
      close(listener)
      return nil
    }
    descriptor = listener
    Self.startThread { Self.serve(listener, answer) }
  }

  /// Stops listening, and removes the name.
  package func stop() {
    unlink(path)
    shutdown(descriptor, Int32(SHUT_RDWR))
  }

  /// Asks the process that runs on this store; `nil` if none answers.
  package static func ask(_ line: String, folder: String) -> String? {
    guard var address = address(path(in: folder)) else { return nil }
    let connection = socket(AF_UNIX, streamType, 0)
    guard connection >= 0 else { return nil }
    defer { close(connection) }
    setPatience(connection, seconds: 30)
    guard withAddress(&address, { connect(connection, $0, $1) == 0 }), write(line + "\n", to: connection) else {
      return nil
    }
    return readLine(connection, limit: 4 * 1024 * 1024)
  }

  // MARK: - Serving

  private static func serve(_ listener: Int32, _ answer: @escaping Answer) {
    while true {
      let connection = accept(listener, nil, nil)
      if connection < 0 {
        if errno == EINTR || errno == ECONNABORTED { continue }
        close(listener)
        return
      }
      setPatience(connection, seconds: patienceSeconds)
      guard let line = readLine(connection, limit: lineBytes) else {
        close(connection)
        continue
      }
      Task {
        _ = write(await answer(line) + "\n", to: connection)
        close(connection)
      }
    }
  }

  private static func setPatience(_ descriptor: Int32, seconds: Int) {
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  private static func readLine(_ descriptor: Int32, limit: Int) -> String? {
    var line: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while line.count <= limit {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return line.isEmpty ? nil : String(decoding: line, as: UTF8.self) }
      line += buffer[..<count]
      if let end = line.firstIndex(of: 0x0A) { return String(decoding: line[..<end], as: UTF8.self) }
    }
    return nil
  }

  private static func write(_ text: String, to descriptor: Int32) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, noSignal) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  // MARK: - The system

  #if os(Linux) || os(Android)
    private static let streamType = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    private static let noSignal = Int32(MSG_NOSIGNAL)
  #else
    private static let streamType = SOCK_STREAM
    private static let noSignal: Int32 = 0
  #endif

  private static func address(_ path: String) -> sockaddr_un? {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.contains(0) else { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return address
  }

  private static func withAddress<Value>(
    _ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value
  ) -> Value {
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }

  private static func startThread(_ body: @escaping @Sendable () -> Void) {
    BackgroundThread.start(body)
  }
}

/// A detached thread for what blocks: accepting, reading standard input, waiting for signals.
package enum BackgroundThread {
  private final class Body {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) {
      self.run = run
    }
  }

  package static func start(_ body: @escaping @Sendable () -> Void) {
    let context = Unmanaged.passRetained(Body(body)).toOpaque()
    #if os(Linux) || os(Android)
      var handle = pthread_t()
      let status = pthread_create(
        &handle, nil,
        {
          Unmanaged<Body>.fromOpaque($0!).takeRetainedValue().run()
          return nil
        }, context)
      if status == 0 { pthread_detach(handle) }
    #else
      var handle: pthread_t?
      let status = pthread_create(
        &handle, nil,
        {
          Unmanaged<Body>.fromOpaque($0).takeRetainedValue().run()
          return nil
        }, context)
      if let handle { pthread_detach(handle) }
    #endif
    precondition(status == 0, "no thread could be started")
  }
}

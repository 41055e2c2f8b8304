import ExamLab
import Foundation
import Glibc
import Synchronization

/// A blocking socket with a time-out on everything it does.
final class TestSocket: Sendable {
  enum Ending: Equatable { case finished, reset, timedOut }

  static let timeoutSeconds = 20
  let descriptor: Int32

  init(descriptor: Int32) {
    self.descriptor = descriptor
    var timeout = timeval(tv_sec: Self.timeoutSeconds, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { close(descriptor) }

  static func connect(port: Int) throws -> TestSocket {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = loopback(port: port)
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      close(descriptor)
      throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
    }
    return TestSocket(descriptor: descriptor)
  }

  static func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    address.sin_port = UInt16(port).bigEndian
    return address
  }

  func bindToFreePort() throws -> Int {
    var address = Self.loopback(port: 0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 ? getsockname(descriptor, $0, &size) : -1
      }
    }
    guard result == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  func write(_ text: String) throws { try write(Array(text.utf8)) }

  func write(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
      rest = rest.dropFirst(count)
    }
  }

  /// One read; nil bytes with an ending.
  func readSome() -> (bytes: [UInt8], ending: Ending?) {
    var block = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptor, &block, block.count, 0)
    if count > 0 { return (Array(block[..<count]), nil) }
    if count == 0 { return ([], .finished) }
    return ([], errno == ECONNRESET ? .reset : .timedOut)
  }

  func read(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let (more, ending) = readSome()
      bytes += more
      if ending != nil { break }
    }
    return bytes
  }

  func readToEnd() -> (bytes: [UInt8], ending: Ending) {
    var bytes: [UInt8] = []
    while true {
      let (more, ending) = readSome()
      bytes += more
      if let ending { return (bytes, ending) }
    }
  }

  /// Whether bytes or an end lie ready to be read now.
  var isReadable: Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) > 0
  }

  /// Reads one whole HTTP message; nil if the connection ends before.
  func readMessage(_ framer: inout HTTPFramer, buffer: inout [UInt8]) throws -> [UInt8]? {
    var message: [UInt8] = []
    while true {
      let step = try framer.advance(over: buffer[...])
      message += buffer.prefix(step.consumed)
      buffer.removeFirst(step.consumed)
      if step.boundary == .message { return message }
      if step.boundary == .none {
        let (more, ending) = readSome()
        if ending != nil { return framer.endsWithInput ? message : nil }
        buffer += more
      }
    }
  }

  func readResponse(to method: String = "POST") throws -> String? {
    var framer = HTTPFramer.responses(to: method)
    var buffer: [UInt8] = []
    return try readMessage(&framer, buffer: &buffer).map { String(decoding: $0, as: UTF8.self) }
  }

  func finish() { shutdown(descriptor, Int32(SHUT_WR)) }
}

/// Things that happened, which a test can wait for with a bound.
final class Happenings<Element: Sendable>: Sendable {
  private let elements = Mutex<[Element]>([])
  private let condition = NSCondition()

  var all: [Element] { elements.withLock { $0 } }

  func add(_ element: Element) {
    condition.lock()
    elements.withLock { $0.append(element) }
    condition.broadcast()
    condition.unlock()
  }

  /// Waits until the elements are as wanted; false when the time is over.
  func wait(seconds: Int = TestSocket.timeoutSeconds, until isWanted: ([Element]) -> Bool) -> Bool {
    let deadline = Date(timeIntervalSinceNow: TimeInterval(seconds))
    condition.lock()
    defer { condition.unlock() }
    while !isWanted(all) {
      if !condition.wait(until: deadline) { return isWanted(all) }
    }
    return true
  }
}

/// A server on a free loopback port; each connection runs the script on a thread of its own.
final class ScriptedServer: Sendable {
  let port: Int
  let connections = Happenings<Int>()
  private let listener: Int32

  init(_ script: @escaping @Sendable (TestSocket) throws -> Void) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = TestSocket.loopback(port: 0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(listener, $0, size)
        _ = listen(listener, 1024)
        _ = getsockname(listener, $0, &size)
      }
    }
    self.listener = listener
    port = Int(UInt16(bigEndian: address.sin_port))
    let connections = connections
    Thread.detachNewThread {
      while true {
        let descriptor = accept(listener, nil, nil)
        guard descriptor >= 0 else { break }
        let socket = TestSocket(descriptor: descriptor)
        connections.add(connections.all.count)
        Thread.detachNewThread { try? script(socket) }
      }
      // Closed here and nowhere else: the number must not be used again while this thread may still accept on it.
      close(listener)
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
  }

  /// A server that answers each request with what `answer` makes of it; requests are kept in `requests`.
  static func http(
    _ requests: Happenings<[UInt8]>,
    answer: @escaping @Sendable (_ number: Int, _ request: [UInt8]) -> String = { number, _ in
      response("answer \(number)")
    }
  ) -> ScriptedServer {
    ScriptedServer { socket in
      var framer = HTTPFramer.requests()
      var buffer: [UInt8] = []
      while let request = try socket.readMessage(&framer, buffer: &buffer) {
        requests.add(request)
        try socket.write(answer(requests.all.count, request))
      }
    }
  }

  static func response(_ body: String) -> String {
    "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }
}

/// A proxy with one link named `phone`, and all it said.
final class TestProxy: Sendable {
  let engine: ProxyEngine
  let events: Happenings<ProxyEvent>
  let port: Int
  private let server: ScriptedServer

  init(
    _ server: ScriptedServer, profile: LinkProfile = .perfect, framing: LinkConfiguration.Framing = .http,
    seed: UInt64 = 1
  ) throws {
    let events = Happenings<ProxyEvent>()
    self.events = events
    self.server = server
    engine = try ProxyEngine(
      upstream: ProxyAddress(host: "127.0.0.1", port: server.port),
      links: [LinkConfiguration(name: "phone", profile: profile, framing: framing)], seed: seed,
      eventSink: { events.add($0) })
    try engine.start()
    port = try engine.port(of: "phone")
  }

  deinit { engine.stop() }

  var counters: LinkCounters { engine.counters().links["phone"] ?? LinkCounters() }

  func waitFor(_ kind: ProxyEvent.Kind, count: Int = 1) -> Bool {
    events.wait { $0.count { $0.kind == kind } >= count }
  }
}

/// Bytes without a pattern, at least as far as a buffer is long: eight of each step, all different.
func randomBytes(_ count: Int, seed: UInt64) -> [UInt8] {
  var state = seed
  var bytes: [UInt8] = []
  bytes.reserveCapacity(count + 8)
  while bytes.count < count {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    withUnsafeBytes(of: state ^ (state >> 29)) { bytes.append(contentsOf: $0) }
  }
  bytes.removeLast(bytes.count - count)
  return bytes
}

func post(_ body: String) -> String {
  "POST /v1/sync HTTP/1.1\r\nHost: server\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

func monotonicMilliseconds() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

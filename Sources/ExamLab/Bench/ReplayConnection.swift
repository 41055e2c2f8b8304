import Glibc

/// One kept-alive connection of the load generator: one request is out at a time.
///
/// Everything that is needed while the clock runs is in memory of its own that was touched before: received bytes stay
/// where the socket put them. Confined to the generator's thread.
final class ReplayConnection {
  enum Progress {
    case waiting
    /// A whole response came; what it says about the sequence, if anything.
    case answered(status: Int, sequence: UInt64?)
    case failed(String)
  }

  let descriptor: Int32
  private let script: ReplayScript
  /// Begins the script anew at its end and forgets each response: for a server that keeps nothing.
  private let repeats: Bool
  private let arena: UnsafeMutableRawBufferPointer
  private var used = 0
  private var responseStart = 0
  private(set) var ends: [Int] = []
  private(set) var sent = 0
  private var offset = 0
  private var end = 0
  private(set) var sentAt: UInt64 = 0
  /// The highest sequence acknowledged so far.
  var sequence: UInt64 = 0
  /// The socket takes no more: the rest of the request waits for it.
  private(set) var isBlocked = false

  init(descriptor: Int32, script: ReplayScript, repeats: Bool) {
    self.descriptor = descriptor
    self.script = script
    self.repeats = repeats
    let responses = repeats ? 2 : script.count + 2
    arena = UnsafeMutableRawBufferPointer.allocate(byteCount: responses * script.responseBytes, alignment: 64)
    // Touched now, so that no page fault falls into the measurement.
    arena.initializeMemory(as: UInt8.self, repeating: 0)
    ends.reserveCapacity(script.count)
  }

  deinit {
    arena.deallocate()
    close(descriptor)
  }

  var hasMore: Bool {
    repeats ? script.count > 0 : sent < script.count && arena.count - used >= script.responseBytes
  }

  /// Sends the next request.
  func sendNext(at now: UInt64) -> String? {
    let range = script.range(sent % script.count)
    offset = range.lowerBound
    end = range.upperBound
    sent += 1
    sentAt = now
    return flush()
  }

  /// Sends what is left of the request; gives what is wrong.
  func flush() -> String? {
    while offset < end {
      let count = script.bytes.withUnsafeBytes {
        send(descriptor, $0.baseAddress! + offset, end - offset, Int32(MSG_NOSIGNAL))
      }
      if count > 0 {
        offset += count
      } else if errno == EAGAIN {
        isBlocked = true
        return nil
      } else if errno != EINTR {
        return "a request could not be sent: \(errnoText)"
      }
    }
    isBlocked = false
    return nil
  }

  /// Reads what is there.
  func receive() -> Progress {
    let count = recv(descriptor, arena.baseAddress! + used, arena.count - used, 0)
    guard count > 0 else {
      if count < 0, errno == EAGAIN || errno == EINTR { return .waiting }
      return .failed(count == 0 ? "the server closed a connection" : "a response could not be read: \(errnoText)")
    }
    used += count
    switch ResponseScanner.scan(UnsafeRawBufferPointer(rebasing: arena[responseStart..<used])) {
    case .incomplete:
      return used < arena.count ? .waiting : .failed("a response is longer than \(script.responseBytes) bytes")
    case .malformed: return .failed("what came is no response")
    case .response(let response):
      let body = arena[(responseStart + response.bodyStart)..<(responseStart + response.length)]
      let sequence = AcknowledgementPeek.sequence(UnsafeRawBufferPointer(rebasing: body))
      responseStart += response.length
      guard responseStart == used else { return .failed("the server answered more than was asked") }
      if repeats {
        used = 0
        responseStart = 0
      } else {
        ends.append(used)
      }
      return .answered(status: response.status, sequence: sequence)
    }
  }

  var trace: ReplayTrace {
    ReplayTrace(received: Array(UnsafeRawBufferPointer(rebasing: arena[..<used])), ends: ends, sent: sent)
  }
}

/// Sockets to the server under test.
enum LoopbackSocket {
  /// A connected socket without Nagle's delay.
  static func connect(port: Int, isBlocking: Bool) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw RoomError("no socket: \(errnoText)") }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else {
      let reason = errnoText
      close(descriptor)
      throw RoomError("port \(port) does not take a connection: \(reason)")
    }
    var on: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    if !isBlocking { _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) }
    return descriptor
  }
}

import ExamModel
import Glibc
import SyncProtocol
import SyncWire

/// A blocking client of the device plane on one kept-alive connection: for everything that is not timed.
final class BenchClient {
  private let descriptor: Int32
  private let port: Int

  init(port: Int) throws {
    self.port = port
    descriptor = try LoopbackSocket.connect(port: port, isBlocking: true)
  }

  deinit { close(descriptor) }

  /// Sends a message and gives the unframed answer.
  ///
  /// - Throws: ``RoomError`` for any status but 200, and for an answer whose MAC is not the server's.
  func post(_ path: String, _ message: [UInt8], session: BenchSession? = nil) throws -> [UInt8] {
    let request = BenchRequest(path: path, message: message, session: session, port: port)
    let (head, body) = try exchange(request.bytes)
    try request.check(head: head, body: body)
    do { return try BodyFraming.unframe(body) } catch {
      throw RoomError("\(path) was answered with no message: \(error)")
    }
  }

  /// Sends a message and does not wait for the answer.
  func send(_ path: String, _ message: [UInt8], session: BenchSession) throws {
    try write(BenchRequest(path: path, message: message, session: session, port: port).bytes)
  }

  /// Whether an answer, or the connection's end, waits to be read.
  var hasInput: Bool {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&poller, 1, 0) > 0
  }

  private func write(_ request: [UInt8]) throws {
    var offset = 0
    while offset < request.count {
      let count = request[offset...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw RoomError("the server does not take a request: \(errnoText)") }
      offset += count
    }
  }

  private func exchange(_ request: [UInt8]) throws -> (head: [UInt8], body: [UInt8]) {
    try write(request)
    var received: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(descriptor, &block, block.count, 0)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw RoomError("the server closed the connection: \(errnoText)") }
      received += block[..<count]
      switch received.withUnsafeBytes({ ResponseScanner.scan($0) }) {
      case .incomplete: continue
      case .malformed: throw RoomError("the server answered with something else than HTTP/1.1 with a length")
      case .response(let response):
        return (Array(received[..<response.bodyStart]), Array(received[response.bodyStart..<response.length]))
      }
    }
  }
}

/// A session that requests are authenticated with.
struct BenchSession: Sendable {
  var id: ID128
  var secret: SessionSecret
  var candidate: ID128

  init(_ grant: SessionGrant) throws {
    guard let secret = SessionSecret(grant.secret) else { throw RoomError("a session's secret does not have 32 bytes") }
    id = grant.session
    self.secret = secret
    candidate = grant.candidate
  }
}

/// One request of the device plane, byte for byte as the real client's transport sends it.
struct BenchRequest {
  let bytes: [UInt8]
  private let path: String
  private let proof: (mac: MAC, secret: SessionSecret)?

  init(path: String, message: [UInt8], session: BenchSession?, port: Int) {
    self.path = path
    let body = BodyFraming.frame(message)
    var head = "POST \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n"
    if let session {
      let sentAt = UInt64(WallClock.milliseconds)
      let mac = MessageAuthentication.request(
        secret: session.secret, method: "POST", path: path, sentAt: sentAt, body: body)
      let authorization = Authorization(session: session.id, sentAt: sentAt, mac: mac)
      head += "Authorization: \(authorization.headerValue)\r\n"
      proof = (mac, session.secret)
    } else {
      proof = nil
    }
    bytes = Array("\(head)Content-Length: \(body.count)\r\n\r\n".utf8) + body
  }

  var mac: MAC? { proof?.mac }

  /// The status has to be 200, and the MAC the server's.
  func check(head: [UInt8], body: [UInt8]) throws {
    let status = String(decoding: head.prefix(12).suffix(3), as: UTF8.self)
    guard status == "200" else {
      throw RoomError("\(path) was answered with \(status): \(String(decoding: body.prefix(400), as: UTF8.self))")
    }
    guard let proof else { return }
    let value = ResponseScanner.field(Authorization.responseHeader, head: head)
    let given = value.flatMap { Base64URL.decode($0) }.flatMap { MAC($0) }
    let expected = MessageAuthentication.response(
      secret: proof.secret, requestMAC: proof.mac, status: 200, body: body)
    guard given == expected else { throw RoomError("\(path) was answered without the server's MAC") }
  }
}

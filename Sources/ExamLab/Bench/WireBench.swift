import CurlTransport
import ExamModel
import Foundation
import SyncProtocol
import SyncWire
import Synchronization

/// Exact bytes on the wire, headers and both directions included, of the real client's transport on a connection that
/// is open already.
struct WireBench {
  let context: BenchContext

  func run() throws -> BenchResult {
    let folder = try context.makeFolder("wire")
    context.progress("wire: a phone logs in")
    let room = try BenchRoom(binaries: context.options.binaries, folder: folder, candidates: 1)
    defer { room.server.kill() }
    var phone = room.phones[0]
    let probe = try WireProbe(port: room.server.devicePort, session: phone.session)
    var cursors = try Self.cursors(room, probe)
    var bytes: [Int: [Double]] = [:]
    var quiet: [Double] = []
    var sample = ""
    for _ in 0..<context.sizes.wireRequests {
      for size in [1, 10, 100] {
        let push = phone.answers(size)
        let exchange = try probe.send(push.message)
        if sample.isEmpty { sample = exchange.description }
        let answer = try BenchRoom.response(exchange.message)
        guard answer.acknowledgements.first?.sequence == push.sequence else {
          throw RoomError("a push was answered with \(answer.acknowledgements)")
        }
        bytes[size, default: []].append(Double(exchange.bytes))
      }
      let round = try probe.send(SyncRequest(scopes: cursors).wire)
      let answer = try BenchRoom.response(round.message)
      for delta in answer.deltas { Self.advance(&cursors, by: delta) }
      if answer.deltas.isEmpty { quiet.append(Double(round.bytes)) }
    }
    func each(_ size: Int) -> [Double] { (bytes[size] ?? []).map { $0 / Double(size) } }
    func median(_ values: [Double]) -> [Double] { BenchStatistics.median(values).map { [$0] } ?? [] }
    return BenchResult(
      .wire,
      bars: [
        BenchBar("push of one answer", unit: "bytes", .atMost, bar: 480, aim: 420, runs: median(each(1))),
        BenchBar("push of ten, an answer", unit: "bytes", .atMost, bar: 65, runs: median(each(10))),
        BenchBar("push of a hundred, an answer", unit: "bytes", .atMost, bar: 22, runs: median(each(100))),
        BenchBar("a round with nothing new", unit: "bytes", .atMost, bar: 430, runs: median(quiet)),
      ],
      figures: [
        BenchFigure("longest push of one answer (a text)", unit: "bytes", runs: [bytes[1]?.max() ?? 0]),
        BenchFigure("push of ten, whole", unit: "bytes", runs: median(bytes[10] ?? [])),
        BenchFigure("push of a hundred, whole", unit: "bytes", runs: median(bytes[100] ?? [])),
      ],
      notes: [
        "Medians of \(context.sizes.wireRequests) requests of each kind on one kept-alive connection of CurlTransport, "
          + "TCP's and IP's own headers not counted. Every fortieth answer is a text of 20 to 120 characters, "
          + "all others "
          + "name an option.",
        "The first push of one: \(sample).",
      ])
  }

  /// The cursors of the exam's and the candidate's scope, once everything in them is read.
  private static func cursors(_ room: BenchRoom, _ probe: WireProbe) throws -> [ScopeCursor] {
    var cursors = [room.exam, room.phones[0].session.candidate].map { ScopeCursor(scope: $0, cursor: .start) }
    for _ in 0..<20 {
      let answer = try BenchRoom.response(try probe.send(SyncRequest(scopes: cursors).wire).message)
      if answer.deltas.isEmpty { return cursors }
      for delta in answer.deltas { advance(&cursors, by: delta) }
    }
    throw RoomError("the server has ever more to say about a scope that nobody changes")
  }

  private static func advance(_ cursors: inout [ScopeCursor], by delta: Delta) {
    guard let index = cursors.firstIndex(where: { $0.scope == delta.scope }) else { return }
    if delta.checkpoint != nil {
      cursors[index] = ScopeCursor(scope: delta.scope, cursor: delta.to)
    } else {
      cursors[index].staged = delta.to.version
    }
  }
}

/// Sends requests through the real client's transport and counts their bytes.
final class WireProbe {
  struct Exchange {
    var message: [UInt8]
    var bytes: Int
    /// Bytes both ways and the response's header, for people.
    var description: String
  }

  private let transport: CurlTransport
  private let port: Int
  private let session: BenchSession
  private var isWarm = false

  init(port: Int, session: BenchSession) throws {
    transport = try CurlTransport()
    self.port = port
    self.session = session
  }

  deinit { transport.shutdown() }

  func send(_ message: [UInt8]) throws -> Exchange {
    let body = BodyFraming.frame(message)
    let sentAt = UInt64(WallClock.milliseconds)
    let mac = MessageAuthentication.request(
      secret: session.secret, method: "POST", path: "/v1/sync", sentAt: sentAt, body: body)
    let authorization = Authorization(session: session.id, sentAt: sentAt, mac: mac)
    let request = HTTPRequest(
      method: .post, url: "http://127.0.0.1:\(port)/v1/sync", headers: ["Authorization": authorization.headerValue],
      body: body)
    let response = try perform(request)
    guard response.status == 200 else { throw RoomError("a request was answered with status \(response.status)") }
    let expected = MessageAuthentication.response(
      secret: session.secret, requestMAC: mac, status: 200, body: response.body)
    guard response.headers[Authorization.responseHeader] == Base64URL.encode(expected.bytes) else {
      throw RoomError("a response does not carry the server's MAC")
    }
    guard response.connectionWasReused || !isWarm else { throw RoomError("the server does not keep connections open") }
    isWarm = true
    let names = response.headers.fields.map { "\($0.name): \($0.value)" }.joined(separator: ", ")
    return Exchange(
      message: try BodyFraming.unframe(response.body), bytes: response.bytesSent + response.bytesReceived,
      description: "\(response.bytesSent) bytes sent, \(response.bytesReceived) received with \(names)")
  }

  private func perform(_ request: HTTPRequest) throws -> HTTPResponse {
    let box = Mutex<Result<HTTPResponse, TransportError>?>(nil)
    let semaphore = DispatchSemaphore(value: 0)
    transport.start(request) { result in
      box.withLock { $0 = result }
      semaphore.signal()
    }
    semaphore.wait()
    guard let result = box.withLock({ $0 }) else { throw RoomError("a request was never answered") }
    return try result.get()
  }
}

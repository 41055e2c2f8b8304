import ExamLab
import Foundation
import Testing

@Suite(.serialized) struct ProxyEngineTests {
  /// Sends back what comes.
  private static func echo() -> ScriptedServer {
    ScriptedServer { socket in
      while true {
        let (bytes, ending) = socket.readSome()
        if ending != nil { return }
        try socket.write(bytes)
      }
    }
  }

  @Test(arguments: [nil, 700]) func largeDataPassesUnchangedBothWays(chunkBytes: Int?) throws {
    let server = Self.echo()
    let shape = DirectionShape(jitterMilliseconds: chunkBytes == nil ? 0 : 1, chunkBytes: chunkBytes)
    let proxy = try TestProxy(server, profile: LinkProfile(up: shape, down: shape), framing: .bytes)
    let phone = try TestSocket.connect(port: proxy.port)
    let data = randomBytes(chunkBytes == nil ? 4_000_000 : 400_000, seed: 7)
    let written = Happenings<Bool>()
    Thread.detachNewThread {
      written.add((try? phone.write(data)) != nil)
      phone.finish()
    }
    let back = phone.read(data.count)
    #expect(back == data)
    #expect(written.wait { $0 == [true] })
    #expect(phone.readToEnd().ending == .finished)
    #expect(proxy.waitFor(.connectionClosed))
    #expect(proxy.counters.bytesUp == data.count)
    #expect(proxy.counters.bytesDown == data.count)
    #expect(proxy.counters.connectionsLive == 0)
  }

  @Test func everyPieceIsAtLeastAsLateAsTheLatency() throws {
    let server = Self.echo()
    let shape = DirectionShape(latencyMilliseconds: 40, jitterMilliseconds: 10)
    let proxy = try TestProxy(server, profile: LinkProfile(up: shape, down: shape), framing: .bytes)
    let phone = try TestSocket.connect(port: proxy.port)
    for _ in 0..<3 {
      let sentAt = monotonicMilliseconds()
      try phone.write("ping")
      #expect(phone.read(4) == Array("ping".utf8))
      // The clock is read in whole milliseconds on both sides.
      #expect(monotonicMilliseconds() - sentAt >= 79)
    }
  }

  @Test func bandwidthCapHolds() throws {
    let server = Self.echo()
    let shape = DirectionShape(bytesPerSecond: 1_000_000...1_000_000)
    let proxy = try TestProxy(server, profile: LinkProfile(up: shape), framing: .bytes)
    let phone = try TestSocket.connect(port: proxy.port)
    let data = randomBytes(200_000, seed: 3)
    let startedAt = monotonicMilliseconds()
    try phone.write(data)
    #expect(phone.read(data.count) == data)
    // One packet of 1500 bytes may have been saved up.
    #expect(monotonicMilliseconds() - startedAt >= 197)
  }

  @Test func traceBoundsWhatPasses() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "proxy-trace-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let prefix = folder.appending(path: "link").path
    for direction in ["up", "down"] {
      try "4\n8\n".write(toFile: "\(prefix).\(direction)", atomically: true, encoding: .utf8)
    }
    let server = Self.echo()
    let proxy = try TestProxy(server, profile: .recorded(prefix: prefix, latencyMilliseconds: 0), framing: .bytes)
    let phone = try TestSocket.connect(port: proxy.port)
    let data = randomBytes(60 * 1500, seed: 5)
    let startedAt = monotonicMilliseconds()
    try phone.write(data)
    #expect(phone.read(data.count) == data)
    // Sixty packets, one every 4 ms, and the first may pass at once.
    #expect(monotonicMilliseconds() - startedAt >= 59 * 4 - 1)
  }

  @Test func deadZoneHoldsBytesAndGivesThemBack() throws {
    let server = Self.echo()
    let proxy = try TestProxy(server, framing: .bytes)
    let phone = try TestSocket.connect(port: proxy.port)
    try phone.write("before")
    #expect(phone.read(6) == Array("before".utf8))
    try proxy.engine.setLink("phone", up: false)
    try phone.write("within")
    // A connection through the same engine that is not dead shows that the loop had its turns.
    let late = try TestSocket.connect(port: proxy.port)
    try late.write("late")
    #expect(proxy.waitFor(.connectionOpened, count: 2))
    try proxy.engine.setFaults("phone", enabled: true)
    #expect(!phone.isReadable)
    #expect(!late.isReadable)
    #expect(server.connections.all.count == 1)
    try proxy.engine.setLink("phone", up: true)
    #expect(phone.read(6) == Array("within".utf8))
    #expect(late.read(4) == Array("late".utf8))
    #expect(proxy.counters.cuts == 1)
    let kinds = proxy.events.all.map(\.kind)
    #expect(kinds.filter { $0 == .linkDown || $0 == .linkUp } == [.linkDown, .linkUp])
  }

  @Test func oneDirectionCanBeDeadAlone() throws {
    let seen = Happenings<[UInt8]>()
    let server = ScriptedServer { socket in
      seen.add(socket.read(4))
      try socket.write("pong")
      _ = socket.readToEnd()
    }
    let proxy = try TestProxy(server, framing: .bytes)
    let phone = try TestSocket.connect(port: proxy.port)
    #expect(server.connections.wait { $0.count == 1 })
    try proxy.engine.setLink("phone", .down, up: false)
    try phone.write("ping")
    #expect(seen.wait { $0 == [Array("ping".utf8)] })
    #expect(!phone.isReadable)
    try proxy.engine.setLink("phone", .down, up: true)
    #expect(phone.read(4) == Array("pong".utf8))
  }

  @Test func plannedDeadZoneBeginsAndEnds() throws {
    let server = Self.echo()
    let zone = DeadZone(startMilliseconds: 0, durationMilliseconds: 120)
    let startedAt = monotonicMilliseconds()
    let proxy = try TestProxy(server, profile: LinkProfile(deadZones: [zone]), framing: .bytes)
    #expect(proxy.waitFor(.linkDown))
    let phone = try TestSocket.connect(port: proxy.port)
    try phone.write("x")
    #expect(phone.read(1) == [UInt8(ascii: "x")])
    #expect(monotonicMilliseconds() - startedAt >= 119)
  }

  @Test func slowReceiverStopsTheSender() throws {
    let server = Self.echo()
    let proxy = try TestProxy(server, framing: .bytes)
    let phone = try TestSocket.connect(port: proxy.port)
    #expect(server.connections.wait { $0.count == 1 })
    try proxy.engine.setLink("phone", up: false)
    var flags = fcntl(phone.descriptor, F_GETFL)
    _ = fcntl(phone.descriptor, F_SETFL, flags | O_NONBLOCK)
    var total = 0
    let block = [UInt8](repeating: 1, count: 65536)
    var writable = pollfd(fd: phone.descriptor, events: Int16(POLLOUT), revents: 0)
    // Writing goes on until neither the system's buffers nor the proxy's take more.
    while total < 200_000_000, poll(&writable, 1, 300) > 0 {
      let count = send(phone.descriptor, block, block.count, Int32(MSG_NOSIGNAL))
      if count > 0 { total += count }
    }
    #expect(total < 100_000_000)
    #expect(proxy.counters.bytesUp == 0)
    flags = fcntl(phone.descriptor, F_GETFL)
    _ = fcntl(phone.descriptor, F_SETFL, flags & ~O_NONBLOCK)
    try proxy.engine.setLink("phone", up: true)
    #expect(phone.read(total).count == total)
  }

  @Test func threeHundredConnectionsAtOnce() throws {
    let requests = Happenings<[UInt8]>()
    let server = ScriptedServer.http(requests) { _, request in
      ScriptedServer.response(String(String(decoding: request, as: UTF8.self).suffix(8)))
    }
    let shape = DirectionShape(latencyMilliseconds: 5, jitterMilliseconds: 10)
    let proxy = try TestProxy(server, profile: LinkProfile(up: shape, down: shape))
    let phones = try (0..<300).map { _ in try TestSocket.connect(port: proxy.port) }
    for (index, phone) in phones.enumerated() { try phone.write(post("body-\(100 + index)")) }
    for (index, phone) in phones.enumerated() {
      #expect(try phone.readResponse()?.hasSuffix("body-\(100 + index)") == true)
    }
    #expect(proxy.counters.connectionsLive == 300)
    #expect(requests.all.count == 300)
    proxy.engine.stop()
    for phone in phones { #expect(phone.readToEnd().ending != .timedOut) }
    #expect(proxy.counters.connectionsLive == 0)
  }

  @Test func eachPhoneHasItsOwnLink() throws {
    let server = ScriptedServer.http(Happenings())
    let links = (1...40).map { LinkConfiguration(name: "phone-\($0)") }
    let engine = try ProxyEngine(
      upstream: ProxyAddress(host: "127.0.0.1", port: server.port), links: links, seed: 1)
    try engine.start()
    defer { engine.stop() }
    #expect(Set(engine.ports).count == 40)
    try engine.setLink("phone-7", up: false)
    let phones = try engine.ports.map { try TestSocket.connect(port: $0) }
    for phone in phones { try phone.write(post("x")) }
    for (index, phone) in phones.enumerated() where index != 6 {
      #expect(try phone.readResponse()?.hasPrefix("HTTP/1.1 200 ") == true)
    }
    #expect(!phones[6].isReadable)
    #expect(server.connections.all.count == 39)
    let counters = engine.counters()
    #expect(counters.links["phone-7"]?.cuts == 1)
    #expect(counters.links["phone-7"]?.bytesUp == 0)
    #expect(counters.links["phone-8"]?.bytesUp == post("x").utf8.count)
    #expect(counters.total.connectionsOpened == 40)
  }

  @Test func serverThatIsDownResetsThePhone() throws {
    // A socket that is bound and does not listen keeps others from taking its port.
    let holder = TestSocket(descriptor: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
    let port = try holder.bindToFreePort()
    let events = Happenings<ProxyEvent>()
    let engine = try ProxyEngine(
      upstream: ProxyAddress(host: "localhost", port: port), links: [LinkConfiguration(name: "phone")], seed: 1,
      eventSink: { events.add($0) })
    try engine.start()
    defer { engine.stop() }
    let phone = try TestSocket.connect(port: engine.port(of: "phone"))
    try phone.write(post("x"))
    #expect(phone.readToEnd().ending == .reset)
    #expect(engine.counters().total.upstreamRefused == 1)
    withExtendedLifetime(holder) {}
  }

  @Test func stopEndsEverythingAndRefusesOrders() throws {
    let proxy = try TestProxy(Self.echo(), framing: .bytes)
    let phone = try TestSocket.connect(port: proxy.port)
    #expect(proxy.waitFor(.connectionOpened))
    proxy.engine.stop()
    proxy.engine.stop()
    #expect(phone.readToEnd().ending != .timedOut)
    #expect(throws: (any Error).self) { try TestSocket.connect(port: proxy.port) }
    #expect(throws: ProxyError.self) { try proxy.engine.cut("phone") }
    #expect(throws: ProxyError.self) { try proxy.engine.start() }
    #expect(proxy.events.all.last?.kind == .stopped)
  }
}

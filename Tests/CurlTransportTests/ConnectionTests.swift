import CurlTransport
import Foundation
import Synchronization
import Testing

/// Which connections are used, and what options do.
@Suite(.timeLimit(.minutes(10))) struct ConnectionTests {
  private static let echoIndex: ScriptedServer.Script = { connection in
    while connection.readRequest() != nil { connection.reply("\(connection.index)") }
  }

  @Test func requestsInARowShareAConnection() async throws {
    try await withServer(Self.echoIndex) { server in
      let transport = try CurlTransport()
      for number in 0..<20 {
        let response = try await transport.send(
          HTTPRequest(method: .post, url: server.url, body: Array("\(number)".utf8)))
        #expect(response.connectionWasReused == (number > 0))
        #expect((response.timing.connectMilliseconds == 0) == (number > 0))
        #expect(response.body == [UInt8(ascii: "0")])
      }
      #expect(server.connectionCount == 1)
      #expect(server.textReceived(on: 0).split(separator: "POST / HTTP/1.1").count == 20)
    }
  }

  @Test func idleConnectionThatTheServerClosedIsReplaced() async throws {
    let closed = Gate()
    try await withServer { connection in
      _ = connection.readRequest()
      connection.reply("\(connection.index)")
      connection.close()
      closed.open()
    } _: { server in
      let transport = try CurlTransport()
      _ = try await transport.send(HTTPRequest(url: server.url))
      await closed.wait()
      let response = try await transport.send(HTTPRequest(url: server.url))
      #expect(response.body == [UInt8(ascii: "1")])
      #expect(!response.connectionWasReused)
    }
  }

  @Test func connectionThatBreaksUnderARequestIsReplacedOnce() async throws {
    try await withServer { connection in
      _ = connection.readRequest()
      connection.reply("\(connection.index)")
      // The second request is read, and answered by nothing.
      if connection.index == 0 { _ = connection.readRequest() }
    } _: { server in
      let transport = try CurlTransport()
      _ = try await transport.send(HTTPRequest(url: server.url))
      let response = try await transport.send(HTTPRequest(method: .post, url: server.url, body: [0x61]))
      #expect(response.body == [UInt8(ascii: "1")])
      #expect(server.connectionCount == 2)
      #expect(response.bytesSent == 2 * server.bytesReceived(on: 1).count)
    }
  }

  @Test func closeIdleConnectionsMakesTheNextRequestCallAgain() async throws {
    let closed = Gate()
    try await withServer { connection in
      while connection.readRequest() != nil { connection.reply("\(connection.index)") }
      closed.open()
    } _: { server in
      let transport = try CurlTransport()
      _ = try await transport.send(HTTPRequest(url: server.url))
      transport.closeIdleConnections()
      await closed.wait()
      let response = try await transport.send(HTTPRequest(url: server.url))
      #expect(response.body == [UInt8(ascii: "1")])
      #expect(try await transport.send(HTTPRequest(url: server.url)).connectionWasReused)
    }
  }

  @Test func closeIdleConnectionsLeavesABusyOneUntilItIsDone() async throws {
    let polling = Gate()
    let closed = Gate()
    let otherCame = Mutex<ServerConnection?>(nil)
    try await withServer { connection in
      _ = connection.readRequest()
      if connection.index == 0 {
        otherCame.withLock { $0 = connection }
        polling.open()
        if connection.waitForClose() { closed.open() }
      } else {
        connection.reply("1")
        // Only now the poll is answered: both were open at the same time.
        otherCame.withLock { $0 }?.reply("poll")
        connection.waitForClose()
      }
    } _: { server in
      let transport = try CurlTransport()
      async let poll = transport.send(HTTPRequest(url: server.url))
      await polling.wait()
      transport.closeIdleConnections()
      let other = try await transport.send(HTTPRequest(url: server.url))
      #expect(other.body == [UInt8(ascii: "1")])
      #expect(try await poll.body == Array("poll".utf8))
      await closed.wait()
    }
  }

  @Test func bytesNobodyAskedForAreNotTheNextResponse() async throws {
    let first = Mutex<ServerConnection?>(nil)
    try await withServer { connection in
      if connection.index == 0 { first.withLock { $0 = connection } }
      while connection.readRequest() != nil { connection.reply("\(connection.index)") }
    } _: { server in
      let transport = try CurlTransport()
      _ = try await transport.send(HTTPRequest(url: server.url))
      try #require(first.withLock { $0 }).reply("stale")
      let response = try await transport.send(HTTPRequest(url: server.url))
      #expect(response.body == [UInt8(ascii: "1")])
      #expect(!response.connectionWasReused)
    }
  }

  @Test func shutdownClosesIdleConnections() async throws {
    let closed = Gate()
    try await withServer { connection in
      while connection.readRequest() != nil { connection.reply("x") }
      closed.open()
    } _: { server in
      let transport = try CurlTransport()
      _ = try await transport.send(HTTPRequest(url: server.url))
      transport.shutdown()
      await transport.waitUntilShutDown()
      await closed.wait()
    }
  }

  @Test func connectionThatTheServerWantsClosedIsNotKept() async throws {
    try await withServer { connection in
      _ = connection.readRequest()
      connection.reply("x", headers: "Connection: close\r\n")
      connection.waitForClose()
    } _: { server in
      let transport = try CurlTransport()
      for _ in 0..<3 {
        #expect(try await !transport.send(HTTPRequest(url: server.url)).connectionWasReused)
      }
      #expect(server.connectionCount == 3)
    }
  }

  @Test func proxyOfTheEnvironmentIsIgnoredUnlessAskedFor() async throws {
    await #expect(processExitsWith: .success) {
      try await withServer { connection in
        while connection.readRequest() != nil { connection.reply("proxy") }
      } _: { proxy in
        setenv("http_proxy", proxy.url, 1)
        unsetenv("no_proxy")
        try await withServer { connection in
          while connection.readRequest() != nil { connection.reply("server") }
        } _: { server in
          let direct = try await CurlTransport().send(HTTPRequest(url: server.url))
          try #require(direct.body == Array("server".utf8))
          let options = TransportOptions(proxy: .environment)
          let proxied = try await CurlTransport(options: options).send(HTTPRequest(url: server.url))
          try #require(proxied.body == Array("proxy".utf8))
        }
      }
    }
  }

  @Test func proxyOfTheOptionsGetsTheWholeAddress() async throws {
    try await withServer(Self.echoIndex) { proxy in
      let transport = try CurlTransport(options: TransportOptions(proxy: .url(proxy.url)))
      _ = try await transport.send(HTTPRequest(url: "http://127.0.0.1:1/v1/time"))
      #expect(proxy.textReceived(on: 0).hasPrefix("GET http://127.0.0.1:1/v1/time HTTP/1.1\r\n"))
    }
  }

  @Test(arguments: [
    TransportOptions(certificateAuthorityFile: "/nowhere/authority.pem"),
    TransportOptions(pinnedPublicKey: "/etc/passwd"),
    TransportOptions(pinnedPublicKey: "sha256//short="),
    TransportOptions(pinnedPublicKey: "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=;"),
    TransportOptions(proxy: .url("socks5://127.0.0.1")),
    TransportOptions(idleConnectionLimit: 0),
    TransportOptions(idleConnectionLifetimeSeconds: 90_000),
  ])
  func wrongOptionsAreRefusedAtOnce(_ options: TransportOptions) throws {
    let error = try #require(throws: TransportError.self) { try CurlTransport(options: options) }
    #expect(error.code == .invalidOptions)
  }
}

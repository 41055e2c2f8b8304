import CurlTransport
import Testing

/// Patience is for bytes that move, not for the whole. The time-outs are small; nothing here waits for the clock
/// otherwise, and a slow machine can only make a drip slower, which is why drips have a wide margin.
@Suite(.timeLimit(.minutes(10))) struct TimeoutTests {
  @Test func silentServerTimesOutAtTheResponseDeadline() async throws {
    try await withServer { connection in
      _ = connection.readRequest()
      connection.waitForClose()
    } _: { server in
      let error = try await transportError(
        of: HTTPRequest(url: server.url, progressTimeoutMilliseconds: 60_000, responseDeadlineMilliseconds: 60))
      #expect(error.code == .timedOutNoResponse)
      #expect(error.message.contains("0.06 seconds"))
    }
  }

  @Test func longPollIsNotBoundByTheProgressTimeout() async throws {
    try await withServer { connection in
      _ = connection.readRequest()
      if !connection.waitForClose(milliseconds: 300) { connection.reply("news") }
    } _: { server in
      let transport = try CurlTransport()
      let response = try await transport.send(
        HTTPRequest(url: server.url, progressTimeoutMilliseconds: 20, responseDeadlineMilliseconds: 60_000))
      #expect(response.body == Array("news".utf8))
      #expect(response.timing.firstByteMilliseconds >= 300)
    }
  }

  @Test func interimResponseDoesNotEndALongPoll() async throws {
    try await withServer { connection in
      _ = connection.readRequest()
      connection.send("HTTP/1.1 102 Processing\r\n\r\n")
      if !connection.waitForClose(milliseconds: 200) { connection.reply("news") }
    } _: { server in
      let transport = try CurlTransport()
      let response = try await transport.send(
        HTTPRequest(url: server.url, progressTimeoutMilliseconds: 20, responseDeadlineMilliseconds: 60_000))
      #expect(response.body == Array("news".utf8))
    }
  }

  @Test(arguments: [
    "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
  ])
  func serverThatGoesQuietInTheMiddleTimesOutForLackOfProgress(_ start: String) async throws {
    try await withServer { connection in
      _ = connection.readRequest()
      connection.send(start)
      connection.waitForClose()
    } _: { server in
      let error = try await transportError(
        of: HTTPRequest(url: server.url, progressTimeoutMilliseconds: 60, responseDeadlineMilliseconds: 60_000))
      #expect(error.code == .timedOutNoProgress)
    }
  }

  @Test func slowDripIsLeftAlone() async throws {
    let head = "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 10\r\n\r\n"
    try await withServer { connection in
      _ = connection.readRequest()
      for line in head.split(separator: "\r\n") where !connection.waitForClose(milliseconds: 100) {
        connection.send("\(line)\r\n")
      }
      connection.send("\r\n")
      for byte in "0123456789".utf8 where !connection.waitForClose(milliseconds: 100) { connection.send([byte]) }
    } _: { server in
      let transport = try CurlTransport()
      let response = try await transport.send(
        HTTPRequest(url: server.url, progressTimeoutMilliseconds: 800, responseDeadlineMilliseconds: 60_000))
      #expect(response.body == Array("0123456789".utf8))
      #expect(response.timing.totalMilliseconds > 800)
    }
  }

  @Test func bodyThatNobodyReadsTimesOutForLackOfProgress() async throws {
    try await withServer { connection in
      connection.waitWithoutReading()
    } _: { server in
      let body = [UInt8](repeating: 1, count: 32_000_000)
      let error = try await transportError(
        of: HTTPRequest(
          method: .post, url: server.url, body: body, progressTimeoutMilliseconds: 150,
          responseDeadlineMilliseconds: 60_000))
      #expect(error.code == .timedOutNoProgress)
    }
  }

  @Test func callThatNobodyTakesTimesOut() async throws {
    // A backlog that is full drops further calls, as a dead network does.
    let (socket, port) = try makeListener(backlog: 0)
    defer { closeSocket(socket) }
    let callers = (0..<3).map { _ in openCaller(to: port) }
    defer { for caller in callers { closeSocket(caller) } }
    let error = try await transportError(
      of: HTTPRequest(url: "http://127.0.0.1:\(port)/", connectTimeoutMilliseconds: 100))
    #expect(error.code == .connectTimedOut)
  }

  @Test func connectionThatTimedOutIsNotUsedAgain() async throws {
    try await withServer { connection in
      while connection.readRequest() != nil {
        if connection.index > 0 { connection.reply("second") }
      }
    } _: { server in
      let transport = try CurlTransport()
      await #expect(throws: TransportError.self) {
        try await transport.send(HTTPRequest(url: server.url, responseDeadlineMilliseconds: 50))
      }
      let response = try await transport.send(HTTPRequest(url: server.url))
      #expect(response.body == Array("second".utf8))
      #expect(!response.connectionWasReused)
      #expect(server.connectionCount == 2)
    }
  }
}

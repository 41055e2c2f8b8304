import CurlTransport
import Synchronization
import Testing

/// A reply that is no response, and what the client says to it.
private struct BadReply: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let text: String
  let code: TransportError.Code

  init(_ testDescription: String, _ text: String, ends code: TransportError.Code) {
    self.testDescription = testDescription
    self.text = text
    self.code = code
  }
}

/// What the client makes of what a server sends.
@Suite(.timeLimit(.minutes(10))) struct ResponseTests {
  private static func result(
    of reply: String, thenReset: Bool = false, bodyLimitBytes: Int = 1_000, method: HTTPMethod = .get
  ) async throws -> Result<HTTPResponse, TransportError> {
    try await withServer { connection in
      guard connection.readRequest() != nil else { return }
      connection.send(reply)
      if thenReset { connection.reset() }
    } _: { server in
      let transport = try CurlTransport()
      do {
        let request = HTTPRequest(method: method, url: server.url, bodyLimitBytes: bodyLimitBytes)
        return .success(try await transport.send(request))
      } catch let error as TransportError {
        return .failure(error)
      }
    }
  }

  private static func code(_ result: Result<HTTPResponse, TransportError>) -> TransportError.Code? {
    if case .failure(let error) = result { error.code } else { nil }
  }

  @Test func wholeReply() async throws {
    let reply = "HTTP/1.1 201 Created\r\nETag:  \"7\" \r\nX-Twice: a\r\nx-twice: b\r\nContent-Length: 5\r\n\r\nsaved"
    let response = try await Self.result(of: reply).get()
    #expect(response.status == 201)
    #expect(response.headers["etag"] == "\"7\"")
    #expect(response.headers.values(of: "X-TWICE") == ["a", "b"])
    #expect(response.headers["x-none"] == nil)
    #expect(response.body == Array("saved".utf8))
    #expect(response.bodyByteCount == 5)
    #expect(response.bytesReceived == reply.utf8.count)
    #expect(response.remoteAddress?.hasPrefix("127.0.0.1:") == true)
    #expect(!response.connectionWasReused)
    #expect(response.timing.connectMilliseconds > 0)
    #expect(response.timing.firstByteMilliseconds >= response.timing.connectMilliseconds)
    #expect(response.timing.totalMilliseconds >= response.timing.firstByteMilliseconds)
  }

  @Test func chunkedReplyAndItsTrailers() async throws {
    let reply = "\(Self.chunked)3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"
    let response = try await Self.result(of: reply).get()
    #expect(response.bytesReceived == reply.utf8.count)
    #expect(response.body == Array("abcde".utf8))
    #expect(response.headers["x-trailer"] == nil)
  }

  @Test func replyThatEndsWithTheConnection() async throws {
    let response = try await Self.result(of: "HTTP/1.0 200 OK\r\n\r\nuntil the end").get()
    #expect(response.body == Array("until the end".utf8))
  }

  @Test func interimResponsesAreNotTheResponse() async throws {
    let response = try await Self.result(
      of: "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    ).get()
    #expect(response.status == 200)
    #expect(!response.headers.contains("x-early"))
  }

  @Test func contentCodingIsLeftAlone() async throws {
    let response = try await Self.result(
      of: "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"
    ).get()
    #expect(response.body == Array("nope".utf8))
  }

  @Test func redirectIsNotFollowed() async throws {
    let response = try await Self.result(
      of: "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/elsewhere\r\nContent-Length: 0\r\n\r\n"
    ).get()
    #expect(response.status == 302)
    #expect(response.headers["location"] == "http://127.0.0.1:1/elsewhere")
  }

  private static let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

  private static func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

  private static let badReplies = [
    BadReply("length not reached", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", ends: .truncated),
    BadReply("chunk not reached", "\(chunked)5\r\nab", ends: .truncated),
    BadReply("last chunk missing", "\(chunked)3\r\nabc\r\n", ends: .truncated),
    BadReply("chunk size not a number", "\(chunked)zz\r\nabc\r\n", ends: .malformedResponse),
    BadReply("negative length", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", ends: .malformedResponse),
    BadReply("length not a number", "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nabcde", ends: .malformedResponse),
    BadReply(
      "header without a name", "HTTP/1.1 200 OK\r\n: nameless\r\nContent-Length: 0\r\n\r\n", ends: .malformedResponse),
    BadReply(
      "folded header", "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\nContent-Length: 0\r\n\r\n", ends: .malformedResponse),
    BadReply("status not a number", "HTTP/1.1 abc\r\n\r\n", ends: .malformedResponse),
    BadReply("status 999", "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", ends: .malformedResponse),
    BadReply("binary garbage", "\u{16}\u{3}\u{1}\u{0}\u{5}garbage, no line end", ends: .malformedResponse),
    BadReply("another protocol", "SSH-2.0-OpenSSH_9.2p1\r\n", ends: .malformedResponse),
    BadReply("log-in page", "<html>log in to this network</html>\r\n\r\n", ends: .malformedResponse),
    BadReply("nothing", "", ends: .reset),
    BadReply("length over the limit", "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", ends: .responseTooLarge),
    BadReply("unframed body over the limit", "HTTP/1.1 200 OK\r\n\r\n\(repeated("x", 1_001))", ends: .responseTooLarge),
    BadReply("chunked body over the limit", "\(chunked)3e9\r\n\(repeated("x", 1_001))", ends: .responseTooLarge),
    BadReply("header line of 16 KiB", "HTTP/1.1 200 OK\r\nX: \(repeated("x", 16_384))\r\n\r\n", ends: .headersTooLarge),
    BadReply(
      "header line of 400 KB", "HTTP/1.1 200 OK\r\nX: \(repeated("x", 400_000))\r\n\r\n", ends: .headersTooLarge),
    BadReply("101 headers", "HTTP/1.1 200 OK\r\n\(repeated("X: y\r\n", 101))\r\n", ends: .headersTooLarge),
    BadReply("1,000 interim responses", repeated("HTTP/1.1 100 Continue\r\n\r\n", 1_000), ends: .headersTooLarge),
    BadReply("101 trailers", "\(chunked)0\r\n\(repeated("X: y\r\n", 101))\r\n", ends: .headersTooLarge),
  ]

  @Test(arguments: badReplies)
  private func replyIsRefused(_ reply: BadReply) async throws {
    let result = try await Self.result(of: reply.text)
    #expect(Self.code(result) == reply.code)
  }

  @Test func endlessHeadersEnd() async throws {
    let error = try await withServer { connection in
      guard connection.readRequest() != nil else { return }
      connection.send("HTTP/1.1 200 OK\r\n")
      var number = 0
      while connection.send(Array("X-\(number): \(number)\r\n".utf8)) { number += 1 }
    } _: { server in
      try await transportError(of: HTTPRequest(url: server.url))
    }
    #expect(error.code == .headersTooLarge)
  }

  @Test func hundredHeadersAndBodyUpToTheLimitAreTaken() async throws {
    let headers = String(repeating: "X: y\r\n", count: 99)
    let reply = "HTTP/1.1 200 OK\r\n\(headers)Content-Length: 1000\r\n\r\n" + String(repeating: "b", count: 1_000)
    let response = try await Self.result(of: reply).get()
    #expect(response.headers.count == 100)
    #expect(response.body.count == 1_000)
  }

  @Test func bodyLimitZeroTakesAnEmptyBodyOnly() async throws {
    let empty = try await Self.result(of: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", bodyLimitBytes: 0)
    #expect(try empty.get().body.isEmpty)
    let full = try await Self.result(of: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", bodyLimitBytes: 0)
    #expect(Self.code(full) == .responseTooLarge)
  }

  @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nsome", "HTTP/1.1 20"])
  func resetInTheMiddle(_ reply: String) async throws {
    // A reset throws away what the client has not read yet, so that it may also look like an early end.
    let code = Self.code(try await Self.result(of: reply, thenReset: true))
    #expect(code == .reset || code == .truncated)
  }

  @Test func nobodyListens() async throws {
    let (socket, port) = try makeListener(backlog: 1)
    closeSocket(socket)
    let error = try await transportError(of: HTTPRequest(url: "http://127.0.0.1:\(port)/"))
    #expect(error.code == .couldNotConnect)
    #expect(error.curlCode == 7)
    #expect(error.message.contains("Check the network"))
  }

  @Test func nameThatCannotExist() async throws {
    // Labels have at most 63 characters, so that no name server is asked.
    let name = String(repeating: "a", count: 64) + ".localhost.invalid"
    let error = try await transportError(of: HTTPRequest(url: "http://\(name)/"))
    #expect(error.code == .couldNotResolve)
  }
}

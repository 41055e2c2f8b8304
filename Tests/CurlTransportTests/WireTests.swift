import CurlTransport
import Testing

/// What the client sends, byte by byte.
@Suite(.timeLimit(.minutes(10))) struct WireTests {
  private static func exchange(
    _ request: @escaping (String) -> HTTPRequest
  ) async throws -> (text: String, response: HTTPResponse) {
    try await withServer { connection in
      while connection.readRequest() != nil { connection.reply("ok") }
    } _: { server in
      let transport = try CurlTransport()
      let response = try await transport.send(request(server.url))
      let text = server.textReceived(on: 0).replacing("127.0.0.1:\(server.port)", with: "HOST")
      #expect(response.bytesSent == server.bytesReceived(on: 0).count)
      return (text, response)
    }
  }

  @Test func getSendsNothingButItsLineAndHost() async throws {
    let (text, _) = try await Self.exchange { HTTPRequest(url: "\($0)/v1/time?zone=utc") }
    #expect(text == "GET /v1/time?zone=utc HTTP/1.1\r\nHost: HOST\r\n\r\n")
  }

  @Test func pushSendsOnlyTheHeadersGiven() async throws {
    let (text, _) = try await Self.exchange { url in
      HTTPRequest(
        method: .post, url: "\(url)/v1/sync", headers: ["X-Mac": "abc", "Content-Type": "application/x-protobuf"],
        body: Array("journal".utf8))
    }
    #expect(
      text == "POST /v1/sync HTTP/1.1\r\nHost: HOST\r\nX-Mac: abc\r\nContent-Type: application/x-protobuf\r\n"
        + "Content-Length: 7\r\n\r\njournal")
  }

  @Test func bodyWithoutTypeHasNoContentType() async throws {
    let (text, _) = try await Self.exchange { HTTPRequest(method: .post, url: "\($0)/", body: [0x61]) }
    #expect(text == "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\n\r\na")
  }

  @Test func largeBodyIsSentWithoutAskingFirst() async throws {
    let body = [UInt8](repeating: 0x62, count: 3_000_000)
    let (text, _) = try await Self.exchange { HTTPRequest(method: .post, url: "\($0)/", body: body) }
    #expect(!text.lowercased().contains("expect"))
    #expect(text.hasSuffix("Content-Length: 3000000\r\n\r\n" + String(repeating: "b", count: 3_000_000)))
  }

  @Test(arguments: [
    (HTTPMethod.post, "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n"),
    (.put, "PUT / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n"),
    (.patch, "PATCH / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n"),
    (.delete, "DELETE / HTTP/1.1\r\nHost: HOST\r\n\r\n"),
  ])
  func methodWithoutBody(_ method: HTTPMethod, _ expected: String) async throws {
    let (text, response) = try await Self.exchange { HTTPRequest(method: method, url: "\($0)/") }
    #expect(text == expected)
    #expect(response.status == 200)
  }

  @Test func headReadsNoBody() async throws {
    try await withServer { connection in
      while connection.readRequest() != nil { connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n") }
    } _: { server in
      let transport = try CurlTransport()
      for _ in 0..<2 {
        let response = try await transport.send(HTTPRequest(method: .head, url: server.url))
        #expect(response.headers["content-length"] == "9000000")
        #expect(response.body.isEmpty)
      }
      #expect(server.connectionCount == 1)
    }
  }

  @Test func givenHeadersReplaceOnesThatLibcurlWouldSend() async throws {
    let (text, _) = try await Self.exchange { url in
      HTTPRequest(url: "\(url)/", headers: ["accept": "text/plain", "User-Agent": "exam/1", "X-Empty": ""])
    }
    #expect(
      text == "GET / HTTP/1.1\r\nHost: HOST\r\naccept: text/plain\r\nUser-Agent: exam/1\r\nX-Empty:\r\n\r\n")
  }

  @Test func pathIsSentAsItWasSigned() async throws {
    let (text, _) = try await Self.exchange { HTTPRequest(url: "\($0)/a/../b/./%2e%2E?q=%20#fragment") }
    #expect(text.hasPrefix("GET /a/../b/./%2e%2E?q=%20 HTTP/1.1\r\n"))
  }

  private static let unsendable: [HTTPRequest] = [
    HTTPRequest(url: "ftp://127.0.0.1/"), HTTPRequest(url: "file:///etc/passwd"), HTTPRequest(url: "127.0.0.1"),
    HTTPRequest(url: ""), HTTPRequest(url: "http://"), HTTPRequest(url: "http://127.0.0.1/a b"),
    HTTPRequest(url: "http://127.0.0.1/\r\nX-Evil: 1"), HTTPRequest(url: "http://127.0.0.1/考试"),
    HTTPRequest(url: "http://user:secret@127.0.0.1/"), HTTPRequest(url: "http://127.0.0.1:99999/"),
    HTTPRequest(url: "http://127.0.0.1/" + String(repeating: "a", count: TransportLimits.urlBytes)),
    HTTPRequest(url: "http://127.0.0.1/", headers: ["X": "a\r\nX-Evil: 1"]),
    HTTPRequest(url: "http://127.0.0.1/", headers: ["X": "a\u{0}b"]),
    HTTPRequest(url: "http://127.0.0.1/", headers: ["X Y": "a"]),
    HTTPRequest(url: "http://127.0.0.1/", headers: ["": "a"]),
    HTTPRequest(url: "http://127.0.0.1/", headers: ["Content-LENGTH": "5"]),
    HTTPRequest(url: "http://127.0.0.1/", headers: ["Transfer-Encoding": "chunked"]),
    HTTPRequest(url: "http://127.0.0.1/", headers: ["Expect": "100-continue"]),
    HTTPRequest(url: "http://127.0.0.1/", body: [1]),
    HTTPRequest(url: "http://127.0.0.1/", bodyLimitBytes: -1),
    HTTPRequest(url: "http://127.0.0.1/", connectTimeoutMilliseconds: 0),
    HTTPRequest(url: "http://127.0.0.1/", progressTimeoutMilliseconds: -5),
    HTTPRequest(url: "http://127.0.0.1/", responseDeadlineMilliseconds: 86_400_001),
  ]

  @Test(arguments: unsendable)
  func whatCannotBeSentIsRefused(_ request: HTTPRequest) async throws {
    let error = try await transportError(of: request)
    #expect(error.code == .invalidRequest)
    #expect(!error.message.isEmpty)
  }
}

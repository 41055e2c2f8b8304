import Foundation
import Testing

@testable import ExamServer

/// Bad input at the level of HTTP: each gets a clear answer or an end, and the server goes on.
@Suite(.timeLimit(.minutes(10))) struct HTTPRefusalTests {
  private func withServer(
    _ change: (inout DevicePlaneLimits) -> Void = { _ in }, _ body: (TestServer) async throws -> Void
  ) async throws {
    let server = try await TestServer { change(&$0.limits) }
    do {
      try await body(server)
      // Whatever was sent before, the next client is served.
      let answer = try await server.exchange("GET /v1/server HTTP/1.1\r\nHost: exam\r\n\r\n")
      #expect(answer?.status == 200)
    } catch {
      await server.end()
      throw error
    }
    await server.end()
  }

  @Test(arguments: [
    ("TRACE /v1/sync HTTP/1.1\r\nHost: exam\r\n\r\n", 405, "method-not-allowed"),
    ("GET /v1/sync HTTP/1.1\r\nHost: exam\r\n\r\n", 405, "method-not-allowed"),
    ("POST /v1/server HTTP/1.1\r\nHost: exam\r\n\r\n", 405, "method-not-allowed"),
    ("BREW /v1/sync HTTP/1.1\r\nHost: exam\r\n\r\n", 400, "bad-request"),
    ("GET / HTTP/1.1\r\nHost: exam\r\n\r\n", 404, "not-found"),
    ("GET http://exam/v1/server HTTP/1.1\r\nHost: exam\r\n\r\n", 404, "not-found"),
    ("POST /v1/nothing HTTP/1.1\r\nHost: exam\r\nContent-Length: 0\r\n\r\n", 404, "not-found"),
    ("GET /v1/server HTTP/1.0\r\nHost: exam\r\n\r\n", 400, "bad-request"),
    ("GET /v1/server HTTP/1.1\r\n\r\n", 400, "bad-request"),
    ("GET /v1/server HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "bad-request"),
    ("GET /v1/server HTTP/1.1\r\nHost: exam\r\nContent-Length: 5\r\n\r\nhello", 413, "too-large"),
    ("not HTTP at all\r\n\r\n", 400, "bad-request"),
    ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}", 400, "bad-request"),
  ])
  func refusesWhatIsNoRequest(text: String, status: Int, problem: String) async throws {
    try await withServer { (server) async throws in
      let answer = try #require(try await server.exchange(text))
      #expect(answer.status == status)
      #expect(answer.problem == problem)
      #expect(answer.headers["content-type"] == "application/problem+json")
      #expect(answer.headers["cache-control"] == "no-store, no-transform")
    }
  }

  @Test func anAnswerSaysWhichMethodIsMeant() async throws {
    try await withServer { (server) async throws in
      let answer = try await server.exchange("GET /v1/sync HTTP/1.1\r\nHost: exam\r\n\r\n")
      #expect(answer?.headers["allow"] == "POST")
      let unknown = try await server.exchange("POST /v1/sync HTTP/1.1\r\nHost: exam\r\nContent-Length: 0\r\n\r\n")
      #expect(unknown?.headers["www-authenticate"] == "ExamSync")
    }
  }

  /// RFC 9112, section 6: what a proxy and a server could read as two different requests.
  @Test(arguments: [
    "POST /v1/sync HTTP/1.1\r\nHost: exam\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/sync HTTP/1.1\r\nHost: exam\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "POST /v1/sync HTTP/1.1\r\nHost: exam\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "POST /v1/sync HTTP/1.1\r\nHost: exam\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "POST /v1/sync HTTP/1.1\r\nHost: exam\r\nContent-Length: +4\r\n\r\nabcd",
    "POST /v1/sync HTTP/1.1\r\nHost: exam\r\nContent-Length: 4, 4\r\n\r\nabcd",
    "POST /v1/sync HTTP/1.1\r\nHost: exam\r\nTransfer-Encoding: identity\r\n\r\n",
    "POST /v1/sync HTTP/1.1\r\nHost: exam\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "POST /v1/sync HTTP/1.1\r\nHost: exam\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/sync HTTP/1.1\nHost: exam\nContent-Length: 0\n\n",
    "POST /v1/sync HTTP/1.1\r\nHost: exam\r\nX-A: 1\r\n folded\r\nContent-Length: 0\r\n\r\n",
    "POST /v1/sync HTTP/1.1\r\nHost: exam\r\nX-A: a\u{0}b\r\nContent-Length: 0\r\n\r\n",
    "POST /v1/sync HTTP/1.1\r\nHost: exam\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  ])
  func refusesSmuggling(text: String) async throws {
    try await withServer { (server) async throws in
      let connection = try server.connect()
      connection.send(text + "GET /v1/server HTTP/1.1\r\nHost: exam\r\n\r\n")
      let answer = try #require(try await connection.receive())
      #expect(answer.status == 400)
      // What follows is never read as a second request.
      #expect(try await connection.receive() == nil)
    }
  }

  @Test func refusesHeaderFloods() async throws {
    try await withServer { (server) async throws in
      let many = (0..<101).map { "X-\($0): 1\r\n" }.joined()
      let flood = try await server.exchange("GET /v1/server HTTP/1.1\r\nHost: exam\r\n\(many)\r\n")
      #expect(flood?.status == 431)
      #expect(flood?.problem == "headers-too-large")
      let long = String(repeating: "a", count: 17 * 1_024)
      #expect(try await server.exchange("GET /v1/server HTTP/1.1\r\nHost: exam\r\nX: \(long)\r\n\r\n")?.status == 431)
      #expect(try await server.exchange("GET /\(long) HTTP/1.1\r\nHost: exam\r\n\r\n")?.status == 431)
      let allowed = (0..<99).map { "X-\($0): 1\r\n" }.joined()
      #expect(try await server.exchange("GET /v1/server HTTP/1.1\r\nHost: exam\r\n\(allowed)\r\n")?.status == 200)
    }
  }

  @Test func refusesOversizedBodiesBeforeTheyCome() async throws {
    try await withServer { (server) async throws in
      for (path, length) in [("/v1/sync", 1_048_577), ("/v1/login", 8_193), ("/v1/sync", Int.max)] {
        let answer = try await server.exchange(
          "POST \(path) HTTP/1.1\r\nHost: exam\r\nContent-Length: \(length)\r\n\r\n")
        #expect(answer?.status == 413)
        #expect(answer?.problem == "too-large")
      }
      let answer = try await server.exchange(
        "POST /v1/sync HTTP/1.1\r\nHost: exam\r\nContent-Length: 99999999999999999999999\r\n\r\n")
      #expect(answer?.status == 400)
    }
  }

  @Test func refusesEndlessChunkedBodies() async throws {
    try await withServer { (server) async throws in
      let connection = try server.connect()
      connection.send("POST /v1/login HTTP/1.1\r\nHost: exam\r\nTransfer-Encoding: chunked\r\n\r\n")
      let chunk = Array("1000\r\n".utf8) + [UInt8](repeating: 0x61, count: 4_096) + Array("\r\n".utf8)
      connection.send(chunk + chunk + chunk)
      #expect(try await connection.receive()?.status == 413)
    }
  }

  @Test func slowHeadsAreGivenUp() async throws {
    try await withServer({ $0.headMilliseconds = 1_000 }) { (server) async throws in
      let connection = try server.connect()
      connection.send("GET /v1/server HT")
      #expect(try await connection.receive()?.status == 408)
      let silent = try server.connect()
      #expect(try await silent.receive()?.status == 408)
      // The second head of a kept-alive connection has its own deadline.
      let second = try server.connect()
      second.send("GET /v1/server HTTP/1.1\r\nHost: exam\r\n\r\n")
      #expect(try await second.receive()?.status == 200)
      second.send("GET /v1/se")
      #expect(try await second.receive()?.status == 408)
    }
  }

  @Test func slowBodiesAreGivenUp() async throws {
    try await withServer({
      $0.bodyGraceMilliseconds = 50
      $0.bodyBytesPerSecond = 1_000_000
    }) { (server) async throws in
      let connection = try server.connect()
      connection.send("POST /v1/sync HTTP/1.1\r\nHost: exam\r\nContent-Length: 1000\r\n\r\nabc")
      let answer = try await connection.receive()
      #expect(answer?.status == 408)
      #expect(answer?.problem == "too-slow")
    }
  }

  @Test func idleConnectionsEnd() async throws {
    try await withServer({ $0.idleMilliseconds = 50 }) { (server) async throws in
      let connection = try server.connect()
      connection.send("GET /v1/server HTTP/1.1\r\nHost: exam\r\n\r\n")
      #expect(try await connection.receive()?.status == 200)
      #expect(await connection.isEnded())
    }
  }

  @Test func connectionsAboveTheCapEnd() async throws {
    let server = try await TestServer { $0.limits.connectionsPerAddress = 2 }
    let first = try server.connect()
    let second = try server.connect()
    for connection in [first, second] {
      connection.send("GET /v1/server HTTP/1.1\r\nHost: exam\r\n\r\n")
      #expect(try await connection.receive()?.status == 200)
    }
    let third = try server.connect()
    #expect(await third.isEnded())
    await server.end()
  }

  @Test func pipelinedRequestsAreAnsweredInTheirOrder() async throws {
    try await withServer { (server) async throws in
      let connection = try server.connect()
      connection.send(
        "GET /v1/blobs/\(String(repeating: "0", count: 64)) HTTP/1.1\r\nHost: exam\r\n\r\n"
          + "GET /v1/server HTTP/1.1\r\nHost: exam\r\nConnection: close\r\n\r\n")
      #expect(try await connection.receive()?.status == 404)
      let last = try await connection.receive()
      #expect(last?.status == 200)
      #expect(last?.headers["connection"] == "close")
      #expect(await connection.isEnded())
    }
  }

  @Test func expectationsAreMetOrRefused() async throws {
    try await withServer { (server) async throws in
      let connection = try server.connect()
      connection.send("POST /v1/login HTTP/1.1\r\nHost: exam\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
      #expect(try await connection.receive()?.status == 100)
      connection.send("xx")
      #expect(try await connection.receive()?.status == 400)
      let other = "POST /v1/login HTTP/1.1\r\nHost: exam\r\nContent-Length: 2\r\nExpect: miracles\r\n\r\n"
      #expect(try await server.exchange(other)?.status == 400)
    }
  }

  @Test(arguments: [
    "/v1/blobs/", "/v1/blobs/../../identity.key", "/v1/blobs/..%2f..%2fidentity.key", "/v1/blobs/%00",
    "/v1/blobs/" + String(repeating: "a", count: 63), "/v1/blobs/" + String(repeating: "a", count: 65),
    "/v1/blobs/" + String(repeating: "A", count: 64), "/v1/blobs/" + String(repeating: "/", count: 64),
    "/v1/blobs/" + String(repeating: ".", count: 64),
  ])
  func blobNamesAreNeverPaths(path: String) async throws {
    try await withServer { (server) async throws in
      let answer = try await server.exchange("GET \(path) HTTP/1.1\r\nHost: exam\r\n\r\n")
      #expect(answer?.status == 404)
    }
  }
}

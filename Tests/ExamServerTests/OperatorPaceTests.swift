import Foundation
import Testing

@testable import ExamServer

/// Slow clients of the operator plane: each ends, and nobody who is only quiet does.
@Suite(.timeLimit(.minutes(10))) struct OperatorPaceTests {
  private func withServer(
    _ change: (inout OperatorPlaneLimits) -> Void, _ body: (TestServer, RawConnection) async throws -> Void
  ) async throws {
    let server = try await TestServer { options in
      options.operatorLimits.sweepMilliseconds = 10
      change(&options.operatorLimits)
    }
    do { try await body(server, try RawConnection(port: server.operatorPort)) } catch {
      await server.end()
      throw error
    }
    await server.end()
  }

  private func post(_ length: Int, _ server: TestServer) -> String {
    "POST /v1/exams HTTP/1.1\r\nHost: exam\r\nAuthorization: Bearer \(server.token)\r\n"
      + "Content-Length: \(length)\r\n\r\n"
  }

  @Test func slowBodiesAreGivenUp() async throws {
    try await withServer({
      $0.bodyGraceMilliseconds = 50
      $0.bodyBytesPerSecond = 1_000_000
    }) { (server, connection) async throws in
      connection.send(post(1_000, server) + "abc")
      let answer = try #require(try await connection.receive())
      #expect(answer.status == 408)
      #expect(answer.problem == "too-slow")
      #expect(answer.headers["connection"] == "close")
      #expect(await connection.isEnded())
    }
  }

  @Test func noBodyTakesForEver() async throws {
    try await withServer({
      $0.bodyMilliseconds = 50
      $0.bodyBytesPerSecond = 0
    }) { (server, connection) async throws in
      connection.send(post(1_000, server) + "abc")
      #expect(try await connection.receive()?.status == 408)
    }
  }

  @Test func slowHeadsAreGivenUp() async throws {
    try await withServer({ $0.headMilliseconds = 50 }) { (server, connection) async throws in
      connection.send("GET /heal")
      #expect(try await connection.receive()?.status == 408)
      // Nor may a connection be opened and nothing said.
      #expect(try await RawConnection(port: server.operatorPort).receive()?.status == 408)
    }
  }

  /// The second head of a kept-alive connection has a deadline from its first byte on, and not before.
  @Test func aQuietConnectionIsNoSlowOne() async throws {
    try await withServer({ $0.headMilliseconds = 1_000 }) { (server, connection) async throws in
      let slow = try RawConnection(port: server.operatorPort)
      for quiet in [connection, slow] { quiet.send("GET /healthz HTTP/1.1\r\nHost: exam\r\n\r\n") }
      for quiet in [connection, slow] { #expect(try await quiet.receive()?.status == 200) }
      slow.send("GET /heal")
      #expect(try await slow.receive()?.status == 408)
      // By now the first one was quiet for longer than a head may take.
      connection.send("GET /healthz HTTP/1.1\r\nHost: exam\r\n\r\n")
      #expect(try await connection.receive()?.status == 200)
    }
  }

  @Test func aBodyThatKeepsItsPaceIsTaken() async throws {
    try await withServer({ $0.bodyGraceMilliseconds = 1_000 }) { (server, connection) async throws in
      let padding = String(repeating: " ", count: 300_000)
      let now = ServerClock().now
      let body =
        #"{"title":"Finals","opensAt":\#(now + 3_600_000),"closesAt":\#(now + 7_200_000),"policy":{},"specialty":""}"#
        + padding
      connection.send(post(body.utf8.count, server) + body)
      #expect(try await connection.receive()?.status == 200)
    }
  }
}

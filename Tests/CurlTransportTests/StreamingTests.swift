import CurlTransport
import Synchronization
import Testing

/// Bodies that go to a reader piece by piece, as a download by Range does.
@Suite(.timeLimit(.minutes(10))) struct StreamingTests {
  private static let blob = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

  private static let serveBlob: ScriptedServer.Script = { connection in
    while let request = connection.readRequest() {
      let text = String(decoding: request, as: UTF8.self)
      let start = text.firstMatch(of: /Range: bytes=(\d+)-/).flatMap { Int($0.1) } ?? 0
      connection.send("HTTP/1.1 206 Partial Content\r\nContent-Length: \(blob.count - start)\r\n\r\n")
      connection.send(Array(blob[start...]))
    }
  }

  @Test func chunksAreTheBody() async throws {
    try await withServer(Self.serveBlob) { server in
      let transport = try CurlTransport()
      let chunks = Mutex<[UInt8]>([])
      let pieces = Mutex(0)
      let response = try await transport.send(
        HTTPRequest(url: server.url, headers: ["Range": "bytes=0-"], bodyLimitBytes: Self.blob.count) { head, chunk in
          chunks.withLock { $0 += chunk }
          pieces.withLock { $0 += 1 }
          return head.status == 206 ? .proceed : .abort
        })
      #expect(chunks.withLock { $0 } == Self.blob)
      #expect(pieces.withLock { $0 } > 1)
      #expect(response.body.isEmpty)
      #expect(response.bodyByteCount == Self.blob.count)
    }
  }

  @Test func downloadThatWasStoppedGoesOnWhereItStopped() async throws {
    try await withServer(Self.serveBlob) { server in
      let transport = try CurlTransport()
      let kept = Mutex<[UInt8]>([])
      let stopped = await #expect(throws: TransportError.self) {
        try await transport.send(
          HTTPRequest(url: server.url, headers: ["Range": "bytes=0-"], bodyLimitBytes: .max) { _, chunk in
            kept.withLock { kept in
              guard kept.count < 500_000 else { return .abort }
              kept += chunk
              return .proceed
            }
          })
      }
      #expect(stopped?.code == .abortedByReader)
      let start = kept.withLock { $0.count }
      #expect(start >= 500_000 && start < Self.blob.count)
      let rest = try await transport.send(
        HTTPRequest(url: server.url, headers: ["Range": "bytes=\(start)-"], bodyLimitBytes: .max) { _, chunk in
          kept.withLock { $0 += chunk }
          return .proceed
        })
      #expect(rest.bodyByteCount == Self.blob.count - start)
      #expect(kept.withLock { $0 } == Self.blob)
    }
  }

  @Test func refusalIsCollectedAndNotStreamed() async throws {
    try await withServer { connection in
      _ = connection.readRequest()
      connection.send("HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\nproblem")
    } _: { server in
      let streamed = Mutex(false)
      let response = try await CurlTransport().send(
        HTTPRequest(url: server.url) { _, _ in
          streamed.withLock { $0 = true }
          return .proceed
        })
      #expect(response.status == 404)
      #expect(response.body == Array("problem".utf8))
      #expect(!streamed.withLock { $0 })
    }
  }

  @Test func refusalHasALimitOfItsOwn() async throws {
    try await withServer { connection in
      _ = connection.readRequest()
      connection.send("HTTP/1.1 500 Oops\r\n\r\n")
      while connection.send([UInt8](repeating: 0, count: 10_000)) {}
    } _: { server in
      let error = try await transportError(
        of: HTTPRequest(url: server.url, bodyLimitBytes: 50_000_000) { _, _ in .proceed })
      #expect(error.code == .responseTooLarge)
      #expect(error.message.contains("\(TransportLimits.refusalBodyBytes)"))
    }
  }

  @Test func streamedBodyHasItsLimit() async throws {
    try await withServer(Self.serveBlob) { server in
      let error = try await transportError(
        of: HTTPRequest(url: server.url, bodyLimitBytes: Self.blob.count - 1) { _, _ in .proceed })
      #expect(error.code == .responseTooLarge)
    }
  }
}

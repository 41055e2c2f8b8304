import CurlTransport
import Testing

/// A new connection to a known server spares the certificate and a key agreement: on a bad link that is what a
/// reconnection costs. `openssl s_server` ends each connection after its page, and its page says what it did.
@Suite(.timeLimit(.minutes(10)), .enabled(if: SecureServer.toolPath != nil, "needs the openssl command"))
struct SessionReuseTests {
  /// The first word of the page's line about the handshake.
  private func handshake(_ transport: CurlTransport, _ server: SecureServer) async throws -> String {
    let response = try await transport.send(HTTPRequest(url: server.url))
    #expect(!response.connectionWasReused)
    let lines = String(decoding: response.body, as: UTF8.self).split(separator: "\n")
    return lines.first { $0.contains(", Cipher is ") }.map { String($0.prefix { $0 != "," }) } ?? "no handshake"
  }

  @Test(arguments: ["-tls1_3", "-tls1_2"])
  func aNewConnectionResumesTheSession(version: String) async throws {
    let server = try await SecureServer.start(arguments: [version])
    defer { server.stop() }
    let transport = try CurlTransport(
      options: TransportOptions(
        certificateAuthorityFile: server.certificateFile, pinnedPublicKey: server.pinnedPublicKey))
    #expect(try await handshake(transport, server) == "New")
    for _ in 0..<3 { #expect(try await handshake(transport, server) == "Reused") }
    // After a change of the network nothing of the old one is used.
    transport.closeIdleConnections()
    #expect(try await handshake(transport, server) == "New")
    #expect(try await handshake(transport, server) == "Reused")
  }

  /// A session is one transport's own: another one proves the server's key for itself.
  @Test func anotherTransportBeginsAnew() async throws {
    let server = try await SecureServer.start()
    defer { server.stop() }
    let options = TransportOptions(certificateAuthorityFile: server.certificateFile)
    for _ in 0..<2 { #expect(try await handshake(try CurlTransport(options: options), server) == "New") }
  }
}

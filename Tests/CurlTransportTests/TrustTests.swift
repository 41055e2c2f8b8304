import CurlTransport
import Testing

/// Whom the transport trusts, against a real TLS server.
@Suite(.timeLimit(.minutes(10)), .enabled(if: SecureServer.toolPath != nil, "needs the openssl command"))
struct TrustTests {
  @Test func serverOfTheGivenAuthorityIsTrusted() async throws {
    let server = try await SecureServer.start()
    defer { server.stop() }
    let transport = try CurlTransport(
      options: TransportOptions(
        certificateAuthorityFile: server.certificateFile, pinnedPublicKey: server.pinnedPublicKey))
    let response = try await transport.send(HTTPRequest(url: server.url))
    #expect(response.status == 200)
    #expect(!response.body.isEmpty)
  }

  @Test func serverOfAnUnknownAuthorityIsNotTrusted() async throws {
    let server = try await SecureServer.start()
    defer { server.stop() }
    let error = try await transportError(of: HTTPRequest(url: server.url))
    #expect(error.code == .serverNotTrusted)
    #expect(error.message.contains("do not log in"))
  }

  @Test func serverOfAnotherNameIsNotTrusted() async throws {
    let server = try await SecureServer.start()
    defer { server.stop() }
    // The certificate is for 127.0.0.1 alone.
    let error = try await transportError(
      of: HTTPRequest(url: server.url.replacing("127.0.0.1", with: "localhost")),
      options: TransportOptions(certificateAuthorityFile: server.certificateFile))
    #expect(error.code == .serverNotTrusted)
  }

  @Test func serverWithAnotherKeyIsNotTrusted() async throws {
    let server = try await SecureServer.start()
    defer { server.stop() }
    let error = try await transportError(
      of: HTTPRequest(url: server.url),
      options: TransportOptions(
        certificateAuthorityFile: server.certificateFile,
        pinnedPublicKey: "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="))
    #expect(error.code == .serverNotTrusted)
    #expect(error.curlCode == 90)
  }

  @Test func oldTLSIsRefused() async throws {
    let server = try await SecureServer.start(arguments: ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
    defer { server.stop() }
    let error = try await transportError(
      of: HTTPRequest(url: server.url),
      options: TransportOptions(certificateAuthorityFile: server.certificateFile))
    #expect(error.code == .tls)
  }

  @Test func serverWithoutTLSIsNoSecureServer() async throws {
    try await withServer { connection in
      connection.send("HTTP/1.1 400 Bad Request\r\n\r\n")
      connection.waitForClose()
    } _: { server in
      let url = server.url.replacing("http://", with: "https://")
      let error = try await transportError(of: HTTPRequest(url: url))
      #expect(error.code == .tls)
    }
  }
}

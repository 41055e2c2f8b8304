import Foundation

/// `openssl s_server` on loopback with a certificate of its own, answering every request with a page.
final class SecureServer: Sendable {
  let url: String
  let certificateFile: String
  let pinnedPublicKey: String
  private let folder: URL
  private let process: Process

  static let toolPath: String? = ["/usr/bin/openssl", "/usr/local/bin/openssl", "/opt/homebrew/bin/openssl"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// Starts the server on a thread of its own: waiting for a process would hold up the other tests.
  static func start(arguments: [String] = []) async throws -> SecureServer {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Result { try SecureServer(arguments: arguments) }) }
    }
  }

  private init(arguments: [String]) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "curl-transport-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let key = folder.appending(path: "key.pem").path
    let certificate = folder.appending(path: "certificate.pem").path
    try Self.run([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
      "/CN=exam", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
    ])
    let publicKey = folder.appending(path: "public.der").path
    try Self.run(["pkey", "-in", key, "-pubout", "-outform", "der", "-out", publicKey])
    let digest = folder.appending(path: "digest").path
    try Self.run(["dgst", "-sha256", "-binary", "-out", digest, publicKey])
    pinnedPublicKey = "sha256//" + (try Data(contentsOf: URL(filePath: digest))).base64EncodedString()
    certificateFile = certificate
    let output = Pipe()
    process = try Self.launch(
      ["s_server", "-accept", "127.0.0.1:0", "-key", key, "-cert", certificate, "-www"] + arguments, output: output)
    url = "https://127.0.0.1:" + (try Self.readPort(output))
  }

  /// Killed, for it does not hear a request to end: a child has the signals blocked that its parent's thread had, and
  /// threads of `Process` block most. One that lived on would keep what it was born with, which can be the socket or
  /// the pipe by which another test learns of another child's end.
  func stop() {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    try? FileManager.default.removeItem(at: folder)
  }

  private static func launch(_ arguments: [String], output: Any) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: toolPath ?? "/usr/bin/openssl")
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  private static func run(_ arguments: [String]) throws {
    let process = try launch(arguments, output: FileHandle.nullDevice)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
  }

  /// The server prints `ACCEPT 127.0.0.1:port` once it listens.
  private static func readPort(_ output: Pipe) throws -> String {
    var text = ""
    while true {
      let data = output.fileHandleForReading.availableData
      guard !data.isEmpty else { throw CocoaError(.fileReadUnknown) }
      text += String(decoding: data, as: UTF8.self)
      if let match = text.firstMatch(of: /ACCEPT 127\.0\.0\.1:(\d+)\s/) { return String(match.1) }
    }
  }
}

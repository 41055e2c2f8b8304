import ExamModel
import Foundation
import PaperImport
import ServerCore
import SyncProtocol

/// The operator plane without its transport: the same code answers over HTTP and, where no server runs, inside the
/// command itself.
public final class OperatorService: Sendable {
  let writer: GroupCommitWriter
  let operators: OperatorTable
  let sessions: SessionTable
  let identity: SigningKey
  let blobs: BlobStore
  let clock: ServerClock
  let address: String
  let backups: String
  let metrics: @Sendable () -> String
  let workers: OperatorWorkers

  init(
    writer: GroupCommitWriter, operators: OperatorTable, sessions: SessionTable, identity: SigningKey,
    blobs: BlobStore, clock: ServerClock, address: String, backups: String,
    metrics: @escaping @Sendable () -> String
  ) {
    self.writer = writer
    self.operators = operators
    self.sessions = sessions
    self.identity = identity
    self.blobs = blobs
    self.clock = clock
    self.address = address
    self.backups = backups
    self.metrics = metrics
    workers = OperatorWorkers()
  }

  /// Answers a request; a problem is an answer too.
  public func answer(_ request: OperatorRequest) async -> OperatorAnswer {
    do {
      return try await handle(request)
    } catch let problem as Problem {
      return OperatorAnswer(
        status: problem.status, contentType: "application/problem+json",
        body: ProblemDocument.json(problem, instance: request.path), retryAfterSeconds: problem.retryAfterSeconds)
    } catch {
      let problem = Problem(.internal, "\(error)")
      return OperatorAnswer(
        status: problem.status, contentType: "application/problem+json",
        body: ProblemDocument.json(problem, instance: request.path))
    }
  }

  private func handle(_ request: OperatorRequest) async throws -> OperatorAnswer {
    switch (request.method, request.path) {
    case ("GET", "/healthz"):
      return OperatorAnswer(status: 200, contentType: "text/plain; charset=utf-8", body: Array("ok\n".utf8))
    case ("GET", "/metrics"):
      return OperatorAnswer(status: 200, contentType: "text/plain; version=0.0.4", body: Array(metrics().utf8))
    default: break
    }
    let identity = try authenticate(request)
    let segments = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
    if let special = try await handleSpecial(request, segments, by: identity) { return special }
    var methods: [String] = []
    for route in OperatorRoutes.all {
      guard let parameters = route.match(segments) else { continue }
      guard route.method == request.method else {
        methods.append(route.method)
        continue
      }
      let values = OperatorParameters(parameters: parameters, query: request.query, body: request.body)
      return try Self.json(try await perform(try route.command(values), by: identity))
    }
    guard methods.isEmpty else {
      throw Problem(.methodNotAllowed, "Only \(methods.joined(separator: ", ")) is answered at this path.")
    }
    throw Problem(.notFound, "There is nothing at this path. The paths are listed by exam-server help.")
  }

  /// The endpoints that take more than one command.
  private func handleSpecial(
    _ request: OperatorRequest, _ segments: [String], by identity: OperatorIdentity
  ) async throws -> OperatorAnswer? {
    switch (request.method, segments.count > 1 ? segments[1] : "", segments.last ?? "") {
    case ("POST", "exams", "roster") where segments.count == 4:
      try requireOperator(identity)
      return try await importRoster(try Self.id(segments[2]), request, by: identity)
    case ("POST", "exams", "papers") where segments.count == 4:
      try requireOperator(identity)
      return try await publishPaper(try Self.id(segments[2]), request, by: identity)
    case ("POST", "operators", "operators") where segments.count == 2:
      try requireOperator(identity)
      return try await addOperator(request, by: identity)
    case ("POST", "backup", "backup") where segments.count == 2:
      try requireOperator(identity)
      return try await backup(request)
    case ("GET", "server", "server") where segments.count == 2:
      return try Self.json(
        ServerDescription(address: address, fingerprint: Fingerprint.of(self.identity.publicKey), version: "1"))
    default: return nil
    }
  }

  private func authenticate(_ request: OperatorRequest) throws(Problem) -> OperatorIdentity {
    guard let token = request.token, let identity = operators.identity(tokenHash: OperatorToken.hash(token)) else {
      throw Problem(.sessionUnknown, "This needs an operator's token: Authorization: Bearer <token>.")
    }
    return identity
  }

  private func requireOperator(_ identity: OperatorIdentity) throws(Problem) {
    guard identity.role == .operator else { throw Self.operatorsOnly }
  }

  private static let operatorsOnly = Problem(.forbidden, "This is for operators; a proctor's token does not do.")

  static func id(_ text: String) throws(Problem) -> ID128 {
    guard let id = ID128(hex: text) else {
      throw Problem(.invalidValue, "An id has 32 hexadecimal digits, as the lists show it.")
    }
    return id
  }

  func perform(_ command: OperatorCommand, by identity: OperatorIdentity) async throws(Problem) -> OperatorResult {
    switch await writer.perform(.command(command, by: identity)) {
    case .done(let result): return result
    case .problem(let problem): throw problem
    default: throw Problem(.internal, "The server mixed up two answers. Send it again.")
    }
  }

  static func json(_ result: OperatorResult) throws -> OperatorAnswer {
    guard let payload = result.payload else { return try json(["done": true]) }
    return try json(payload)
  }

  static func json(_ value: any Encodable) throws -> OperatorAnswer {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return OperatorAnswer(status: 200, contentType: "application/json", body: Array(try encoder.encode(value)))
  }
}

/// `GET /v1/server` of the operator plane.
public struct ServerDescription: Codable, Sendable {
  public var address: String
  public var fingerprint: String
  public var version: String
}

/// The fingerprint of a server's key, for people to compare: SHA-256 of the Ed25519 key in hexadecimal. Its first half
/// is the key's id in messages.
public enum Fingerprint {
  public static func of(_ publicKey: [UInt8]) -> String { Hash.sha256(publicKey).hex }
}

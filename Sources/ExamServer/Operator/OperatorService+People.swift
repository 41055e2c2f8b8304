import ExamModel
import Foundation
import ServerCore
import SyncProtocol

/// A token, shown once.
public struct IssuedToken: Codable, Sendable {
  public var name: String
  public var role: String
  public var token: String
}

public struct BackupOutcome: Codable, Sendable {
  /// The backup's path on the server's machine.
  public var path: String
}

/// Operators and backups.
extension OperatorService {
  private struct OperatorBody: Decodable {
    var name: String
    var role: String
  }

  private struct BackupBody: Decodable {
    var name: String
  }

  func addOperator(_ request: OperatorRequest, by identity: OperatorIdentity) async throws -> OperatorAnswer {
    let parameters = OperatorParameters(parameters: [:], query: [:], body: request.body)
    let body = try parameters.decode(OperatorBody.self)
    guard OperatorIdentity.Role(rawValue: body.role) != nil else {
      throw Problem(.invalidValue, "A role is operator or proctor.")
    }
    let token = OperatorToken.make()
    _ = try await perform(
      .addOperator(name: body.name, role: body.role, tokenHash: OperatorToken.hash(token)), by: identity)
    return try Self.json(IssuedToken(name: body.name, role: body.role, token: token))
  }

  /// Copies the store, while it is written to, into the data directory's `backups` folder.
  func backup(_ request: OperatorRequest) async throws -> OperatorAnswer {
    let name = try OperatorParameters(parameters: [:], query: [:], body: request.body).decode(BackupBody.self).name
    let isName =
      (1...64).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: ".")
      && name.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
          || [0x2D, 0x2E, 0x5F].contains($0)
      }
    guard isName else {
      throw Problem(.invalidValue, "A backup's name has 1 to 64 letters, digits, hyphens, dots and underscores.")
    }
    try FileSystem.makeDirectory(backups)
    let path = "\(backups)/\(name).sqlite"
    guard FileSystem.size(path) == nil else {
      throw Problem(.conflict, "There is a backup of this name already. Choose another name.")
    }
    let result: Result<Void, Problem> = await withCheckedContinuation { continuation in
      let isTaken = writer.run { engine in
        engine.beginBackup(to: path) { continuation.resume(returning: $0) }
      }
      if !isTaken {
        continuation.resume(returning: .failure(Problem(.busy, "Too much waits. Try again.", retryAfterSeconds: 1)))
      }
    }
    try result.get()
    return try Self.json(BackupOutcome(path: path))
  }
}

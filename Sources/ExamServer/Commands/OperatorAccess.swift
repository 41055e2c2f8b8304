import Foundation
import SyncProtocol

/// What a command could not do, with its exit code.
public struct CommandError: Error, Sendable, CustomStringConvertible {
  /// The documented exit codes.
  public enum Exit: Int32, Sendable {
    /// The server refused: the message says why.
    case refused = 1
    /// Nothing could be reached or opened.
    case unreachable = 2
    /// The token is missing or does not allow it.
    case notAllowed = 3
    /// A file or a store is damaged.
    case damaged = 4
    /// The running server's store failed: nothing was acknowledged after it. Starting again verifies the store.
    case storeFailed = 5
  }

  public var exit: Exit
  public var description: String

  public init(_ exit: Exit, _ description: String) {
    self.exit = exit
    self.description = description
  }
}

/// How a command reaches its server: over the operator port, or, where none runs, by opening the store itself.
public final class OperatorAccess: Sendable {
  private enum Way: Sendable {
    case remote(OperatorClient)
    case local(LocalOperator)
  }

  private let way: Way
  private let token: String

  private init(_ way: Way, token: String) {
    self.way = way
    self.token = token
  }

  /// - Parameters:
  ///   - server: `host:port` of an operator plane; with it, no data directory is looked at unless the token is missing.
  ///   - token: an operator's; without it, the data directory's own.
  ///   - data: the data directory on this machine.
  public static func open(server: String?, token: String?, data: String?) throws -> OperatorAccess {
    let directory = data.map { DataDirectory(path: $0) }
    let ownToken = try directory?.adminToken()
    guard let token = token ?? ownToken else {
      throw CommandError(
        .notAllowed, "No token: give --token or EXAMSYNC_TOKEN, or name the data directory on this machine with --data."
      )
    }
    if let server { return OperatorAccess(.remote(try OperatorClient(address: server)), token: token) }
    guard let directory else {
      throw CommandError(
        .unreachable, "No server: give --server or EXAMSYNC_SERVER, or --data for one on this machine.")
    }
    if let owner = DirectoryLock.owner(of: directory) {
      guard let address = owner.operatorAddress else {
        throw CommandError(
          .unreachable, "Process \(owner.pid) has \(directory.path) open and is not answering yet. Try again.")
      }
      return OperatorAccess(.remote(try OperatorClient(address: address)), token: token)
    }
    return OperatorAccess(.local(try LocalOperator(directory: directory)), token: token)
  }

  /// Sends one request; a problem is thrown.
  public func send(
    _ method: String, _ path: String, query: [String: String] = [:], body: [UInt8] = []
  ) async throws -> [UInt8] {
    let request = OperatorRequest(method: method, path: path, query: query, body: body, token: token)
    let answer: OperatorAnswer
    switch way {
    case .remote(let client): answer = try await client.send(request)
    case .local(let local): answer = await local.service.answer(request)
    }
    guard answer.status < 300 else { throw Self.error(answer) }
    return answer.body
  }

  public func close() async {
    if case .local(let local) = way { await local.close() }
  }

  private struct ProblemBody: Decodable {
    var title: String
    var detail: String
  }

  private static func error(_ answer: OperatorAnswer) -> CommandError {
    let exit: CommandError.Exit = answer.status == 401 || answer.status == 403 ? .notAllowed : .refused
    guard let problem = try? JSONDecoder().decode(ProblemBody.self, from: Data(answer.body)) else {
      return CommandError(exit, "The server answered \(answer.status) and did not say why.")
    }
    return CommandError(exit, "\(problem.title): \(problem.detail)")
  }
}

public import ExamModel
public import SyncProtocol
import Synchronization

/// What a request's MAC is checked against.
public struct SessionEntry: Sendable {
  public var secret: SessionSecret
  public var candidate: ID128
  /// The id of the device's key.
  public var device: ID128
  public var appVersion: String
  public var expiresAt: Int64
}

/// The sessions that a commit has made durable, for the threads that check MACs.
public final class SessionTable: Sendable {
  private let entries = Mutex<[ID128: SessionEntry]>([:])

  init() {}

  public func entry(_ session: ID128) -> SessionEntry? {
    entries.withLock { $0[session] }
  }

  public var count: Int { entries.withLock { $0.count } }

  func apply(_ changes: [ID128: SessionEntry?]) {
    entries.withLock { table in
      for (id, entry) in changes { table[id] = entry }
    }
  }

  func replace(_ sessions: [ID128: SessionEntry]) {
    entries.withLock { $0 = sessions }
  }
}

/// Who holds which operator token, for the threads that check them.
public final class OperatorTable: Sendable {
  private let entries = Mutex<[Digest256: OperatorIdentity]>([:])

  init() {}

  /// The holder of the token with this SHA-256; `nil` for an unknown or revoked one.
  public func identity(tokenHash: Digest256) -> OperatorIdentity? {
    entries.withLock { $0[tokenHash] }
  }

  func replace(_ operators: [Digest256: OperatorIdentity]) {
    entries.withLock { $0 = operators }
  }
}

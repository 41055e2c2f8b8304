public import ExamModel
public import SyncProtocol
package import SyncWire

/// One call on the server's decisions. The caller has done everything that needs no store: framing, decoding,
/// MACs, limits, scrypt.
public enum ServerCall: Sendable {
  /// A sync round of an authenticated session.
  case sync(DeviceCall)
  /// What is needed to check a password outside the writer.
  case credentials(username: String)
  /// A log-in whose password and device signature were found good.
  case login(LoginRequest, candidate: ID128)
  /// A new session from a device certificate whose signatures were found good.
  case session(SessionRequest, DeviceCertificate)
  /// Joining by a 6-digit exam code (S3-07); rate limited here, durably.
  case join(session: ID128, code: String)
  /// An operator's or a proctor's command.
  case command(OperatorCommand, by: OperatorIdentity)
  /// Level-triggered work: key releases, extensions under way, overdue attempts, expired sessions.
  case tick
}

/// One sync round, authenticated and decoded.
public struct DeviceCall: Sendable {
  public var session: ID128
  package var pushes: [PackedPush]
  /// What it asks beside its pushes.
  package var request: SyncRequest
  /// Server time when the request was there, in milliseconds since 1970.
  public var receivedAt: Int64
  /// The request's own time lay close enough to server time for deltas and keys to be given out.
  public var isFresh: Bool

  public init(session: ID128, request: SyncRequest, receivedAt: Int64, isFresh: Bool) {
    self.init(session: session, packed: PackedRequest(request), receivedAt: receivedAt, isFresh: isFresh)
  }

  /// A round as the device plane reads it.
  package init(session: ID128, packed: PackedRequest, receivedAt: Int64, isFresh: Bool) {
    self.session = session
    pushes = packed.pushes
    request = packed.rest
    self.receivedAt = receivedAt
    self.isFresh = isFresh
  }
}

/// What a call is answered with. Nothing of it may leave before the batch's commit returned.
public enum ServerReply: Sendable {
  /// - Parameter isQuiet: nothing new in it, so a poll may be held until one of its scopes changes.
  case sync(SyncResponse, isQuiet: Bool)
  case credentials(PasswordVerifier?)
  case grant(SignedBytes)
  case joined(JoinReply)
  case done(OperatorResult)
  case ticked(nextAt: Int64?)
  case problem(Problem)
}

/// A salted scrypt verifier of a password.
public struct PasswordVerifier: Hashable, Sendable {
  public var candidate: ID128
  public var salt: [UInt8]
  public var verifier: [UInt8]
  public var rounds: Int

  public init(candidate: ID128, salt: [UInt8], verifier: [UInt8], rounds: Int) {
    self.candidate = candidate
    self.salt = salt
    self.verifier = verifier
    self.rounds = rounds
  }
}

/// What one transaction did for a batch of calls.
public struct BatchOutcome: Sendable {
  /// One for each call, in order.
  public var replies: [ServerReply]
  /// Scopes that changed: polls that wait on them are due.
  public var changedScopes: Set<ID128>

  public init(replies: [ServerReply], changedScopes: Set<ID128>) {
    self.replies = replies
    self.changedScopes = changedScopes
  }
}

/// Who gives a command.
public struct OperatorIdentity: Hashable, Sendable {
  public enum Role: String, Hashable, Sendable, CaseIterable {
    case `operator`
    case proctor
  }

  public var name: String
  public var role: Role

  public init(name: String, role: Role) {
    self.name = name
    self.role = role
  }
}

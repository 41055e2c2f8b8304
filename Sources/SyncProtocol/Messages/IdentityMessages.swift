public import ExamModel

/// `POST /v1/login`: a password, and the device key that is to be registered.
public struct LoginRequest: Hashable, Sendable {
  public var username: String
  public var password: String
  public var deviceKey: [UInt8]
  public var nonce: ID128
  public var appVersion: String
  /// By the device key over ``signedBytes``.
  public var signature: [UInt8]

  public init(
    username: String, password: String, deviceKey: [UInt8], nonce: ID128, appVersion: String, signature: [UInt8]
  ) {
    self.username = username
    self.password = password
    self.deviceKey = deviceKey
    self.nonce = nonce
    self.appVersion = appVersion
    self.signature = signature
  }

  /// What the device signs: u32 len ‖ user name ‖ nonce.
  public var signedBytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendLengthPrefixed(Array(username.utf8))
    return bytes + nonce.bytes
  }
}

/// `POST /v1/session`: a new session from the device certificate, without a password.
public struct SessionRequest: Hashable, Sendable {
  public var certificate: SignedBytes
  public var nonce: ID128
  public var signature: [UInt8]
  public var appVersion: String

  public init(certificate: SignedBytes, nonce: ID128, signature: [UInt8], appVersion: String) {
    self.certificate = certificate
    self.nonce = nonce
    self.signature = signature
    self.appVersion = appVersion
  }

  /// What the device signs: u32 len ‖ certificate ‖ nonce.
  public var signedBytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendLengthPrefixed(certificate.statement)
    return bytes + nonce.bytes
  }
}

/// Signed bytes with the id of the key, exactly as they were signed.
public struct SignedBytes: Hashable, Sendable {
  public var statement: [UInt8]
  public var signature: [UInt8]
  public var keyID: ID128

  public init(statement: [UInt8], signature: [UInt8], keyID: ID128) {
    self.statement = statement
    self.signature = signature
    self.keyID = keyID
  }

  public init(signing statement: [UInt8], with key: SigningKey, context: SignatureContext) {
    self.init(statement: statement, signature: key.sign(statement, context: context), keyID: key.id)
  }

  /// Whether this key signed the statement in this context.
  public func isValid(context: SignatureContext, publicKey: [UInt8]) -> Bool {
    keyID == KeyID.of(publicKey)
      && Signatures.verify(signature, of: statement, context: context, publicKey: publicKey)
  }
}

/// What log-in and session requests are answered with, signed by the server.
public struct SessionGrant: Hashable, Sendable {
  public var session: ID128
  /// 32 bytes.
  public var secret: [UInt8]
  /// As asked, so an old grant cannot be replayed.
  public var nonce: ID128
  public var serverTime: Int64
  /// The candidate's id, which is also the id of the candidate's scope.
  public var candidate: ID128
  public var certificate: SignedBytes
  public var name: String
  public var isPhoneBound: Bool
  public var minimumAppVersion: String
  public var hasQuestionBank: Bool
  public var hasMyExams: Bool

  public init(
    session: ID128, secret: [UInt8], nonce: ID128, serverTime: Int64, candidate: ID128, certificate: SignedBytes,
    name: String, isPhoneBound: Bool, minimumAppVersion: String, hasQuestionBank: Bool, hasMyExams: Bool
  ) {
    self.session = session
    self.secret = secret
    self.nonce = nonce
    self.serverTime = serverTime
    self.candidate = candidate
    self.certificate = certificate
    self.name = name
    self.isPhoneBound = isPhoneBound
    self.minimumAppVersion = minimumAppVersion
    self.hasQuestionBank = hasQuestionBank
    self.hasMyExams = hasMyExams
  }
}

/// The server's word that a device key belongs to a candidate.
public struct DeviceCertificate: Hashable, Sendable {
  public var candidate: ID128
  public var deviceKey: [UInt8]
  public var issuedAt: Int64
  public var expiresAt: Int64

  public init(candidate: ID128, deviceKey: [UInt8], issuedAt: Int64, expiresAt: Int64) {
    self.candidate = candidate
    self.deviceKey = deviceKey
    self.issuedAt = issuedAt
    self.expiresAt = expiresAt
  }
}

/// `GET /v1/server`: who answers here. Believed only as far as the pinned key goes.
public struct ServerCard: Hashable, Sendable {
  public var identityKey: [UInt8]
  public var oldestProtocol: UInt32
  public var newestProtocol: UInt32
  public var serverTime: Int64
  public var minimumAppVersion: String

  public init(
    identityKey: [UInt8], oldestProtocol: UInt32, newestProtocol: UInt32, serverTime: Int64,
    minimumAppVersion: String
  ) {
    self.identityKey = identityKey
    self.oldestProtocol = oldestProtocol
    self.newestProtocol = newestProtocol
    self.serverTime = serverTime
    self.minimumAppVersion = minimumAppVersion
  }
}

/// `POST /v1/join`: which attempt a 6-digit exam code selects (S3-07).
public struct JoinReply: Hashable, Sendable {
  public var attempt: ID128
  public var exam: ID128

  public init(attempt: ID128, exam: ID128) {
    self.attempt = attempt
    self.exam = exam
  }
}

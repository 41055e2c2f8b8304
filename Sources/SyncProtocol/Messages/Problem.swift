/// A problem detail (RFC 9457) with a stable type, and what each side does next.
public struct Problem: Error, Hashable, Sendable {
  public var kind: Kind
  /// For a person: what happened and what to do next. No line breaks, at most 500 characters.
  public var detail: String
  /// When to come again, in seconds; only with 429 and 503.
  public var retryAfterSeconds: Int?

  public init(_ kind: Kind, _ detail: String, retryAfterSeconds: Int? = nil) {
    self.kind = kind
    self.detail = Self.clean(detail)
    self.retryAfterSeconds = retryAfterSeconds
  }

  /// Who can help next (S3-37).
  public enum NextActor: String, Hashable, Sendable {
    case engine
    case candidate
    case proctor
    case support
    case `operator`
  }

  /// What is wrong; the raw value ends the type's URI.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    case badRequest = "bad-request"
    case unreadableBody = "unreadable-body"
    case tooLarge = "too-large"
    case headersTooLarge = "headers-too-large"
    case tooSlow = "too-slow"
    case notFound = "not-found"
    case methodNotAllowed = "method-not-allowed"
    case rangeNotSatisfiable = "range-not-satisfiable"
    case versionNotSupported = "version-not-supported"
    case clientTooOld = "client-too-old"
    case sessionUnknown = "session-unknown"
    case macInvalid = "mac-invalid"
    case wrongPassword = "wrong-password"
    case certificateRefused = "certificate-refused"
    case codeUnknown = "code-unknown"
    case tooManyTries = "too-many-tries"
    case tooManyRequests = "too-many-requests"
    case busy
    case storageLow = "storage-low"
    case storageFailed = "storage-failed"
    case forbidden
    case conflict
    case invalidValue = "invalid-value"
    case shuttingDown = "shutting-down"
    case `internal` = "internal"
  }

  public var type: String { "urn:examsync:problem:\(kind.rawValue)" }

  public var status: Int {
    switch kind {
    case .badRequest, .unreadableBody, .versionNotSupported: 400
    case .sessionUnknown, .macInvalid, .wrongPassword, .certificateRefused: 401
    case .forbidden, .clientTooOld: 403
    case .notFound, .codeUnknown: 404
    case .methodNotAllowed: 405
    case .tooSlow: 408
    case .conflict: 409
    case .tooLarge: 413
    case .rangeNotSatisfiable: 416
    case .invalidValue: 422
    case .tooManyTries, .tooManyRequests: 429
    case .headersTooLarge: 431
    case .internal, .storageFailed: 500
    case .busy, .shuttingDown: 503
    case .storageLow: 507
    }
  }

  public var title: String {
    switch kind {
    case .badRequest: "The request is not well formed"
    case .unreadableBody: "The body cannot be read"
    case .tooLarge: "The body is too large"
    case .headersTooLarge: "The headers are too large"
    case .tooSlow: "The request came too slowly"
    case .notFound: "There is nothing here"
    case .methodNotAllowed: "This method does not apply here"
    case .rangeNotSatisfiable: "The range lies outside the blob"
    case .versionNotSupported: "This protocol version is not spoken here"
    case .clientTooOld: "The app is too old"
    case .sessionUnknown: "The session is not known"
    case .macInvalid: "The request's MAC does not fit"
    case .wrongPassword: "The user name or password is wrong"
    case .certificateRefused: "The device certificate is refused"
    case .codeUnknown: "The code is not known"
    case .tooManyTries: "Too many tries"
    case .tooManyRequests: "Too many requests"
    case .busy: "The server is busy"
    case .storageLow: "The server's disk is nearly full"
    case .storageFailed: "The server could not store this"
    case .forbidden: "Not allowed"
    case .conflict: "This contradicts what is there"
    case .invalidValue: "A value is not allowed"
    case .shuttingDown: "The server is shutting down"
    case .internal: "The server made a mistake"
    }
  }

  public var nextActor: NextActor {
    switch kind {
    case .sessionUnknown, .macInvalid, .tooLarge, .tooManyRequests, .busy, .shuttingDown, .tooSlow,
      .rangeNotSatisfiable:
      .engine
    case .wrongPassword, .codeUnknown, .tooManyTries, .clientTooOld, .invalidValue, .certificateRefused: .candidate
    case .forbidden, .conflict, .notFound: .proctor
    case .storageLow, .storageFailed: .operator
    case .badRequest, .unreadableBody, .headersTooLarge, .methodNotAllowed, .versionNotSupported, .internal:
      .support
    }
  }

  private static func clean(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(500).map { $0.value < 32 ? " " : $0 }))
  }
}

public import SyncProtocol

#if PlantedBugs
  import Planted
#endif

/// Why a request has no answer that can be used.
public enum RequestFailure: Error, Hashable, Sendable {
  /// No whole HTTP response: the transport's error, whatever it was.
  case transport
  /// A response with another status than 200, or one without a good MAC.
  case refused(HTTPRefusal)
  /// The MAC was good and the body cannot be decoded: one side is wrong, and a person should know.
  case undecodable
  /// Only for a session: there is no certificate, so only a log-in helps.
  case noCertificate
  /// The store could not read what was to be sent.
  case storage
}

/// A response that is not an answer.
public struct HTTPRefusal: Hashable, Sendable {
  public var status: Int
  /// The response MAC was there and good. For a session attempt there is none: `false`.
  public var isAuthenticated: Bool
  /// Of `application/problem+json`; `nil` for HTML, redirects and anything unknown.
  public var kind: Problem.Kind?
  /// As the header said. Bounded by the core.
  public var retryAfterSeconds: Int?

  public init(status: Int, isAuthenticated: Bool, kind: Problem.Kind? = nil, retryAfterSeconds: Int? = nil) {
    self.status = status
    self.isAuthenticated = isAuthenticated
    self.kind = kind
    self.retryAfterSeconds = retryAfterSeconds
  }

  /// The longest `Retry-After` that is obeyed, in milliseconds: a stranger's 30 s, the server's 120 s, and with a seal
  /// pending 10 s.
  static func cap(isAuthenticated: Bool, sealIsPending: Bool) -> Int64 {
    #if PlantedBugs
      if planted(.retryAfterWithoutCap) { return .max / 4 }
    #endif
    if sealIsPending { return Limits.sealRetryAfterCapMilliseconds }
    return isAuthenticated
      ? Limits.authenticatedRetryAfterCapMilliseconds : Limits.unauthenticatedRetryAfterCapMilliseconds
  }
}

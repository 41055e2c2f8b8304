/// An answer that some box on the way gives in the server's place.
public enum WeatherKind: String, Codable, CaseIterable, Sendable {
  /// 302 to a log-in page.
  case portalRedirect
  /// 200 with a log-in page in HTML.
  case portalPage
  /// 502 with a page in HTML.
  case badGateway
  /// 429 with `Retry-After`.
  case tooManyRequests
  /// 503 with `Retry-After`.
  case unavailable
}

/// What happens to the phone's connection after its reply was thrown away.
public enum LostReplyEnd: String, Codable, CaseIterable, Sendable {
  /// The connection is reset.
  case reset
  /// Nothing more ever comes, and what the phone sends is swallowed.
  case silence
}

/// What goes wrong with one HTTP request.
public enum RequestFault: Equatable, Sendable {
  /// The server gets the whole request and answers it; the phone sees no byte of the answer.
  case loseReply(LostReplyEnd)
  /// After its answer, and `delayMilliseconds` later, the server gets the same bytes again on another connection.
  case duplicate(delayMilliseconds: Int)
  /// The phone's connection is closed after this many bytes of the response.
  case truncate(afterBytes: Int)
  /// One bit of this byte of the response's body, counted from 0, is wrong; as without TLS, or behind a broken box.
  case corrupt(bodyByte: Int)
  /// The phone gets an answer that is not the server's; the server sees nothing.
  case replace(WeatherKind, retryAfterSeconds: Int)

  /// How counters and events call it.
  public var kind: FaultKind {
    switch self {
    case .loseReply: .replyLost
    case .duplicate: .duplicate
    case .truncate: .truncated
    case .corrupt: .corrupted
    case .replace: .answerReplaced
    }
  }

  /// What events say about it.
  var detail: String {
    switch self {
    case .loseReply(let end): "then \(end.rawValue)"
    case .duplicate(let delay): "\(delay) ms later"
    case .truncate(let bytes): "after \(bytes) bytes"
    case .corrupt(let byte): "body byte \(byte)"
    case .replace(let kind, _): kind.rawValue
    }
  }
}

/// The kinds of faults that counters tell apart.
public enum FaultKind: String, Codable, CaseIterable, Sendable {
  /// A connection was reset.
  case reset
  /// A connection went half-open.
  case halfOpen
  case replyLost
  case duplicate
  case truncated
  case corrupted
  case answerReplaced
}

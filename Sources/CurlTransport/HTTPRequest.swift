public enum HTTPMethod: String, Sendable, Hashable, CaseIterable {
  case get = "GET"
  case head = "HEAD"
  case post = "POST"
  case put = "PUT"
  case patch = "PATCH"
  case delete = "DELETE"
}

/// What a reader of a streamed body wants next.
public enum BodyChunkDecision: Sendable, Hashable {
  case proceed
  /// Ends the exchange with ``TransportError/Code/abortedByReader`` and closes its connection.
  case abort
}

/// One HTTP/1.1 request and the patience it is given.
///
/// On the wire it has `Host`, `Content-Length` where the method wants one, and the headers given here:
/// nothing else, because a push has a byte budget.
public struct HTTPRequest: Sendable {
  /// Gets the pieces of a 2xx body as they come, on the transport's thread: it must be quick, and must not wait
  /// for another request of the same transport.
  public typealias BodyChunkReader = @Sendable (HTTPResponseHead, [UInt8]) -> BodyChunkDecision

  public var method: HTTPMethod

  /// `http://` or `https://`, visible ASCII, percent-encoded by the caller and sent as it is (no dot segment is
  /// resolved), without user and password; at most ``TransportLimits/urlBytes``.
  public var url: String

  /// Must not have `Content-Length`, `Transfer-Encoding` or `Expect`: framing is the transport's.
  public var headers: HTTPHeaders

  /// Must be empty for GET and HEAD.
  public var body: [UInt8]

  /// Longest body to accept, in bytes; a longer one ends with ``TransportError/Code/responseTooLarge``, before
  /// a byte of it is read if `Content-Length` tells.
  public var bodyLimitBytes: Int

  /// Time for name look-up, TCP and TLS together, in milliseconds.
  public var connectTimeoutMilliseconds: Int

  /// How long no byte may move in either direction while the request is sent and while the response comes,
  /// in milliseconds. There is no limit on the whole: a slow exchange that moves is left alone.
  public var progressTimeoutMilliseconds: Int

  /// How long the server may be silent after the last byte of the request was handed to the network and before
  /// the first line of its response, in milliseconds. A long poll gives its wait and some seconds more.
  public var responseDeadlineMilliseconds: Int

  /// Nil collects the body in ``HTTPResponse/body``. Otherwise the body of a 2xx response goes here and that of
  /// any other response, up to ``TransportLimits/refusalBodyBytes``, is collected, so that a refusal never ends
  /// up in the file a download is written to.
  public var onBodyChunk: BodyChunkReader?

  public init(
    method: HTTPMethod = .get,
    url: String,
    headers: HTTPHeaders = HTTPHeaders(),
    body: [UInt8] = [],
    bodyLimitBytes: Int = TransportLimits.defaultBodyBytes,
    connectTimeoutMilliseconds: Int = 10_000,
    progressTimeoutMilliseconds: Int = 15_000,
    responseDeadlineMilliseconds: Int = 15_000,
    onBodyChunk: BodyChunkReader? = nil
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
    self.bodyLimitBytes = bodyLimitBytes
    self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
    self.progressTimeoutMilliseconds = progressTimeoutMilliseconds
    self.responseDeadlineMilliseconds = responseDeadlineMilliseconds
    self.onBodyChunk = onBodyChunk
  }
}

extension HTTPRequest {
  private static let framingHeaders = ["content-length", "transfer-encoding", "expect"]

  /// Refuses what libcurl would send in another form, or what would let a value write headers of its own.
  func validate() throws(TransportError) {
    func refuse(_ message: String) -> TransportError { TransportError(.invalidRequest, message) }
    guard isPlainURL(url) else {
      throw refuse(
        "The address is not http:// or https:// in percent-encoded ASCII of at most "
          + "\(TransportLimits.urlBytes) bytes. Check the server address.")
    }
    for field in headers.fields {
      guard field.isWellFormed else {
        throw refuse("The header \"\(field.name)\" has a character that headers cannot carry. Encode its value.")
      }
      guard !Self.framingHeaders.contains(field.name.lowercased()) else {
        throw refuse("The header \(field.name) is set by the transport. Leave it out.")
      }
    }
    if !body.isEmpty, method == .get || method == .head {
      throw refuse("A \(method.rawValue) request has no body. Use another method or leave the body empty.")
    }
    guard bodyLimitBytes >= 0 else {
      throw refuse("bodyLimitBytes is \(bodyLimitBytes); give 0 or more.")
    }
    let timeouts = [
      ("connectTimeoutMilliseconds", connectTimeoutMilliseconds),
      ("progressTimeoutMilliseconds", progressTimeoutMilliseconds),
      ("responseDeadlineMilliseconds", responseDeadlineMilliseconds),
    ]
    for (name, milliseconds) in timeouts where !(1...TransportLimits.timeoutMilliseconds).contains(milliseconds) {
      throw refuse("\(name) is \(milliseconds); give a number from 1 to \(TransportLimits.timeoutMilliseconds).")
    }
  }
}

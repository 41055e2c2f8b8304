/// Why an exchange has no response.
///
/// Whether the server acted on the request is unknown unless the code says that no connection was made.
public struct TransportError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong, as a closed set of labels for metrics that may grow.
  public struct Code: RawRepresentable, Sendable, Hashable {
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    /// The request cannot be sent as it is; nothing was sent.
    public static let invalidRequest = Code(rawValue: "invalid-request")
    /// The transport's options contradict themselves or name a file that cannot be read.
    public static let invalidOptions = Code(rawValue: "invalid-options")
    /// The server's name has no address, or no name server answered.
    public static let couldNotResolve = Code(rawValue: "could-not-resolve")
    /// The server refused the connection or cannot be reached.
    public static let couldNotConnect = Code(rawValue: "could-not-connect")
    /// No connection within the request's connect time-out.
    public static let connectTimedOut = Code(rawValue: "connect-timed-out")
    /// No response within the request's response deadline.
    public static let timedOutNoResponse = Code(rawValue: "timed-out-no-response")
    /// No byte moved for the request's progress time-out.
    public static let timedOutNoProgress = Code(rawValue: "timed-out-no-progress")
    /// The connection broke, or the server closed it before it answered.
    public static let reset = Code(rawValue: "reset")
    /// TLS failed for another reason than trust; may be the network's fault.
    public static let tls = Code(rawValue: "tls")
    /// The server's certificate or its public key is not one that this device trusts.
    public static let serverNotTrusted = Code(rawValue: "server-not-trusted")
    /// The body is longer than the request accepts.
    public static let responseTooLarge = Code(rawValue: "response-too-large")
    /// More header bytes or fields than ``TransportLimits`` allow.
    public static let headersTooLarge = Code(rawValue: "headers-too-large")
    /// The connection ended before the response did.
    public static let truncated = Code(rawValue: "truncated")
    /// What came is not an HTTP/1.x response.
    public static let malformedResponse = Code(rawValue: "malformed-response")
    /// ``CurlTransport/cancel(_:)`` was called.
    public static let cancelled = Code(rawValue: "cancelled")
    /// The request's `onBodyChunk` said ``BodyChunkDecision/abort``.
    public static let abortedByReader = Code(rawValue: "aborted-by-reader")
    /// The transport was shut down.
    public static let shutDown = Code(rawValue: "shut-down")
    /// Memory, threads or file descriptors ran out, or libcurl failed in a way it should not.
    public static let outOfResources = Code(rawValue: "out-of-resources")
  }

  public let code: Code
  /// For a person: what happened and what to do next.
  public let message: String
  /// libcurl's `CURLcode`, or nil if libcurl did not fail.
  public let curlCode: Int?

  public init(_ code: Code, _ message: String, curlCode: Int? = nil) {
    self.code = code
    self.message = message
    self.curlCode = curlCode
  }

  public var description: String { "\(code.rawValue): \(message)" }
}

extension TransportError {
  static let cancelled = TransportError(.cancelled, "The request was cancelled. Send it again if it is still wanted.")

  static let shutDown = TransportError(
    .shutDown, "The connection to the server was shut down on this device. Start the client again.")

  static let abortedByReader = TransportError(
    .abortedByReader, "The download was stopped on this device. Start it again from the last byte that was kept.")

  static func tooLarge(limitBytes: Int) -> TransportError {
    TransportError(
      .responseTooLarge,
      "The server's response is longer than the \(limitBytes) bytes allowed. "
        + "Check that the address is that of an exam server.")
  }

  static let headersTooLarge = TransportError(
    .headersTooLarge,
    "The server sent more than \(TransportLimits.responseHeaderBytes) bytes or "
      + "\(TransportLimits.responseHeaderCount) fields of headers. Check that the address is that of an exam server.")

  static func malformed(_ detail: String) -> TransportError {
    TransportError(
      .malformedResponse,
      "What answered is not an HTTP server: \(detail). Check the address, and that no log-in page of the network "
        + "stands in between.")
  }

  static func outOfResources(_ detail: String) -> TransportError {
    TransportError(.outOfResources, "\(detail). Close other programs and try again.")
  }
}

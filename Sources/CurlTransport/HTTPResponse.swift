/// Status and headers of a response.
public struct HTTPResponseHead: Sendable, Hashable {
  /// 200 to 599 for any server that keeps to RFC 9110; redirects are not followed.
  public internal(set) var status: Int
  /// At most ``TransportLimits/responseHeaderCount`` fields; trailers are not among them.
  public internal(set) var headers: HTTPHeaders

  public init(status: Int, headers: HTTPHeaders) {
    self.status = status
    self.headers = headers
  }
}

/// A whole response: all bytes its framing promised have come.
public struct HTTPResponse: Sendable, Hashable {
  /// When things happened, in milliseconds since the request was given to libcurl.
  public struct Timing: Sendable, Hashable {
    /// TCP connected; 0 on a connection that was open already.
    public let connectMilliseconds: Double
    /// First byte of the response read.
    public let firstByteMilliseconds: Double
    /// Last byte of the response read.
    public let totalMilliseconds: Double
  }

  public let head: HTTPResponseHead
  /// As it was sent, without its transfer coding but with any content coding; empty if it was streamed.
  public let body: [UInt8]
  /// Length of the body in bytes, streamed or not.
  public let bodyByteCount: Int
  /// The server's address and port as `127.0.0.1:8080` or `[::1]:8080`, or nil if unknown.
  public let remoteAddress: String?
  public let timing: Timing
  /// Request line, headers and body in bytes, as given to TCP or TLS; twice if libcurl sent the request twice.
  public let bytesSent: Int
  /// Status line, headers, body, chunk framing and interim responses in bytes, as TCP or TLS gave them.
  public let bytesReceived: Int
  public let connectionWasReused: Bool

  public var status: Int { head.status }
  public var headers: HTTPHeaders { head.headers }
}

/// Knows by when the next byte must move.
///
/// While connecting there is no deadline here: libcurl's connect time-out covers look-up, TCP and TLS.
struct ProgressWatch {
  enum Phase {
    case connecting
    case sending
    case waiting
    case receiving
  }

  private let bodyBytes: Int64
  private let progressTimeout: Duration
  private let responseDeadline: Duration
  private(set) var phase = Phase.connecting
  private var lastMoveAt: ContinuousClock.Instant
  private var uploadedBytes: Int64 = 0
  private var downloadedBytes: Int64 = 0

  init(_ request: HTTPRequest, now: ContinuousClock.Instant) {
    bodyBytes = Int64(request.body.count)
    progressTimeout = .milliseconds(request.progressTimeoutMilliseconds)
    responseDeadline = .milliseconds(request.responseDeadlineMilliseconds)
    lastMoveAt = now
  }

  var hasConnected: Bool { phase != .connecting }

  /// A connection is there and the request is about to be sent; again if libcurl repeats it on a new connection.
  mutating func connected(now: ContinuousClock.Instant) {
    phase = bodyBytes > 0 ? .sending : .waiting
    uploadedBytes = 0
    lastMoveAt = now
  }

  /// Totals of body bytes as libcurl counts them.
  mutating func counted(uploaded: Int64, downloaded: Int64, now: ContinuousClock.Instant) {
    if uploaded != uploadedBytes || downloaded != downloadedBytes {
      uploadedBytes = uploaded
      downloadedBytes = downloaded
      lastMoveAt = now
    }
    if phase == .sending, uploadedBytes >= bodyBytes { phase = .waiting }
  }

  mutating func received(now: ContinuousClock.Instant) {
    phase = .receiving
    lastMoveAt = now
  }

  /// An interim response (1xx) is no answer: the server has the response deadline again.
  mutating func interimResponseEnded(now: ContinuousClock.Instant) {
    phase = uploadedBytes < bodyBytes ? .sending : .waiting
    lastMoveAt = now
  }

  var deadline: ContinuousClock.Instant? {
    switch phase {
    case .connecting: nil
    case .sending, .receiving: lastMoveAt + progressTimeout
    case .waiting: lastMoveAt + responseDeadline
    }
  }

  /// What to say if the deadline has passed.
  var timeoutError: TransportError {
    if phase == .waiting {
      return TransportError(
        .timedOutNoResponse,
        "The server did not answer within \(responseDeadline). Check the network; it is safe to try again.")
    }
    return TransportError(
      .timedOutNoProgress,
      "Nothing moved on the connection for \(progressTimeout). Check the network; it is safe to try again.")
  }
}

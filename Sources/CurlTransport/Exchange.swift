import CCurl

/// A request on its way, its response so far, and whoever waits for it. Confined to the transport's thread.
final class Exchange {
  let identifier: UInt64
  private let easy: EasyHandle
  /// Keeps the cache, and with it the connection in use, until the easy handle is gone.
  private let connections: ConnectionCache
  private var completion: CurlTransport.Completion?
  private var watch: ProgressWatch
  private var assembler: ResponseAssembler
  /// Why a callback made libcurl stop; libcurl itself only knows that one did.
  private var refusal: TransportError?
  private var connection: ConnectionCache.ConnectionName?
  private var hasUncleanConnection = false
  private var bytesSent = 0
  private var bytesReceived = 0

  init(
    _ identifier: UInt64, _ request: HTTPRequest, options: TransportOptions, connections: ConnectionCache,
    completion: @escaping CurlTransport.Completion
  ) throws(TransportError) {
    try request.validate()
    self.identifier = identifier
    self.connections = connections
    self.completion = completion
    easy = try EasyHandle()
    watch = ProgressWatch(request, now: .now)
    assembler = ResponseAssembler(request)
    try easy.configure(
      request, options: options, share: connections.share,
      context: Unmanaged.passUnretained(self).toOpaque())
  }

  var easyPointer: UnsafeMutableRawPointer { easy.pointer }

  var deadline: ContinuousClock.Instant? { watch.deadline }

  var timeoutError: TransportError { watch.timeoutError }

  /// Answers whoever waits. Only the first call does anything.
  func answer(_ result: Result<HTTPResponse, TransportError>) {
    guard let completion else { return }
    self.completion = nil
    completion(result)
  }

  /// Whether the request, of which nothing was sent, was made ready to start again on a new connection.
  func prepareRestart() -> Bool {
    guard hasUncleanConnection, refusal == nil else { return false }
    hasUncleanConnection = false
    do throws(TransportError) {
      try easy.useNewConnection()
      return true
    } catch {
      refusal = error
      return false
    }
  }

  func result(of code: CURLcode) -> Result<HTTPResponse, TransportError> {
    if let refusal { return .failure(refusal) }
    if watch.hasConnected, !assembler.isHeadComplete, Self.codesOfOverlongLine.contains(code.rawValue) {
      return .failure(.headersTooLarge)
    }
    guard code == CURLE_OK else {
      return .failure(
        TransportError(
          curl: code, detail: easy.errorDetail, hasConnected: watch.hasConnected,
          systemError: easy.number(CURLINFO_OS_ERRNO)))
    }
    if let connection, let socket = easy.lastSocket { connections.noteIdleSocket(socket, of: connection) }
    return .success(response())
  }

  /// libcurl gives up a header line of 100 KiB with CURLE_OUT_OF_MEMORY, since 8.6 with CURLE_TOO_LARGE.
  private static let codesOfOverlongLine = [CURLE_OUT_OF_MEMORY.rawValue, 100]

  private func response() -> HTTPResponse {
    func milliseconds(_ info: CURLINFO) -> Double { Double(easy.offset(info)) / 1_000 }
    return HTTPResponse(
      head: assembler.head,
      body: assembler.body,
      bodyByteCount: assembler.bodyByteCount,
      remoteAddress: remoteAddress(),
      timing: HTTPResponse.Timing(
        connectMilliseconds: milliseconds(CURLINFO_CONNECT_TIME_T),
        firstByteMilliseconds: milliseconds(CURLINFO_STARTTRANSFER_TIME_T),
        totalMilliseconds: milliseconds(CURLINFO_TOTAL_TIME_T)),
      bytesSent: bytesSent,
      bytesReceived: bytesReceived,
      connectionWasReused: easy.number(CURLINFO_NUM_CONNECTS) == 0)
  }

  private func remoteAddress() -> String? {
    guard let address = easy.string(CURLINFO_PRIMARY_IP), !address.isEmpty else { return nil }
    let port = easy.number(CURLINFO_PRIMARY_PORT)
    return address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
  }
}

/// What libcurl reports; false makes it stop.
extension Exchange {
  /// False if something already waits to be read on a connection used before: it would be taken for the response
  /// to this request. libcurl looks for it itself from 8.1 on.
  func didConnect(to name: ConnectionCache.ConnectionName) -> Bool {
    watch.connected(now: .now)
    connection = name
    if let socket = connections.takeIdleSocket(of: name), easy.number(CURLINFO_NUM_CONNECTS) == 0, hasInput(socket) {
      hasUncleanConnection = true
      return false
    }
    return true
  }

  func didCount(uploaded: Int64, downloaded: Int64) {
    watch.counted(uploaded: uploaded, downloaded: downloaded, now: .now)
  }

  func didSend(byteCount: Int) { bytesSent += byteCount }

  func didRead(byteCount: Int) { bytesReceived += byteCount }

  func didReceive(headerLine line: UnsafeRawBufferPointer) -> Bool {
    watch.received(now: .now)
    do throws(TransportError) {
      if try assembler.appendHeaderLine(line) == .endOfInterim { watch.interimResponseEnded(now: .now) }
      return true
    } catch {
      refusal = error
      return false
    }
  }

  func didReceive(body bytes: UnsafeRawBufferPointer) -> Bool {
    watch.received(now: .now)
    do throws(TransportError) {
      try assembler.appendBody(bytes)
      return true
    } catch {
      refusal = error
      return false
    }
  }
}

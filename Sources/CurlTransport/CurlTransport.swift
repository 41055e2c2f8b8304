import Synchronization

/// Carries out HTTP/1.1 exchanges on one thread of its own, with connections that are kept open and used again.
///
/// It decides nothing: it does not repeat a request, follow a redirect, or read a body. One exception is libcurl's:
/// if a kept connection turns out to be closed before a single byte of a response came, the request is sent once
/// more on a new connection, so a server may see it twice. Requests must bear that; those of the sync protocol do.
///
/// Letting go of the transport shuts it down.
public final class CurlTransport: Sendable {
  /// Called exactly once for each started request, on the transport's thread: it must be quick, and must not wait
  /// for another request of the same transport. It may start and cancel requests.
  public typealias Completion = @Sendable (Result<HTTPResponse, TransportError>) -> Void

  /// Names a started request.
  public struct RequestHandle: Sendable, Hashable {
    fileprivate let identifier: UInt64
  }

  private let mailbox = Mailbox()
  private let lastIdentifier = Atomic<UInt64>(0)

  /// Throws ``TransportError/Code/invalidOptions``, or ``TransportError/Code/outOfResources`` if no thread can be
  /// started.
  public init(options: TransportOptions = TransportOptions()) throws(TransportError) {
    try options.validate()
    try CurlThread.start(mailbox, options: options)
  }

  deinit {
    mailbox.stop()
  }

  /// Starts a request; may be called from any thread. A request that cannot be sent is answered like any other.
  /// After ``shutdown()`` the completion is called at once on the caller's thread.
  @discardableResult
  public func start(_ request: HTTPRequest, completion: @escaping Completion) -> RequestHandle {
    let handle = nextHandle()
    start(request, as: handle, completion: completion)
    return handle
  }

  /// Ends a request with ``TransportError/Code/cancelled`` and closes its connection. Nothing happens if it was
  /// already answered, so that its completion may still bring a response.
  public func cancel(_ handle: RequestHandle) {
    // False means that the transport is shutting down, which ends the request as well.
    _ = mailbox.post(.cancel(handle.identifier))
  }

  /// Sends a request and waits for its response. Throws ``TransportError``, or `CancellationError` if the task was
  /// cancelled before the response came.
  public func send(_ request: HTTPRequest) async throws -> HTTPResponse {
    try Task.checkCancellation()
    let handle = nextHandle()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        start(request, as: handle) { continuation.resume(returning: $0) }
        // A cancellation that came before the start found nothing to cancel.
        if Task.isCancelled { cancel(handle) }
      }
    } onCancel: {
      cancel(handle)
    }
    if case .failure(let error) = result, error.code == .cancelled { throw CancellationError() }
    return try result.get()
  }

  /// Makes requests that start from now on use new connections, addresses and TLS sessions; closes idle
  /// connections, and busy ones when they are done. For a device whose network has changed.
  public func closeIdleConnections() {
    _ = mailbox.post(.closeIdleConnections)
  }

  /// Ends every request with ``TransportError/Code/shutDown`` and closes every connection. Returns at once; the
  /// completions are called on the transport's thread. Later calls do nothing.
  public func shutdown() {
    mailbox.stop()
  }

  /// Returns once ``shutdown()`` has taken effect: every completion has returned and every connection is closed.
  /// Must not be waited for in a completion.
  public func waitUntilShutDown() async {
    await mailbox.waitUntilFinished()
  }

  private func nextHandle() -> RequestHandle {
    RequestHandle(identifier: lastIdentifier.add(1, ordering: .relaxed).newValue)
  }

  private func start(_ request: HTTPRequest, as handle: RequestHandle, completion: @escaping Completion) {
    if !mailbox.post(.start(handle.identifier, request, completion)) { completion(.failure(.shutDown)) }
  }
}

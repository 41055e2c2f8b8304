import CCurl

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Starts the thread on which libcurl lives. It ends by itself once the mailbox is stopped.
enum CurlThread {
  private final class Start: Sendable {
    let mailbox: Mailbox
    let options: TransportOptions

    init(_ mailbox: Mailbox, _ options: TransportOptions) {
      self.mailbox = mailbox
      self.options = options
    }
  }

  static func start(_ mailbox: Mailbox, options: TransportOptions) throws(TransportError) {
    guard isLibraryReady else { throw TransportError.outOfResources("libcurl could not be started") }
    guard createThread(Start(mailbox, options)) else {
      throw TransportError.outOfResources("No thread for the network could be started")
    }
  }

  /// `curl_global_init` once in the life of the process; libcurl 7.84 and later allow it on any thread.
  private static let isLibraryReady = examsync_curl_global_init() == CURLE_OK

  private static func createThread(_ start: Start) -> Bool {
    let context = Unmanaged.passRetained(start)
    #if canImport(Darwin)
      var thread: pthread_t?
      let result = pthread_create(&thread, nil, { CurlThread.run($0) }, context.toOpaque())
      if result == 0, let thread { pthread_detach(thread) }
    #else
      var thread = pthread_t()
      let result = pthread_create(&thread, nil, { CurlThread.run($0) }, context.toOpaque())
      if result == 0 { pthread_detach(thread) }
    #endif
    if result != 0 { context.release() }
    return result == 0
  }

  private static func run(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    let start = Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
    blockSignals()
    runLoop(start)
    // After the loop is gone: whoever waits may rely on every connection being closed.
    start.mailbox.finish()
    return nil
  }

  private static func runLoop(_ start: Start) {
    do throws(TransportError) {
      try CurlLoop(start.mailbox, options: start.options).run()
    } catch {
      for case .start(_, _, let completion) in start.mailbox.close() { completion(.failure(error)) }
    }
  }

  /// `CURLOPT_NOSIGNAL` leaves SIGPIPE to the program, and its other signals belong to its own threads.
  private static func blockSignals() {
    var signals = sigset_t()
    sigfillset(&signals)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }
}

func isReadableFile(_ path: String) -> Bool { access(path, R_OK) == 0 }

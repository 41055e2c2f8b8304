import CCurl

/// Runs exchanges on one multi handle until it is told to stop. Confined to the transport's thread.
final class CurlLoop {
  private let mailbox: Mailbox
  private let options: TransportOptions
  private let multi: UnsafeMutableRawPointer
  private var connections: ConnectionCache
  private var exchanges: [UInt64: Exchange] = [:]

  init(_ mailbox: Mailbox, options: TransportOptions) throws(TransportError) {
    self.mailbox = mailbox
    self.options = options
    connections = try ConnectionCache()
    guard let multi = curl_multi_init() else {
      throw TransportError.outOfResources("No memory for connections to the server")
    }
    self.multi = multi
    examsync_curl_multi_setopt_long(multi, CURLMOPT_MAXCONNECTS, options.idleConnectionLimit)
  }

  deinit {
    curl_multi_cleanup(multi)
  }

  func run() {
    mailbox.open(multi)
    while true {
      let delivery = mailbox.take()
      for command in delivery.commands { carryOut(command) }
      if delivery.isStopping { break }
      var running: Int32 = 0
      let performed = curl_multi_perform(multi, &running)
      collectFinished()
      expire()
      let polled = curl_multi_poll(multi, nil, 0, millisecondsToNextDeadline(), nil)
      // Neither fails unless memory has run out. Going on would spin; a request that fails is sent again.
      if performed != CURLM_OK || polled != CURLM_OK {
        endAll(TransportError.outOfResources("Waiting for the network failed"))
      }
    }
    let untaken = mailbox.close()
    endAll(.shutDown)
    for case .start(_, _, let completion) in untaken { completion(.failure(.shutDown)) }
  }

  private func carryOut(_ command: Mailbox.Command) {
    switch command {
    case .start(let identifier, let request, let completion): start(identifier, request, completion)
    case .cancel(let identifier):
      if let exchange = exchanges[identifier] { end(exchange, .failure(.cancelled)) }
    case .closeIdleConnections:
      // Without memory for a new cache the old one has to do.
      if let fresh = try? ConnectionCache() { connections = fresh }
    }
  }

  private func start(_ identifier: UInt64, _ request: HTTPRequest, _ completion: @escaping CurlTransport.Completion) {
    do throws(TransportError) {
      let exchange = try Exchange(
        identifier, request, options: options, connections: connections, completion: completion)
      guard curl_multi_add_handle(multi, exchange.easyPointer) == CURLM_OK else {
        throw TransportError.outOfResources("No memory for a request to the server")
      }
      exchanges[identifier] = exchange
    } catch {
      completion(.failure(error))
    }
  }

  private func collectFinished() {
    var remaining: Int32 = 0
    while let message = curl_multi_info_read(multi, &remaining) {
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
        let context = EasyHandle.context(of: easy)
      else { continue }
      // The message is gone once its easy handle is removed.
      let code = message.pointee.data.result
      let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
      if exchange.prepareRestart() { restart(exchange) } else { end(exchange, exchange.result(of: code)) }
    }
  }

  private func restart(_ exchange: Exchange) {
    curl_multi_remove_handle(multi, exchange.easyPointer)
    if curl_multi_add_handle(multi, exchange.easyPointer) != CURLM_OK {
      end(exchange, .failure(TransportError.outOfResources("No memory for a request to the server")))
    }
  }

  private func expire() {
    let now = ContinuousClock.now
    for exchange in exchanges.values {
      if let deadline = exchange.deadline, deadline <= now { end(exchange, .failure(exchange.timeoutError)) }
    }
  }

  private func millisecondsToNextDeadline() -> Int32 {
    guard let deadline = exchanges.values.lazy.compactMap(\.deadline).min() else {
      return Int32(TransportLimits.timeoutMilliseconds)
    }
    let wait = ContinuousClock.now.duration(to: deadline)
    // Rounded up, so that the deadline has passed when the wait is over.
    let milliseconds = wait.components.seconds * 1_000 + wait.components.attoseconds / 1_000_000_000_000_000 + 1
    return Int32(clamping: max(0, milliseconds))
  }

  /// Takes the exchange out of libcurl, which closes its connection unless the response is complete, and answers.
  private func end(_ exchange: Exchange, _ result: Result<HTTPResponse, TransportError>) {
    curl_multi_remove_handle(multi, exchange.easyPointer)
    exchanges[exchange.identifier] = nil
    exchange.answer(result)
  }

  private func endAll(_ error: TransportError) {
    for exchange in exchanges.values { end(exchange, .failure(error)) }
  }
}

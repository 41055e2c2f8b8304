import Glibc
import Synchronization

/// A TCP proxy that gives each phone its own phone-like link to the server.
///
/// One thread moves all bytes. Each link listens on a port of 127.0.0.1, all lead to one server on loopback. Decisions
/// come from the seed, see ``DecisionStream`` for what a seed repeats and what it cannot. All methods may be called
/// from any thread; control methods return once the loop has carried them out, so that bytes sent afterwards meet the
/// new state.
public final class ProxyEngine: Sendable {
  private struct Running: Sendable {
    var thread: pthread_t
    var listeners: [Int32]
    var ports: [Int]
    var mailbox: ProxyMailbox
  }

  private enum State: Sendable {
    case idle
    case running(Running)
    case stopped
  }

  /// The links, in the order they were given.
  public let links: [LinkConfiguration]
  public let upstream: ProxyAddress
  public let seed: UInt64
  private let upstreamAddress: SocketAddress
  private let traces: [String: NetworkTrace]
  private let board: ProxyBoard
  private let eventSink: @Sendable (ProxyEvent) -> Void
  private let state = Mutex(State.idle)

  /// Checks the configuration and reads the traces; opens nothing yet.
  ///
  /// - Parameters:
  ///   - upstream: where the server listens; loopback only.
  ///   - links: one for each phone; names and fixed ports are unique.
  ///   - seed: what all links' decisions come from, unless they have a seed of their own.
  ///   - eventSink: called on the proxy's thread for every event; it should return soon, as no byte moves meanwhile.
  /// - Throws: ``ProxyError``, with the name of the field that is wrong.
  public init(
    upstream: ProxyAddress, links: [LinkConfiguration], seed: UInt64,
    eventSink: @escaping @Sendable (ProxyEvent) -> Void = { _ in }
  ) throws(ProxyError) {
    upstreamAddress = try upstream.resolve("upstream")
    guard (1...ProxyLimits.links).contains(links.count) else {
      throw ProxyCheck.refuse("links", "\(links.count) links; an engine has 1 to \(ProxyLimits.links).")
    }
    var names: Set<String> = []
    var ports: Set<Int> = []
    var traces: [String: NetworkTrace] = [:]
    for (index, link) in links.enumerated() {
      let field = "links[\(index)]"
      try link.validate(field)
      guard names.insert(link.name).inserted else {
        throw ProxyCheck.refuse("\(field).name", "“\(link.name)” is the name of another link; names are unique.")
      }
      guard link.listenPort == 0 || ports.insert(link.listenPort).inserted else {
        throw ProxyCheck.refuse("\(field).listenPort", "\(link.listenPort) is the port of another link.")
      }
      for direction in LinkDirection.allCases {
        guard let path = link.profile[direction].tracePath, traces[path] == nil else { continue }
        do {
          traces[path] = try NetworkTrace(contentsOf: path)
        } catch {
          throw ProxyCheck.refuse("\(field).profile.\(direction.rawValue).tracePath", error.message)
        }
      }
    }
    self.upstream = upstream
    self.links = links
    self.seed = seed
    self.traces = traces
    self.eventSink = eventSink
    board = ProxyBoard(names: links.map(\.name))
  }

  deinit {
    stop()
  }

  /// Listens on all ports and starts the proxy's thread. An engine starts once.
  ///
  /// - Throws: ``ProxyError`` if it was started before or a port cannot be listened on; nothing is left open then.
  public func start() throws(ProxyError) {
    let started: Result<Void, ProxyError> = state.withLock { state in
      guard case .idle = state else {
        return .failure(
          ProxyError(code: .notRunning, message: "the proxy was started before; make a new engine."))
      }
      do throws(ProxyError) {
        state = .running(try launch())
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try started.get()
  }

  private func launch() throws(ProxyError) -> Running {
    ProxySocket.raiseDescriptorLimit()
    let mailbox = try ProxyMailbox()
    var listeners: [Int32] = []
    do throws(ProxyError) {
      for (index, link) in links.enumerated() {
        listeners.append(try ProxySocket.listen(port: link.listenPort, field: "links[\(index)].listenPort"))
      }
      let parts = ProxyLoopParts(
        upstream: upstreamAddress, configurations: links, listeners: listeners, traces: traces, seed: seed,
        mailbox: mailbox, board: board, eventSink: eventSink)
      let thread = try Self.runThread { ProxyLoop(parts).run() }
      return Running(
        thread: thread, listeners: listeners, ports: listeners.map(ProxySocket.port(of:)), mailbox: mailbox)
    } catch {
      for listener in listeners { ProxySocket.close(listener) }
      throw error
    }
  }

  private final class Work: Sendable {
    let body: @Sendable () -> Void
    init(body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private static func runThread(_ body: @escaping @Sendable () -> Void) throws(ProxyError) -> pthread_t {
    let work = Unmanaged.passRetained(Work(body: body))
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { raw in
        if let raw { Unmanaged<Work>.fromOpaque(raw).takeRetainedValue().body() }
        return nil
      }, work.toOpaque())
    guard result == 0 else {
      work.release()
      throw ProxyError(code: .system, message: "no thread can be made: \(String(cString: strerror(result))).")
    }
    return thread
  }

  /// The ports the links listen on, in the order of ``links``; empty when the engine does not run.
  public var ports: [Int] {
    state.withLock { state in
      guard case .running(let running) = state else { return [] }
      return running.ports
    }
  }

  /// The port a link listens on.
  public func port(of link: String) throws(ProxyError) -> Int {
    let index = try self.index(of: link)
    let ports = self.ports
    guard !ports.isEmpty else { throw Self.notRunning }
    return ports[index]
  }

  /// What each link has been through so far. Stays readable after the end.
  public func counters() -> ProxyCounters {
    board.snapshot()
  }

  /// Closes every socket, ends the thread and waits for it. Safe to call twice.
  ///
  /// Not to be called from the event sink, which runs on the thread it would wait for.
  public func stop() {
    let running: Running? = state.withLock { state in
      defer { state = .stopped }
      guard case .running(let running) = state else { return nil }
      return running
    }
    guard let running else { return }
    _ = running.mailbox.post(.stop, waits: false)
    if pthread_equal(running.thread, pthread_self()) != 0 {
      pthread_detach(running.thread)
    } else {
      pthread_join(running.thread, nil)
    }
    for listener in running.listeners { ProxySocket.close(listener) }
  }

  func index(of link: String) throws(ProxyError) -> Int {
    guard let index = links.firstIndex(where: { $0.name == link }) else {
      throw ProxyError(code: .badCommand, message: "there is no link “\(link)”; name one of those configured.")
    }
    return index
  }

  static var notRunning: ProxyError {
    ProxyError(code: .notRunning, message: "the proxy does not run; start it first.")
  }

  func give(_ order: ProxyOrder) throws(ProxyError) {
    let running: Running? = state.withLock { state in
      guard case .running(let running) = state else { return nil }
      return running
    }
    guard let running else { throw Self.notRunning }
    // The event sink runs on the loop's thread, which cannot wait for itself.
    let waits = pthread_equal(running.thread, pthread_self()) == 0
    guard running.mailbox.post(order, waits: waits) else { throw Self.notRunning }
  }
}

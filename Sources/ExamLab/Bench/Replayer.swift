import CBaseline
import Glibc

/// The load generator: one thread, one poll loop, requests that were encoded before.
///
/// Each connection sends its next request as soon as the response to the one before is there: all phones push at once,
/// with no pause. After the time is over the requests that are out are still answered, outside the measurement, so
/// that afterwards each connection's state is known.
struct Replayer {
  var port: Int
  var scripts: [ReplayScript]
  var warmupSeconds: Double
  var seconds: Double
  /// Every response has to acknowledge a higher sequence than the one before on its connection.
  var expectsSequences: Bool
  /// Begins each script anew at its end, and keeps no trace of it: for a server that keeps nothing.
  var repeats = false
  /// The server, whose processor time is counted beside the generator's.
  var server: pid_t?

  private static let drainSeconds = 10.0

  /// Connects and replays on the calling thread.
  ///
  /// - Throws: ``ReplayError`` for any status but 200, a sequence that does not advance, or a broken connection;
  ///   ``RoomError`` where the server takes no connection.
  func run() throws -> ReplayOutcome {
    var connections: [ReplayConnection] = []
    for script in scripts {
      let descriptor = try LoopbackSocket.connect(port: port, isBlocking: false)
      connections.append(ReplayConnection(descriptor: descriptor, script: script, repeats: repeats))
    }
    let poller = cbaseline_poller_open()
    guard poller >= 0 else { throw RoomError("no poller: \(errnoText)") }
    defer { close(poller) }
    var loop = ReplayLoop(poller: poller, connections: connections, expectsSequences: expectsSequences)
    try loop.start()
    try loop.run(until: MonotonicNanoseconds.now + Self.nanoseconds(warmupSeconds))
    let start = loop.beginWindow()
    let processor = ProcessorTime.ofThread
    let serverProcessor = serverSeconds
    try loop.run(until: start + Self.nanoseconds(seconds))
    var outcome = ReplayOutcome()
    outcome.generatorSeconds = ProcessorTime.ofThread - processor
    outcome.serverSeconds = serverSeconds - serverProcessor
    outcome.seconds = Double(MonotonicNanoseconds.now - start) / 1_000_000_000
    outcome.isExhausted = loop.isExhausted
    outcome.answered = loop.latencies.count
    outcome.latency = LatencySample(loop.latencies)
    try loop.drain(until: MonotonicNanoseconds.now + Self.nanoseconds(Self.drainSeconds))
    if !repeats { outcome.traces = connections.map(\.trace) }
    return outcome
  }

  private var serverSeconds: Double { server.flatMap { ProcessorTime.of(process: $0) } ?? 0 }

  private static func nanoseconds(_ seconds: Double) -> UInt64 { UInt64(seconds * 1_000_000_000) }
}

/// The loop's own state.
private struct ReplayLoop {
  let poller: Int32
  let connections: [ReplayConnection]
  let expectsSequences: Bool
  private(set) var latencies: [UInt64] = []
  private(set) var isExhausted = false
  private var awaiting = 0
  private var sendsMore = true
  private var ready = [CBaselineReady](repeating: CBaselineReady(), count: 512)

  init(poller: Int32, connections: [ReplayConnection], expectsSequences: Bool) {
    self.poller = poller
    self.connections = connections
    self.expectsSequences = expectsSequences
    latencies.reserveCapacity(1 << 20)
  }

  mutating func start() throws {
    for (index, connection) in connections.enumerated() {
      guard cbaseline_poller_watch(poller, connection.descriptor, UInt32(index), 0, 1) == 0 else {
        throw RoomError("a socket cannot be watched: \(errnoText)")
      }
    }
    for (index, connection) in connections.enumerated() where connection.hasMore {
      try send(connection, index, at: MonotonicNanoseconds.now)
    }
  }

  mutating func beginWindow() -> UInt64 {
    latencies.removeAll(keepingCapacity: true)
    return MonotonicNanoseconds.now
  }

  /// Goes on until the instant, or until a connection has nothing left to send.
  mutating func run(until deadline: UInt64) throws {
    while !isExhausted {
      let now = MonotonicNanoseconds.now
      guard now < deadline else { return }
      try turn(milliseconds: Int32(clamping: (deadline - now) / 1_000_000 + 1))
    }
  }

  mutating func drain(until deadline: UInt64) throws {
    sendsMore = false
    while awaiting > 0 {
      guard MonotonicNanoseconds.now < deadline else {
        throw ReplayError(description: "\(awaiting) requests were never answered")
      }
      try turn(milliseconds: 100)
    }
  }

  private mutating func turn(milliseconds: Int32) throws {
    let count = cbaseline_poller_wait(poller, &ready, Int32(ready.count), milliseconds)
    guard count >= 0 else { throw ReplayError(description: "waiting failed: \(errnoText)") }
    for place in 0..<Int(count) {
      let index = Int(ready[place].index)
      let connection = connections[index]
      if connection.isBlocked, ready[place].has_room != 0 {
        if let problem = connection.flush() { throw ReplayError(description: problem) }
        watch(index)
      } else {
        try take(connection, index)
      }
    }
  }

  private mutating func take(_ connection: ReplayConnection, _ index: Int) throws {
    switch connection.receive() {
    case .waiting: return
    case .failed(let problem): throw ReplayError(description: problem)
    case .answered(let status, let sequence):
      let now = MonotonicNanoseconds.now
      latencies.append(now - connection.sentAt)
      awaiting -= 1
      guard status == 200 else { throw ReplayError(description: "a request was answered with status \(status)") }
      if expectsSequences {
        guard let sequence, sequence > connection.sequence else {
          throw ReplayError(
            description: "a push was answered with sequence \(sequence.map(String.init) ?? "none") after "
              + "\(connection.sequence)")
        }
        connection.sequence = sequence
      }
      guard sendsMore else { return }
      guard connection.hasMore else {
        isExhausted = true
        return
      }
      try send(connection, index, at: now)
    }
  }

  private mutating func send(_ connection: ReplayConnection, _ index: Int, at now: UInt64) throws {
    awaiting += 1
    if let problem = connection.sendNext(at: now) { throw ReplayError(description: problem) }
    if connection.isBlocked { watch(index) }
  }

  private func watch(_ index: Int) {
    let connection = connections[index]
    _ = cbaseline_poller_watch(poller, connection.descriptor, UInt32(index), connection.isBlocked ? 1 : 0, 0)
  }
}

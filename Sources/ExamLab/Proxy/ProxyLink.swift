/// Why a direction of a link is closed; it is open when there is no reason left.
struct ClosedReasons: OptionSet {
  let rawValue: Int
  static let operatorCommand = ClosedReasons(rawValue: 1)
  static let randomOutage = ClosedReasons(rawValue: 2)
  static let deadZone = ClosedReasons(rawValue: 4)
}

/// One direction of a link while the engine runs: shared by all of its connections.
struct LinkLane {
  var pacer: LinkPacer?
  var closed: ClosedReasons = []
  /// Dead zones that hold now; they may overlap.
  var deadZones = 0
  /// Connections that have bytes ready and wait for the pacer, in the order of their turns.
  var waiting: [UInt64] = []
  var timerAt: UInt64?
}

/// One link while the engine runs. Only the loop's thread touches it.
final class ProxyLink {
  let index: Int
  let configuration: LinkConfiguration
  var listener: Int32
  var decisions: FaultDecisions
  var up: LinkLane
  var down: LinkLane
  var connections: Set<UInt64> = []
  var isOutageOn = false
  /// Random and timed faults strike; control commands strike always.
  var areFaultsEnabled = true
  /// Faults that were asked for by name, for the next requests.
  var armed: [RequestFault] = []
  var reportedBytesUp = 0
  var reportedBytesDown = 0

  var name: String { configuration.name }

  init(
    index: Int, configuration: LinkConfiguration, listener: Int32, seed: UInt64, traces: [String: NetworkTrace],
    startingAt now: UInt64
  ) {
    self.index = index
    self.configuration = configuration
    self.listener = listener
    var decisions = FaultDecisions(
      seed: configuration.seed ?? seed, link: configuration.name, profile: configuration.profile)
    func lane(_ direction: LinkDirection) -> LinkLane {
      if let trace = configuration.profile[direction].tracePath.flatMap({ traces[$0] }) {
        let offset = decisions.traceOffsetMilliseconds(direction, period: trace.periodMilliseconds)
        return LinkLane(pacer: LinkPacer(trace: trace, offsetMilliseconds: offset, startingAt: now))
      }
      return LinkLane(
        pacer: decisions.bytesPerSecond(direction).map { LinkPacer(bytesPerSecond: $0, startingAt: now) })
    }
    up = lane(.up)
    down = lane(.down)
    self.decisions = decisions
  }

  subscript(direction: LinkDirection) -> LinkLane {
    get { direction == .up ? up : down }
    _modify {
      if direction == .up { yield &up } else { yield &down }
    }
  }

  func isOpen(_ direction: LinkDirection) -> Bool {
    let closed = self[direction].closed
    return areFaultsEnabled ? closed.isEmpty : !closed.contains(.operatorCommand)
  }

  /// Whether a connection can come to stand, which takes a word in both directions.
  var canConnect: Bool { isOpen(.up) && isOpen(.down) }

  /// The fault of the next request: one that was asked for, or what the dice say.
  func nextRequestFault(atMilliseconds time: Int) -> RequestFault? {
    let rolled = decisions.requestFault(atMilliseconds: time)
    if !armed.isEmpty { return armed.removeFirst() }
    return areFaultsEnabled ? rolled : nil
  }
}

/// What a connection will meet, drawn when it opens.
struct ConnectionFaults: Equatable, Sendable {
  var resetAfterBytes: Int?
  var halfOpenAfterBytes: Int?
}

/// The dice of one link. Every decision of a kind takes the same number of steps whatever comes out, so that the n-th
/// decision of a kind is the same in every run of a seed.
struct FaultDecisions: Sendable {
  private let profile: LinkProfile
  private var streams: [DecisionStream.Concern: DecisionStream] = [:]

  init(seed: UInt64, link: String, profile: LinkProfile) {
    self.profile = profile
    for concern in DecisionStream.Concern.allCases {
      streams[concern] = DecisionStream(seed: seed, link: link, concern: concern)
    }
  }

  /// How late the next piece is.
  mutating func delayMilliseconds(_ direction: LinkDirection) -> Int {
    let shape = profile[direction]
    guard shape.jitterMilliseconds > 0 else { return shape.latencyMilliseconds }
    let jitter = draw(direction == .up ? .upJitter : .downJitter, 0...shape.jitterMilliseconds)
    return shape.latencyMilliseconds + jitter
  }

  /// The bandwidth until the next outage; nil for no cap.
  mutating func bytesPerSecond(_ direction: LinkDirection) -> Int? {
    profile[direction].bytesPerSecond.map { draw(direction == .up ? .upRate : .downRate, $0) }
  }

  /// Where in its loop a trace starts.
  mutating func traceOffsetMilliseconds(_ direction: LinkDirection, period: Int) -> Int {
    draw(direction == .up ? .upTraceOffset : .downTraceOffset, 0...period - 1)
  }

  /// How long the link stays up, or stays down; nil if it has no random outages.
  mutating func untilOutageToggleMilliseconds(isUp: Bool) -> Int? {
    profile.randomOutages.map { draw(.outages, isUp ? $0.upMilliseconds : $0.downMilliseconds) }
  }

  mutating func untilResetMilliseconds() -> Int? {
    profile.faults.resetIntervalMilliseconds.map { draw(.resets, $0) }
  }

  mutating func connectionFaults() -> ConnectionFaults {
    let reset = byteFault(profile.faults.resetAfterBytes)
    let halfOpen = byteFault(profile.faults.halfOpen)
    return ConnectionFaults(resetAfterBytes: reset, halfOpenAfterBytes: halfOpen)
  }

  /// The fate of the next request; nil if nothing goes wrong with it.
  ///
  /// - Parameter time: milliseconds since the start of the engine, for weather that has its time.
  mutating func requestFault(atMilliseconds time: Int) -> RequestFault? {
    let faults = profile.faults
    var roll = fraction(.requests)
    let position = fraction(.requests)
    func pick(_ range: ClosedRange<Int>) -> Int {
      range.lowerBound + Int(position * Double(range.upperBound - range.lowerBound + 1))
    }
    func strikes(_ rate: Double?) -> Bool {
      guard let rate else { return false }
      defer { roll -= rate }
      return roll >= 0 && roll < rate
    }
    // Weather comes first: what a portal answers never reaches the server.
    for weather in faults.weather where weather.holds(atMilliseconds: time) {
      if strikes(weather.rate) { return .replace(weather.kind, retryAfterSeconds: weather.retryAfterSeconds) }
    }
    if let lost = faults.lostReplies, strikes(lost.rate) { return .loseReply(lost.end) }
    if let duplicates = faults.duplicates, strikes(duplicates.rate) {
      return .duplicate(delayMilliseconds: pick(duplicates.delayMilliseconds))
    }
    if let truncation = faults.truncation, strikes(truncation.rate) {
      return .truncate(afterBytes: pick(truncation.bytes))
    }
    if let corruption = faults.corruption, strikes(corruption.rate) {
      return .corrupt(bodyByte: pick(corruption.bytes))
    }
    return nil
  }

  private mutating func byteFault(_ fault: ByteFault?) -> Int? {
    let roll = fraction(.connections)
    let position = draw(.connections, fault?.bytes ?? 0...0)
    guard let fault, roll < fault.rate else { return nil }
    return position
  }

  private mutating func draw(_ concern: DecisionStream.Concern, _ range: ClosedRange<Int>) -> Int {
    streams[concern, default: DecisionStream(state: 0)].number(in: range)
  }

  private mutating func fraction(_ concern: DecisionStream.Concern) -> Double {
    streams[concern, default: DecisionStream(state: 0)].fraction()
  }
}

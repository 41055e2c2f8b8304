/// One way of a link: towards the server or towards the phone.
public enum LinkDirection: String, Codable, CaseIterable, Sendable {
  /// From the phone to the server.
  case up
  /// From the server to the phone.
  case down
}

/// How one direction of a link moves bytes while it is up.
public struct DirectionShape: Codable, Equatable, Sendable {
  /// Every piece arrives at least this much later than it was sent; 0 for at once.
  public var latencyMilliseconds = 0
  /// On top of the latency each piece is late by an even draw from 0 to this; order is kept.
  public var jitterMilliseconds = 0
  /// The bandwidth is drawn evenly from here when the link starts and again after each random outage; nil for no cap.
  public var bytesPerSecond: ClosedRange<Int>?
  /// Bytes are cut into pieces of at most this size, each with its own jitter; nil to leave them as they were read.
  public var chunkBytes: Int?
  /// A file in the mahimahi format that gives the capacity, instead of `bytesPerSecond`; it starts at an offset drawn
  /// from the seed.
  public var tracePath: String?

  public init(
    latencyMilliseconds: Int = 0, jitterMilliseconds: Int = 0, bytesPerSecond: ClosedRange<Int>? = nil,
    chunkBytes: Int? = nil, tracePath: String? = nil
  ) {
    self.latencyMilliseconds = latencyMilliseconds
    self.jitterMilliseconds = jitterMilliseconds
    self.bytesPerSecond = bytesPerSecond
    self.chunkBytes = chunkBytes
    self.tracePath = tracePath
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case latencyMilliseconds, jitterMilliseconds, bytesPerSecond, chunkBytes, tracePath
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
    latencyMilliseconds = try fields.value(.latencyMilliseconds, or: 0)
    jitterMilliseconds = try fields.value(.jitterMilliseconds, or: 0)
    bytesPerSecond = try fields.decodeIfPresent(ClosedRange<Int>.self, forKey: .bytesPerSecond)
    chunkBytes = try fields.decodeIfPresent(Int.self, forKey: .chunkBytes)
    tracePath = try fields.decodeIfPresent(String.self, forKey: .tracePath)
  }

  func validate(_ field: String) throws(ProxyError) {
    try ProxyCheck.milliseconds(latencyMilliseconds, "\(field).latencyMilliseconds")
    try ProxyCheck.milliseconds(jitterMilliseconds, "\(field).jitterMilliseconds")
    if let bytesPerSecond { try ProxyCheck.bytes(bytesPerSecond, atLeast: 1, "\(field).bytesPerSecond") }
    if let chunkBytes { try ProxyCheck.bytes(chunkBytes...chunkBytes, atLeast: 1, "\(field).chunkBytes") }
    guard tracePath == nil || bytesPerSecond == nil else {
      throw ProxyCheck.refuse("\(field).tracePath", "a direction follows a trace or bytesPerSecond, not both.")
    }
  }
}

/// A time in which nothing passes: bytes wait, nothing is reset, and new connections are accepted but go nowhere.
public struct DeadZone: Codable, Equatable, Sendable {
  /// Counted from the start of the engine.
  public var startMilliseconds: Int
  public var durationMilliseconds: Int
  /// The direction that is dead; nil for both.
  public var direction: LinkDirection?

  public init(startMilliseconds: Int, durationMilliseconds: Int, direction: LinkDirection? = nil) {
    self.startMilliseconds = startMilliseconds
    self.durationMilliseconds = durationMilliseconds
    self.direction = direction
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case startMilliseconds, durationMilliseconds, direction
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
    startMilliseconds = try fields.decode(Int.self, forKey: .startMilliseconds)
    durationMilliseconds = try fields.decode(Int.self, forKey: .durationMilliseconds)
    direction = try fields.decodeIfPresent(LinkDirection.self, forKey: .direction)
  }
}

/// A link that goes down and comes back at random, both directions at once.
public struct RandomOutages: Codable, Equatable, Sendable {
  /// How long the link stays up.
  public var upMilliseconds: ClosedRange<Int>
  /// How long it then stays down.
  public var downMilliseconds: ClosedRange<Int>

  public init(upMilliseconds: ClosedRange<Int>, downMilliseconds: ClosedRange<Int>) {
    self.upMilliseconds = upMilliseconds
    self.downMilliseconds = downMilliseconds
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case upMilliseconds, downMilliseconds
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
    upMilliseconds = try fields.decode(ClosedRange<Int>.self, forKey: .upMilliseconds)
    downMilliseconds = try fields.decode(ClosedRange<Int>.self, forKey: .downMilliseconds)
  }
}

/// Everything a link does to the bytes that cross it. A value without any field set is a perfect link.
public struct LinkProfile: Codable, Equatable, Sendable {
  /// What reports call it.
  public var name = "custom"
  public var up = DirectionShape()
  public var down = DirectionShape()
  public var randomOutages: RandomOutages?
  public var deadZones: [DeadZone] = []
  public var faults = FaultPlan()

  public init(
    name: String = "custom", up: DirectionShape = DirectionShape(), down: DirectionShape = DirectionShape(),
    randomOutages: RandomOutages? = nil, deadZones: [DeadZone] = [], faults: FaultPlan = FaultPlan()
  ) {
    self.name = name
    self.up = up
    self.down = down
    self.randomOutages = randomOutages
    self.deadZones = deadZones
    self.faults = faults
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case name, up, down, randomOutages, deadZones, faults
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
    name = try fields.value(.name, or: "custom")
    up = try fields.value(.up, or: DirectionShape())
    down = try fields.value(.down, or: DirectionShape())
    randomOutages = try fields.decodeIfPresent(RandomOutages.self, forKey: .randomOutages)
    deadZones = try fields.value(.deadZones, or: [])
    faults = try fields.value(.faults, or: FaultPlan())
  }

  subscript(direction: LinkDirection) -> DirectionShape {
    direction == .up ? up : down
  }

  func validate(_ field: String) throws(ProxyError) {
    try up.validate("\(field).up")
    try down.validate("\(field).down")
    if let randomOutages {
      let name = "\(field).randomOutages"
      try ProxyCheck.milliseconds(randomOutages.upMilliseconds, atLeast: 1, "\(name).upMilliseconds")
      try ProxyCheck.milliseconds(randomOutages.downMilliseconds, atLeast: 1, "\(name).downMilliseconds")
    }
    for (index, zone) in deadZones.enumerated() {
      let name = "\(field).deadZones[\(index)]"
      try ProxyCheck.milliseconds(zone.startMilliseconds, "\(name).startMilliseconds")
      try ProxyCheck.milliseconds(zone.durationMilliseconds, "\(name).durationMilliseconds")
    }
    try faults.validate("\(field).faults")
  }
}

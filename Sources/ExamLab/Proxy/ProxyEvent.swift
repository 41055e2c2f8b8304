/// Something that happened on the proxy, for reports and timelines.
public struct ProxyEvent: Codable, Equatable, Sendable {
  /// What happened; more kinds may be added.
  public enum Kind: String, Codable, CaseIterable, Sendable {
    /// The engine listens. `detail` holds the seed.
    case started
    case stopped
    /// A link listens on `detail`'s port and starts up.
    case linkReady
    case linkUp
    /// Nothing passes any more, in `direction` or, if it is nil, in both.
    case linkDown
    case connectionOpened
    /// `bytesUp` and `bytesDown` arrived on this connection; `detail` says why it ended.
    case connectionClosed
    /// The proxy has too many connections, or no descriptor is free.
    case connectionRefused
    /// The server did not take the connection.
    case upstreamRefused
    /// All live connections of the link were reset; `detail` says how many.
    case cut
    /// A fault struck; `fault` says which.
    case fault
    /// The answer to a duplicate was read and thrown away; `detail` holds its status, or why there was none.
    case duplicateAnswered
    /// The bytes were not HTTP/1.1; no request fault strikes on this connection any more.
    case framingLost
    /// Bytes that arrived on the link since its last event of this kind.
    case traffic
  }

  /// CLOCK_MONOTONIC, the same in all processes of a machine, in milliseconds.
  public var monotonicMilliseconds: Int
  public var kind: Kind
  public var link: String?
  public var connection: UInt64?
  public var direction: LinkDirection?
  public var fault: FaultKind?
  public var bytesUp: Int?
  public var bytesDown: Int?
  public var detail: String?

  public init(
    monotonicMilliseconds: Int, kind: Kind, link: String? = nil, connection: UInt64? = nil,
    direction: LinkDirection? = nil, fault: FaultKind? = nil, bytesUp: Int? = nil, bytesDown: Int? = nil,
    detail: String? = nil
  ) {
    self.monotonicMilliseconds = monotonicMilliseconds
    self.kind = kind
    self.link = link
    self.connection = connection
    self.direction = direction
    self.fault = fault
    self.bytesUp = bytesUp
    self.bytesDown = bytesDown
    self.detail = detail
  }
}

/// What one link, or all links together, have been through.
public struct LinkCounters: Codable, Equatable, Sendable {
  public var connectionsOpened = 0
  public var connectionsLive = 0
  public var connectionsRefused = 0
  public var upstreamRefused = 0
  /// Times the network was taken away: the link went down, or its live connections were reset all at once.
  public var cuts = 0
  /// Bytes that arrived at the server's side.
  public var bytesUp = 0
  /// Bytes that arrived at the phone's side.
  public var bytesDown = 0
  /// How often each fault struck; a kind that never struck is not there.
  public var faults: [String: Int] = [:]

  public init() {}

  public var resets: Int { self[.reset] }
  public var halfOpens: Int { self[.halfOpen] }
  public var repliesLost: Int { self[.replyLost] }
  public var duplicates: Int { self[.duplicate] }
  public var truncations: Int { self[.truncated] }
  public var corruptions: Int { self[.corrupted] }
  public var answersReplaced: Int { self[.answerReplaced] }

  public subscript(fault: FaultKind) -> Int {
    get { faults[fault.rawValue] ?? 0 }
    set { faults[fault.rawValue] = newValue }
  }

  /// Adds another link's counters.
  public mutating func add(_ other: LinkCounters) {
    connectionsOpened += other.connectionsOpened
    connectionsLive += other.connectionsLive
    connectionsRefused += other.connectionsRefused
    upstreamRefused += other.upstreamRefused
    cuts += other.cuts
    bytesUp += other.bytesUp
    bytesDown += other.bytesDown
    faults.merge(other.faults, uniquingKeysWith: +)
  }
}

/// The counters of an engine.
public struct ProxyCounters: Codable, Equatable, Sendable {
  /// By the link's name.
  public var links: [String: LinkCounters]

  public init(links: [String: LinkCounters]) {
    self.links = links
  }

  /// All links together.
  public var total: LinkCounters {
    links.values.reduce(into: LinkCounters()) { $0.add($1) }
  }
}

/// A fault that comes over a share of the connections or responses, at a byte drawn from a range.
public struct ByteFault: Codable, Equatable, Sendable {
  /// The share that meets it, from 0 to 1.
  public var rate: Double
  /// At which byte it strikes; one that is never reached does nothing.
  public var bytes: ClosedRange<Int>

  public init(rate: Double, bytes: ClosedRange<Int>) {
    self.rate = rate
    self.bytes = bytes
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case rate, bytes
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
    rate = try fields.decode(Double.self, forKey: .rate)
    bytes = try fields.decode(ClosedRange<Int>.self, forKey: .bytes)
  }

  func validate(_ field: String) throws(ProxyError) {
    try ProxyCheck.rate(rate, "\(field).rate")
    try ProxyCheck.bytes(bytes, atLeast: 0, "\(field).bytes")
  }
}

/// Replies that are lost after the server answered.
public struct LostReplies: Codable, Equatable, Sendable {
  /// The share of requests, from 0 to 1.
  public var rate: Double
  public var end: LostReplyEnd

  public init(rate: Double, end: LostReplyEnd = .reset) {
    self.rate = rate
    self.end = end
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case rate, end
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
    rate = try fields.decode(Double.self, forKey: .rate)
    end = try fields.value(.end, or: .reset)
  }
}

/// Requests that reach the server twice.
public struct Duplicates: Codable, Equatable, Sendable {
  /// The share of requests, from 0 to 1.
  public var rate: Double
  /// How long after the first answer the second copy is sent.
  public var delayMilliseconds: ClosedRange<Int>

  public init(rate: Double, delayMilliseconds: ClosedRange<Int> = 0...0) {
    self.rate = rate
    self.delayMilliseconds = delayMilliseconds
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case rate, delayMilliseconds
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
    rate = try fields.decode(Double.self, forKey: .rate)
    delayMilliseconds = try fields.value(.delayMilliseconds, or: 0...0)
  }
}

/// Network weather: answers that are not the server's, at a rate and, if set, only within a time.
public struct Weather: Codable, Equatable, Sendable {
  public var kind: WeatherKind
  /// The share of requests, from 0 to 1.
  public var rate: Double
  /// The weather holds from here, counted from the start of the engine.
  public var fromMilliseconds: Int
  /// The weather ends here; nil for never.
  public var untilMilliseconds: Int?
  /// What 429 and 503 say in `Retry-After`. Absurd values are welcome.
  public var retryAfterSeconds: Int

  public init(
    kind: WeatherKind, rate: Double, fromMilliseconds: Int = 0, untilMilliseconds: Int? = nil,
    retryAfterSeconds: Int = 5
  ) {
    self.kind = kind
    self.rate = rate
    self.fromMilliseconds = fromMilliseconds
    self.untilMilliseconds = untilMilliseconds
    self.retryAfterSeconds = retryAfterSeconds
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case kind, rate, fromMilliseconds, untilMilliseconds, retryAfterSeconds
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
    kind = try fields.decode(WeatherKind.self, forKey: .kind)
    rate = try fields.decode(Double.self, forKey: .rate)
    fromMilliseconds = try fields.value(.fromMilliseconds, or: 0)
    untilMilliseconds = try fields.decodeIfPresent(Int.self, forKey: .untilMilliseconds)
    retryAfterSeconds = try fields.value(.retryAfterSeconds, or: 5)
  }

  func holds(atMilliseconds time: Int) -> Bool {
    time >= fromMilliseconds && time < untilMilliseconds ?? .max
  }
}

/// The faults of a link. What is not set never happens.
public struct FaultPlan: Codable, Equatable, Sendable {
  /// All live connections are reset again and again, this long apart.
  public var resetIntervalMilliseconds: ClosedRange<Int>?
  /// All live connections are reset at these times, counted from the start of the engine.
  public var resetAtMilliseconds: [Int] = []
  /// A connection is reset once this many bytes have arrived, both directions together.
  public var resetAfterBytes: ByteFault?
  /// The server's side of a connection goes away once this many bytes have arrived, both directions together; the
  /// phone's side stays open and silent.
  public var halfOpen: ByteFault?
  /// A connection is closed after this many bytes of a response.
  public var truncation: ByteFault?
  /// One bit of this byte of a response's body is wrong.
  public var corruption: ByteFault?
  public var lostReplies: LostReplies?
  public var duplicates: Duplicates?
  public var weather: [Weather] = []

  public init() {}

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case resetIntervalMilliseconds, resetAtMilliseconds, resetAfterBytes, halfOpen, truncation, corruption
    case lostReplies, duplicates, weather
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
    resetIntervalMilliseconds = try fields.decodeIfPresent(ClosedRange<Int>.self, forKey: .resetIntervalMilliseconds)
    resetAtMilliseconds = try fields.value(.resetAtMilliseconds, or: [])
    resetAfterBytes = try fields.decodeIfPresent(ByteFault.self, forKey: .resetAfterBytes)
    halfOpen = try fields.decodeIfPresent(ByteFault.self, forKey: .halfOpen)
    truncation = try fields.decodeIfPresent(ByteFault.self, forKey: .truncation)
    corruption = try fields.decodeIfPresent(ByteFault.self, forKey: .corruption)
    lostReplies = try fields.decodeIfPresent(LostReplies.self, forKey: .lostReplies)
    duplicates = try fields.decodeIfPresent(Duplicates.self, forKey: .duplicates)
    weather = try fields.value(.weather, or: [])
  }

  /// Whether any fault needs to know where requests begin and end.
  var needsHTTP: Bool {
    truncation != nil || corruption != nil || lostReplies != nil || duplicates != nil || !weather.isEmpty
  }

  func validate(_ field: String) throws(ProxyError) {
    if let resetIntervalMilliseconds {
      try ProxyCheck.milliseconds(resetIntervalMilliseconds, atLeast: 1, "\(field).resetIntervalMilliseconds")
    }
    for (index, time) in resetAtMilliseconds.enumerated() {
      try ProxyCheck.milliseconds(time, "\(field).resetAtMilliseconds[\(index)]")
    }
    try resetAfterBytes?.validate("\(field).resetAfterBytes")
    try halfOpen?.validate("\(field).halfOpen")
    try truncation?.validate("\(field).truncation")
    try corruption?.validate("\(field).corruption")
    if let lostReplies { try ProxyCheck.rate(lostReplies.rate, "\(field).lostReplies.rate") }
    if let duplicates {
      try ProxyCheck.rate(duplicates.rate, "\(field).duplicates.rate")
      try ProxyCheck.milliseconds(duplicates.delayMilliseconds, atLeast: 0, "\(field).duplicates.delayMilliseconds")
    }
    for (index, weather) in weather.enumerated() {
      let name = "\(field).weather[\(index)]"
      try ProxyCheck.rate(weather.rate, "\(name).rate")
      try ProxyCheck.milliseconds(weather.fromMilliseconds, "\(name).fromMilliseconds")
      if let until = weather.untilMilliseconds {
        try ProxyCheck.milliseconds(until, "\(name).untilMilliseconds")
        guard until > weather.fromMilliseconds else {
          throw ProxyCheck.refuse("\(name).untilMilliseconds", "\(until) is not after fromMilliseconds.")
        }
      }
      guard weather.retryAfterSeconds >= 0 else {
        throw ProxyCheck.refuse("\(name).retryAfterSeconds", "\(weather.retryAfterSeconds) is below 0.")
      }
    }
    let rates = [lostReplies?.rate, duplicates?.rate, truncation?.rate, corruption?.rate].compactMap(\.self)
    let total = rates.reduce(0, +)
    guard total <= 1 else {
      throw ProxyCheck.refuse(
        field, "the rates of lostReplies, duplicates, truncation and corruption add up to \(total), above 1.")
    }
  }
}

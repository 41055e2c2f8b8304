extension LinkProfile {
  /// The profiles that have names, for commands and scenarios.
  public static let named: [String: LinkProfile] = [
    "perfect": .perfect, "lte": .lte, "wifi-flap": .wifiFlap, "3g-dead": .deadly3G,
  ]

  /// Nothing is slow and nothing fails.
  public static let perfect = LinkProfile(name: "perfect")

  /// A good mobile link: 40–80 ms there and back, 1–5 Mbit/s up and 5–20 Mbit/s down, no outages.
  public static let lte = LinkProfile(
    name: "lte",
    up: DirectionShape(latencyMilliseconds: 20, jitterMilliseconds: 20, bytesPerSecond: 125_000...625_000),
    down: DirectionShape(latencyMilliseconds: 20, jitterMilliseconds: 20, bytesPerSecond: 625_000...2_500_000))

  /// A fast network that is lost for 1–8 s again and again, as at the edge of an access point's reach.
  public static let wifiFlap = LinkProfile(
    name: "wifi-flap",
    up: DirectionShape(latencyMilliseconds: 2, jitterMilliseconds: 4),
    down: DirectionShape(latencyMilliseconds: 2, jitterMilliseconds: 4),
    randomOutages: RandomOutages(upMilliseconds: 2000...15_000, downMilliseconds: 1000...8000))

  /// A crowded cell: 200–400 ms there and back, 0.3–2 Mbit/s, dead for 2–6 s again and again.
  public static let deadly3G = LinkProfile(
    name: "3g-dead",
    up: DirectionShape(latencyMilliseconds: 100, jitterMilliseconds: 100, bytesPerSecond: 37_500...250_000),
    down: DirectionShape(latencyMilliseconds: 100, jitterMilliseconds: 100, bytesPerSecond: 37_500...250_000),
    randomOutages: RandomOutages(upMilliseconds: 5000...20_000, downMilliseconds: 2000...6000))

  /// A link that follows a recording: `prefix.up` and `prefix.down`, files in the mahimahi format, and the latency of
  /// a mobile link, which the recordings do not hold.
  public static func recorded(prefix: String, latencyMilliseconds: Int = 20) -> LinkProfile {
    let name = prefix.split(separator: "/").last.map(String.init) ?? prefix
    return LinkProfile(
      name: name,
      up: DirectionShape(latencyMilliseconds: latencyMilliseconds, tracePath: prefix + ".up"),
      down: DirectionShape(latencyMilliseconds: latencyMilliseconds, tracePath: prefix + ".down"))
  }

  /// The profile somebody named on a command line or in a scenario: a name of ``named``, or `trace:PREFIX`.
  public static func find(_ name: String, field: String) throws(ProxyError) -> LinkProfile {
    if let profile = named[name] { return profile }
    let tracePrefix = "trace:"
    if name.hasPrefix(tracePrefix), name.count > tracePrefix.count {
      return recorded(prefix: String(name.dropFirst(tracePrefix.count)))
    }
    let names = named.keys.sorted().joined(separator: ", ")
    throw ProxyCheck.refuse(field, "there is no profile “\(name)”; use \(names) or trace:PREFIX.")
  }
}

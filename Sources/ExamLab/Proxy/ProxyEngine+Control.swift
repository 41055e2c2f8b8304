/// Control of a running engine. Every method names its link, and throws ``ProxyError`` if there is none of that name
/// or the engine does not run; nothing has changed then.
extension ProxyEngine {
  /// Takes a link's network away, or gives it back. While it is away nothing passes, bytes wait and nothing is reset.
  /// Giving it back does not end an outage that the profile has on.
  public func setLink(_ link: String, up: Bool) throws(ProxyError) {
    try give(.setNetwork(link: index(of: link), isUp: up))
  }

  /// The same for one direction.
  public func setLink(_ link: String, _ direction: LinkDirection, up: Bool) throws(ProxyError) {
    try give(.setDirection(link: index(of: link), direction, isOpen: up))
  }

  /// Turns all random and timed faults and outages of a link off, or on again. Its latency and bandwidth stay, and so
  /// do ``setLink(_:up:)``, ``cut(_:)`` and ``arm(_:on:)``.
  public func setFaults(_ link: String, enabled: Bool) throws(ProxyError) {
    try give(.setFaults(link: index(of: link), enabled: enabled))
  }

  /// Resets all live connections of a link now.
  public func cut(_ link: String) throws(ProxyError) {
    try give(.cut(link: index(of: link)))
  }

  /// Lets this fault strike the link's next request, whatever the dice say. Several are taken in turn.
  public func arm(_ fault: RequestFault, on link: String) throws(ProxyError) {
    let index = try self.index(of: link)
    guard links[index].framing == .http else {
      throw ProxyError(
        code: .badCommand, message: "“\(link)” carries plain bytes; faults of requests need framing “http”.")
    }
    try give(.arm(link: index, fault))
  }
}

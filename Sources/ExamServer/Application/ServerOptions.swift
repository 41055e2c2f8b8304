public import ServerCore

/// How a server runs: what `serve` is told.
public struct ServerOptions: Sendable {
  /// Where phones come.
  public var host = "127.0.0.1"
  /// 0 takes a free port.
  public var port = 8_080
  /// Where operators come: a port of its own that phones cannot reach.
  public var operatorHost = "127.0.0.1"
  public var operatorPort = 8_081
  /// A proxy on the way ends TLS; without one, only loopback addresses are taken.
  public var isBehindTLSProxy = false
  /// Threads that read, check and decode requests.
  public var eventLoops = 1
  public var clock = ServerClock()
  public var limits = DevicePlaneLimits()
  public var operatorLimits = OperatorPlaneLimits()
  public var configuration = ServerConfiguration()
  /// Answers `POST /v1/nothing`, the yardstick of benchmarks.
  public var offersNothing = false
  /// The device plane also takes and gives protobuf's JSON mapping, for people.
  public var offersJSON = false
  /// Milliseconds that connections get to end when the server stops.
  public var drainMilliseconds: Int64 = 5_000

  /// Free bytes under which only seals are taken.
  public var lowDiskBytes: Int64 {
    get { configuration.storage.lowBytes }
    set { configuration.storage.lowBytes = newValue }
  }

  /// The size of the file whose room is kept for seals.
  public var reserveBytes: Int64 {
    get { configuration.storage.reserveBytes }
    set { configuration.storage.reserveBytes = newValue }
  }

  public init() {}

  func validate() throws(StorageError) {
    for (name, host) in [("device", host), ("operator", operatorHost)]
    where !isBehindTLSProxy && !Self.isLoopback(host) {
      throw StorageError(
        "The \(name) address \(host) can be reached from elsewhere, and there is no TLS. "
          + "Put a TLS proxy in front and say --behind-tls-proxy, or listen on 127.0.0.1.")
    }
    guard (1...64).contains(eventLoops) else { throw StorageError("Between 1 and 64 event loops are possible.") }
  }

  static func isLoopback(_ host: String) -> Bool {
    host == "localhost" || host == "::1"
      || host.split(separator: ".").count == 4 && host.hasPrefix("127.")
        && host.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0) }
  }
}

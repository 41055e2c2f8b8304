/// Every bound of the fault proxy, in one place.
enum ProxyLimits {
  /// Bytes one connection may hold in one direction; a slow link stops reading from its source above it.
  static let bufferedBytes = 256 * 1024
  /// Pieces one connection may hold in one direction, so that one-byte chunks cannot outweigh their bytes.
  static let bufferedPieces = 4096
  /// Bytes taken from a socket by one read.
  static let readBytes = 64 * 1024
  /// Reads from one socket before the others get their turn.
  static let readsPerTurn = 8
  /// One delivery opportunity of a recorded trace, and the unit in which a capped link hands out its turns.
  static let packetBytes = 1500
  /// Live connections of one engine; more are accepted and reset at once.
  static let connections = 4096
  /// Links of one engine.
  static let links = 4096
  /// Start line and header fields of one HTTP message, in bytes.
  static let headBytes = 64 * 1024
  /// One chunk-size line of a chunked body, extensions included, in bytes.
  static let chunkLineBytes = 4096
  /// A request longer than this is not remembered, and so not sent a second time.
  static let duplicateRequestBytes = 4 * 1024 * 1024
  /// The time a duplicate has to be answered before it is given up.
  static let duplicateTimeoutMilliseconds = 30_000
  /// Lines of a trace file.
  static let traceLines = 4_000_000
  /// The longest time any field of a profile may name: one day.
  static let longestMilliseconds = 86_400_000
  /// Between two `traffic` events of a link that moved bytes.
  static let trafficIntervalMilliseconds = 1000
  /// A listener that found no free descriptor waits this long before it accepts again.
  static let acceptPauseMilliseconds = 100
}

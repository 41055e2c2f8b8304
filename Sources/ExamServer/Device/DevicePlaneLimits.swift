import SyncProtocol

/// Every limit and time-out of the device plane's listener, in one place. Sizes in bytes, times in milliseconds.
public struct DevicePlaneLimits: Sendable {
  /// Names, values and target of one head together.
  public var headBytes = Limits.headerBytes
  public var headFields = Limits.headerCount
  /// From the first byte of a head, or from the connection's beginning, to the head's end.
  public var headMilliseconds: Int64 = 10_000
  /// A body may take this long before its rate is looked at.
  public var bodyGraceMilliseconds: Int64 = 10_000
  /// Slower bodies are given up: the smallest rate still brings a full push in the body's whole time.
  public var bodyBytesPerSecond: Int64 = 512
  /// No body takes longer than this.
  public var bodyMilliseconds: Int64 = 600_000
  /// A kept-alive connection without a request. A long poll is a request and has its own time.
  public var idleMilliseconds: Int64 = 90_000
  /// A client that takes none of an answer for so long is cut off.
  public var writeStallMilliseconds: Int64 = 30_000
  /// After a refusal the rest of what the client sends is thrown away for so long, so that it can read the answer.
  public var lingerMilliseconds: Int64 = 2_000
  /// How often deadlines are looked at.
  public var sweepMilliseconds: Int64 = 250
  /// Answers are handed to the socket in pieces of this size, so that a stall shows.
  public var writeChunkBytes = 64 * 1024
  /// Bytes of a next request that may wait while one is answered.
  public var readAheadBytes = 128 * 1024
  public var connections = 20_000
  /// Generous, because a school is one address.
  public var connectionsPerAddress = 20_000
  public var waitMilliseconds = Limits.waitMilliseconds

  // Bodies of requests
  public var syncBytes = Limits.requestBytes
  public var identityBytes = 8 * 1024

  // Requests of one device
  /// Sync requests a second, in the long run; 0 for no limit. A phone needs one for each save and one for each poll.
  public var deviceRequestsPerSecond = 50
  /// So many at once, after a time without any.
  public var deviceRequestBurst = 250
  /// So many more where a push holds a seal, or a receipt is presented: the last answers pass a flood of their own.
  public var deviceSealBurst = 50
  /// Devices that are counted at a time: bounds the memory.
  public var countedDevices = 65_536

  // Work
  /// Calls that may wait for the writer; above it the answer is *busy*.
  public var queuedCalls = 16_384
  /// Calls of one transaction.
  public var batchCalls = 2_048
  /// Log-ins that may wait for scrypt.
  public var queuedPasswords = 512
  public var passwordThreads = 1
  /// Log-ins of one user name from one address within a minute.
  public var loginTries = 10
  public var blobThreads = 2
  /// Blob reads that may wait for a thread.
  public var queuedBlobReads = 4_096

  public init() {}

  /// Keeps descriptors for the store, the blobs and the operators: phones above the rest are turned away at once.
  mutating func keepBelow(descriptors: Int) {
    connections = min(connections, max(1, descriptors - min(256, descriptors / 2)))
  }
}

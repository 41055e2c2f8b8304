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
}

/// Every limit of protocol version 1, on both sides of the wire, in one place.
///
/// Sizes are in bytes, times in milliseconds. A server never takes less than any version in its window allows.
public enum Limits {
  public static let protocolVersion: UInt32 = 1
  public static let oldestProtocolVersion: UInt32 = 1

  // Journals
  public static let entryBytes = 64 * 1024
  public static let pushEntries = 256
  public static let pushBytes = 256 * 1024
  public static let pushesPerRequest = 8
  public static let keptRangesPerAcknowledgement = 64
  public static let headsPerQuery = 64
  public static let headQueriesPerRequest = 8
  /// Forks of one attempt within an hour before sync of it stops and a person is told.
  public static let successorsPerHour = 8
  public static let journalsPerAttempt = 64
  /// How far a seal's ordinal may be above the last one known: what lies between, a restored server has lost.
  public static let sealsAhead: UInt32 = 64

  // Scopes
  public static let deltaPageBytes = 256 * 1024
  public static let recordBytes = 64 * 1024
  public static let scopesPerRequest = 16
  public static let collectionBytes = 64
  public static let keyBytes = 128

  // Requests and responses
  public static let requestBytes = 1024 * 1024
  /// The inflated length of a body, whatever its deflated length.
  public static let inflatedBytes = 2 * 1024 * 1024
  public static let responseBytes = 4 * 1024 * 1024
  public static let headerBytes = 16 * 1024
  public static let headerCount = 100
  public static let presentedReceiptsPerRequest = 8
  public static let waitMilliseconds: UInt32 = 55_000
  /// Deltas and keys are given only to requests sent this close to server time.
  public static let sentAtToleranceMilliseconds: Int64 = 300_000

  // Back-off and time-outs of the device
  public static let backoffBaseMilliseconds: Int64 = 500
  public static let backoffCapMilliseconds: Int64 = 30_000
  public static let sealBackoffCapMilliseconds: Int64 = 5_000
  public static let progressTimeoutMilliseconds: Int64 = 15_000
  public static let unauthenticatedRetryAfterCapMilliseconds: Int64 = 30_000
  public static let authenticatedRetryAfterCapMilliseconds: Int64 = 120_000
  public static let sealRetryAfterCapMilliseconds: Int64 = 10_000
  public static let digestRepairIntervalMilliseconds: Int64 = 600_000

  // Blobs
  public static let blobChunkBytes = 64 * 1024
  public static let packBytes = 256 * 1024
  public static let blobBytes = 64 * 1024 * 1024
  public static let blobRangeBytes = 256 * 1024

  // People
  public static let usernameBytes = 64
  public static let passwordBytes = 256
  public static let informationFields = 32
  public static let informationBytes = 4 * 1024
  public static let examCodeDigits = 6
  public static let unlockCodeDigits = 8
  /// Tries of an unlock code for one lock, counted durably on the device.
  public static let unlockTries = 5
  /// Tries of an exam code before the device or the server makes the candidate wait.
  public static let joinTries = 5
  public static let joinWindowMilliseconds: Int64 = 60_000
  /// Cost of one scrypt of a short code: N; r = 8, p = 1.
  public static let codeScryptRounds = 2_048
  /// Cost of one scrypt of a password: N; r = 8, p = 1.
  public static let passwordScryptRounds = 16_384
  public static let sessionLifetimeMilliseconds: Int64 = 7 * 86_400_000
  public static let certificateLifetimeMilliseconds: Int64 = 180 * 86_400_000
}

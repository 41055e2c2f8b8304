public import SyncProtocol

/// What a caller chooses. Out-of-range values are brought into range, so that no choice can stop sync.
public struct SyncOptions: Hashable, Sendable {
  /// Whether the core pushes and polls by itself. Without it only ``SyncEvent/sendChanges`` and
  /// ``SyncEvent/fetchChanges`` make requests, as tests and scripts want it.
  public var automaticallySync: Bool
  /// How long a poll waits on the server, in milliseconds; 0 to ``SyncProtocol/Limits/waitMilliseconds``.
  public var waitMilliseconds: UInt32

  public init(automaticallySync: Bool = true, waitMilliseconds: UInt32 = Limits.waitMilliseconds) {
    self.automaticallySync = automaticallySync
    self.waitMilliseconds = min(waitMilliseconds, Limits.waitMilliseconds)
  }
}

/// The core's own numbers that are not limits of the protocol, in one place. Times in milliseconds.
public enum SyncTuning {
  /// What a response may take beyond the wait that was asked for.
  public static let responsePatienceMilliseconds: Int64 = 15_000
  /// A request that nobody reported back on is given up after this: the transport has time-outs on progress, so
  /// this only heals an executor that lost one.
  public static let flightPatienceMilliseconds: Int64 = 600_000
  /// How long the core waits for the executor's word on an effect before it tries the whole step again.
  public static let executorPatienceMilliseconds: Int64 = 5_000
  /// Two polls without anything new are at least this far apart, whatever the server says.
  public static let quietPollMilliseconds: Int64 = 1_000
  /// Network changes closer together than this end one back-off, not many.
  public static let networkChangeMilliseconds: Int64 = 500
  /// Requests older than this are sent anew after a network change: their connections lead nowhere.
  public static let staleFlightMilliseconds: Int64 = 2_000
  /// How often a refused device tries whether it is still refused: the refusal cannot be authenticated.
  public static let refusedRetryMilliseconds: Int64 = 120_000
  /// How often a journal that the server does not know is offered again.
  public static let unknownJournalRetryMilliseconds: Int64 = 300_000
  /// The window of ``SyncProtocol/Limits/successorsPerHour``.
  public static let successorWindowMilliseconds: Int64 = 3_600_000
  /// Bytes of all pushes of one request; the rest of a request's limit is for framing.
  public static let pushedBytesPerRequest = 768 * 1024
  /// How long the check of a blob's digest may take before it is asked for again.
  public static let verifyPatienceMilliseconds: Int64 = 60_000
  /// Blob transfers at the same time.
  public static let blobTransfers = 2
  /// How long a blob that the server does not have is left alone unless the scope changes.
  public static let missingBlobRetryMilliseconds: Int64 = 60_000
}

import SyncProtocol

/// What may differ between servers; the protocol's own numbers are in ``Limits``.
public struct ServerConfiguration: Sendable {
  /// What log-in tells the app (S3-02); an exam's policy may ask for more at joining.
  public var minimumAppVersion = "3.4.2"
  public var hasQuestionBank = true
  public var hasMyExams = true
  /// When a device that got everything comes again.
  public var nextMilliseconds: UInt32 = 1_000
  /// Attempts whose state stays in memory.
  public var cachedAttempts = 20_000
  /// Bytes of answers in memory, about.
  public var cachedAnswerBytes = 256 << 20
  /// Wrong exam codes of everybody within a minute, from which each candidate has one try only.
  public var joinAnomalyTries = 200
  /// Sessions of one device; older ones end.
  public var sessionsPerDevice = 3
  /// Delta bytes of one response over all scopes.
  public var deltaBytesPerResponse = 1 << 20
  public var storage = StoragePolicy()
  /// Cost of one scrypt of an exam's or an unlock's code.
  public var codeScryptRounds = Limits.codeScryptRounds
  /// Pushes of plain entries are judged as a whole where that comes to the same; tests compare both ways.
  package var judgesPlainRuns = true

  public init() {}
}

/// When the server says that its disk is nearly full.
public struct StoragePolicy: Sendable {
  /// Free bytes under which only seals are still taken.
  public var lowBytes: Int64 = 64 << 20
  /// The size of the file that `serve` keeps as a reserve and frees for the seals.
  public var reserveBytes: Int64 = 32 << 20
  /// Asked once for each batch.
  public var availableBytes: @Sendable () -> Int64 = { .max }

  public init() {}

  public enum Decision: Hashable, Sendable {
    case normal
    /// Free the reserve file: seals are taken, everything else that would be stored is answered `storage-low`.
    case sealsOnly
  }

  public func decide() -> Decision {
    availableBytes() < lowBytes ? .sealsOnly : .normal
  }
}

/// How a database file is opened. Every setting is read back; a file on which one does not take is not opened.
///
/// The initial values are those of ``durable``; there is no other preset, because a store that loses an
/// acknowledged answer is worth nothing.
public struct ConnectionOptions: Sendable {
  /// WAL, `synchronous=FULL`, exclusive locking, no memory map: a commit that returned survives a power cut.
  public static let durable = ConnectionOptions()

  /// Reads a file that ``durable`` wrote while no process has it open; changes nothing.
  public static let durableReader: ConnectionOptions = {
    var options = ConnectionOptions()
    options.isReadOnly = true
    options.createsIfMissing = false
    options.lockingMode = .normal
    return options
  }()

  public init() {}

  /// The registered VFS to use; `nil` for SQLite's default.
  public var vfsName: String?
  /// Opens for reading only. Journal mode and page size are then verified, never changed.
  public var isReadOnly = false
  /// Makes the file if there is none; otherwise a missing file is `.cantOpen`.
  public var createsIfMissing = true
  /// On a new file the mode is set; an existing file in another mode is refused, see ``convertsJournalMode``.
  public var journalMode = JournalMode.writeAheadLog
  /// Changes the journal mode of an existing file. Off, because another program's file must stay as it is.
  public var convertsJournalMode = false
  public var synchronous = Synchronous.full
  /// With `.exclusive` no second process can write or checkpoint, and the WAL index lives in this process's memory.
  public var lockingMode = LockingMode.exclusive
  /// WAL pages after which a commit checkpoints; 0 turns automatic checkpoints off.
  public var walAutocheckpointPages = 1000
  /// The WAL or journal file is cut back to this size after it is reset; -1 for never.
  public var journalSizeLimitBytes = 16 << 20
  /// Page cache, in KiB.
  public var cacheSizeKiB = 8192
  /// How long a locked file is retried, in milliseconds; with 0 no busy handler exists and nothing ever sleeps.
  public var busyTimeoutMilliseconds = 0
  /// Bytes in a page, a power of two from 512 to 65536; `nil` takes what the file has.
  public var pageSizeBytes: Int? = 4096
  /// Enforces `REFERENCES`.
  public var foreignKeys = true
  /// Overwrites deleted content with zeros in the file.
  public var secureDelete = true
  /// `F_FULLFSYNC` at commits and checkpoints; has an effect on Apple's systems only.
  public var fullFsync = true
  public var limits = ConnectionLimits()
}

/// `PRAGMA journal_mode`.
public enum JournalMode: String, Sendable {
  case writeAheadLog = "wal"
  case delete
  case truncate
  case persist
  case memory
}

/// `PRAGMA synchronous`; the raw value is what SQLite reports.
public enum Synchronous: Int, Sendable {
  case off = 0
  case normal = 1
  case full = 2
  case extra = 3
}

/// `PRAGMA locking_mode`.
public enum LockingMode: String, Sendable {
  case normal
  case exclusive
}

/// Upper bounds that SQLite enforces on one connection (sqlite.org/limits.html). Tight ones by default: no SQL of
/// ours comes near them, and an edited file must not be able to use more.
public struct ConnectionLimits: Sendable {
  public init() {}

  /// Longest string, blob or row, in bytes.
  public var valueLengthBytes = 64 << 20
  /// Longest statement or script, in bytes.
  public var sqlLengthBytes = 100_000
  public var columns = 100
  public var expressionDepth = 100
  public var compoundSelectTerms = 50
  /// Instructions of one prepared statement.
  public var virtualMachineInstructions = 25_000
  public var functionArguments = 16
  /// Attached files. Zero also turns `VACUUM` off, which attaches a temporary file; backups do not need it.
  public var attachedFiles = 0
  public var likePatternLengthBytes = 100
  public var variables = 200
  public var triggerDepth = 10
  public var workerThreads = 0
}

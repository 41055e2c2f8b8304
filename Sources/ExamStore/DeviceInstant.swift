public import ExamModel

/// One instant as a device's clocks tell it. The store has no clock of its own: the caller reads them.
public struct DeviceInstant: Hashable, Sendable {
  /// A new one after each boot.
  public var bootID: ID128
  /// `CLOCK_BOOTTIME`, in milliseconds; goes on in suspend.
  public var bootMilliseconds: UInt64
  /// The wall clock, in milliseconds since 1970. Evidence only.
  public var wallMilliseconds: Int64

  public init(bootID: ID128, bootMilliseconds: UInt64, wallMilliseconds: Int64) {
    self.bootID = bootID
    self.bootMilliseconds = bootMilliseconds
    self.wallMilliseconds = wallMilliseconds
  }
}

/// When something is saved, and what the caller's clock says about the time left.
public struct SaveMoment: Hashable, Sendable {
  public var instant: DeviceInstant
  /// `.late` refuses answers with ``ExamStoreError/timeUp``. `.undecided` refuses nothing: without any contact nobody
  /// can decide, so the entry is kept and the server, or a person, decides.
  public var time: TimeClass
  /// Persisted with the entry; `nil` leaves what was persisted before, instant included.
  public var remainingMilliseconds: Int64?

  public init(_ instant: DeviceInstant, time: TimeClass = .inTime, remainingMilliseconds: Int64? = nil) {
    self.instant = instant
    self.time = time
    self.remainingMilliseconds = remainingMilliseconds
  }
}

/// The last time left that was persisted, and when. After a reboot without contact the time left is this minus the
/// wall clock's difference, and doubtful (I16).
public struct PersistedClock: Hashable, Sendable {
  public var instant: DeviceInstant
  public var remainingMilliseconds: Int64

  public init(instant: DeviceInstant, remainingMilliseconds: Int64) {
    self.instant = instant
    self.remainingMilliseconds = remainingMilliseconds
  }
}

/// What a save tells the candidate: it was committed, and survives a power cut from here on (I1).
public struct Saved: Hashable, Sendable {
  public var journal: ID128
  /// Of the entry that was saved; for a repetition that changed nothing, of the journal's last entry.
  public var sequence: UInt64
  /// Answered items on this device, for "saved n".
  public var answerCount: Int
}

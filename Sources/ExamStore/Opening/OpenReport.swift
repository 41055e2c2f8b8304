public import ExamModel

/// What opening a store found and did.
public struct OpenReport: Sendable {
  /// There was no store before.
  public var isNew: Bool
  /// There was a store here, and its file is gone: somebody removed it. Tell a person.
  public var isPredecessorMissing = false
  /// Journals and entries whose chains were verified.
  public var journalCount = 0
  public var entryCount = 0
  /// The last time left that was persisted for each attempt, before this opening.
  public var clocks: [ID128: PersistedClock] = [:]
  /// Scopes whose records did not match their digest: they go on serving, and their cursors were taken back so that
  /// the next delta replaces them.
  public var damagedScopes: [ID128] = []
  /// What became of a store that failed verification; `nil` if the store was sound. Tell a person.
  public var quarantine: Quarantine?

  init(isNew: Bool) {
    self.isNew = isNew
  }
}

/// A damaged store that was set aside.
public struct Quarantine: Sendable {
  /// What was wrong.
  public var reason: String
  /// The damaged file under its new name. It is never deleted by the store.
  public var path: String
  public var journals: [SalvagedJournalReport] = []
  /// The device's key could not be read, so the journals could not go on. Log in again, and hand the damaged file to
  /// support.
  public var isIdentityLost = false
}

/// What was saved of one journal of a damaged store.
public struct SalvagedJournalReport: Hashable, Sendable {
  public var journal: ID128
  public var attempt: ID128
  /// Entries from 1 to here are verified and stand as they were.
  public var intactThrough: UInt64
  /// Entries above that were verified one by one and stand again in the successor.
  public var carriedOver: Int
  /// Entries that the journal named but that could not be read.
  public var unreadable: Int
}

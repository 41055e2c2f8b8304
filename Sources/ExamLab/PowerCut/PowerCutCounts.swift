/// What a campaign did, added up.
package struct PowerCutCounts: Hashable, Sendable, Codable {
  /// Ends of a session, however it ended, each with a verified recovery.
  package var cycles: UInt64 = 0
  package var cuts: UInt64 = 0
  package var kills: UInt64 = 0
  /// Cuts and kills during a recovery.
  package var nestedCuts: UInt64 = 0
  /// Sessions that ended by closing the store.
  package var cleanEnds: UInt64 = 0
  /// Recoveries without a restart, after an error of the disk.
  package var reopenings: UInt64 = 0
  /// Recoveries that were made twice and compared.
  package var secondOpenings: UInt64 = 0
  /// Recoveries of a file that an earlier version had written.
  package var updates: UInt64 = 0
  /// Steps that were called done.
  package var steps: UInt64 = 0
  /// Entries that were read and compared at recoveries.
  package var entries: UInt64 = 0
  /// Steps that were under way at a cut and were found to have happened.
  package var inFlightKept: UInt64 = 0
  /// Errors of the disk after which nothing more was called saved.
  package var failStops: UInt64 = 0
  package var refusedForSpace: UInt64 = 0
  /// On disks that lie: stores that say themselves that something is wrong, and those of them that were set aside.
  package var lossesNoticed: UInt64 = 0
  package var quarantined: UInt64 = 0
  /// On disks that lie: earlier states that the server's high-water mark gave away.
  package var lossesNoticedByServer: UInt64 = 0
  /// Files that were damaged while nothing ran.
  package var damages: UInt64 = 0
  /// Damaged stores that do not open and say why.
  package var refused: UInt64 = 0
  /// Another candidate's store in the place of this one's, whole and under its own name.
  package var foreignStores: UInt64 = 0
  /// On disks that lie: earlier states of entries that had not left the phone.
  package var earlierStates: UInt64 = 0

  package init() {}

  private static var fields: [WritableKeyPath<PowerCutCounts, UInt64>] {
    [
      \.cycles, \.cuts, \.kills, \.nestedCuts, \.cleanEnds, \.reopenings, \.secondOpenings, \.updates,
      \.steps, \.entries, \.inFlightKept, \.failStops, \.refusedForSpace, \.lossesNoticed, \.quarantined,
      \.lossesNoticedByServer, \.earlierStates, \.damages, \.refused, \.foreignStores,
    ]
  }

  package static func += (left: inout PowerCutCounts, right: PowerCutCounts) {
    for field in fields { left[keyPath: field] += right[keyPath: field] }
  }
}

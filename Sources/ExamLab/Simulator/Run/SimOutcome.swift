import SyncCore

/// What a run gave.
package struct SimOutcome: Sendable {
  package var options: SimOptions
  package var history: [HistoryEvent] = []
  package var digest = TraceDigest()
  package var dump = WorldDump()
  /// What the checkers say, and what the run itself found wrong: liveness, and the cores' own invariants.
  package var verdict = SimVerdict()
  /// The choices that were not the default.
  package var decisions: [Decision] = []
  package var faults = FaultCounts()
  package var probes = SimProbeSums()
  package var virtualMilliseconds: Int64 = 0
  package var counts = SimCounts()

  package init(options: SimOptions) {
    self.options = options
  }

  package var violations: [Violation] { verdict.violations }
}

/// How much happened.
package struct SimCounts: Hashable, Sendable {
  package var exchanges: UInt64 = 0
  package var commits: UInt64 = 0
  package var saves: UInt64 = 0
  package var steps: UInt64 = 0
  package var receipts: UInt64 = 0

  package init() {}

  package mutating func add(_ other: SimCounts) {
    exchanges += other.exchanges
    commits += other.commits
    saves += other.saves
    steps += other.steps
    receipts += other.receipts
  }
}

/// Rare branches of the cores, and rare moments of runs: a campaign that never reaches one proves less than it seems.
package struct SimProbeSums: Hashable, Sendable {
  /// By the names of the probes, in the order of their declaration.
  package private(set) var counts: [UInt64]

  package static let names: [String] =
    SyncProbe.allCases.map { "sync \($0)" } + BlobProbe.allCases.map { "blob \($0)" }
    + SimMoment.allCases.map { "run \($0.rawValue)" }
  private static let blobStart = SyncProbe.allCases.count
  private static let runStart = SyncProbe.allCases.count + BlobProbe.allCases.count

  package init() {
    counts = Array(repeating: 0, count: Self.names.count)
  }

  subscript(probe: SyncProbe) -> UInt64 { counts[probe.rawValue] }

  mutating func add(_ probes: ProbeCounts<SyncProbe>) {
    for probe in SyncProbe.allCases { counts[probe.rawValue] += UInt64(probes[probe]) }
  }

  mutating func add(_ probes: ProbeCounts<BlobProbe>) {
    for probe in BlobProbe.allCases { counts[Self.blobStart + probe.rawValue] += UInt64(probes[probe]) }
  }

  mutating func mark(_ moment: SimMoment) {
    counts[Self.runStart + moment.index] += 1
  }

  package mutating func add(_ other: SimProbeSums) {
    for index in counts.indices { counts[index] += other.counts[index] }
  }

  package var unreached: [String] { zip(Self.names, counts).filter { $0.1 == 0 }.map(\.0) }
}

/// Rare moments that only a whole run has.
package enum SimMoment: String, CaseIterable, Sendable {
  case sealedOffline = "sealed without a network"
  case sealedByBell = "sealed by the bell"
  case sealedByLocks = "sealed by the last lock"
  case sealRace = "a push in flight while a seal was saved"
  case releaseRace = "a lease released while its holder wrote"
  case deathWhileSealing = "died at the seal"
  case deathWhileOpening = "died while opening"
  case serverDeathInCommit = "the server died in a commit"
  case restoredBehind = "the server went back behind an acknowledgement"
  case phoneRolledBack = "a phone went back behind what the server has"
  case quarantined = "a store was quarantined"
  case reopened = "went on after a reopening"
  case unlockedByCode = "unlocked by a code"
  case unlockedByServer = "unlocked by the server"
  case successor = "went on in a successor"
  case keptStaleLease = "entries under an old lease were kept"
  case keptAfterSeal = "entries after a seal were kept"
  case diskFull = "a save found the disk full"
  case storageFault = "a save found the disk broken"

  var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

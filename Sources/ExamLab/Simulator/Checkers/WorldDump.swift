package import ExamModel
package import ExamStore
package import ServerCore
package import SyncProtocol

/// Everything that a run leaves behind: what phones and servers hold at the end, what was seen on the wire, and what
/// only the run knows. Checkers read this and the history, and nothing else.
package struct WorldDump: Sendable {
  /// One for each phone that can be opened at the end. A phone that was lost or wiped for good has none.
  package var phones: [PhoneDump] = []
  /// Why a phone that is open at the end cannot be read.
  package var unreadable: [SimNode: String] = [:]
  package var servers: [ServerDump] = []
  /// How often a phone found that a delta did not lead to the server's digest, and read the scope anew.
  package var digestMismatches: UInt64 = 0
  package var truth = Truth()
  package var capture = Capture()
  package var gauges: [Gauge] = []

  package init() {}
}

/// What one phone's store holds, read from its file.
package struct PhoneDump: Sendable {
  package var node: SimNode
  package var candidate: ID128?
  /// The id and the public key of the device; `nil` before there is one.
  package var deviceKey: ID128?
  package var publicKey: [UInt8]
  package var journals: [JournalContents] = []
  package var attempts: [AttemptContents] = []
  package var scopes: [ScopeContents] = []
  /// What the screen shows of each attempt.
  package var statuses: [AttemptStatus] = []

  package init(node: SimNode, candidate: ID128? = nil, deviceKey: ID128? = nil, publicKey: [UInt8] = []) {
    self.node = node
    self.candidate = candidate
    self.deviceKey = deviceKey
    self.publicKey = publicKey
  }
}

/// What one server's store holds, read from its rows.
package struct ServerDump: Sendable {
  package var node: SimNode
  /// The identity key that receipts are checked with.
  package var publicKey: [UInt8]
  package var epochs: [EpochRow] = []
  package var exams: [ExamRow] = []
  package var attempts: [ServerAttemptDump] = []
  package var devices: [DeviceRow] = []
  package var roots: [RootStoreRow] = []
  package var audit: [AuditRow] = []
  package var scopes: [ServerScopeDump] = []

  package init(node: SimNode, publicKey: [UInt8]) {
    self.node = node
    self.publicKey = publicKey
  }
}

/// One attempt on a server.
package struct ServerAttemptDump: Sendable {
  package var row: AttemptRow
  /// By ordinal.
  package var journals: [ServerJournalDump] = []
  /// What the server says that its entries add up to.
  package var applied: AppliedState
  package var seals: [SealRow] = []
  package var receipts: [ReceiptStoreRow] = []

  package init(row: AttemptRow, applied: AppliedState) {
    self.row = row
    self.applied = applied
  }
}

/// One journal on a server.
package struct ServerJournalDump: Sendable {
  package var row: JournalRow
  /// In the order of arrival.
  package var segments: [SegmentRow] = []
  package var dispositions: [KeptRange] = []
  package var forks: [ForkRow] = []

  package init(row: JournalRow) {
    self.row = row
  }
}

/// One scope on a server, with tombstones.
package struct ServerScopeDump: Sendable {
  package var row: ScopeRow
  package var epochs: [ScopeEpochRow] = []
  package var records: [Record] = []

  package init(row: ScopeRow) {
    self.row = row
  }
}

/// A number that must stay within a bound (I23): the greatest that was seen.
package struct Gauge: Hashable, Sendable {
  /// Such as `requests in flight of one phone`.
  package var name: String
  package var greatest: Int64
  package var bound: Int64

  package init(_ name: String, greatest: Int64, bound: Int64) {
    self.name = name
    self.greatest = greatest
    self.bound = bound
  }
}

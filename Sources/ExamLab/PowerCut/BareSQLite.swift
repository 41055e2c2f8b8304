import ExamModel
import ExamStore
import SQLite
import SyncCore

/// The statements of a save without the store around them, cut and recovered on the same disk: what SQLite alone keeps,
/// and how fast it is.
package struct BareSQLite: Sendable {
  package enum Setting: String, Sendable, CaseIterable {
    /// As the store has it.
    case full = "WAL, synchronous=FULL"
    /// What a library of this kind often sets.
    case normal = "WAL, synchronous=NORMAL"
    /// As the store has it, on a disk that lies about three syncs in ten.
    case lyingDisk = "WAL, synchronous=FULL, lying disk"
  }

  package struct Result: Sendable {
    package var cycles: UInt64 = 0
    /// Recoveries that lacked a save which had been called done.
    package var cyclesWithLoss: UInt64 = 0
    /// Files that SQLite found damaged, or that hold what was never written.
    package var damaged: UInt64 = 0
    package var processorSeconds: Double = 0

    package var cyclesPerCoreSecond: Double { processorSeconds > 0 ? Double(cycles) / processorSeconds : 0 }
  }

  package var setting: Setting
  package var seed: UInt64

  private static let path = "bare.db"
  private static let longestSession = 32
  private static let body = [UInt8](repeating: 0x61, count: 40)
  private static let journalRow = """
    INSERT INTO journal(number, id, subject, device_key, lease, last, head, acknowledged, acknowledged_state, greatest,
      opened_wall_ms, mac)
    VALUES (1, zeroblob(16), zeroblob(16), zeroblob(16), 1, 0, zeroblob(32), 0, 0, 0, 0, zeroblob(16))
    """

  package init(_ setting: Setting, seed: UInt64) {
    self.setting = setting
    self.seed = seed
  }

  /// Runs on the calling thread.
  package func run(cycles: UInt64) -> Result {
    let start = ProcessorTime.ofThread
    var result = Result()
    var life: UInt64 = 0
    while result.cycles < cycles {
      runLife(Decisions(seed: PowerCutCampaign.lifeSeed(seed, life)), upTo: cycles, &result)
      life += 1
    }
    result.processorSeconds = ProcessorTime.ofThread - start
    return result
  }

  private func runLife(_ decisions: Decisions, upTo cycles: UInt64, _ result: inout Result) {
    let disk = VirtualDisk(decisions: decisions, node: 3)
    defer { disk.close() }
    var last: Int64 = 0
    for _ in 0..<PowerCutLife.cycles where result.cycles < cycles {
      var connection: Connection? = try? open(disk)
      let call = decisions.next(.powerCut, node: 3) { $0.number(in: 1...275) }
      disk.schedulePowerCut(atCall: disk.callCount + UInt64(call))
      if setting == .lyingDisk { disk.faults.lyingSyncsPerMillion = 300_000 }
      for _ in 0..<Self.longestSession where !disk.isDead {
        guard let current = connection, (try? save(last + 1, to: current)) != nil else { break }
        last += 1
      }
      disk.schedulePowerCut(atCall: nil)
      disk.powerCut()
      disk.faults = DiskFaults()
      disk.restart()
      result.cycles += 1
      connection = try? open(disk)
      guard let connection, let found = try? verified(connection) else {
        result.damaged += 1
        return
      }
      if found < last {
        result.cyclesWithLoss += 1
      } else if found > last + 1 {
        result.damaged += 1
        return
      }
      last = found
      disk.kill()
      disk.restart()
    }
  }

  private func open(_ disk: VirtualDisk) throws(SQLiteError) -> Connection {
    var options = ConnectionOptions.durable
    options.vfsName = disk.vfsName
    if setting == .normal { options.synchronous = .normal }
    let connection = try Connection(path: Self.path, options: options)
    guard try connection.integer("SELECT count(*) FROM sqlite_schema") == 0 else { return connection }
    try connection.transaction { () throws(SQLiteError) in
      try connection.execute(SaveStatements.tables)
      try connection.execute(Self.journalRow)
    }
    return connection
  }

  private func save(_ sequence: Int64, to connection: Connection) throws(SQLiteError) {
    let head = [UInt8](repeating: UInt8(truncatingIfNeeded: sequence), count: 32)
    try connection.transaction { () throws(SQLiteError) in
      try connection.withStatement(SaveStatements.insertEntry) { (statement) throws(SQLiteError) in
        try statement.bind(1, at: 1)
        try statement.bind(sequence, at: 2)
        try statement.bind(Self.body, at: 3)
        try statement.bind(head, at: 4)
        try statement.run()
      }
      try connection.withStatement(SaveStatements.upsertAnswer) { (statement) throws(SQLiteError) in
        try statement.bind([UInt8](repeating: 1, count: 16), at: 1)
        try statement.bind("q\(sequence % 12)", at: 2)
        try statement.bind(Self.body, at: 3)
        try statement.bind(0, at: 4)
        try statement.bind(1, at: 5)
        try statement.bind(sequence, at: 6)
        try statement.run()
      }
      try connection.withStatement(SaveStatements.updateJournal) { (statement) throws(SQLiteError) in
        try statement.bind(1, at: 1)
        try statement.bind(sequence, at: 2)
        try statement.bind(head, at: 3)
        try statement.bind([UInt8](repeating: 2, count: 16), at: 4)
        try statement.bind(1_000 + sequence, at: 5)
        try statement.bind(1_800_000_000_000 + sequence, at: 6)
        try statement.bind(3_600_000, at: 7)
        try statement.bind([UInt8](repeating: 3, count: 16), at: 8)
        try statement.run()
      }
    }
  }

  /// The last save; throws for a file that is damaged or whose tables disagree.
  private func verified(_ connection: Connection) throws -> Int64 {
    let problems = try connection.quickCheck(maximumProblems: 1)
    let last = try connection.integer("SELECT last FROM journal")
    let count = try connection.integer("SELECT count(*) FROM entry")
    let greatest = try connection.integer("SELECT coalesce(max(sequence), 0) FROM entry")
    let newest = try connection.integer("SELECT coalesce(max(sequence), 0) FROM answer")
    guard problems.isEmpty, last == count, last == greatest, last == newest else {
      throw PowerCutFinding("I3", "the tables disagree")
    }
    return last
  }
}

import SQLite
import SyncCore
import Testing

@testable import ExamLab

/// Rows numbered 1, 2, 3 … in commits of their own: what was acknowledged is a number.
struct NumberedRows {
  static let path = "rows.db"
  static let rowBytes = 300

  var synchronous = Synchronous.full
  var journalMode = JournalMode.writeAheadLog
  var walAutocheckpointPages = 4

  func open(_ disk: VirtualDisk) throws(SQLiteError) -> Connection {
    var options = ConnectionOptions()
    options.vfsName = disk.vfsName
    options.synchronous = synchronous
    options.journalMode = journalMode
    // The kinds of rollback journals are not kept in the file.
    options.convertsJournalMode = journalMode != .writeAheadLog
    options.walAutocheckpointPages = walAutocheckpointPages
    options.pageSizeBytes = 1024
    let connection = try Connection(path: Self.path, options: options)
    try connection.execute("CREATE TABLE IF NOT EXISTS row(number INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT")
    return connection
  }

  /// Adds a row durably.
  func add(_ number: Int, to connection: Connection) throws(SQLiteError) {
    try connection.transaction { () throws(SQLiteError) in
      try connection.withStatement("INSERT INTO row VALUES (?1, ?2)") { (statement) throws(SQLiteError) in
        try statement.bind(number, at: 1)
        try statement.bind(Self.content(number), at: 2)
        try statement.run()
      }
    }
  }

  static func content(_ number: Int) -> [UInt8] {
    (0..<rowBytes).map { UInt8(truncatingIfNeeded: number &* 31 &+ $0) }
  }

  /// Adds rows until the disk fails, and gives the last that was acknowledged.
  func fill(_ disk: VirtualDisk, upTo count: Int) -> Int {
    guard let connection = try? open(disk) else { return 0 }
    var number = Self.state(connection)?.count ?? 0
    while number < count {
      do throws(SQLiteError) { try add(number + 1, to: connection) } catch { return number }
      number += 1
    }
    return number
  }

  struct State: Equatable {
    var count = 0
    /// 1 to `count`, each with its content.
    var isWhole = true
  }

  /// `nil` if the file is damaged.
  static func state(_ connection: Connection) -> State? {
    guard (try? connection.prepare("PRAGMA quick_check").onlyRow { $0.text(at: 0) }) == "ok" else { return nil }
    var state = State()
    do throws(SQLiteError) {
      let statement = try connection.prepare("SELECT number, content FROM row ORDER BY number")
      while try statement.step() {
        state.count += 1
        if statement.int64(at: 0) != Int64(state.count) || statement.blob(at: 1) != content(state.count) {
          state.isWhole = false
        }
      }
    } catch { return nil }
    return state
  }

  /// What a new process finds; `nil` if the file is damaged.
  func found(_ disk: VirtualDisk) -> State? {
    do throws(SQLiteError) { return Self.state(try open(disk)) } catch { return nil }
  }
}

/// What many power cuts did.
struct CutTally {
  var cuts = 0
  var runsWithLoss = 0
  var damaged = 0
  /// Recovered more than was acknowledged and was in flight, or not the rows that were written.
  var wrong = 0
  /// Runs in which a commit in flight survived.
  var runsWithExtra = 0

  /// Cuts the power in many runs, each at a call of its own.
  static func run(
    _ rows: NumberedRows, seeds: Range<UInt64>, rowCount: Int = 24, faults: DiskFaults = DiskFaults()
  ) -> CutTally {
    var tally = CutTally()
    let whole = VirtualDisk(decisions: Decisions(seed: 0), node: 1)
    _ = rows.fill(whole, upTo: rowCount)
    for seed in seeds {
      let disk = VirtualDisk(decisions: Decisions(seed: seed), node: 1, faults: faults)
      var generator = SeededGenerator(seed: seed)
      disk.schedulePowerCut(atCall: 1 + generator.next() % whole.callCount)
      let acknowledged = rows.fill(disk, upTo: rowCount)
      disk.powerCut()
      disk.faults = DiskFaults()
      disk.restart()
      tally.cuts += 1
      guard let state = rows.found(disk) else {
        tally.damaged += 1
        continue
      }
      if state.count < acknowledged { tally.runsWithLoss += 1 }
      if state.count > acknowledged { tally.runsWithExtra += 1 }
      if !state.isWhole || state.count > acknowledged + 1 { tally.wrong += 1 }
    }
    return tally
  }
}

extension VirtualDisk {
  convenience init(seed: UInt64 = 1, faults: DiskFaults = DiskFaults()) {
    self.init(decisions: Decisions(seed: seed), node: 1, faults: faults)
  }
}

import ExamModel
import SQLite
import SyncProtocol
import SyncWire

/// Everything that a store holds in memory, read from a file and verified.
struct StoreContents {
  var device: DeviceIdentity?
  var memories: [ID128: AttemptMemory] = [:]
  var journalCount = 0
  var entryCount = 0
  /// The file had no tables yet.
  var wasEmpty = false

  /// Reads and verifies. Throws ``ExamStoreError/Code/damaged`` with the first thing that does not hold:
  /// chains, heads, row MACs, the device's key, and the answers table against the entries (I2, I3).
  static func verified(
    _ connection: Connection, path: String, vault: (any StoreVault)?
  ) throws(ExamStoreError) -> StoreContents {
    do throws(ExamStoreError) {
      let problems: [String]
      let wasEmpty: Bool
      do throws(SQLiteError) {
        wasEmpty = try connection.migrate(to: StoreSchema.main).versionBefore == 0
        problems = try connection.quickCheck(maximumProblems: 1)
      } catch { throw .opening(error, path: path) }
      if let problem = problems.first { throw .damaged(problem) }
      var contents = try read(connection, vault: vault)
      contents.wasEmpty = wasEmpty
      return contents
    } catch {
      // While opening, an unreadable page is damage of the file and not a failure of the running store.
      if let underlying = error.underlying as? SQLiteError { throw .opening(underlying, path: path) }
      throw error
    }
  }

  /// Whether another file holds the same: its device, and all that its attempts add up to.
  func isSame(as other: StoreContents) -> Bool {
    guard device?.signingKey.seed == other.device?.signingKey.seed, device?.grant == other.device?.grant,
      memories.count == other.memories.count, journalCount == other.journalCount, entryCount == other.entryCount
    else { return false }
    return memories.allSatisfy { attempt, memory in
      guard let same = other.memories[attempt] else { return false }
      return memory.base == same.base && memory.journals == same.journals && memory.fold == same.fold
        && memory.lockTries == same.lockTries && memory.voids == same.voids && memory.receipts == same.receipts
    }
  }

  private static func read(
    _ connection: Connection, vault: (any StoreVault)?
  ) throws(ExamStoreError) -> StoreContents {
    var contents = StoreContents(device: try DeviceTable(connection: connection, vault: vault).read())
    let tables = AttemptTables(connection: connection)
    let bases = try tables.attempts()
    let tries = try tables.numbers(in: .lockTries)
    let voids = try tables.numbers(in: .voids)
    let receipts = try tables.receipts(publicKey: contents.device?.serverKey)
    let (journals, entries) = try verifiedJournals(connection, device: contents.device)
    contents.journalCount = journals.count
    contents.entryCount = entries.values.reduce(0) { $0 + $1.count }
    guard Set(journals.map(\.subject)).isSubset(of: Set(bases.keys)) else {
      throw .damaged("a journal belongs to an attempt that is not in the store")
    }
    for (attempt, base) in bases {
      var own = journals.filter { $0.subject == attempt }
      let voided = Set((voids[attempt] ?? [:]).keys)
      let fold = try AttemptFold.total(base: base, voids: voided, journals: &own) { journal in
        entries[journal.number] ?? []
      }
      guard try tables.answers(of: attempt) == fold.answers.mapValues(AttemptTables.AnswerRow.init) else {
        throw .damaged("the answers of attempt \(attempt) are not what its entries add up to")
      }
      contents.memories[attempt] = AttemptMemory(
        attempt: attempt, base: base, journals: own, fold: fold, lockTries: tries[attempt] ?? [:], voids: voided,
        receipts: receipts[attempt] ?? [])
    }
    return contents
  }

  private static func verifiedJournals(
    _ connection: Connection, device: DeviceIdentity?
  ) throws(ExamStoreError) -> ([JournalState], [Int64: [StoredEntry]]) {
    guard let device else {
      var count = Int64(0)
      try connection.forEachRow("SELECT count(*) FROM journal") { (row) throws(ExamStoreError) in
        count = row.int64(at: 0)
      }
      guard count == 0 else { throw .damaged("there are journals, but the device has no key") }
      return ([], [:])
    }
    let table = JournalTable(connection: connection, key: JournalTable.macKey(seed: device.signingKey.seed))
    var journals: [JournalState] = []
    var entries: [Int64: [StoredEntry]] = [:]
    for row in try table.rows() {
      let list = try table.entryList(of: row.journal.number)
      try verify(row, entries: list, table: table, deviceKey: device.signingKey.id)
      journals.append(row.journal)
      entries[row.journal.number] = list
    }
    return (journals, entries)
  }

  private static func verify(
    _ row: JournalTable.Row, entries: [StoredEntry], table: JournalTable, deviceKey: ID128
  ) throws(ExamStoreError) {
    let journal = row.journal
    guard journal.deviceKey == deviceKey else { throw .damaged("journal \(journal.id) is another device's") }
    guard row.mac == journal.mac(key: table.key) else { throw .damaged("the row of journal \(journal.id) was changed") }
    guard let reached = intactHead(of: journal, entries: entries), reached.sequence == journal.last,
      reached.head == journal.head
    else { throw .damaged("the chain of journal \(journal.id) is broken") }
  }

  /// The end of an unbroken chain over all of `entries`; `nil` where one of them does not fit.
  private static func intactHead(
    of journal: JournalState, entries: [StoredEntry]
  ) -> (sequence: UInt64, head: Digest256)? {
    var head = journal.genesis
    var sequence: UInt64 = 0
    for entry in entries {
      sequence += 1
      head = Chain.next(head, sequence: sequence, body: entry.body)
      guard entry.sequence == sequence, entry.head == head else { return nil }
    }
    return (sequence, head)
  }
}

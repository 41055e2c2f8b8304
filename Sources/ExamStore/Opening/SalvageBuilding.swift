import ExamModel
import SQLite
import SyncProtocol

extension Salvage {
  /// Writes a complete store from what was salvaged, under the building name, and closes it.
  ///
  /// An intact journal goes on as it was. A damaged one stays up to its last proved entry; its successor carries the
  /// proved entries above that.
  func build(
    _ setup: StoreSetup, randomness: inout any RandomNumberGenerator, at instant: DeviceInstant
  ) throws(ExamStoreError) -> [SalvagedJournalReport] {
    let connection: Connection
    let row = try device.map { (device) throws(ExamStoreError) in try DeviceRow(device, vault: setup.vault) }
    do throws(SQLiteError) {
      connection = try setup.connect(setup.buildingPath)
      try connection.migrate(to: StoreSchema.main)
      try connection.transaction { () throws(SQLiteError) in try write(row, to: connection) }
    } catch { throw .opening(error, path: setup.buildingPath) }
    try writeAnswers(to: connection)
    let contents = try StoreContents.verified(connection, path: setup.buildingPath, vault: setup.vault)
    let store = ExamStore(building: connection, contents: contents, setup: setup, randomness: randomness)
    for journal in journals where !journal.isIntact && journal.state.isLive {
      try store.openSuccessor(
        of: journal.state.id, at: journal.state.last, carrying: journal.loose, moment: SaveMoment(instant))
    }
    randomness = store.randomness
    // The file alone takes the other's place: a close that cannot fold the log in would say nothing of it.
    do throws(SQLiteError) {
      try connection.checkpoint(.truncate)
      try connection.close()
    } catch { throw .opening(error, path: setup.buildingPath) }
    return journals.map { journal in
      SalvagedJournalReport(
        journal: journal.state.id, attempt: journal.state.subject, intactThrough: journal.state.last,
        carriedOver: journal.loose.count, unreadable: journal.unreadable)
    }
  }

  private func write(_ row: DeviceRow?, to connection: Connection) throws(SQLiteError) {
    guard let device, let row else { return try writeSettings(to: connection) }
    try DeviceTable(connection: connection).write(row)
    let table = JournalTable(connection: connection, key: JournalTable.macKey(seed: device.signingKey.seed))
    let tables = AttemptTables(connection: connection)
    for attempt in Set(journals.map(\.state.subject)).union(bases.keys).union(tries.keys).union(voids.keys) {
      try tables.insertAttempt(attempt)
    }
    for (attempt, base) in bases { try tables.updateBase(base, of: attempt) }
    for journal in journals {
      var state = journal.state
      if let fork = state.fork { state.fork = min(fork, state.last) }
      try table.insert(state)
      for entry in journal.intact {
        try table.append(entry.body, sequence: entry.sequence, head: entry.head, to: state.number)
      }
    }
    for (attempt, numbers) in tries {
      for (number, tries) in numbers { try tables.setTries(tries, number: number, attempt: attempt) }
    }
    for (attempt, numbers) in voids {
      for number in numbers.keys { try tables.insertVoid(number, attempt: attempt) }
    }
    for receipt in receipts { try tables.insertReceipt(receipt) }
    try writeSettings(to: connection)
  }

  private func writeSettings(to connection: Connection) throws(SQLiteError) {
    for (name, value) in settings { try SettingTable(connection: connection).set(name, to: value) }
  }

  /// The answers table is never copied: it is what the entries add up to.
  private func writeAnswers(to connection: Connection) throws(ExamStoreError) {
    let tables = AttemptTables(connection: connection)
    for attempt in Set(journals.map(\.state.subject)).union(bases.keys) {
      var states = journals.map(\.state).filter { $0.subject == attempt }
      for index in states.indices { states[index].fork = states[index].fork.map { min($0, states[index].last) } }
      let fold = try AttemptFold.total(
        base: bases[attempt], voids: Set((voids[attempt] ?? [:]).keys), journals: &states
      ) { state in journals.first { $0.state.number == state.number }?.intact ?? [] }
      do throws(SQLiteError) {
        try connection.transaction { () throws(SQLiteError) in
          try tables.replaceAnswers(of: attempt, by: fold.answers)
        }
      } catch { throw .opening(error, path: connection.path) }
    }
  }
}

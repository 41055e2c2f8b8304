import ExamModel
import SQLite
import SyncProtocol
import SyncWire

/// What can be read and proved of a damaged store.
struct Salvage {
  var device: DeviceIdentity?
  var journals: [SalvagedJournal] = []
  var bases: [ID128: AnswersRecord] = [:]
  var tries: [ID128: [UInt32: Int]] = [:]
  var voids: [ID128: [UInt32: Int]] = [:]
  var receipts: [StoredReceipt] = []
  var settings: [String: [UInt8]] = [:]

  struct SalvagedJournal {
    /// As it was; `last` and `head` are those of the intact part.
    var state: JournalState
    /// Chain, head and row were all as they should be.
    var isIntact: Bool
    /// The row's MAC fits, so it says what this program wrote.
    var rowIsSound: Bool
    /// 1, 2, 3 … without a break, proved by the chain from the genesis.
    var intact: [StoredEntry] = []
    /// Above a break: each proved by the chain heads on both sides of it.
    var loose: [StoredEntry] = []
    var unreadable = 0
  }

  /// How many sequences in a row may be missing before the rest is taken as missing too.
  private static let longestGap: UInt64 = 2_000

  /// Reads what there is. A part that was read and is wrong is not salvaged. What the disk did not give throws, and so
  /// does a vault that cannot be used: later they may tell what would be given up here.
  static func read(_ connection: Connection, vault: (any StoreVault)?) throws(ExamStoreError) -> Salvage {
    var salvage = Salvage()
    let tables = AttemptTables(connection: connection)
    salvage.device = try device(DeviceTable(connection: connection, vault: vault))
    salvage.tries = try given { () throws(ExamStoreError) in try tables.numbers(in: .lockTries) } ?? [:]
    salvage.voids = try given { () throws(ExamStoreError) in try tables.numbers(in: .voids) } ?? [:]
    let bases = try given { () throws(ExamStoreError) in try tables.attempts() }
    salvage.bases = (bases ?? [:]).compactMapValues { $0 }
    let serverKey = salvage.device?.serverKey
    let received = try given { () throws(ExamStoreError) in try tables.receipts(publicKey: serverKey) }
    salvage.receipts = (received ?? [:]).values.flatMap { $0 }
    salvage.settings = try settings(connection)
    guard let device = salvage.device else { return salvage }
    let table = JournalTable(connection: connection, key: JournalTable.macKey(seed: device.signingKey.seed))
    for number in try numbers(connection) {
      let row = try given { () throws(ExamStoreError) in try table.row(number: number) } ?? nil
      guard let row, row.journal.deviceKey == device.signingKey.id else { continue }
      salvage.journals.append(try journal(row, table, attempts: (bases ?? [:]).keys.sorted()))
    }
    salvage.closeLeftJournals()
    return salvage
  }

  /// What can be read; `nil` for what was read and is wrong.
  private static func given<Value>(
    _ body: () throws(ExamStoreError) -> Value
  ) throws(ExamStoreError) -> Value? {
    do throws(ExamStoreError) { return try body() } catch {
      if error.code == .secretsLocked || error.isUnread { throw error }
      return nil
    }
  }

  private static func settings(_ connection: Connection) throws(ExamStoreError) -> [String: [UInt8]] {
    var settings: [String: [UInt8]] = [:]
    _ = try given { () throws(ExamStoreError) in
      try connection.forEachRow("SELECT name, value FROM setting") { (row) throws(ExamStoreError) in
        let name = row.text(at: 0)
        if name.hasPrefix(SettingTable.prefix) { settings[name] = row.blob(at: 1) }
      }
    }
    return settings
  }

  /// A row that was changed cannot say where its journal was left. The successor's opening can: it is in a chain.
  private mutating func closeLeftJournals() {
    for index in journals.indices where !journals[index].rowIsSound {
      let id = journals[index].state.id
      let successor = journals.first { $0.state.predecessor?.journal == id }?.state.predecessor
      journals[index].state.fork = successor?.sequence
    }
  }

  /// The key whose id stands in the journals, out of its two copies.
  private static func device(_ table: DeviceTable) throws(ExamStoreError) -> DeviceIdentity? {
    if let sound = try given({ () throws(ExamStoreError) in try table.read() }) ?? nil { return sound }
    let connection = table.connection
    let seeds = try table.readableSeeds()
    var server: [UInt8]?
    var user = ""
    var grant: SessionGrant?
    _ = try given { () throws(ExamStoreError) in
      try connection.forEachRow("SELECT server_key, user, session_grant FROM device") {
        (row) throws(ExamStoreError) in
        server = row.optionalBlob(at: 0).flatMap { $0.count == 32 ? $0 : nil }
        user = row.text(at: 1)
        grant = row.optionalBlob(at: 2).flatMap { try? SessionGrant(wire: $0) }
      }
    }
    if let secret = try? table.sessionSecret() { grant?.secret = secret }
    var keys: Set<ID128> = []
    _ = try given { () throws(ExamStoreError) in
      try connection.forEachRow("SELECT device_key FROM journal") { (row) throws(ExamStoreError) in
        keys.insert(try row.id(at: 0))
      }
    }
    let candidates = seeds.compactMap(SigningKey.init(seed:))
    guard let key = candidates.first(where: { keys.contains($0.id) }) ?? candidates.first else { return nil }
    return DeviceIdentity(signingKey: key, serverKey: server, user: user, grant: grant)
  }

  private static func numbers(_ connection: Connection) throws(ExamStoreError) -> [Int64] {
    var numbers: Set<Int64> = []
    _ = try given { () throws(ExamStoreError) in
      try connection.forEachRow("SELECT number FROM journal") { (row) throws(ExamStoreError) in
        numbers.insert(row.int64(at: 0))
      }
    }
    return numbers.sorted()
  }

  private static func journal(
    _ row: JournalTable.Row, _ table: JournalTable, attempts: [ID128]
  ) throws(ExamStoreError) -> SalvagedJournal {
    var state = row.journal
    try believeChain(&state, row, table, attempts: attempts)
    let namedLast = state.last
    let namedHead = state.head
    let macFits = row.mac == state.mac(key: table.key)
    var salvaged = SalvagedJournal(state: state, isIntact: false, rowIsSound: macFits)
    var heads: [UInt64: Digest256] = [0: state.genesis]
    var sequence: UInt64 = 0
    var lastFound: UInt64 = 0
    while sequence - lastFound < longestGap, sequence < max(namedLast, lastFound) + longestGap {
      sequence += 1
      let wanted = sequence
      let found = try given { () throws(ExamStoreError) in try table.entry(wanted, of: state.number) } ?? nil
      guard let entry = found else { continue }
      lastFound = sequence
      heads[sequence] = entry.head
      guard let before = heads[sequence - 1],
        Chain.next(before, sequence: sequence, body: entry.body) == entry.head
      else { continue }
      if salvaged.intact.count + 1 == Int(sequence) {
        salvaged.intact.append(entry)
      } else {
        salvaged.loose.append(entry)
      }
    }
    state.last = UInt64(salvaged.intact.count)
    state.head = salvaged.intact.last?.head ?? state.genesis
    salvaged.isIntact = macFits && state.last == namedLast && state.head == namedHead && salvaged.loose.isEmpty
    let proved = salvaged.intact.count + salvaged.loose.count
    // A row that was changed may name any sequence.
    let expected = macFits ? namedLast : lastFound
    salvaged.unreadable = max(0, Int(clamping: expected) - proved)
    if !macFits { forgetWhatOnlyTheRowSays(&state, entries: salvaged.intact) }
    salvaged.state = state
    return salvaged
  }

  /// A changed row may name another attempt. The chain says whose it is: it begins with the attempt.
  private static func believeChain(
    _ state: inout JournalState, _ row: JournalTable.Row, _ table: JournalTable, attempts: [ID128]
  ) throws(ExamStoreError) {
    guard row.mac != state.mac(key: table.key) else { return }
    let number = state.number
    let found = try given { () throws(ExamStoreError) in try table.entry(1, of: number) } ?? nil
    guard let first = found else { return }
    let own = attempts.first { attempt in
      let genesis = Chain.genesis(journal: state.id, subject: attempt, deviceKey: state.deviceKey)
      return Chain.next(genesis, sequence: 1, body: first.body) == first.head
    }
    if let own { state.subject = own }
  }

  /// What a changed row says is not believed; lease and predecessor stand in the chain too.
  private static func forgetWhatOnlyTheRowSays(_ state: inout JournalState, entries: [StoredEntry]) {
    state.acknowledged = .none
    state.greatest = 0
    state.greatestHead = nil
    state.persisted = nil
    let openings = entries.compactMap { stored in
      if case .open(let opening) = stored.entry.kind { opening } else { nil }
    }
    state.predecessor = openings.first?.predecessor
    state.lease = openings.last?.leaseOrdinal ?? state.lease
  }
}

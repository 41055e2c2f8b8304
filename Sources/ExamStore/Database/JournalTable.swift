import Crypto
import ExamModel
import SQLite
import SyncProtocol
import SyncWire

/// Reading and writing journals and entries. No decisions.
struct JournalTable {
  let connection: Connection
  /// Of the rows' MACs: a code that has taken its key, derived from the device's seed, and nothing else yet.
  let key: HMAC<SHA256>

  private static let columns = """
    number, id, subject, device_key, predecessor, predecessor_sequence, predecessor_head, lease, last, head, fork, \
    acknowledged, acknowledged_head, acknowledged_state, greatest, greatest_head, opened_wall_ms, boot, boot_ms, \
    wall_ms, remaining_ms, mac
    """

  static func macKey(seed: [UInt8]) -> HMAC<SHA256> {
    HMAC(key: SymmetricKey(data: Hash.sha256(Array("examsync store v1".utf8) + seed).bytes))
  }

  struct Row {
    var journal: JournalState
    var mac: ID128
  }

  /// All journals in the order in which they were opened.
  func rows() throws(ExamStoreError) -> [Row] {
    var rows: [Row] = []
    try connection.forEachRow("SELECT \(Self.columns) FROM journal ORDER BY number") {
      (row) throws(ExamStoreError) in rows.append(try Self.row(row))
    }
    return rows
  }

  private static func row(_ row: Statement) throws(ExamStoreError) -> Row {
    var journal = JournalState(
      number: row.int64(at: 0), id: try row.id(at: 1), subject: try row.id(at: 2), deviceKey: try row.id(at: 3),
      lease: try row.number32(at: 7), openedWallMilliseconds: row.int64(at: 16))
    if let predecessor = try row.optionalID(at: 4) {
      journal.predecessor = JournalPosition(
        journal: predecessor, sequence: try row.sequence(at: 5), head: try row.digest(at: 6))
    }
    journal.last = try row.sequence(at: 8)
    journal.head = try row.digest(at: 9)
    journal.fork = row.isNull(at: 10) ? nil : try row.sequence(at: 10)
    guard let standing = AcknowledgedPosition.Standing(rawValue: row.int(at: 13)) else {
      throw .damaged("an acknowledgement has no such standing")
    }
    journal.acknowledged = AcknowledgedPosition(
      sequence: try row.sequence(at: 11), head: try row.optionalDigest(at: 12), standing: standing)
    journal.greatest = try row.sequence(at: 14)
    journal.greatestHead = try row.optionalDigest(at: 15)
    if let boot = try row.optionalID(at: 17) {
      journal.persisted = PersistedClock(
        instant: DeviceInstant(
          bootID: boot, bootMilliseconds: try row.sequence(at: 18), wallMilliseconds: row.int64(at: 19)),
        remainingMilliseconds: row.int64(at: 20))
    }
    return Row(journal: journal, mac: try row.id(at: 21))
  }

  /// The entries of a journal from `first` on, in order.
  func entries(
    of number: Int64, from first: UInt64 = 1, through last: UInt64 = .max,
    _ body: (StoredEntry) throws(ExamStoreError) -> Void
  ) throws(ExamStoreError) {
    try connection.forEachRow(
      "SELECT sequence, body, head FROM entry WHERE journal = ?1 AND sequence BETWEEN ?2 AND ?3 ORDER BY sequence",
      binding: { (statement) throws(SQLiteError) in
        try statement.bind(number, at: 1)
        try statement.bind(Int64(clamping: first), at: 2)
        try statement.bind(Int64(clamping: last), at: 3)
      },
      { (row) throws(ExamStoreError) in
        let bytes = row.blob(at: 1)
        try body(
          StoredEntry(
            sequence: try row.sequence(at: 0), body: bytes, head: try row.digest(at: 2),
            entry: Self.decode(bytes)))
      })
  }

  /// The bodies of a journal's entries with the chain head after each, undecoded.
  func bodies(
    of number: Int64, from first: UInt64, through last: UInt64,
    _ body: ([UInt8], Digest256) throws(ExamStoreError) -> Void
  ) throws(ExamStoreError) {
    try connection.forEachRow(
      "SELECT body, head FROM entry WHERE journal = ?1 AND sequence BETWEEN ?2 AND ?3 ORDER BY sequence",
      binding: { (statement) throws(SQLiteError) in
        try statement.bind(number, at: 1)
        try statement.bind(Int64(clamping: first), at: 2)
        try statement.bind(Int64(clamping: last), at: 3)
      }, { (row) throws(ExamStoreError) in try body(row.blob(at: 0), try row.digest(at: 1)) })
  }

  func entryList(of number: Int64, from first: UInt64 = 1) throws(ExamStoreError) -> [StoredEntry] {
    var list: [StoredEntry] = []
    try entries(of: number, from: first) { (entry) throws(ExamStoreError) in list.append(entry) }
    return list
  }

  /// One journal's row; `nil` if there is none.
  func row(number: Int64) throws(ExamStoreError) -> Row? {
    var found: Row?
    try connection.forEachRow(
      "SELECT \(Self.columns) FROM journal WHERE number = ?1",
      binding: { (statement) throws(SQLiteError) in try statement.bind(number, at: 1) },
      { (row) throws(ExamStoreError) in found = try Self.row(row) })
    return found
  }

  /// One entry; `nil` if there is none.
  func entry(_ sequence: UInt64, of number: Int64) throws(ExamStoreError) -> StoredEntry? {
    var found: StoredEntry?
    try entries(of: number, from: sequence, through: sequence) { (entry) throws(ExamStoreError) in found = entry }
    return found
  }

  /// The chain head after an entry; `nil` where this device has no such entry.
  func head(of journal: JournalState, at sequence: UInt64) throws(ExamStoreError) -> Digest256? {
    if sequence == 0 { return journal.genesis }
    if sequence == journal.last { return journal.head }
    var head: Digest256?
    try connection.forEachRow(
      "SELECT head FROM entry WHERE journal = ?1 AND sequence = ?2",
      binding: { (statement) throws(SQLiteError) in
        try statement.bind(journal.number, at: 1)
        try statement.bind(Int64(clamping: sequence), at: 2)
      }, { (row) throws(ExamStoreError) in head = try row.digest(at: 0) })
    return head
  }

  static func decode(_ body: [UInt8]) -> Entry {
    (try? Entry(wire: body)) ?? Entry(kind: .unknown)
  }

  // MARK: - Writing, inside a transaction

  func insert(_ journal: JournalState) throws(SQLiteError) {
    let places = (1...22).map { "?\($0)" }.joined(separator: ", ")
    try connection.run("INSERT INTO journal(\(Self.columns)) VALUES (\(places))") {
      (statement) throws(SQLiteError) in
      try statement.bind(journal.number, at: 1)
      try statement.bind(journal.id, at: 2)
      try statement.bind(journal.subject, at: 3)
      try statement.bind(journal.deviceKey, at: 4)
      try statement.bind(journal.predecessor?.journal, at: 5)
      try statement.bind(journal.predecessor.map { Int64(clamping: $0.sequence) }, at: 6)
      try statement.bind(journal.predecessor?.head, at: 7)
      try statement.bind(Int64(journal.lease), at: 8)
      try statement.bind(Int64(clamping: journal.last), at: 9)
      try statement.bind(journal.head, at: 10)
      try statement.bind(journal.fork.map { Int64(clamping: $0) }, at: 11)
      try bindAcknowledgement(of: journal, to: statement, from: 12)
      try statement.bind(journal.openedWallMilliseconds, at: 17)
      try bindClock(journal.persisted, to: statement, from: 18)
      try statement.bind(journal.mac(key: key), at: 22)
    }
  }

  /// The hot path: see ``SaveStatements``.
  func append(_ body: [UInt8], sequence: UInt64, head: Digest256, to number: Int64) throws(SQLiteError) {
    try connection.run(SaveStatements.insertEntry) { (statement) throws(SQLiteError) in
      try statement.bind(number, at: 1)
      try statement.bind(Int64(clamping: sequence), at: 2)
      try statement.bind(body, at: 3)
      try statement.bind(head, at: 4)
    }
  }

  func updateHead(of journal: JournalState) throws(SQLiteError) {
    try connection.run(SaveStatements.updateJournal) { (statement) throws(SQLiteError) in
      try statement.bind(journal.number, at: 1)
      try statement.bind(Int64(clamping: journal.last), at: 2)
      try statement.bind(journal.head, at: 3)
      try bindClock(journal.persisted, to: statement, from: 4)
      try statement.bind(journal.mac(key: key), at: 8)
    }
    try requireOneChange()
  }

  func updateStanding(of journal: JournalState) throws(SQLiteError) {
    let sql = """
      UPDATE journal SET lease = ?2, fork = ?3, acknowledged = ?4, acknowledged_head = ?5, acknowledged_state = ?6,
        greatest = ?7, greatest_head = ?8, mac = ?9
      WHERE number = ?1
      """
    try connection.run(sql) { (statement) throws(SQLiteError) in
      try statement.bind(journal.number, at: 1)
      try statement.bind(Int64(journal.lease), at: 2)
      try statement.bind(journal.fork.map { Int64(clamping: $0) }, at: 3)
      try bindAcknowledgement(of: journal, to: statement, from: 4)
      try statement.bind(journal.mac(key: key), at: 9)
    }
    try requireOneChange()
  }

  private func bindAcknowledgement(
    of journal: JournalState, to statement: Statement, from index: Int
  ) throws(SQLiteError) {
    try statement.bind(Int64(clamping: journal.acknowledged.sequence), at: index)
    try statement.bind(journal.acknowledged.head, at: index + 1)
    try statement.bind(journal.acknowledged.standing.rawValue, at: index + 2)
    try statement.bind(Int64(clamping: journal.greatest), at: index + 3)
    try statement.bind(journal.greatestHead, at: index + 4)
  }

  private func bindClock(
    _ clock: PersistedClock?, to statement: Statement, from index: Int
  ) throws(SQLiteError) {
    try statement.bind(clock?.instant.bootID, at: index)
    try statement.bind(clock.map { Int64(clamping: $0.instant.bootMilliseconds) }, at: index + 1)
    try statement.bind(clock?.instant.wallMilliseconds, at: index + 2)
    try statement.bind(clock?.remainingMilliseconds, at: index + 3)
  }

  /// An update that met no row would lose what it was told to keep.
  private func requireOneChange() throws(SQLiteError) {
    guard connection.changes == 1 else {
      throw SQLiteError(code: .corrupt, message: "the journal's row is not in the file any more")
    }
  }
}

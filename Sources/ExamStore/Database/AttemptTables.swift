import ExamModel
import SQLite
import SyncProtocol
import SyncWire

/// Reading and writing what an attempt has beside its journals. No decisions.
struct AttemptTables {
  let connection: Connection

  // MARK: - Answers

  func upsert(_ answer: CurrentAnswer, item: String, attempt: ID128) throws(SQLiteError) {
    try connection.run(SaveStatements.upsertAnswer) { (statement) throws(SQLiteError) in
      try statement.bind(attempt, at: 1)
      try statement.bind(item, at: 2)
      try statement.bind(answer.value?.canonicalBytes, at: 3)
      try statement.bind(answer.isFlagged, at: 4)
      try statement.bind(answer.journal, at: 5)
      try statement.bind(Int64(clamping: answer.sequence), at: 6)
    }
  }

  /// Replaces the rows of an attempt by what its entries add up to.
  func replaceAnswers(of attempt: ID128, by answers: [String: CurrentAnswer]) throws(SQLiteError) {
    try connection.run("DELETE FROM answer WHERE attempt = ?1") { (statement) throws(SQLiteError) in
      try statement.bind(attempt, at: 1)
    }
    for (item, answer) in answers { try upsert(answer, item: item, attempt: attempt) }
  }

  struct AnswerRow: Hashable {
    var value: [UInt8]?
    var isFlagged: Bool
    var journal: Int64
    var sequence: UInt64

    init(_ answer: CurrentAnswer) {
      value = answer.value?.canonicalBytes
      isFlagged = answer.isFlagged
      journal = answer.journal
      sequence = answer.sequence
    }

    init(_ row: Statement) throws(ExamStoreError) {
      value = row.optionalBlob(at: 1)
      isFlagged = row.bool(at: 2)
      journal = row.int64(at: 3)
      sequence = try row.sequence(at: 4)
    }
  }

  func answers(of attempt: ID128) throws(ExamStoreError) -> [String: AnswerRow] {
    var rows: [String: AnswerRow] = [:]
    try connection.forEachRow(
      "SELECT item, value, flag, journal, sequence FROM answer WHERE attempt = ?1",
      binding: { (statement) throws(SQLiteError) in try statement.bind(attempt, at: 1) },
      { (row) throws(ExamStoreError) in rows[row.text(at: 0)] = try AnswerRow(row) })
    return rows
  }

  // MARK: - The attempt's own row

  func insertAttempt(_ attempt: ID128) throws(SQLiteError) {
    try connection.run("INSERT INTO attempt(id) VALUES (?1) ON CONFLICT DO NOTHING") {
      (statement) throws(SQLiteError) in
      try statement.bind(attempt, at: 1)
    }
  }

  func updateBase(_ base: AnswersRecord, of attempt: ID128) throws(SQLiteError) {
    let body = base.wire
    try connection.run("UPDATE attempt SET base = ?2, base_digest = ?3 WHERE id = ?1") {
      (statement) throws(SQLiteError) in
      try statement.bind(attempt, at: 1)
      try statement.bind(body, at: 2)
      try statement.bind(Hash.sha256(body), at: 3)
    }
  }

  /// Every attempt with the record that it went on from.
  func attempts() throws(ExamStoreError) -> [ID128: AnswersRecord?] {
    var attempts: [ID128: AnswersRecord?] = [:]
    try connection.forEachRow("SELECT id, base, base_digest FROM attempt") { (row) throws(ExamStoreError) in
      let attempt = try row.id(at: 0)
      guard let body = row.optionalBlob(at: 1) else {
        attempts.updateValue(nil, forKey: attempt)
        return
      }
      guard Hash.sha256(body) == (try row.digest(at: 2)), let base = try? AnswersRecord(wire: body) else {
        throw .damaged("the answers that attempt \(attempt) went on from were changed")
      }
      attempts.updateValue(base, forKey: attempt)
    }
    return attempts
  }

  // MARK: - Numbered facts

  func numbers(in table: NumberTable) throws(ExamStoreError) -> [ID128: [UInt32: Int]] {
    var result: [ID128: [UInt32: Int]] = [:]
    try connection.forEachRow(table.select) { (row) throws(ExamStoreError) in
      result[try row.id(at: 0), default: [:]][try row.number32(at: 1)] = row.int(at: 2)
    }
    return result
  }

  enum NumberTable {
    case lockTries
    case voids

    fileprivate var select: String {
      switch self {
      case .lockTries: "SELECT attempt, number, tries FROM lock_try"
      case .voids: "SELECT attempt, number, 1 FROM void"
      }
    }
  }

  func setTries(_ tries: Int, number: UInt32, attempt: ID128) throws(SQLiteError) {
    let sql = """
      INSERT INTO lock_try(attempt, number, tries) VALUES (?1, ?2, ?3)
      ON CONFLICT (attempt, number) DO UPDATE SET tries = max(tries, excluded.tries)
      """
    try connection.run(sql) { (statement) throws(SQLiteError) in
      try statement.bind(attempt, at: 1)
      try statement.bind(Int64(number), at: 2)
      try statement.bind(tries, at: 3)
    }
  }

  func insertVoid(_ number: UInt32, attempt: ID128) throws(SQLiteError) {
    try connection.run("INSERT INTO void(attempt, number) VALUES (?1, ?2) ON CONFLICT DO NOTHING") {
      (statement) throws(SQLiteError) in
      try statement.bind(attempt, at: 1)
      try statement.bind(Int64(number), at: 2)
    }
  }

  // MARK: - Receipts

  func insertReceipt(_ receipt: StoredReceipt) throws(SQLiteError) {
    try connection.run("INSERT OR REPLACE INTO receipt(attempt, ordinal, body) VALUES (?1, ?2, ?3)") {
      (statement) throws(SQLiteError) in
      try statement.bind(receipt.statement.attempt, at: 1)
      try statement.bind(Int64(receipt.statement.ordinal), at: 2)
      try statement.bind(receipt.body, at: 3)
    }
  }

  /// - Parameter publicKey: the server's; receipts that it did not sign were edited.
  func receipts(publicKey: [UInt8]?) throws(ExamStoreError) -> [ID128: [StoredReceipt]] {
    var result: [ID128: [StoredReceipt]] = [:]
    try connection.forEachRow("SELECT attempt, ordinal, body FROM receipt ORDER BY ordinal") {
      (row) throws(ExamStoreError) in
      let body = row.blob(at: 2)
      guard let publicKey, let receipt = try? Receipt(wire: body),
        let statement = try? receipt.verified(publicKey: publicKey).receipt,
        statement.attempt == (try row.id(at: 0)), statement.ordinal == (try row.number32(at: 1))
      else { throw .damaged("a receipt in the store was changed") }
      result[statement.attempt, default: []].append(StoredReceipt(statement: statement, body: body))
    }
    return result
  }
}

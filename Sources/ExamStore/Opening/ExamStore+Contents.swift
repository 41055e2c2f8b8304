package import ExamModel
package import SyncProtocol

/// One journal as it is in the file: for those who check a store from outside.
package struct JournalContents: Sendable {
  package var status: JournalStatus
  package var deviceKey: ID128
  /// Of a journal that was left: its last entry that counts.
  package var fork: UInt64?
  /// The head that came with the greatest acknowledgement; `nil` before one.
  package var greatestHead: Digest256?
  /// Every entry, in the order of the sequences, as the rows say.
  package var entries: [EntryContents]
}

/// One entry's row.
package struct EntryContents: Hashable, Sendable {
  package var sequence: UInt64
  package var body: [UInt8]
  /// As the row says; nothing was recomputed.
  package var head: Digest256
}

/// One row of the current answers.
package struct AnswerContents: Hashable, Sendable {
  package var item: String
  /// Canonical bytes; `nil` for no answer.
  package var value: [UInt8]?
  package var isFlagged: Bool
  /// The journal of the entry that made it; `nil` for one that came from the server's record.
  package var journal: ID128?
  package var sequence: UInt64
}

/// What an attempt has beside its journals.
package struct AttemptContents: Sendable {
  package var attempt: ID128
  /// The server's record that this device went on from.
  package var base: AnswersRecord?
  /// By item.
  package var answers: [AnswerContents]
  package var voids: [UInt32]
  package var receipts: [[UInt8]]
}

/// A scope's row and its live records.
package struct ScopeContents: Sendable {
  package var scope: ID128
  package var cursor: Cursor
  package var count: UInt64
  package var digest: ScopeDigest
  package var records: [Record]
}

extension ExamStore {
  /// Every journal as its rows say, in the order of opening; read from the file and not from memory.
  package func journalContents() throws(ExamStoreError) -> [JournalContents] {
    guard device != nil else { return [] }
    let table = try journals()
    var contents: [JournalContents] = []
    for row in try table.rows() {
      var entries: [EntryContents] = []
      try table.entries(of: row.journal.number) { (entry) throws(ExamStoreError) in
        entries.append(EntryContents(sequence: entry.sequence, body: entry.body, head: entry.head))
      }
      contents.append(
        JournalContents(
          status: JournalStatus(row.journal), deviceKey: row.journal.deviceKey, fork: row.journal.fork,
          greatestHead: row.journal.greatestHead, entries: entries))
    }
    return contents
  }

  /// Every attempt that was joined, by id; read from the file and not from memory.
  package func attemptContents() throws(ExamStoreError) -> [AttemptContents] {
    guard device != nil else { return [] }
    var ids: [Int64: ID128] = [:]
    for row in try journals().rows() { ids[row.journal.number] = row.journal.id }
    let voids = try tables.numbers(in: .voids)
    let receipts = try tables.receipts(publicKey: device?.serverKey)
    var contents: [AttemptContents] = []
    for (attempt, base) in try tables.attempts().sorted(by: { $0.key < $1.key }) {
      var answers: [AnswerContents] = []
      for (item, row) in try tables.answers(of: attempt) {
        answers.append(
          AnswerContents(
            item: item, value: row.value, isFlagged: row.isFlagged, journal: ids[row.journal], sequence: row.sequence))
      }
      contents.append(
        AttemptContents(
          attempt: attempt, base: base, answers: answers.sorted { $0.item < $1.item },
          voids: (voids[attempt] ?? [:]).keys.sorted(), receipts: (receipts[attempt] ?? []).map(\.body)))
    }
    return contents
  }

  /// Every scope with its records, by id.
  package func scopeContents() throws(ExamStoreError) -> [ScopeContents] {
    let table = ScopeTable(connection: connection)
    var contents: [ScopeContents] = []
    for row in try table.rows() {
      var records: [Record] = []
      try table.allRecords(row.id) { (record) throws(ExamStoreError) in records.append(record) }
      contents.append(
        ScopeContents(
          scope: row.id, cursor: row.cursor, count: row.count, digest: row.digest,
          records: records.sorted { $0.version < $1.version }))
    }
    return contents
  }
}

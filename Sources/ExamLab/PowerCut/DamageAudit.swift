import ExamModel
import ExamStore
import SQLite

/// Compares what was carried over from a file that was set aside with what plain SQLite still reads in that file.
struct DamageAudit {
  let witness: DamageWitness
  let contents: [JournalContents]
  let quarantine: Quarantine

  func run(on disk: VirtualDisk) throws {
    // Without the key no journal can go on, and the report says so. Where the schema's own text is damaged, SQLite reads
    // the tables as something else; the file is kept for support, and the report says that no journal was carried over.
    guard !quarantine.isIdentityLost, !quarantine.reason.contains("changed by somebody else") else { return }
    for journal in witness.journals {
      let missing = witness.missing(of: journal, in: contents)
      guard !missing.isEmpty else { continue }
      let readable = readableSequences(of: journal, in: disk)
      // The first entry behind a gap has no head before it that would prove it.
      let provable = missing.filter { readable.contains($0) && ($0 == 1 || readable.contains($0 - 1)) }
      guard provable.isEmpty else {
        throw PowerCutFinding(
          "I14", "\(provable.count) entries that can be read in \(quarantine.path) were not carried over")
      }
      guard let report = quarantine.journals.first(where: { $0.journal == journal.id }) else { continue }
      let lost = max(0, journal.bodies.count - Int(report.intactThrough) - report.carriedOver)
      guard report.unreadable > 0 || lost == 0 || !readable.contains(UInt64(journal.bodies.count)) else {
        throw PowerCutFinding("I14", "\(missing.count) saved entries are gone, and the report names none")
      }
    }
  }

  /// Sequences whose rows still say what was issued, if the journal's own row is there too.
  private func readableSequences(of journal: DamageWitness.Journal, in disk: VirtualDisk) -> Set<UInt64> {
    var options = ConnectionOptions.durable
    options.vfsName = disk.vfsName
    guard let connection = try? Connection(path: quarantine.path, options: options) else { return [] }
    connection.abandonLog()
    guard let number = number(of: journal.id, in: connection) else { return [] }
    var readable: Set<UInt64> = []
    for (index, body) in journal.bodies.enumerated() {
      var found: [UInt8]?
      try? connection.withStatement("SELECT body FROM entry WHERE journal = ?1 AND sequence = ?2") {
        (statement) throws(SQLiteError) in
        try statement.bind(number, at: 1)
        try statement.bind(Int64(index + 1), at: 2)
        if try statement.step() { found = statement.blob(at: 0) }
      }
      if found == body { readable.insert(UInt64(index + 1)) }
    }
    return readable
  }

  private func number(of journal: ID128, in connection: Connection) -> Int64? {
    var number: Int64?
    try? connection.withStatement("SELECT number FROM journal WHERE id = ?1 AND device_key = ?2") {
      (statement) throws(SQLiteError) in
      try statement.bind(journal.bytes, at: 1)
      try statement.bind(witness.key?.bytes ?? [], at: 2)
      if try statement.step() { number = statement.int64(at: 0) }
    }
    return number
  }
}

import ExamModel
import ExamStore
import SQLite

/// Compares what was carried over from a file that was set aside with what plain SQLite still reads in that file.
struct DamageAudit {
  let witness: DamageWitness
  let contents: [JournalContents]
  let quarantine: Quarantine

  func run(on disk: VirtualDisk) throws {
    // Without the key no journal can go on, and the report says so. Where the schema's own text is damaged, SQLite
    // reads the tables as something else; the file is kept for support, and the report says that no journal was
    // carried over.
    guard !quarantine.isIdentityLost, !quarantine.reason.contains("changed by somebody else") else { return }
    for journal in witness.journals {
      let missing = witness.missing(of: journal, in: contents)
      guard !missing.isEmpty else { continue }
      let readable = readable(of: journal, in: disk)
      // A body is proved by the heads on both sides of it; before the first there is the genesis.
      let provable = missing.filter { sequence in
        readable.bodies.contains(sequence) && readable.heads.contains(sequence)
          && (sequence == 1 || readable.heads.contains(sequence - 1))
      }
      guard provable.isEmpty else {
        throw PowerCutFinding(
          "I14", "\(provable.count) entries that can be read in \(quarantine.path) were not carried over")
      }
      guard let report = quarantine.journals.first(where: { $0.journal == journal.id }) else { continue }
      let lost = max(0, journal.bodies.count - Int(report.intactThrough) - report.carriedOver)
      guard report.unreadable > 0 || lost == 0 || !readable.bodies.contains(UInt64(journal.bodies.count)) else {
        throw PowerCutFinding("I14", "\(missing.count) saved entries are gone, and the report names none")
      }
    }
  }

  private struct Readable {
    var bodies: Set<UInt64> = []
    var heads: Set<UInt64> = []
  }

  /// Sequences whose rows still say what was issued, if the journal's own row is there too.
  private func readable(of journal: DamageWitness.Journal, in disk: VirtualDisk) -> Readable {
    var options = ConnectionOptions.durable
    options.vfsName = disk.vfsName
    var readable = Readable()
    guard let connection = try? Connection(path: quarantine.path, options: options) else { return readable }
    connection.abandonLog()
    guard let number = number(of: journal.id, in: connection) else { return readable }
    for (index, body) in journal.bodies.enumerated() {
      var found: (body: [UInt8], head: [UInt8])?
      try? connection.withStatement("SELECT body, head FROM entry WHERE journal = ?1 AND sequence = ?2") {
        (statement) throws(SQLiteError) in
        try statement.bind(number, at: 1)
        try statement.bind(Int64(index + 1), at: 2)
        if try statement.step() { found = (statement.blob(at: 0), statement.blob(at: 1)) }
      }
      if found?.body == body { readable.bodies.insert(UInt64(index + 1)) }
      if found?.head == journal.heads[index].bytes { readable.heads.insert(UInt64(index + 1)) }
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

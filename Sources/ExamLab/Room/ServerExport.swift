import Foundation

/// What the server says it holds, through its own export commands.
enum ServerExport {
  /// Exports the answers and writes them as `server.jsonl`, a line for each answer.
  static func answers(
    _ server: ServerUnderTest, exam: String, to path: String
  ) throws -> [Judge.ServerLine] {
    let rows = try server.command(["export", "answers", exam]).map { line in
      try JSONDecoder().decode(AttemptRow.self, from: Data(line.utf8))
    }
    var lines: [Judge.ServerLine] = []
    for row in rows {
      for answer in row.answers {
        let separator = answer.kind == "blanks" ? "|" : ","
        lines.append(
          Judge.ServerLine(
            candidate: row.username, item: answer.item, value: answer.values.joined(separator: separator),
            journal: answer.journal, sequence: answer.sequence))
      }
    }
    let log = try RoomLog(path: path)
    for line in lines { log.append(line) }
    return lines
  }

  static func journals(_ server: ServerUnderTest, exam: String) throws -> [JournalLine] {
    try server.command(["export", "journals", exam]).map { line in
      let row = try JSONDecoder().decode(JournalRow.self, from: Data(line.utf8))
      return JournalLine(journal: row.journal, sequence: row.sequence)
    }
  }

  private struct AttemptRow: Decodable {
    struct Answer: Decodable {
      var item: String
      var kind: String
      var values: [String]
      var journal: String
      var sequence: Int
    }
    var username: String
    var answers: [Answer]
  }

  private struct JournalRow: Decodable {
    var journal: String
    var sequence: Int
  }
}

import ExamModel
import Foundation
import PaperImport

/// The roster of a room: the sample's own candidates, and made-up ones where it has too few.
struct RosterDraft {
  let options: RoomOptions
  let paper: Paper

  /// Writes the roster and gives its path.
  func write(to path: String) throws -> String {
    let sample = "\(options.sample)/roster.csv"
    var lines: [String] = []
    if let text = try? String(contentsOfFile: sample, encoding: .utf8) {
      lines = text.split(whereSeparator: \.isNewline).map(String.init)
    }
    if lines.isEmpty { lines = ["number,name,username,specialty,room"] }
    lines = Array(lines.prefix(options.candidates + 1))
    let columns = lines[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    while lines.count < options.candidates + 1 {
      let number = lines.count
      lines.append(
        columns.map { column in
          switch column {
          case "number": "X\(1000 + number)"
          case "name": "Candidate \(number)"
          case "username": "extra\(number)"
          case "specialty": paper.specialty
          case "room": "R1"
          default: ""
          }
        }.joined(separator: ","))
    }
    try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  /// Reads user names and first passwords from the hand-out that `roster import` wrote.
  static func accounts(handOut path: String) throws -> [PreparedExam.Account] {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let rows = text.split(whereSeparator: \.isNewline).map { line in
      line.split(separator: ",", omittingEmptySubsequences: false).map { field in
        field.trimmingCharacters(in: CharacterSet(charactersIn: "\"\u{feff}"))
      }
    }
    guard let header = rows.first, let user = header.firstIndex(of: "username"),
      let password = header.firstIndex(where: { $0 == "password" || $0 == "first_password" })
    else { throw RoomError("\(path) has no columns username and password") }
    return rows.dropFirst().compactMap { row in
      guard row.count == header.count else { return nil }
      return PreparedExam.Account(username: row[user], password: row[password])
    }
  }
}

import ExamModel

/// One candidate of a roster, as the organiser wrote it.
public struct RosterCandidate: Hashable, Sendable {
  /// The admission number: 1 to 32 of `A–Z a–z 0–9 -`.
  public var number: String
  public var name: String
  /// Rules S0-01 and S0-02.
  public var username: String
  /// `nil`: a first password is to be drawn.
  public var password: String?
  /// Empty if the roster names none.
  public var specialty: String
  /// Empty if the roster names none.
  public var room: String

  public init(
    number: String, name: String, username: String, password: String? = nil, specialty: String = "", room: String = ""
  ) {
    self.number = number
    self.name = name
    self.username = username
    self.password = password
    self.specialty = specialty
    self.room = room
  }
}

/// Reads a roster: a CSV table whose first line names its columns `number`, `name`, `username` and, if wanted,
/// `password`, `specialty`, `room`, in any order.
///
/// Unknown columns, missing fields and duplicates (of numbers, and of usernames with letter case aside) are refused
/// with their line; a refusal imports nobody.
public enum RosterImporter {
  private static let required = ["number", "name", "username"]
  private static let optional = ["password", "specialty", "room"]

  /// Loads the table at `path`; symbolic links are not followed.
  public static func load(_ path: String) throws(PaperImportError) -> [RosterCandidate] {
    var parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let name = String(parts.removeLast())
    let folder = parts.isEmpty ? "." : parts.joined(separator: "/")
    let source = FolderSource(folder: folder.isEmpty ? "/" : folder)
    guard let bytes = try source.bytes(of: name, limit: PaperLimits.rosterBytes) else {
      throw PaperImportError(.missingFile, file: path, message: "There is no such roster. Check the path.")
    }
    return try load(bytes: bytes, file: name)
  }

  /// Loads a table from memory; `file` is its name in errors.
  public static func load(bytes: [UInt8], file: String = "roster.csv") throws(PaperImportError) -> [RosterCandidate] {
    guard bytes.count <= PaperLimits.rosterBytes else { throw .tooLarge(file, limit: PaperLimits.rosterBytes) }
    let records = try CSVReader.records(bytes, file: file)
    guard let header = records.first else {
      throw PaperImportError(.empty, file: file, message: "The roster is empty. Its first line names the columns.")
    }
    let columns = try checkedColumns(header, file: file)
    guard records.count > 1 else {
      throw PaperImportError(.empty, file: file, message: "The roster names no candidates. Add one line for each.")
    }
    guard records.count - 1 <= PaperLimits.rosterCandidates else {
      throw PaperImportError(
        .tooMany, file: file, line: records[PaperLimits.rosterCandidates + 1].line,
        message: "The roster has more than \(PaperLimits.rosterCandidates) candidates. Split it.")
    }
    var candidates: [RosterCandidate] = []
    var lines: [String: Int] = [:]
    for record in records.dropFirst() {
      let row = RosterRow(record: record, columns: columns, file: file)
      let candidate = try row.candidate()
      for key in ["number \(candidate.number)", "username \(candidate.username.lowercased())"] {
        if let earlier = lines.updateValue(record.line, forKey: key) {
          throw row.error(
            .duplicateCandidate, "The \(key) stands on line \(earlier) already. Each candidate needs its own.")
        }
      }
      candidates.append(candidate)
    }
    return candidates
  }

  private static func checkedColumns(_ header: CSVRecord, file: String) throws(PaperImportError) -> [String: Int] {
    var columns: [String: Int] = [:]
    for (index, name) in header.fields.enumerated() {
      guard required.contains(name) || optional.contains(name) else {
        throw PaperImportError(
          .unknownColumn, file: file,
          message: "\"\(ObjectReader.short(name))\" is not a column of a roster. Columns are "
            + (required + optional).joined(separator: ", ") + ".")
      }
      guard columns.updateValue(index, forKey: name) == nil else {
        throw PaperImportError(.unknownColumn, file: file, message: "The column \(name) stands twice. Remove one.")
      }
    }
    for name in required where columns[name] == nil {
      throw PaperImportError(.missingColumn, file: file, message: "The column \(name) is missing. Add it.")
    }
    return columns
  }
}

/// One line of a roster and the rules for its fields.
private struct RosterRow {
  let record: CSVRecord
  let columns: [String: Int]
  let file: String

  func error(_ code: PaperImportErrorCode, _ message: String) -> PaperImportError {
    PaperImportError(code, file: file, line: record.line, message: message)
  }

  func candidate() throws(PaperImportError) -> RosterCandidate {
    guard record.fields.count == columns.count else {
      throw error(
        .badCSV, "The line has \(record.fields.count) fields; the table has \(columns.count) columns.")
    }
    let number = try field("number")
    guard (1...32).contains(number.utf8.count), number.utf8.allSatisfy({ Self.isAlphanumeric($0) || $0 == 0x2D }) else {
      throw error(.badField, "The number \"\(number)\" is not 1 to 32 of A–Z a–z 0–9 and hyphen.")
    }
    let name = try field("name")
    guard !name.allSatisfy(\.isWhitespace) else {
      throw error(.badField, "The name is empty. Every candidate has one.")
    }
    let username = try field("username")
    guard (3...20).contains(username.utf8.count), let first = username.utf8.first, Self.isLetter(first),
      username.utf8.allSatisfy({ Self.isAlphanumeric($0) || $0 == 0x5F })
    else {
      throw error(
        .badField,
        "The username \"\(username)\" must have 3 to 20 letters, digits or underscores and begin with a letter.")
    }
    let password = try field("password")
    guard password.isEmpty || ((8...20).contains(password.utf8.count) && password.utf8.allSatisfy(Self.isAlphanumeric))
    else {
      throw error(.badField, "The password must have 8 to 20 letters and digits; leave it empty to have one drawn.")
    }
    return RosterCandidate(
      number: number, name: name, username: username, password: password.isEmpty ? nil : password,
      specialty: try field("specialty"), room: try field("room"))
  }

  private func field(_ name: String) throws(PaperImportError) -> String {
    guard let column = columns[name] else { return "" }
    let text = record.fields[column]
    let scalars = text.unicodeScalars
    guard scalars.count <= PaperLimits.rosterFieldScalars else {
      throw error(
        .badField, "The \(name) has \(scalars.count) characters; at most \(PaperLimits.rosterFieldScalars) are taken.")
    }
    guard !scalars.contains(where: { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) }) else {
      throw error(.badField, "The \(name) holds a line break or another control character. Remove it.")
    }
    return text
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte | 0x20)
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    isLetter(byte) || (0x30...0x39).contains(byte)
  }
}

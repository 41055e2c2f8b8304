/// One record of a table and the line on which it begins.
struct CSVRecord: Hashable {
  var line: Int
  var fields: [String]
}

/// A strict reader of comma-separated values (RFC 4180, UTF-8, CRLF or LF, byte-order mark allowed).
struct CSVReader {
  private let file: String
  private let bytes: [UInt8]
  private var offset = 0
  private var line = 1

  private init(_ bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
  }

  /// All records; lines without any text between records are refused like everything else that is not a record.
  static func records(_ bytes: [UInt8], file: String) throws(PaperImportError) -> [CSVRecord] {
    var reader = CSVReader(bytes, file: file)
    try reader.checkEncoding()
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { reader.offset = 3 }
    var records: [CSVRecord] = []
    while reader.offset < bytes.count {
      records.append(try reader.record())
    }
    return records
  }

  private func error(_ code: PaperImportErrorCode, _ message: String, line: Int? = nil) -> PaperImportError {
    PaperImportError(code, file: file, line: line ?? self.line, message: message)
  }

  private func checkEncoding() throws(PaperImportError) {
    if String(validating: bytes, as: UTF8.self) == nil {
      let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
      let bad = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
      throw error(.encoding, "The line is not UTF-8. Save the table as CSV UTF-8.", line: bad + 1)
    }
    if let null = bytes.firstIndex(of: 0) {
      let lineOfNull = bytes[..<null].count { $0 == 0x0A } + 1
      throw error(.nullCharacter, "The line holds a null character. Remove it.", line: lineOfNull)
    }
  }

  private mutating func record() throws(PaperImportError) -> CSVRecord {
    var record = CSVRecord(line: line, fields: [])
    while true {
      record.fields.append(try field())
      guard offset < bytes.count else { return record }
      let byte = bytes[offset]
      offset += 1
      if byte == UInt8(ascii: ",") { continue }
      if byte == 0x0D {
        guard offset < bytes.count, bytes[offset] == 0x0A else {
          throw error(.badCSV, "A carriage return stands without a line feed. Save the table with CRLF or LF.")
        }
        offset += 1
      } else if byte != 0x0A {
        throw error(.badCSV, "Text follows a closing quote. Double quotes that belong to the text.")
      }
      line += 1
      return record
    }
  }

  private mutating func field() throws(PaperImportError) -> String {
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
      let first = offset
      while offset < bytes.count, ![0x2C, 0x0A, 0x0D].contains(bytes[offset]) {
        guard bytes[offset] != UInt8(ascii: "\"") else {
          throw error(.badCSV, "A quote stands inside an unquoted field. Quote the whole field and double the quote.")
        }
        offset += 1
      }
      return String(decoding: bytes[first..<offset], as: UTF8.self)
    }
    let startLine = line
    offset += 1
    var text: [UInt8] = []
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      if byte == UInt8(ascii: "\"") {
        guard offset < bytes.count, bytes[offset] == byte else { return String(decoding: text, as: UTF8.self) }
        offset += 1
      }
      if byte == 0x0A { line += 1 }
      text.append(byte)
    }
    throw error(.badCSV, "The field is quoted and its quote is never closed. Close it.", line: startLine)
  }
}

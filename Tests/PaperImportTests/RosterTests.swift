import ExamModel
import Foundation
import PaperImport
import Testing

@Suite("The roster and the hand-out")
struct RosterTests {
  private static let header = "number,name,username,password,specialty,room\n"

  @Test("quotes, a byte-order mark, CRLF, any order of columns and columns left out")
  func reads() throws {
    let text = "\u{FEFF}username,number,name\r\nzhao_mx,20250001,赵明轩\r\n\"li_sy\",20250002,\"Li, \"\"Sy\"\"\""
    let candidates = try RosterImporter.load(bytes: Array(text.utf8))
    #expect(
      candidates == [
        RosterCandidate(number: "20250001", name: "赵明轩", username: "zhao_mx"),
        RosterCandidate(number: "20250002", name: "Li, \"Sy\"", username: "li_sy"),
      ])
    let full = try RosterImporter.load(bytes: Array((Self.header + "1,A,abc,passw0rd,临床医学,Room 1\n").utf8))
    #expect(
      full == [
        RosterCandidate(
          number: "1", name: "A", username: "abc", password: "passw0rd", specialty: "临床医学", room: "Room 1")
      ])
  }

  static let refusals: [(PaperImportErrorCode, Int, String)] = [
    (.empty, 1, ""),
    (.empty, 1, header),
    (.missingColumn, 1, "number,name\n1,A\n"),
    (.unknownColumn, 1, "number,name,username,email\n1,A,abc,x\n"),
    (.unknownColumn, 1, "number,name,username,name\n1,A,abc,x\n"),
    (.badCSV, 2, header + "1,A,abc\n"),
    (.badCSV, 3, header + "1,A,abc,,,\n\n2,B,bcd,,,\n"),
    (.badCSV, 3, header + "1,A,abc,,,\n2,\"B,bcd,,,\n3,C,cde,,,\n"),
    (.badCSV, 2, header + "1,A\"B,abc,,,\n"),
    (.badCSV, 2, header + "1,\"A\"B,abc,,,\n"),
    (.badCSV, 2, header + "1,A,abc,,,\r2,B,bcd,,,\n"),
    (.nullCharacter, 3, header + "1,A,abc,,,\n2,B\u{0},bcd,,,\n"),
    (.badField, 2, header + ",A,abc,,,\n"),
    (.badField, 2, header + "1=1,A,abc,,,\n"),
    (.badField, 2, header + "1, ,abc,,,\n"),
    (.badField, 2, header + "1,A,ab,,,\n"),
    (.badField, 2, header + "1,A,1abc,,,\n"),
    (.badField, 2, header + "1,A,赵明轩,,,\n"),
    (.badField, 2, header + "1,A,abc-d,,,\n"),
    (.badField, 2, header + "1,A,\(String(repeating: "a", count: 21)),,,\n"),
    (.badField, 2, header + "1,A,abc,short1,,\n"),
    (.badField, 2, header + "1,A,abc,pass word1,,\n"),
    (.badField, 2, header + "1,\(String(repeating: "张", count: 101)),abc,,,\n"),
    (.badField, 2, header + "1,\"A\nB\",abc,,,\n"),
    (.duplicateCandidate, 3, header + "1,A,abc,,,\n1,B,bcd,,,\n"),
    (.duplicateCandidate, 4, header + "1,A,abc,,,\n2,B,bcd,,,\n3,C,ABC,,,\n"),
  ]

  @Test("what is wrong is refused with its line, and nobody is imported", arguments: refusals)
  func refuses(code: PaperImportErrorCode, line: Int, text: String) {
    let error = #expect(throws: PaperImportError.self) { try RosterImporter.load(bytes: Array(text.utf8)) }
    #expect(error?.code == code, "\(error.map(String.init(describing:)) ?? "")")
    #expect(error?.line == line, "\(error.map(String.init(describing:)) ?? "")")
  }

  @Test("a table in another encoding, one too many candidates, a missing file and a link")
  func refusesFiles() throws {
    let latin = Array((Self.header + "1,M").utf8) + [0xFC] + Array("ller,abc,,,\n".utf8)
    #expect(#expect(throws: PaperImportError.self) { try RosterImporter.load(bytes: latin) }?.code == .encoding)
    var text = Self.header
    for index in 0...PaperLimits.rosterCandidates { text += "\(index),N,user\(index),,,\n" }
    let flood = #expect(throws: PaperImportError.self) { try RosterImporter.load(bytes: Array(text.utf8)) }
    #expect(flood?.code == .tooMany)
    #expect(flood?.line == PaperLimits.rosterCandidates + 2)
    let folder = try TestFolder()
    try folder.write(Array((Self.header + "1,A,abc,,,\n").utf8), to: "roster.csv")
    #expect(try RosterImporter.load(folder.path + "/roster.csv").count == 1)
    try folder.link("link.csv", to: folder.path + "/roster.csv")
    let link = #expect(throws: PaperImportError.self) { try RosterImporter.load(folder.path + "/link.csv") }
    #expect(link?.code == .symbolicLink)
    let absent = #expect(throws: PaperImportError.self) { try RosterImporter.load(folder.path + "/none.csv") }
    #expect(absent?.code == .missingFile)
  }

  @Test("the samples' rosters name 48 candidates in three rooms", arguments: ["medical-zh", "medical-en"])
  func samples(name: String) throws {
    let candidates = try RosterImporter.load(bytes: try ProjectFiles.bytes("SampleData/\(name)/roster.csv"))
    #expect(candidates.count == 48)
    #expect(Set(candidates.map(\.room)).count == 3)
    #expect(Set(candidates.map(\.name)).count == 48)
    let paper = try PaperImporter.load(ProjectFiles.root.appendingPathComponent("SampleData/\(name)").path).paper
    #expect(candidates.allSatisfy { $0.specialty == paper.specialty && $0.password == nil })
  }

  @Test(
    "fields that a spreadsheet would run are made inert, and hidden characters shown",
    arguments: [
      ("赵明轩", "赵明轩"), ("", ""), ("O'Neill", "O'Neill"), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""),
      ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "\"'\t=1\""),
      ("\r=1", "\"'\r=1\""), ("  =1", "'  =1"), ("＝1", "'＝1"), ("=HYPERLINK(\"x\",1)", "\"'=HYPERLINK(\"\"x\"\",1)\""),
      ("a\u{202E}b", "aU+202Eb"), ("a\u{0}b", "aU+0000b"), ("a\nb", "\"a\nb\""), (" a", "\" a\""),
    ])
  func escapes(text: String, field: String) {
    #expect(CSVField.escape(text) == field)
  }

  @Test("the hand-out is one card a line, and reads back as the table it is")
  func handOut() throws {
    let candidate = RosterCandidate(number: "1", name: "=cmd", username: "abc", specialty: "x", room: "r,1")
    let card = HandOutCard(
      candidate: candidate, firstPassword: "Passw0rd", serverAddress: "https://127.0.0.1:8443",
      serverKey: "ab12")
    let text = String(decoding: HandOutWriter.csv([card]), as: UTF8.self)
    #expect(
      text == "\u{FEFF}number,name,username,password,specialty,room,server_address,server_key\r\n"
        + "1,'=cmd,abc,Passw0rd,x,\"r,1\",https://127.0.0.1:8443,ab12\r\n")
  }
}

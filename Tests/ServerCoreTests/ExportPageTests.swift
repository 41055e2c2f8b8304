import ExamModel
import SyncProtocol
import Testing

@testable import ServerCore

/// Pages over an exam's attempts end early where their entries are many.
@Suite struct ExportPageTests {
  @Test func aPageThatEndsEarlyLeavesNobodyOut() throws {
    let server = try TestServer()
    let exam = try server.makeExam()
    let rows = try server.addCandidates(5, to: exam)
    for (index, row) in rows.enumerated() {
      let phone = try TestPhone(
        server: server, candidate: row.candidate, attempt: row.attempt, exam: exam, seed: UInt64(index) + 1)
      phone.begin()
      for number in 0..<250 { phone.answer("q1", number.isMultiple(of: 2) ? "a" : "b") }
      try phone.send()
    }
    // Attempts that are in memory cost nothing.
    try server.restart()
    var seen: [ID128] = []
    var pages: [Int] = []
    var after: String?
    repeat {
      let page = PageRequest(after: after, limit: 200)
      guard case .answers(let answers) = try server.command(.exportAnswers(exam: exam, page: page)) else {
        throw Problem(.internal, "no answers")
      }
      seen += answers.rows.map(\.attempt)
      pages.append(answers.rows.count)
      after = answers.next
    } while after != nil
    // Of 253 entries each, three are more than a page folds.
    #expect(pages == [3, 2])
    #expect(seen.sorted() == rows.map(\.attempt).sorted())
  }
}

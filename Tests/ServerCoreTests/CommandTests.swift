import ExamModel
import Foundation
import ServerStoreSQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// Operator commands: who may, what is refused, pages.
@Suite struct CommandTests {
  let server: TestServer

  init() throws {
    server = try TestServer()
  }

  @Test(arguments: [
    OperatorCommand.createExam(ExamDraft(title: "x", opensAt: 1, closesAt: 2)),
    .voidAttempt(attempt: .zero, reason: ""),
    .reopen(attempt: .zero, reason: ""), .announce(exam: .zero, text: "x"), .statistics,
    .exportAnswers(exam: .zero, page: PageRequest()), .publishingState(exam: .zero),
    .extendExam(exam: .zero, milliseconds: 1, reason: ""), .revokeOperator(name: "x"),
  ])
  func proctorsMayOnlyDoWhatTheRoomNeeds(command: OperatorCommand) throws {
    guard case .problem(let problem) = server.perform(.command(command, by: TestServer.proctor)) else {
      throw Problem(.internal, "it was allowed")
    }
    #expect(problem.kind == .forbidden)
  }

  @Test func unknownIdsAreNotFound() {
    for command in [
      OperatorCommand.showExam(exam: .zero), .showAttempt(attempt: .zero), .unlock(attempt: .zero, number: 1),
      .board(exam: .zero, page: PageRequest()), .cancelExam(exam: .zero, reason: ""),
      .findAttempt(exam: .zero, candidate: "x"), .releaseLease(attempt: .zero, reason: ""),
    ] {
      guard case .problem(let problem) = server.perform(.command(command, by: TestServer.chief)) else {
        Issue.record("it was found")
        continue
      }
      #expect(problem.kind == .notFound)
    }
  }

  @Test func badDraftsAreRefusedAndChangeNothing() throws {
    let now = server.now
    let drafts = [
      ExamDraft(title: "", opensAt: now, closesAt: now + 10),
      ExamDraft(title: "x", opensAt: now + 10, closesAt: now),
      ExamDraft(title: "x", opensAt: now, closesAt: .max),
      ExamDraft(title: "x", opensAt: now, closesAt: now + 10, durationMilliseconds: 0),
      ExamDraft(title: "x", opensAt: now, closesAt: now + 10, code: "12345"),
      ExamDraft(title: "x", opensAt: now, closesAt: now + 10, policy: ExamPolicy(exemptCauses: ["nap"])),
      ExamDraft(title: "x", opensAt: now, closesAt: now + 10, policy: ExamPolicy(informationFields: ["a", "a"])),
      ExamDraft(title: "x", opensAt: now, closesAt: now + 10, policy: ExamPolicy(minimumAppVersion: "three")),
      ExamDraft(title: String(repeating: "x", count: 400), opensAt: now, closesAt: now + 10),
    ]
    for draft in drafts {
      #expect(throws: Problem.self) { try server.command(.createExam(draft)) }
    }
    #expect(try server.store.exams().isEmpty)
    #expect(server.core.exams.isEmpty)
  }

  @Test func codesOfLiveExamsAreUnique() throws {
    let first = try server.makeExam(code: "012345")
    #expect(throws: Problem.self) { try server.makeExam(code: "012345") }
    try server.command(.cancelExam(exam: first, reason: "flood"))
    _ = try server.makeExam(code: "012345")
    let drawn = try server.makeExam(code: nil)
    guard case .exam(let summary) = try server.command(.showExam(exam: drawn)) else {
      throw Problem(.internal, "no exam")
    }
    #expect(ExamCode.isWellFormed(summary.code))
  }

  @Test func importingARosterTwiceChangesNothing() throws {
    let exam = try server.makeExam()
    let first = try server.addCandidates(5, to: exam)
    #expect(first.allSatisfy { $0.isNew })
    let other = try server.makeExam(code: "666666")
    let elsewhere = try server.addCandidates(5, to: other)
    #expect(elsewhere.map(\.candidate) == first.map(\.candidate))
    #expect(Set(elsewhere.map(\.attempt)).isDisjoint(with: first.map(\.attempt)))
    var generator = SplitMix(99)
    let again = (1...5).compactMap { index in
      TestServer.preparer.prepare(
        .init(
          number: String(10_000 + index), name: "Candidate \(index)", username: "c\(index)", password: nil,
          specialty: "", room: "2"),
        examCode: "012345", maximumLocks: 5, using: &generator)
    }
    guard case .roster(let outcome) = try server.command(.importRoster(exam: exam, rows: again)) else {
      throw Problem(.internal, "no roster")
    }
    #expect(outcome.rows.map(\.attempt) == first.map(\.attempt))
    #expect(outcome.rows.allSatisfy { !$0.isNew })
    guard case .credentials(let verifier?) = server.perform(.credentials(username: "c3")) else {
      throw Problem(.internal, "no credentials")
    }
    #expect(verifier.matches("secret3"))
    guard case .exam(let summary) = try server.command(.showExam(exam: exam)) else {
      throw Problem(.internal, "no exam")
    }
    #expect(summary.attempts == 5)
  }

  @Test func aRosterWithADoubleNameIsRefusedWhole() throws {
    let exam = try server.makeExam()
    var generator = SplitMix(3)
    let rows = ["a", "b", "a"].compactMap { name in
      TestServer.preparer.prepare(
        .init(number: name, name: name, username: name, password: nil, specialty: "", room: ""),
        examCode: "012345", maximumLocks: 5, using: &generator)
    }
    #expect(throws: Problem.self) { try server.command(.importRoster(exam: exam, rows: rows)) }
    #expect(try server.store.candidate(username: "a") == nil)
  }

  @Test func thePhoneCanCheckItsCodesOffline() throws {
    let phone = try server.makePhone()
    let record = try AttemptRecord(
      wire: try #require(try phone.read().first { $0.collection == ScopeCollection.attempt }).body)
    let rounds = Int(record.scryptRounds)
    #expect(
      CodeVerifier.scrypt(Array("012345".utf8), salt: record.codeSalt, rounds: rounds) == record.codeVerifier)
    #expect(record.unlockVerifiers.count == 8)
    for number in 1...3 as ClosedRange<UInt32> {
      let code = try server.unlockCode(of: phone.attempt, number: number)
      let verifier = CodeVerifier.scrypt(
        Array(code.utf8), salt: CodeVerifier.unlockSalt(record.unlockSalt, number: number), rounds: rounds)
      #expect(verifier == record.unlockVerifiers[Int(number) - 1])
    }
    #expect(throws: Problem.self) { try server.command(.unlockCode(attempt: phone.attempt, number: 9)) }
    #expect(throws: Problem.self) { try server.command(.unlock(attempt: phone.attempt, number: 0)) }
  }

  @Test func listsGoOnWhereThePageBeforeEnded() throws {
    let exam = try server.makeExam()
    let rows = try server.addCandidates(25, to: exam)
    var seen: [ID128] = []
    var after: String?
    repeat {
      guard
        case .attempts(let page) = try server.command(
          .listAttempts(exam: exam, page: PageRequest(after: after, limit: 7)))
      else { throw Problem(.internal, "no list") }
      #expect(page.rows.count <= 7)
      seen += page.rows.map(\.attempt)
      after = page.next
    } while after != nil
    #expect(seen == rows.map(\.attempt))
  }

  @Test func journalsAreExportedEntryByEntry() throws {
    let exam = try server.makeExam()
    var bodies: [String] = []
    for (index, row) in try server.addCandidates(3, to: exam).enumerated() {
      let phone = try TestPhone(
        server: server, candidate: row.candidate, attempt: row.attempt, exam: exam, seed: UInt64(index) + 1)
      phone.begin()
      for _ in 0..<7 { phone.answer("q1", "a") }
      try phone.send(phone.push(from: 1, to: 4))
      try phone.send(from: 5)
      phone.succeed()
      try phone.send()
      bodies += (phone.others[0].bodies + phone.journal.bodies).map { Hex.encode($0) }
    }
    var exported: [String] = []
    var after: String?
    repeat {
      guard
        case .journals(let page) = try server.command(
          .exportJournals(exam: exam, page: PageRequest(after: after, limit: 4)))
      else { throw Problem(.internal, "no journals") }
      exported += page.rows.map(\.body)
      after = page.next
    } while after != nil
    #expect(exported == bodies)
  }

  @Test func answersAreExportedQuestionByQuestion() throws {
    let phone = try server.makePhone()
    phone.begin()
    phone.answer("q1", "a")
    phone.append(.answer(item: "q4", value: .blanks(["x", ""])))
    phone.append(.answer(item: "q5", value: .text("because")))
    phone.append(.answer(item: "q3", value: .number("-12.5")))
    try phone.send()
    let row = try phone.exported()
    #expect(row.digest == Hash.sha256(phone.sheet.canonicalBytes))
    #expect(row.answers.map(\.item) == ["q1", "q3", "q4", "q5"])
    #expect(row.answers.map(\.kind) == ["options", "number", "blanks", "text"])
    #expect(row.answers.map(\.sequence) == [4, 7, 5, 6])
    #expect(row.answers.map(\.values) == [["a"], ["-12.5"], ["x", ""], ["because"]])
    phone.seal()
    try phone.send(from: 8)
    try server.restart()
    let sealed = try phone.exported()
    #expect(sealed.answers == row.answers)
    #expect(sealed.digest == row.digest)
    #expect(AnswersExport.sheet(sealed.answers) == phone.sheet)
  }

  @Test func dispositionsAreExportedAndAreRecords() throws {
    let phone = try server.makePhone()
    phone.begin()
    phone.answer("q1", "zzz")
    try phone.send()
    phone.answer("q1", "yyy")
    try phone.send(from: 5)
    guard
      case .dispositions(let page) = try server.command(.exportDispositions(exam: phone.exam, page: PageRequest()))
    else { throw Problem(.internal, "no dispositions") }
    #expect(page.rows.count == 1)
    #expect(page.rows.first?.from == 4)
    #expect(page.rows.first?.to == 5)
    #expect(page.rows.first?.reason == "answer-invalid")
    let records = try phone.read().filter { $0.collection == ScopeCollection.disposition }
    #expect(records.map(\.key) == ["\(phone.journal.id.hex)/4"])
    let disposition = try DispositionRecord(wire: try #require(records.first).body)
    #expect(disposition.range == KeptRange(from: 4, to: 5, reason: .answerInvalid))
    #expect(disposition.decidedBy == "server")
  }

  @Test func operatorTokensAreKnownByTheirHash() throws {
    let hash = Hash.sha256(Array("token".utf8))
    try server.command(.addOperator(name: "anna", role: "proctor", tokenHash: hash))
    #expect(server.core.operators.identity(tokenHash: hash) == OperatorIdentity(name: "anna", role: .proctor))
    #expect(throws: Problem.self) {
      try server.command(.addOperator(name: "anna", role: "operator", tokenHash: Hash.sha256([1])))
    }
    #expect(throws: Problem.self) {
      try server.command(.addOperator(name: "bert", role: "king", tokenHash: Hash.sha256([1])))
    }
    try server.restart()
    #expect(server.core.operators.identity(tokenHash: hash)?.name == "anna")
    try server.command(.revokeOperator(name: "anna"))
    #expect(server.core.operators.identity(tokenHash: hash) == nil)
    try server.restart()
    #expect(server.core.operators.identity(tokenHash: hash) == nil)
  }

  @Test func attemptsAreFoundByNumberAndName() throws {
    let phone = try server.makePhone()
    for text in ["c1", "10001"] {
      guard case .attempt(let detail) = try server.command(.findAttempt(exam: phone.exam, candidate: text)) else {
        throw Problem(.internal, "not found")
      }
      #expect(detail.summary.attempt == phone.attempt)
    }
    #expect(throws: Problem.self) { try server.command(.findAttempt(exam: phone.exam, candidate: "1000")) }
  }

  @Test func commandsAndResultsSurviveJSON() throws {
    let commands: [OperatorCommand] = [
      .createExam(ExamDraft(title: "x", opensAt: 1, closesAt: 2)), .unlock(attempt: ID128(high: 1, low: 2), number: 3),
      .addOperator(name: "a", role: "proctor", tokenHash: Hash.sha256([1])), .exportRoots(PageRequest(after: "5")),
    ]
    for command in commands {
      let data = try JSONEncoder().encode(command)
      #expect(try JSONDecoder().decode(OperatorCommand.self, from: data) == command)
    }
    let phone = try server.makePhone()
    let result = try server.command(.board(exam: phone.exam, page: PageRequest()))
    guard let payload = result.payload else { throw Problem(.internal, "no payload") }
    let data = try JSONEncoder().encode(payload)
    #expect(try JSONDecoder().decode(Page<BoardRow>.self, from: data).rows.count == 1)
    let secret = try server.command(.publishingState(exam: phone.exam))
    #expect(secret.payload == nil)
    #expect(throws: (any Error).self) {
      try JSONDecoder().decode(OperatorCommand.self, from: Data(#"{"unlock":{"attempt":"12","number":1}}"#.utf8))
    }
  }
}

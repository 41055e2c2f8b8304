import ExamModel
import ExamStore
import ServerStoreSQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// What a second device goes on from: the records `answers`, from the server's core into a device's store.
@Suite struct TakeOverTests {
  let server: TestServer
  let phone: TestPhone

  /// Ten essays of 15,000 bytes each.
  init() throws {
    server = try TestServer()
    phone = try server.makePhone()
    let items = (1...10).map { PaperItem(id: "e\($0)", section: "s", form: .text(maximumCharacters: 15_000)) }
    try server.publishPaper(phone.exam, version: 2, items: items + TestServer.items)
    phone.begin()
    phone.answer("q1", "a")
    for index in 1...10 { write(index, count: 15_000) }
    try phone.send()
  }

  private func write(_ index: Int, count: Int, letter: String = "x") {
    phone.append(.answer(item: "e\(index)", value: .text(String(repeating: letter, count: count))))
  }

  private func release() throws {
    try server.command(.releaseLease(attempt: phone.attempt, reason: "phone broke"), by: TestServer.proctor)
  }

  private func parts() throws -> [Record] {
    try phone.read().filter { $0.collection == ScopeCollection.answers && !$0.isDeleted }
  }

  @Test func partsTogetherAreTheSheetAndFitTheirRecords() throws {
    try release()
    let parts = try parts()
    #expect(parts.count == 4)
    #expect(parts.allSatisfy { $0.body.count <= Limits.recordBytes })
    let first = try #require(parts.first { $0.key == phone.attempt.hex })
    var whole = try AnswersRecord(wire: first.body)
    #expect(whole.isStarted && whole.journals.count == 1)
    #expect(whole.answers.count < phone.sheet.count)
    for part in parts where part.key != first.key {
      let further = try AnswersRecord(wire: part.body)
      #expect(further == AnswersRecord(attempt: phone.attempt, answers: further.answers))
      whole.merge(further)
    }
    #expect(whole.answers == phone.sheet)
  }

  @Test func theLongestEssaysFitTheirRecords() throws {
    // 15,000 characters of four bytes each.
    for index in 1...10 { write(index, count: 15_000, letter: "𠀀") }
    for first in stride(from: UInt64(15), through: 24, by: 4) {
      #expect(try phone.send(phone.push(from: first, to: min(first + 3, 24))).kept.isEmpty)
    }
    try release()
    #expect(try parts().allSatisfy { $0.body.count <= Limits.recordBytes })
    let second = try StorePhone(afterwards: phone, seed: 5)
    try second.join()
    #expect(try second.store.answerSheet(of: phone.attempt) == phone.sheet)
  }

  @Test func aSecondDeviceGoesOnFromEveryEssay() throws {
    try release()
    let second = try StorePhone(afterwards: phone, seed: 5)
    try second.join()
    #expect(try second.store.answerSheet(of: phone.attempt) == phone.sheet)
    _ = try second.store.save(.options(["b"]), for: "q1", in: phone.attempt, at: second.moment())
    var expected = phone.sheet
    expected.set(.options(["b"]), for: "q1")
    let seal = try second.store.seal(phone.attempt, cause: .candidate, at: second.moment())
    #expect(seal.statement.answers == Hash.sha256(expected.canonicalBytes))
    #expect(seal.statement.answerCount == 11)
    #expect(try second.push().isEmpty)
    try second.read()
    let receipt = try #require(try phone.receipts().first?.verified(publicKey: TestServer.identity.publicKey)).receipt
    #expect(receipt.answers == receipt.applied)
    #expect(receipt.appliedCount == 11)
  }

  @Test func adoptedPartsAreTheWholeSheet() throws {
    try release()
    let second = try StorePhone(afterwards: phone, seed: 5)
    try second.join()
    let sheet = try #require(try second.store.serverAnswers(of: phone.attempt))
    #expect(sheet.answers == phone.sheet)
    try second.store.adopt(sheet, at: second.moment())
    #expect(try second.store.answerSheet(of: phone.attempt) == phone.sheet)
  }

  @Test func aSheetThatShrinksLeavesNoPartBehind() throws {
    try release()
    let old = try StorePhone(afterwards: phone, seed: 5)
    try old.read()
    #expect(try old.store.serverAnswers(of: phone.attempt)?.answers == phone.sheet)
    phone.lease = 2
    for index in 1...9 { phone.append(.clear(item: "e\(index)")) }
    #expect(try phone.send(from: 15).kept.isEmpty)
    try release()
    #expect(try parts().map(\.key) == [phone.attempt.hex])
    // A device that read the larger sheet is told of what is gone.
    try old.read()
    #expect(try old.store.serverAnswers(of: phone.attempt)?.answers == phone.sheet)
    #expect(phone.sheet.count == 2)
    // And it grows again.
    phone.lease = 3
    for index in 1...9 { write(index, count: 12_000) }
    #expect(try phone.send(from: 24).kept.isEmpty)
    try release()
    try old.join()
    #expect(try old.store.answerSheet(of: phone.attempt) == phone.sheet)
  }

  @Test func partsOfAnotherAttemptStay() throws {
    try release()
    let memory = try #require(try server.core.attemptMemory(phone.attempt))
    let other = ID128(high: 1, low: 1)
    let record = AnswersRecord(attempt: other, answers: AnswerSheet())
    try server.core.put(record.wire, scope: phone.candidate, ScopeCollection.answers, "\(other.hex)/9")
    memory.answers = [:]
    try server.core.publishAnswers(memory)
    let keys = try server.store.records(scope: phone.candidate, collection: ScopeCollection.answers).map(\.key)
    #expect(Set(keys) == ["\(other.hex)/9", phone.attempt.hex])
  }

  // MARK: Seals of the device before

  @Test func theOrdinalGoesOnAfterAReopeningOnTheDeviceBefore() throws {
    phone.seal()
    try phone.send(from: 15)
    try server.command(.reopen(attempt: phone.attempt, reason: "handed in by mistake"))
    phone.append(.reopened(sealOrdinal: 1))
    #expect(try phone.send(from: 16).kept.isEmpty)
    try release()
    let second = try StorePhone(afterwards: phone, seed: 5)
    try second.join()
    #expect(try second.store.status(of: phone.attempt).phase == .answering)
    try sealAgain(on: second)
  }

  @Test func aSealThatWasReopenedForTheNextDeviceIsReopenedThere() throws {
    phone.seal()
    try phone.send(from: 15)
    try server.command(.reopen(attempt: phone.attempt, reason: "handed in by mistake"))
    try release()
    let second = try StorePhone(afterwards: phone, seed: 5)
    try second.join()
    #expect(try second.store.status(of: phone.attempt).phase == .sealed(ordinal: 1))
    _ = try second.store.reopen(sealOrdinal: 1, of: phone.attempt, at: second.moment())
    try sealAgain(on: second)
  }

  private func sealAgain(on second: StorePhone) throws {
    _ = try second.store.save(.options(["b"]), for: "q1", in: phone.attempt, at: second.moment())
    let seal = try second.store.seal(phone.attempt, cause: .candidate, at: second.moment())
    #expect(seal.statement.ordinal == 2)
    #expect(try second.push().isEmpty)
    let receipts = try phone.receipts().map { try $0.verified(publicKey: TestServer.identity.publicKey).receipt }
    #expect(receipts.map(\.ordinal) == [1, 2])
    #expect(receipts.last?.applied == Hash.sha256(try second.store.answerSheet(of: phone.attempt).canonicalBytes))
  }
}

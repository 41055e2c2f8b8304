import ExamModel
import ServerStoreSQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// A device forked, and before its successor was pushed the server was put back behind all of the journal that it goes
/// on from. Taken at once, the successor would rank below its own past.
@Suite struct MissingPredecessorTests {
  /// q1 was answered before the fork and again after it, q2 before it only.
  private func putBackAtFork() throws -> TestPhone {
    let phone = try TestServer().makePhone()
    try phone.server.backUp(to: "old.sqlite")
    phone.begin()
    phone.answer("q1", "a")
    phone.answer("q2", "b")
    #expect(try phone.send().verdict == .stored)
    phone.succeed()
    phone.answer("q1", "c")
    try phone.server.restore(from: "old.sqlite")
    return phone
  }

  /// A request as it comes from a device that knows of this opening of the store.
  private func knowing(_ phone: TestPhone, pushes: [Push] = []) -> SyncRequest {
    let cursor = Cursor(epoch: phone.server.core.epoch, version: 0)
    return SyncRequest(pushes: pushes, scopes: [ScopeCursor(scope: phone.candidate, cursor: cursor)])
  }

  private func tellEpoch(_ phone: TestPhone) throws { _ = try phone.sync(knowing(phone)) }

  @Test func successorWaitsUntilTheDeviceKnowsOfTheRestore() throws {
    let phone = try putBackAtFork()
    let answer = try phone.send()
    #expect(answer.verdict == .gap)
    #expect(answer.sequence == 0 && answer.head == phone.journal.heads[0])
    #expect(try phone.exported().answers.isEmpty)
    let left = try #require(phone.others.first)
    #expect(try phone.send(phone.push(of: left)).verdict == .stored)
    #expect(try phone.send().verdict == .stored)
    #expect(try phone.exported().answers.map(\.values) == [["c"], ["b"]])
  }

  /// It was believed, and yet something kept the predecessor back. The backup has the start, in a journal before both.
  private func takenBeforeItsPredecessor() throws -> (phone: TestPhone, late: TestJournal) {
    let phone = try TestServer().makePhone()
    phone.begin()
    try phone.send()
    try phone.server.backUp(to: "old.sqlite")
    phone.succeed()
    phone.answer("q1", "a")
    phone.answer("q2", "b")
    try phone.send()
    phone.succeed()
    phone.answer("q1", "c")
    try phone.server.restore(from: "old.sqlite")
    try tellEpoch(phone)
    #expect(try phone.send().verdict == .stored)
    return (phone, phone.others[1])
  }

  private func expectOrder(_ phone: TestPhone) throws {
    #expect(try phone.exported().answers.map(\.values) == [["c"], ["b"]])
    let rows = try phone.server.store.journals(attempt: phone.attempt)
    #expect(rows.map(\.id) == phone.others.map(\.id) + [phone.journal.id])
    #expect(rows.map(\.ordinal) == [1, 2, 3])
  }

  @Test func predecessorThatComesLaterRanksBelow() throws {
    let (phone, late) = try takenBeforeItsPredecessor()
    #expect(try phone.send(phone.push(of: late)).verdict == .stored)
    try expectOrder(phone)
    try phone.server.restart()
    try expectOrder(phone)
  }

  @Test func copyThatWritesOnInALatePredecessorIsSuperseded() throws {
    var (phone, late) = try takenBeforeItsPredecessor()
    let left = late.sequence
    late.append(Entry(kind: .answer(item: "q1", value: .options(["b"]))).wire)
    let answer = try phone.send(phone.push(of: late))
    #expect(answer.kept == [KeptRange(from: left + 1, to: left + 1, reason: .superseded)])
    try expectOrder(phone)
  }

  @Test func sealIsOverTheNewerAnswers() throws {
    let (phone, late) = try takenBeforeItsPredecessor()
    let seal = phone.seal()
    #expect(try phone.send(from: 3).verdict == .stored)
    #expect(try phone.receipts().isEmpty)
    #expect(try phone.send(phone.push(of: late)).verdict == .stored)
    let receipt = try #require(try phone.receipts().last).verified(publicKey: TestServer.identity.publicKey).receipt
    #expect(receipt.answers == seal.answers && receipt.applied == receipt.answers)
  }

  @Test func failedPushOfALatePredecessorChangesNothing() throws {
    let (phone, late) = try takenBeforeItsPredecessor()
    try phone.server.blockAudit()
    #expect(throws: Problem.self) { try phone.send(phone.push(of: late)) }
    #expect(try phone.server.store.journals(attempt: phone.attempt).map(\.ordinal) == [1, 2])
    try phone.server.unblockAudit()
    #expect(try phone.send(phone.push(of: late)).verdict == .stored)
    try expectOrder(phone)
  }

  @Test func otherPushesOfTheRequestAreTaken() throws {
    let phone = try putBackAtFork()
    let left = try #require(phone.others.first)
    let answers = try phone.sync(SyncRequest(pushes: [phone.push(), phone.push(of: left)])).acknowledgements
    #expect(answers.map(\.verdict) == [.gap, .stored])
  }

  @Test func deviceThatKnowsOfTheRestoreIsBelieved() throws {
    let phone = try putBackAtFork()
    #expect(try phone.send().verdict == .gap)
    try tellEpoch(phone)
    #expect(try phone.send().verdict == .stored)
  }

  /// What was shown to an earlier opening of the store says nothing of this one.
  @Test func earlierEpochIsNoKnowledge() throws {
    let phone = try putBackAtFork()
    try tellEpoch(phone)
    try phone.server.restart()
    #expect(try phone.send().verdict == .gap)
    #expect(try phone.sync(knowing(phone, pushes: [phone.push()])).acknowledgements.map(\.verdict) == [.stored])
  }

  @Test func deviceThatNeverReadsWaitsFiveMinutes() throws {
    let phone = try putBackAtFork()
    #expect(try phone.send().verdict == .gap)
    phone.server.now += 299_000
    #expect(try phone.send().verdict == .gap)
    phone.server.now += 1_000
    #expect(try phone.send().verdict == .stored)
  }
}

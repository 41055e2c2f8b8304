import ExamModel
import SyncProtocol
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

  private func tellEpoch(_ phone: TestPhone) throws {
    let cursor = Cursor(epoch: phone.server.core.epoch, version: 0)
    _ = try phone.sync(SyncRequest(scopes: [ScopeCursor(scope: phone.candidate, cursor: cursor)]))
  }

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
    let request = SyncRequest(
      pushes: [phone.push()],
      scopes: [ScopeCursor(scope: phone.candidate, cursor: Cursor(epoch: phone.server.core.epoch, version: 0))])
    #expect(try phone.sync(request).acknowledgements.map(\.verdict) == [.stored])
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

import ExamModel
import ServerStoreSQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// The verdict of each push: contiguity, duplicates, gaps, forks, ownership (I5, I6, I7).
@Suite struct PushTests {
  let server: TestServer
  let phone: TestPhone

  init() throws {
    server = try TestServer()
    phone = try server.makePhone()
    phone.begin()
  }

  @Test func storesANewJournal() throws {
    let answer = try phone.send()
    #expect(answer.verdict == .stored)
    #expect(answer.sequence == 3)
    #expect(answer.head == phone.journal.head)
    #expect(answer.kept.isEmpty)
  }

  @Test func repeatsTheAnswerToADuplicate() throws {
    phone.answer("q1", "a")
    try phone.send()
    let again = try phone.send()
    #expect(again.verdict == .duplicate)
    #expect(again.sequence == 4)
    #expect(again.head == phone.journal.head)
    #expect(try phone.board().entries == 4)
  }

  @Test func repeatsTheKeptRangesOfADuplicate() throws {
    phone.answer("q1", "zzz")
    phone.answer("q1", "a")
    phone.answer("unknown", "a")
    let first = try phone.send()
    #expect(
      first.kept == [
        KeptRange(from: 4, to: 4, reason: .answerInvalid), KeptRange(from: 6, to: 6, reason: .answerInvalid),
      ])
    #expect(try phone.send().kept == first.kept)
    #expect(try phone.send(phone.push(from: 5, to: 6)).kept == [KeptRange(from: 6, to: 6, reason: .answerInvalid)])
  }

  @Test func answersAGapWithItsHighWater() throws {
    try phone.send()
    for _ in 0..<4 { phone.answer("q1", "a") }
    let answer = try phone.send(from: 6)
    #expect(answer.verdict == .gap)
    #expect(answer.sequence == 3)
    #expect(try phone.board().entries == 3)
  }

  @Test func storesOnlyTheSuffixOfAnOverlap() throws {
    try phone.send()
    phone.answer("q1", "a")
    phone.answer("q1", "b")
    let answer = try phone.send(from: 2)
    #expect(answer.verdict == .stored)
    #expect(answer.sequence == 5)
    #expect(answer.head == phone.journal.head)
    #expect(try phone.board().entries == 5)
  }

  @Test(arguments: [(1, 2), (2, 4), (3, 3), (4, 6), (1, 6)])
  func findsDuplicatesInsideOlderSegments(first: Int, last: Int) throws {
    phone.answer("q1", "a")
    phone.answer("q1", "b")
    phone.answer("q1", "c")
    try phone.send(phone.push(from: 1, to: 2))
    try phone.send(phone.push(from: 3, to: 5))
    try phone.send(phone.push(from: 6, to: 6))
    let answer = try phone.send(phone.push(from: UInt64(first), to: UInt64(last)))
    #expect(answer.verdict == .duplicate)
    #expect(answer.sequence == 6)
  }

  @Test func keepsBothVersionsOfADivergedPush() throws {
    phone.answer("q1", "a")
    let base = phone.journal
    try phone.send()
    let before = try phone.exported().digest
    phone.journal = base
    phone.journal.bodies.removeLast()
    phone.journal.heads.removeLast()
    phone.answer("q1", "b")
    let answer = try phone.send()
    #expect(answer.verdict == .diverged)
    #expect(answer.sequence == 4)
    #expect(answer.head == base.head)
    #expect(try phone.exported().digest == before)
    let journal = try #require(try server.store.journal(phone.journal.id))
    let forks = try server.store.forks(journal: journal.number)
    #expect(forks.count == 1)
    #expect(forks.first?.bytes == SegmentBytes.encode(phone.journal.bodies[...]))
    #expect(try phone.send().verdict == .diverged)
    #expect(try server.store.forks(journal: journal.number).count == 1)
  }

  @Test func aPushThatDoesNotFollowTheHeadDiverges() throws {
    try phone.send()
    var other = phone.journal
    other.bodies[2] = Entry(kind: .visit(item: "q1")).wire
    other.heads[3] = Chain.next(other.heads[2], sequence: 3, body: other.bodies[2])
    other.append(Entry(kind: .visit(item: "q2")).wire)
    #expect(try phone.send(phone.push(from: 4, of: other)).verdict == .diverged)
  }

  @Test func aWrongHeadOfANewJournalIsNotTaken() throws {
    var push = phone.push()
    push.head = Hash.sha256([1])
    #expect(try phone.send(push).verdict == .diverged)
    #expect(try server.store.journal(phone.journal.id) == nil)
    #expect(try phone.send().verdict == .stored)
  }

  @Test func aJournalWithoutItsStartIsUnknown() throws {
    let answer = try phone.send(from: 2)
    #expect(answer.verdict == .unknownJournal)
    #expect(answer.sequence == 0)
  }

  @Test func anotherCandidateGetsUnknownJournal() throws {
    try phone.send()
    let row = try server.addCandidates(1, to: phone.exam, from: 2)[0]
    let stranger = try TestPhone(
      server: server, candidate: row.candidate, attempt: row.attempt, exam: phone.exam, seed: 2)
    let answer = try stranger.send(phone.push())
    #expect(answer.verdict == .unknownJournal)
    #expect(answer.sequence == 0)
    #expect(answer.head == .zero)
  }

  @Test func nobodyWritesIntoTheAttemptOfAnother() throws {
    let row = try server.addCandidates(1, to: phone.exam, from: 2)[0]
    let stranger = try TestPhone(
      server: server, candidate: row.candidate, attempt: row.attempt, exam: phone.exam, seed: 2)
    stranger.journal = TestJournal(id: stranger.journal.id, subject: phone.attempt, device: stranger.key.id)
    stranger.begin()
    var push = stranger.push()
    push.subject = phone.attempt
    #expect(try stranger.send(push).verdict == .unknownJournal)
    #expect(try phone.board().entries == 0)
  }

  @Test func anotherDeviceOfTheSameCandidateDoesNotOwnTheJournal() throws {
    try phone.send()
    let second = try TestPhone(
      server: server, candidate: phone.candidate, attempt: phone.attempt, exam: phone.exam, seed: 5)
    #expect(try second.send(phone.push()).verdict == .unknownJournal)
  }

  @Test func refusesOversizedPushesBeforeAnythingElse() throws {
    phone.append(.answer(item: "q5", value: .text(String(repeating: "x", count: 70_000))))
    #expect(throws: Problem.self) { try phone.send() }
    phone.journal.bodies.removeLast()
    phone.journal.heads.removeLast()
    for _ in 0..<260 { phone.append(.visit(item: "q1")) }
    #expect(throws: Problem.self) { try phone.send() }
    #expect(try phone.board().entries == 0)
    #expect(try phone.send(phone.push(from: 1, to: 256)).sequence == 256)
  }

  @Test func refusesASequenceThatWouldOverflow() throws {
    try phone.send()
    var push = phone.push(from: 3)
    push.first = .max
    #expect(throws: Problem.self) { try phone.send(push) }
    push.first = 0
    #expect(throws: Problem.self) { try phone.send(push) }
  }

  @Test func givesHeadsOfAnySequence() throws {
    for _ in 0..<5 { phone.answer("q1", "a") }
    try phone.send(phone.push(from: 1, to: 2))
    try phone.send(phone.push(from: 3, to: 7))
    try phone.send(from: 8)
    let query = HeadQuery(journal: phone.journal.id, sequences: [0, 1, 2, 4, 7, 8, 9])
    let heads = try #require(try phone.sync(SyncRequest(headQueries: [query])).heads.first)
    #expect(heads.sequence == 8)
    #expect(Set(heads.heads.keys) == [0, 1, 2, 4, 7, 8])
    for (sequence, head) in heads.heads { #expect(head == phone.journal.heads[Int(sequence)]) }
  }

  @Test func headsOfAForeignJournalSayNothing() throws {
    try phone.send()
    let row = try server.addCandidates(1, to: phone.exam, from: 2)[0]
    let stranger = try TestPhone(
      server: server, candidate: row.candidate, attempt: row.attempt, exam: phone.exam, seed: 2)
    let query = HeadQuery(journal: phone.journal.id, sequences: [1, 2])
    let heads = try #require(try stranger.sync(SyncRequest(headQueries: [query])).heads.first)
    #expect(heads.heads.isEmpty)
    #expect(heads.sequence == 0)
  }

  @Test func anUnknownSessionIsTold() throws {
    phone.session = ID128(high: 4, low: 4)
    #expect(throws: Problem(.sessionUnknown, "This session is not known here. Make a new one from the certificate.")) {
      try phone.send()
    }
  }

  @Test func undecodableEntriesAreKeptAsUnreadable() throws {
    phone.journal.append([0xFF, 0xFF, 0xFF])
    phone.answer("q1", "a")
    let answer = try phone.send()
    #expect(answer.sequence == 5)
    #expect(answer.kept == [KeptRange(from: 4, to: 4, reason: .unreadable)])
    #expect(try phone.board().answered == 1)
  }

  @Test func severalPushesOfOneRequestAreTakenInOrder() throws {
    phone.answer("q1", "a")
    let request = SyncRequest(pushes: [phone.push(from: 1, to: 2), phone.push(from: 3, to: 4)])
    let response = try phone.sync(request)
    #expect(response.acknowledgements.map(\.sequence) == [2, 4])
    #expect(response.acknowledgements.map(\.verdict) == [.stored, .stored])
  }
}

import ExamModel
import SQLite
import ServerStoreSQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// Two servers that differ in nothing but how they judge pushes of plain entries, and one phone that writes to both.
@Suite struct PlainRunTests {
  @Test(arguments: 1...24 as ClosedRange<UInt64>)
  func judgingAsAWholeComesToWhatJudgingOneByOneComesTo(seed: UInt64) throws {
    var room = try TwinRoom(seed: seed)
    try room.pushAnswers()
    for _ in 0..<90 {
      room.act()
      try room.push()
      if Int.random(in: 0..<30, using: &room.random) == 0 {
        try room.compare()
        try room.restart()
      }
    }
    try room.compare()
    // Otherwise both would have judged one by one, and nothing would have been compared.
    #expect(room.plainPushes > 0)
    #expect(room.one.core.counters.plainPushes == 0)
  }

  @Test func anAnswerOfAnotherDeviceCountsInItsOrder() throws {
    let server = try TestServer()
    let phone = try server.makePhone()
    phone.begin()
    try phone.send()
    phone.answer("q1", "a")
    phone.answer("q2", "a")
    try phone.send(from: 4)
    let second = try TestPhone(
      server: server, candidate: phone.candidate, attempt: phone.attempt, exam: phone.exam, seed: 77)
    try server.command(.releaseLease(attempt: phone.attempt, reason: "phone broke"), by: TestServer.proctor)
    second.lease = 2
    second.begin()
    try second.send()
    second.answer("q1", "b")
    try second.send(from: 4)
    #expect(try phone.exported().answers.map(\.values) == [["b"], ["a"]])
    #expect(server.core.counters.plainPushes == 2)
  }

  /// A phone with one answer on the server, and the last sequence of that.
  private func answered() throws -> (phone: TestPhone, last: UInt64) {
    let phone = try TestServer().makePhone()
    phone.begin()
    phone.answer("q1", "a")
    try phone.send()
    return (phone, phone.journal.sequence)
  }

  @Test func aRolledBackPushLeavesNoAnswer() throws {
    let (phone, good) = try answered()
    let server = phone.server
    phone.answer("q1", "b")
    phone.answer("q2", "b")
    let push = phone.call(SyncRequest(pushes: [phone.push(from: good + 1)]))
    try server.blockSegments()
    guard case .problem = server.perform(push) else { throw Problem(.internal, "acknowledged without a commit") }
    #expect(try phone.exported().answers.map(\.values) == [["a"]])
    #expect(try phone.board().answered == 1)
    try server.unblockSegments()
    guard case .sync(let response, _) = server.perform(push) else { throw Problem(.internal, "refused") }
    #expect(response.acknowledgements.map(\.verdict) == [.stored])
    #expect(try phone.exported().answers.map(\.values) == [["b"], ["b"]])
  }

  @Test func aCallThatFailsBesideItTakesNothingFromAPush() throws {
    let (phone, good) = try answered()
    let server = phone.server
    phone.answer("q1", "b")
    let push = phone.call(SyncRequest(pushes: [phone.push(from: good + 1)]))
    // The command fails its whole transaction; then each call is tried alone.
    let replies = server.perform([push, .command(.cancelExam(exam: .zero, reason: ""), by: TestServer.chief)])
    #expect(replies.count == 2)
    guard case .sync(let response, _) = replies[0] else { throw Problem(.internal, "refused") }
    #expect(response.acknowledgements.map(\.verdict) == [.stored])
    #expect(try phone.exported().answers.map(\.values) == [["b"]])
    #expect(try phone.board().answered == 1)
  }

  @Test func aNewPaperTakesItsOwnAnswers() throws {
    let server = try TestServer()
    let phone = try server.makePhone()
    phone.begin()
    try phone.send()
    phone.answer("q1", "a")
    phone.answer("q2", "a")
    try phone.send(from: 4)
    try server.publishPaper(
      phone.exam, version: 2,
      items: [
        PaperItem(id: "a0", section: "s1", form: .options(ids: ["x", "y"], takesOne: true)),
        PaperItem(id: "q1", section: "s1", form: .options(ids: ["x", "y"], takesOne: true)),
      ])
    phone.answer("a0", "x")
    phone.answer("q1", "y")
    #expect(try phone.send(from: 6).kept.isEmpty)
    #expect(server.core.counters.plainPushes == 2)
    #expect(try phone.exported().answers.map(\.item) == ["a0", "q1", "q2"])
    #expect(try phone.exported().answers.map(\.values) == [["x"], ["y"], ["a"]])
  }
}

/// The same phone, exam and instants before two servers: `whole` judges plain pushes as a whole, `one` never does.
private struct TwinRoom {
  let whole: TestServer
  let one: TestServer
  let phone: TestPhone
  let twin: TestPhone
  var random: SplitMix
  private var sent: UInt64 = 0
  private(set) var plainPushes: UInt64 = 0
  private var lock: UInt32 = 0
  private var seals: UInt32 = 0

  init(seed: UInt64) throws {
    random = SplitMix(seed &* 900_001)
    whole = try TestServer()
    var configuration = ServerConfiguration()
    configuration.judgesPlainRuns = false
    one = try TestServer(configuration: configuration)
    let duration: Int64? = seed.isMultiple(of: 3) ? 1_800_000 : nil
    phone = try whole.makePhone(duration: duration, seed: seed)
    twin = try one.makePhone(duration: duration, seed: seed)
    #expect(phone.attempt == twin.attempt && phone.exam == twin.exam && phone.journal.id == twin.journal.id)
    if seed.isMultiple(of: 2) {
      phone.begin()
    } else {
      phone.open()
      if seed.isMultiple(of: 5) { phone.answer("q1", "a") }
      phone.append(.start(Start(code: "", paperVersion: 1)))
    }
  }

  /// Writes some entries, most often plain ones, and now and then has both operators do something.
  mutating func act() {
    for _ in 0..<Int.random(in: 1...12, using: &random) { writePlain() }
    switch Int.random(in: 0..<80, using: &random) {
    case 0: phone.journal.append([0xFF, UInt8.random(in: 0...255, using: &random)])
    case 1: phone.append(.answer(item: "q1", value: .options(["z"])))
    case 2: phone.append(.answer(item: "nothing of this paper", value: .text("")))
    case 3: phone.context()
    case 14 where lock < 4:
      lock += 1
      phone.append(.lock(LockFact(number: lock, cause: .call)))
    case 30...44 where lock > 0:
      let code = MessageAuthentication.unlockCode(
        secret: whole.core.unlockSecret, attempt: phone.attempt, number: lock)
      phone.append(.unlock(UnlockFact(number: lock, proof: .code(code))))
    case 6: phone.append(.sectionLeft(section: ["s2", "s3", "s3", "s3"].randomElement(using: &random) ?? "s3"))
    case 7 where seals < 3:
      seals += 1
      phone.seal(ordinal: seals)
    case 45...59 where seals > 0:
      both { try $0.command(.reopen(attempt: phone.attempt, reason: "fire alarm")) }
      phone.append(.reopened(sealOrdinal: seals))
    case 9: wait(Int64.random(in: 1...900_000, using: &random))
    case 10: phone.append(.visit(item: "q2"), after: UInt64.random(in: 0...1 << 40, using: &random))
    case 11 where phone.journal.sequence > 40:
      phone.succeed(at: nil)
      twin.others = phone.others
      sent = 0
    case 12: lease()
    case 13: both { try $0.command(.extendAttempt(attempt: phone.attempt, milliseconds: 60_000, reason: "noise")) }
    case 15: phone.journal.append([0x92, 0x3F, 0x02, 0x08, 0x01])
    default: break
    }
  }

  private mutating func writePlain() {
    let item = ["q1", "q2"].randomElement(using: &random) ?? "q1"
    let option = ["a", "b", "c"].randomElement(using: &random) ?? "a"
    let kind: EntryKind
    switch Int.random(in: 0..<12, using: &random) {
    case 0: kind = .clear(item: item)
    case 1: kind = .flag(item: item, isSet: Bool.random(using: &random))
    case 2: kind = .visit(item: "anything")
    case 3: kind = .answer(item: "q2", value: .options(["a", "c"]))
    case 4: kind = .answer(item: "q5", value: .text(["", "é", "some text"].randomElement(using: &random) ?? ""))
    case 5: kind = .answer(item: "q4", value: .blanks(["x", ""]))
    case 6: kind = .answer(item: "q3", value: .number("12.5"))
    default: kind = .answer(item: item, value: .options([option]))
    }
    phone.append(kind, after: UInt64.random(in: 0...3_000, using: &random))
  }

  private mutating func lease() {
    both { try $0.command(.releaseLease(attempt: phone.attempt, reason: "phone broke")) }
    if Int.random(in: 0..<4, using: &random) > 0 { phone.lease += 1 }
  }

  private func wait(_ milliseconds: Int64) {
    whole.now += milliseconds
    one.now += milliseconds
    phone.bootMilliseconds += UInt64(milliseconds)
  }

  /// What one server refuses, the other refuses too: the comparison at the end shows it.
  private func both(_ act: (TestServer) throws -> Void) {
    try? act(whole)
    try? act(one)
  }

  /// What has been written, and then a push of nothing but answers.
  mutating func pushAnswers() throws {
    sent = try send(from: 1, to: phone.journal.sequence).sequence
    for option in ["a", "b", "c"] { phone.answer("q1", option) }
    sent = try send(from: sent + 1, to: phone.journal.sequence).sequence
  }

  private func send(from first: UInt64, to last: UInt64) throws -> Acknowledgement {
    twin.journal = phone.journal
    twin.lease = phone.lease
    let answer = try phone.send(phone.push(from: first, to: last))
    let other = try twin.send(twin.push(from: first, to: last))
    #expect(other == answer)
    #expect(whole.now == one.now)
    return answer
  }

  /// Sends what is new, now and then with some of what is there already, to both servers.
  mutating func push() throws {
    let overlap = Int.random(in: 0..<8, using: &random) == 0 ? UInt64.random(in: 0...sent, using: &random) : 0
    let first = max(1, sent + 1 - min(overlap, sent))
    let end = min(phone.journal.sequence, first + 199)
    guard first <= end, sent <= end else { return }
    let last = UInt64.random(in: max(first, sent)...end, using: &random)
    sent = try send(from: first, to: last).sequence
  }

  mutating func restart() throws {
    try whole.restart()
    try one.restart()
  }

  /// Everything that both hold, in memory and in their files.
  mutating func compare() throws {
    #expect(try phone.board() == twin.board())
    #expect(try phone.exported() == twin.exported())
    plainPushes += whole.core.counters.plainPushes
    let memories = try [whole, one].map { try #require(try $0.core.attemptMemory(phone.attempt)) }
    #expect(memories[0].state == memories[1].state)
    #expect(memories[0].answers == memories[1].answers)
    #expect(memories[0].answeredCount == memories[1].answeredCount)
    for (journal, other) in zip(memories[0].journals, memories[1].journals) {
      #expect(journal.clock == other.clock)
      #expect(journal.row == other.row)
    }
    for table in ["segments", "records", "dispositions", "journals", "forks", "seals"] {
      #expect(try Self.rows(of: table, whole) == Self.rows(of: table, one), "\(table)")
    }
  }

  private static func rows(of table: String, _ server: TestServer) throws -> [[String]] {
    let query = try server.store.connection.prepare("SELECT * FROM \(table) ORDER BY 1, 2")
    var rows: [[String]] = []
    while try query.step() {
      rows.append((0..<query.columnCount).map { Hex.encode(query.blob(at: $0)) })
    }
    return rows
  }
}

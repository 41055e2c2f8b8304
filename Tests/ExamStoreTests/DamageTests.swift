import ExamModel
import Foundation
import SQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ExamStore

/// A store that was changed behind its back is never believed, never deleted, and its answers are carried over.
@Suite struct DamageTests {
  /// Eight answers, one lock, one wrong try; closed.
  private func closedPhone() throws -> Phone {
    let phone = try Phone.answering()
    for number in 1...8 { try phone.answer("q\(number)", "A") }
    try phone.acknowledge(4)
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    try refused(.unlockCodeWrong) {
      _ = try phone.store.unlock(code: "00000000", in: phone.attempt, at: phone.moment()) { _, _ in false }
    }
    _ = try phone.store.unlock(code: "12345678", in: phone.attempt, at: phone.moment()) { _, _ in true }
    phone.store.close()
    return phone
  }

  private let all = Dictionary(uniqueKeysWithValues: (1...8).map { ("q\($0)", "A") })

  @Test(arguments: [
    "UPDATE answer SET value = (SELECT value FROM answer WHERE item = 'q2'), flag = 1 WHERE item = 'q1'",
    "DELETE FROM answer WHERE item = 'q3'",
    "INSERT INTO answer SELECT attempt, 'q99', value, flag, journal, sequence FROM answer WHERE item = 'q1'",
  ])
  func editedAnswersAreFoundAndRestoredFromTheJournal(sql: String) throws {
    let phone = try closedPhone()
    try edit(phone.path, sql)
    let report = try phone.openAgain()
    let quarantine = try #require(report.quarantine)
    #expect(FileManager.default.fileExists(atPath: quarantine.path))
    #expect(quarantine.journals.map(\.unreadable) == [0])
    #expect(try phone.answers == all)
    // The journal itself was sound and goes on.
    #expect(try phone.status.forkCount == 0)
    #expect(try phone.restart().quarantine == nil)
  }

  @Test func editedEntryIsLeftOutAndTheRestIsCarriedOver() throws {
    let phone = try closedPhone()
    let forged = Entry(bootDeltaMilliseconds: 1_000, kind: .answer(item: "q4", value: .options(["C"]))).wire
    try edit(phone.path, "UPDATE entry SET body = x'\(Hex.encode(forged))' WHERE sequence = 6")
    let quarantine = try #require(try phone.openAgain().quarantine)
    let salvaged = try #require(quarantine.journals.first)
    #expect(salvaged.intactThrough == 5 && salvaged.carriedOver == 6 && salvaged.unreadable == 1)
    var expected = all
    expected["q4"] = nil
    #expect(try phone.answers == expected)
    let journals = try phone.store.journalStatuses(of: phone.attempt)
    #expect(journals.count == 2 && journals[1].predecessor?.sequence == 5)
    #expect(try phone.status.locks.count == 1 && phone.status.phase == .answering)
    #expect(try phone.store.triesLeft(lock: 1, in: phone.attempt) == Limits.unlockTries - 2)
    #expect(try phone.restart().quarantine == nil)
  }

  @Test func entryCutOffAtTheEndIsFound() throws {
    let phone = try closedPhone()
    // Takes the last entry back and makes the row fit: what "undo lock" would do.
    try edit(
      phone.path,
      """
      DELETE FROM entry WHERE sequence = (SELECT max(sequence) FROM entry);
      UPDATE journal SET last = last - 1,
        head = (SELECT head FROM entry ORDER BY sequence DESC LIMIT 1);
      """)
    let quarantine = try #require(try phone.openAgain().quarantine)
    #expect(quarantine.reason.contains("row of journal"))
    #expect(try phone.answers == all)
    // The successor shows on the server.
    #expect(try phone.status.forkCount == 1)
  }

  @Test(arguments: [
    "acknowledged = 10", "lease = 9", "greatest = 1", "fork = 3", "remaining_ms = 9, boot = zeroblob(16)",
  ])
  func editedJournalRowIsFound(assignment: String) throws {
    let phone = try closedPhone()
    try edit(phone.path, "UPDATE journal SET \(assignment)")
    #expect(try phone.openAgain().quarantine != nil)
    #expect(try phone.answers == all && phone.status.forkCount == 1)
    // An acknowledgement that was made up must not keep entries from the server.
    #expect(try phone.store.journalStatuses(of: phone.attempt)[0].acknowledged.matchedSequence <= 4)
  }

  @Test func foreignJournalIsNotGoneOnWith() throws {
    let phone = try closedPhone()
    let other = try Phone.answering(seed: 77)
    try other.answer("q1", "D")
    other.store.close()
    let mine = try Connection(path: phone.path)
    let theirs = try Connection(path: other.path)
    for sql in ["DELETE FROM answer", "DELETE FROM entry", "DELETE FROM journal"] { try mine.execute(sql) }
    try copyRows("journal", from: theirs, to: mine)
    try copyRows("entry", from: theirs, to: mine)
    try copyRows("answer", from: theirs, to: mine)
    try mine.close()
    try theirs.close()
    let quarantine = try #require(try phone.openAgain().quarantine)
    #expect(quarantine.reason.contains("another device"))
    #expect(phone.store.journalStatuses.isEmpty)
    #expect(phone.store.identity != nil)
  }

  private func copyRows(_ table: String, from source: Connection, to target: Connection) throws {
    let statement = try source.prepare("SELECT * FROM \(table)")
    let count = statement.columnCount
    let places = (1...count).map { "?\($0)" }.joined(separator: ",")
    let insert = try target.prepare("INSERT INTO \(table) VALUES (\(places))")
    try statement.forEachRow { (row) throws(SQLiteError) in
      for column in 0..<count {
        switch row.columnType(at: column) {
        case .integer: try insert.bind(row.int64(at: column), at: column + 1)
        case .text: try insert.bind(row.text(at: column), at: column + 1)
        case .blob: try insert.bind(row.blob(at: column), at: column + 1)
        default: try insert.bindNull(at: column + 1)
        }
      }
      try insert.run()
    }
  }

  @Test func lostCopyOfTheKeyIsReplacedByTheOther() throws {
    let key = try #require(SigningKey(seed: [UInt8](repeating: 3, count: 32)))
    for sql in [
      "UPDATE device SET seed = x'\(Hex.encode(key.seed))'", "DELETE FROM device",
      "UPDATE setting SET value = zeroblob(64) WHERE name = 'device.seed'",
    ] {
      let phone = try closedPhone()
      try edit(phone.path, sql)
      let quarantine = try #require(try phone.openAgain().quarantine)
      #expect(!quarantine.isIdentityLost)
      #expect(try phone.answers == all)
      try phone.logIn()
      #expect(try phone.journal.id == phone.store.journalStatuses[0].id)
    }
  }

  @Test func lostKeyIsToldAndTheFileStays() throws {
    let phone = try closedPhone()
    try edit(phone.path, "DELETE FROM device; DELETE FROM setting")
    let quarantine = try #require(try phone.openAgain().quarantine)
    #expect(quarantine.isIdentityLost)
    #expect(phone.store.journalStatuses.isEmpty)
    #expect(try bytes(of: quarantine.path).count > 4096)
  }

  @Test func schemaWithATriggerIsSetAside() throws {
    let phone = try closedPhone()
    try edit(
      phone.path,
      "CREATE TRIGGER swap AFTER INSERT ON entry BEGIN UPDATE answer SET flag = 1; END")
    #expect(try phone.openAgain().quarantine?.reason.contains("swap") == true)
    #expect(try phone.answers == all)
    #expect(try phone.status.answers.allSatisfy { !$0.isFlagged })
  }

  @Test(arguments: [0, 1, 100, 5_000])
  func fileThatIsNoDatabaseIsSetAside(byteCount: Int) throws {
    let phone = try closedPhone()
    try write([UInt8](repeating: 0x41, count: byteCount), to: phone.path)
    let quarantine = try #require(try phone.openAgain().quarantine)
    // SQLite takes a file of less than a header for a new one, and makes it one.
    #expect(try byteCount < 100 || bytes(of: quarantine.path).count == byteCount)
    #expect(quarantine.isIdentityLost)
    #expect(phone.store.identity == nil)
  }

  @Test func fileThatIsGoneIsTold() throws {
    let phone = try closedPhone()
    try FileManager.default.removeItem(atPath: phone.path)
    let report = try phone.openAgain()
    #expect(report.isNew && report.isPredecessorMissing)
    #expect(try !phone.restart().isPredecessorMissing)
  }

  @Test func secondDamageGetsANameOfItsOwn() throws {
    let phone = try closedPhone()
    for number in 1...3 {
      try edit(phone.path, "DELETE FROM answer WHERE item = 'q\(number)'")
      try phone.openAgain()
      phone.store.close()
    }
    #expect(phone.folder.names.filter { $0.wholeMatch(of: /store\.db\.quarantined-\d+/) != nil }.count == 3)
    try phone.openAgain()
    #expect(try phone.answers == all)
  }

  @Test func interruptedSalvageIsFinishedByTheNextOpening() throws {
    let phone = try closedPhone()
    // The state between the two renames: the damaged file is aside, the finished one not yet in its place.
    try FileManager.default.moveItem(atPath: phone.path, toPath: phone.path + ".building")
    try write([1, 2, 3], to: phone.path + "-wal")
    try phone.openAgain()
    #expect(try phone.answers == all)
    #expect(phone.folder.names.contains("store.db.quarantined-1-wal"))
  }

  @Test func unfinishedBuildingIsMadeAnew() throws {
    let phone = try closedPhone()
    try write([1, 2, 3], to: phone.path + ".building")
    try edit(phone.path, "DELETE FROM answer")
    try phone.openAgain()
    #expect(try phone.answers == all)
    #expect(!phone.folder.names.contains("store.db.building"))
  }

  @Test func damagedScopeGoesOnServingAndIsReadAnew() throws {
    let phone = try closedPhone()
    try edit(phone.path, "UPDATE record SET body = x'00' WHERE collection = 'exam'")
    let report = try phone.openAgain()
    #expect(report.damagedScopes == [Phone.exam] && report.quarantine == nil)
    #expect(try phone.store.cursors(of: [Phone.exam])[0].cursor == .start)
    try phone.deliver(Phone.exam)
    #expect(try phone.store.terms(phone.attempt).exam?.title == "考试")
    #expect(try phone.restart().damagedScopes.isEmpty)
  }

  @Test func receiptsSettingsAndVoidsAreSalvaged() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    phone.set(
      ScopeCollection.void, NumberedRecord.key(attempt: phone.attempt, number: 1),
      NumberedRecord(attempt: phone.attempt, number: 1).wire, in: Phone.candidate)
    try phone.deliver(Phone.candidate)
    try phone.store.setSetting("language", to: [7])
    _ = try phone.store.seal(phone.attempt, cause: .bell, at: phone.moment())
    try phone.store.storeReceipt(try phone.receipt())
    phone.store.close()
    try edit(phone.path, "DELETE FROM answer")
    #expect(try phone.openAgain().quarantine != nil)
    #expect(try phone.store.setting("language") == [7])
    #expect(try phone.status.receipt?.number == "R-1")
    #expect(try phone.status.locks.voids == [1])
    #expect(try phone.status.phase == .sealed(ordinal: 1))
  }

  /// One bit in every sampled place of the file, one store for each.
  @Test func bitFlipIsFoundOrChangesNoAnswer() throws {
    let phone = try closedPhone()
    let sound = try bytes(of: phone.path)
    var random = SplitMix(state: 20_261)
    var found = 0
    var samples = 0
    for page in 0..<sound.count / 4096 {
      for _ in 0..<6 {
        // Where something is: most of a small store's pages is free room.
        let used = (page * 4096..<(page + 1) * 4096).filter { sound[$0] != 0 }
        guard let place = used.randomElement(using: &random) else { continue }
        var damaged = sound
        damaged[place] ^= 1 << UInt8(random.next() % 8)
        found += try check(damaged, page: page, place: place, phone: phone) ? 1 : 0
        samples += 1
      }
    }
    #expect(found > samples / 2, "\(found) of \(samples)")
  }

  /// True if the damage was found. A store that says nothing must hold every answer.
  private func check(_ damaged: [UInt8], page: Int, place: Int, phone: Phone) throws -> Bool {
    let folder = try TemporaryFolder()
    let path = folder.path + "/store.db"
    try write(damaged, to: path)
    let store: ExamStore
    do {
      store = try ExamStore(path: path, randomness: SplitMix(state: 5), at: phone.instant)
    } catch {
      #expect([.foreignStore, .newerStore].contains(error.code), "page \(page) byte \(place): \(error)")
      #expect(try bytes(of: path) == damaged)
      return true
    }
    defer { store.close() }
    let answers = (try? store.status(of: phone.attempt).answers) ?? []
    let found = Dictionary(uniqueKeysWithValues: answers.map { ($0.item, $0.value?.description ?? "") })
    for (item, value) in found { #expect(all[item] == value, "page \(page) byte \(place)") }
    guard let quarantine = store.report.quarantine else {
      #expect(found == all, "page \(page) byte \(place)")
      return !store.report.damagedScopes.isEmpty
    }
    #expect(try bytes(of: quarantine.path).count >= damaged.count)
    return true
  }
}

import ExamModel
import Foundation
import SQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ExamStore

@Suite struct OpeningTests {
  private static let flock = ["/usr/bin/flock", "/bin/flock"].first { FileManager.default.isExecutableFile(atPath: $0) }

  @Test func newStoreSaysSoAndASecondOpeningDoesNot() throws {
    let phone = try Phone()
    #expect(phone.store.report.isNew && phone.store.report.quarantine == nil)
    #expect(try !phone.restart().isNew)
  }

  @Test func eachOpeningAppendsSixteenFreshBytes() throws {
    let phone = try Phone.answering()
    for _ in 0..<3 { try phone.restart() }
    var nonces: Set<ID128> = []
    for entry in try phone.entries() {
      if case .open(let opening) = entry.kind { nonces.insert(opening.nonce) }
    }
    #expect(nonces.count == 4)
  }

  @Test func twoCopiesOfOneStoreForkAtOnce() throws {
    let phone = try Phone.answering()
    phone.store.close()
    let copy = phone.folder.path + "/copy.db"
    try write(bytes(of: phone.path), to: copy)
    try phone.openAgain()
    let other = try ExamStore(path: copy, randomness: SplitMix(state: 999), at: phone.moment().instant)
    let mine = try phone.journal
    let theirs = try other.journalStatus(mine.id)
    #expect(mine.last == theirs.last && mine.head != theirs.head)
    // Whoever comes second learns of it from the acknowledgement.
    let result = try phone.store.storeAcknowledgement(
      Acknowledgement(sequence: theirs.last, head: theirs.head, verdict: .diverged), of: mine.id)
    #expect(result.comparison == .headDiffers)
  }

  @Test func secondOpenerIsRefusedAndNamesTheOwner() throws {
    let phone = try Phone.answering()
    let error = try refused(.storeInUse) { _ = try ExamStore(path: phone.path, at: phone.instant) }
    #expect(error.message.contains("\(ProcessInfo.processInfo.processIdentifier)"))
    try phone.answer("q1", "A")
    phone.store.close()
    let second = try ExamStore(path: phone.path, at: phone.instant)
    #expect(try second.status(of: phone.attempt).counts.saved == 1)
  }

  @Test(.enabled(if: flock != nil, "needs the flock command, to take the lock from another process"))
  func otherProcessIsKeptOutByTheKernel() throws {
    let tool = try #require(Self.flock)
    let phone = try Phone()
    func canLock() throws -> Bool {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: tool)
      process.arguments = ["--nonblock", phone.path + ".lock", "true"]
      try process.run()
      process.waitUntilExit()
      return process.terminationStatus == 0
    }
    #expect(try !canLock())
    phone.store.close()
    #expect(try canLock())
  }

  @Test(.enabled(if: flock != nil, "needs the flock command, to take the lock from another process"))
  func otherProcessThatHoldsTheLockKeepsThisOneOut() throws {
    let tool = try #require(Self.flock)
    let folder = try TemporaryFolder()
    let process = Process()
    let input = Pipe()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: tool)
    // Says that it holds the lock, and holds it until its input ends.
    process.arguments = [folder.path + "/store.db.lock", "sh", "-c", "echo held; read line || true"]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    _ = output.fileHandleForReading.availableData
    let instant = DeviceInstant(bootID: .zero, bootMilliseconds: 1, wallMilliseconds: 1)
    try refused(.storeInUse) { _ = try ExamStore(path: folder.path + "/store.db", at: instant) }
    #expect(!folder.names.contains("store.db"))
    try input.fileHandleForWriting.close()
    process.waitUntilExit()
    _ = try ExamStore(path: folder.path + "/store.db", at: instant)
  }

  @Test func closedStoreRefusesAndCanBeReopened() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    phone.store.close()
    try refused(.closed) { try phone.answer("q1", "B") }
    try phone.store.reopen(at: phone.moment().instant)
    try phone.answer("q2", "A")
    #expect(try phone.answers == ["q1": "A", "q2": "A"])
  }

  @Test func folderThatDoesNotExistIsToldPlainly() throws {
    let instant = DeviceInstant(bootID: .zero, bootMilliseconds: 1, wallMilliseconds: 1)
    try refused(.storageFailed) { _ = try ExamStore(path: "/nonexistent-folder/store.db", at: instant) }
  }

  @Test func foreignProgramsFileIsLeftAsItIs() throws {
    let phone = try Phone()
    phone.store.close()
    try edit(phone.path, "PRAGMA application_id = 12345")
    let before = try bytes(of: phone.path)
    try refused(.foreignStore) { try phone.openAgain() }
    #expect(try bytes(of: phone.path) == before)
  }

  @Test func newerStoreIsLeftAsItIs() throws {
    let phone = try Phone.answering()
    phone.store.close()
    try edit(phone.path, "PRAGMA user_version = 99")
    let before = try bytes(of: phone.path)
    try refused(.newerStore) { try phone.openAgain() }
    #expect(try bytes(of: phone.path) == before)
    try edit(phone.path, "PRAGMA user_version = 2")
    try phone.openAgain()
    #expect(phone.store.report.quarantine == nil)
  }

  @Test func serverKeyIsPinned() throws {
    let phone = try Phone.answering()
    let other = [UInt8](repeating: 5, count: 32)
    try refused(.serverKeyDiffers) { try phone.store.pinServerKey(other) }
    try refused(.badArgument) { try phone.store.pinServerKey([1]) }
    try phone.restart()
    #expect(phone.store.identity?.serverKey == Phone.server.publicKey)
    try phone.store.pinServerKey(other, replaces: true)
    #expect(phone.store.identity?.serverKey == other)
  }

  @Test func otherCandidatesGrantIsRefused() throws {
    let phone = try Phone.answering()
    try refused(.foreignStore) { try phone.logIn(candidate: ID128(high: 0xC0, low: 2)) }
    #expect(phone.store.identity?.grant?.candidate == Phone.candidate)
    #expect(phone.store.identity?.user == "lin")
  }

  @Test func identityIsMadeOnceFromTheGivenRandomness() throws {
    let first = try Phone(seed: 5)
    let second = try Phone(seed: 5)
    let key = try first.store.makeIdentity().signingKey.publicKey
    #expect(try second.store.makeIdentity().signingKey.publicKey == key)
    try first.restart()
    #expect(try first.store.makeIdentity().signingKey.publicKey == key)
  }

  @Test func killLeavesEverythingThatWasSaved() throws {
    let phone = try Phone.answering()
    var expected: [String: String] = [:]
    for number in 1...20 {
      try phone.answer("q\(number % 7)", number.isMultiple(of: 2) ? "A" : "B")
      expected["q\(number % 7)"] = number.isMultiple(of: 2) ? "A" : "B"
      // The files as they are at this instant are what a killed process leaves.
      let copy = phone.folder.path + "/killed-\(number).db"
      for suffix in ["", "-wal"] { try write(bytes(of: phone.path + suffix), to: copy + suffix) }
      let killed = try ExamStore(path: copy, at: phone.instant)
      #expect(killed.report.quarantine == nil)
      let found = try killed.status(of: phone.attempt).answers.map { ($0.item, $0.value?.description) }
      #expect(Dictionary(uniqueKeysWithValues: found) == expected.mapValues { Optional($0) })
    }
  }

  @Test func statementsOfASaveAreThoseThatAreDocumented() throws {
    let phone = try Phone.answering()
    try phone.answer("q1", "A")
    let changes = phone.store.connection.totalChanges
    try phone.answer("q1", "B")
    #expect(phone.store.connection.totalChanges - changes == 3)
    let rows = try phone.store.connection.integer("SELECT count(*) FROM entry")
    // The same statements on a bare connection with the documented tables and pragmas.
    let bare = try Connection(path: phone.folder.path + "/bare.db")
    for pragma in SaveStatements.pragmas { try bare.execute(pragma) }
    try bare.execute(SaveStatements.tables)
    for sql in [SaveStatements.insertEntry, SaveStatements.upsertAnswer, SaveStatements.updateJournal] {
      #expect(try bare.prepare(sql).parameterCount == phone.store.connection.prepare(sql).parameterCount)
    }
    #expect(rows == 4)
  }
}

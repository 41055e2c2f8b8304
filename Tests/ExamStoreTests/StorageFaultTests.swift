import CSQLite
import ExamModel
import Foundation
import SQLite
import SyncProtocol
import Testing

@testable import ExamStore

private let fsyncError = ResultCode.ioErrFsync.rawValue
private let writeError = ResultCode.ioErrWrite.rawValue

/// Makes room on the faulty disk when the reserve is given up.
private struct ReservedRoom: StoreFiles {
  let system = SystemFiles()

  func lock(_ path: String) throws(ExamStoreError) -> any StoreLock { try system.lock(path) }
  func exists(_ path: String) -> Bool { system.exists(path) }
  func rename(_ path: String, to newPath: String) throws(ExamStoreError) { try system.rename(path, to: newPath) }
  func reserve(_ path: String, byteCount: Int) { system.reserve(path, byteCount: byteCount) }

  func remove(_ path: String) {
    system.remove(path)
    if path.hasSuffix(".reserve") { FaultyDisk.repair() }
  }
}

/// The system's VFS with one difference: when told so, it fails. One instance for the process, because C callbacks
/// carry no context; the suite that uses it is serialized.
enum FaultyDisk {
  static let name = "exam-store-faulty-disk"
  /// What `fsync` and a write to any file answer from now on; `SQLITE_OK` lets it through.
  nonisolated(unsafe) static var syncResult = SQLITE_OK
  nonisolated(unsafe) static var writeResult = SQLITE_OK
  /// Writes that still go through before `writeResult` counts.
  nonisolated(unsafe) static var writesBeforeFailure = 0

  nonisolated(unsafe) private static let system = sqlite3_vfs_find(nil)!
  nonisolated(unsafe) private static var tables:
    [UnsafePointer<sqlite3_io_methods>: UnsafePointer<sqlite3_io_methods>] = [:]

  private static let registration: Int32 = {
    let vfs = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    vfs.initialize(to: system.pointee)
    vfs.pointee.pNext = nil
    let characters = UnsafeMutableBufferPointer<CChar>.allocate(capacity: name.utf8CString.count)
    _ = characters.initialize(from: name.utf8CString)
    vfs.pointee.zName = UnsafePointer(characters.baseAddress)
    vfs.pointee.xOpen = { _, path, file, flags, outFlags in
      let code = FaultyDisk.system.pointee.xOpen(FaultyDisk.system, path, file, flags, outFlags)
      if code == SQLITE_OK, let file { FaultyDisk.replaceMethods(of: file) }
      return code
    }
    return sqlite3_vfs_register(vfs, 0)
  }()

  static func register() -> Int32 { registration }

  static func repair() {
    syncResult = SQLITE_OK
    writeResult = SQLITE_OK
    writesBeforeFailure = 0
  }

  private static func system(behind file: UnsafeMutablePointer<sqlite3_file>?) -> sqlite3_io_methods {
    tables[file!.pointee.pMethods]!.pointee
  }

  private static func replaceMethods(of file: UnsafeMutablePointer<sqlite3_file>) {
    let original = file.pointee.pMethods!
    if let known = tables.first(where: { $0.value == original }) {
      file.pointee.pMethods = known.key
      return
    }
    let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    methods.initialize(to: original.pointee)
    methods.pointee.xSync = { file, flags in
      guard FaultyDisk.syncResult == SQLITE_OK else { return FaultyDisk.syncResult }
      return FaultyDisk.system(behind: file).xSync(file, flags)
    }
    methods.pointee.xWrite = { file, bytes, count, offset in
      if FaultyDisk.writeResult != SQLITE_OK {
        if FaultyDisk.writesBeforeFailure == 0 { return FaultyDisk.writeResult }
        FaultyDisk.writesBeforeFailure -= 1
      }
      return FaultyDisk.system(behind: file).xWrite(file, bytes, count, offset)
    }
    tables[UnsafePointer(methods)] = original
    file.pointee.pMethods = UnsafePointer(methods)
  }
}

@Suite(.serialized) struct StorageFaultTests {
  init() {
    #expect(FaultyDisk.register() == SQLITE_OK)
    FaultyDisk.repair()
  }

  @Test(arguments: [(fsyncError, SQLITE_OK), (SQLITE_OK, writeError)])
  func afterAnErrorOfTheDiskNothingIsCalledSaved(sync: Int32, write: Int32) throws {
    let phone = try Phone.answering(vfs: FaultyDisk.name)
    defer { FaultyDisk.repair() }
    try phone.answer("q1", "A")
    FaultyDisk.syncResult = sync
    FaultyDisk.writeResult = write
    try refused(.storageFailed) { try phone.answer("q1", "B") }
    #expect(phone.store.storageFailure != nil)
    // The disk works again, but what it dropped meanwhile nobody knows.
    FaultyDisk.repair()
    for _ in 0..<3 { try refused(.storageFailed) { try phone.answer("q2", "A") } }
    try refused(.storageFailed) { _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment()) }
    try refused(.storageFailed) { _ = try phone.store.seal(phone.attempt, cause: .bell, at: phone.moment()) }
    try refused(.storageFailed) { try phone.acknowledge(1) }
    try refused(.storageFailed) { try phone.store.setSetting("x", to: [1]) }
    #expect(try phone.answers == ["q1": "A"])
    let report = try phone.store.reopen(at: phone.moment().instant)
    #expect(report.quarantine == nil && phone.store.storageFailure == nil)
    // The entry in flight may be there or not; nothing else may.
    let answers = try phone.answers
    #expect(answers == ["q1": "A"] || answers == ["q1": "B"])
    try phone.answer("q2", "A")
    try phone.restart()
    #expect(try phone.answers["q2"] == "A")
  }

  @Test func reopeningOnABrokenDiskFailsAndWorksLater() throws {
    let phone = try Phone.answering(vfs: FaultyDisk.name)
    defer { FaultyDisk.repair() }
    try phone.answer("q1", "A")
    FaultyDisk.writeResult = writeError
    try refused(.storageFailed) { try phone.answer("q2", "A") }
    try refused(.storageFailed) { try phone.store.reopen(at: phone.moment().instant) }
    try #require(throws: ExamStoreError.self) { try phone.answer("q2", "A") }
    FaultyDisk.repair()
    try phone.store.reopen(at: phone.moment().instant)
    #expect(phone.store.report.quarantine == nil)
    #expect(try phone.answers == ["q1": "A"])
  }

  /// The last lock and its seal: at every write that fails, neither or both are there afterwards.
  @Test func lastLockAndItsSealAreOneTransaction() throws {
    var outcomes: Set<Bool> = []
    for writes in 0..<12 {
      let phone = try Phone.answering(policy: AttemptPolicy(maximumLocks: 1), vfs: FaultyDisk.name)
      defer { FaultyDisk.repair() }
      FaultyDisk.writesBeforeFailure = writes
      FaultyDisk.writeResult = writeError
      let outcome = try? phone.store.lock(.call, in: phone.attempt, at: phone.moment())
      FaultyDisk.repair()
      try phone.store.reopen(at: phone.moment().instant)
      let isLocked = try phone.status.locks.count == 1
      #expect(try isLocked == (phone.status.phase == .sealed(ordinal: 1)))
      if outcome != nil { #expect(isLocked) }
      outcomes.insert(isLocked)
    }
    #expect(outcomes == [true, false])
  }

  @Test func fullDiskKeepsWhatWasSavedAndTells() throws {
    let phone = try Phone.answering(vfs: FaultyDisk.name)
    defer { FaultyDisk.repair() }
    try phone.answer("q1", "A")
    FaultyDisk.writeResult = SQLITE_FULL
    let error = try refused(.diskFull) { try phone.answer("q2", "A") }
    #expect(error.message.contains("Free some space"))
    #expect(phone.store.isStorageLow)
    #expect(!phone.folder.names.contains("store.db.reserve"))
    #expect(try phone.answers == ["q1": "A"])
    FaultyDisk.repair()
    // A full disk is no damage: the next save goes through without reopening.
    try phone.answer("q2", "B")
    try phone.restart()
    #expect(phone.store.report.quarantine == nil)
    #expect(try phone.answers == ["q1": "A", "q2": "B"])
    #expect(phone.folder.names.contains("store.db.reserve"))
  }

  @Test func reserveSavesTheLastAnswers() throws {
    let phone = try Phone.answering(vfs: FaultyDisk.name, files: ReservedRoom())
    defer { FaultyDisk.repair() }
    let reserve = phone.path + ".reserve"
    #expect(try bytes(of: reserve).count == 1 << 20)
    FaultyDisk.writeResult = SQLITE_FULL
    try phone.answer("q1", "A")
    #expect(phone.store.isStorageLow && !phone.folder.names.contains("store.db.reserve"))
    try phone.restart()
    #expect(try phone.answers == ["q1": "A"])
    #expect(!phone.store.isStorageLow)
  }

  @Test func pageLimitFillsUpAndNothingIsLost() throws {
    let phone = try Phone.answering()
    let pages = try phone.store.connection.integer("PRAGMA page_count")
    try phone.store.connection.execute("PRAGMA max_page_count = \(pages + 6)")
    let text = AnswerValue.text(String(repeating: "x", count: 2_000))
    var saved = 0
    var refusals = 0
    for number in 0..<40 where refusals < 3 {
      do throws(ExamStoreError) {
        _ = try phone.store.save(text, for: "q\(number)", in: phone.attempt, at: phone.moment())
        saved += 1
      } catch {
        #expect(error.code == .diskFull)
        refusals += 1
      }
    }
    #expect(saved > 2 && refusals == 3)
    #expect(try phone.status.counts.saved == saved)
    try phone.restart()
    #expect(phone.store.report.quarantine == nil)
    #expect(try phone.status.counts.saved == saved)
  }

  @Test func lostRowIsNoticedBeforeASaveIsCalledSaved() throws {
    let phone = try Phone.answering()
    try phone.store.connection.execute("PRAGMA foreign_keys = 0; DELETE FROM journal")
    try refused(.storageFailed) { try phone.answer("q1", "A") }
    try refused(.storageFailed) { try phone.answer("q1", "A") }
  }
}

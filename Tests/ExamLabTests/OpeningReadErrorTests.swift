import ExamModel
import ExamStore
import SQLite
import ServerCore
import ServerStoreSQLite
import SyncCore
import Testing

@testable import ExamLab

/// A disk that does not answer is no damage: only what was read and found wrong is set aside.
@Suite struct OpeningReadErrorTests {
  /// Fails one read of an opening after the other, by its number; ends when the opening has no such read.
  ///
  /// - Parameter bytes: of a read that gives no more than these; `nil` for one that gives nothing and says so.
  private func failEachRead(
    of image: DiskImage, after bytes: Int? = nil, _ body: (VirtualDisk, UInt32) throws -> Void
  ) rethrows -> UInt32 {
    var read: UInt32 = 0
    while true {
      let plan = [Decision(DecisionLabel(.diskError, node: 1, index: read), Int64(bytes ?? 1))]
      let decisions = Decisions(seed: 1, plan: plan)
      let disk = VirtualDisk(decisions: decisions, node: 1)
      defer { disk.close() }
      disk.restore(image)
      if bytes == nil { disk.faults.readErrorsPerMillion = 1 } else { disk.faults.shortReadsPerMillion = 1 }
      try body(disk, read)
      guard !decisions.taken.isEmpty else { return read }
      read += 1
    }
  }

  private func phoneImage() throws -> DiskImage {
    let phone = PowerCutPhone(disk: VirtualDisk(seed: 1), seed: 1)
    let store = try phone.open()
    while let step = PowerCutPhone.nextPreparation(store) { _ = try phone.perform(step, on: store) }
    for number in 1...6 {
      _ = try phone.perform(.answer(item: "q\(number)", .options(["A"])), on: store)
    }
    // Pages that overflow are read in another way.
    let essay = AnswerValue.text(String(repeating: "essay ", count: 3_000))
    _ = try phone.perform(.answer(item: "essay", essay), on: store)
    store.close()
    return phone.disk.snapshot()
  }

  private func isSetAside(_ disk: VirtualDisk) -> Bool {
    disk.snapshot().files.contains { $0.path.contains("quarantined") }
  }

  /// Whichever read of a healthy store's opening fails, nothing is set aside, and every answer is there afterwards.
  private func expectNothingSetAside(
    of image: DiskImage? = nil, after bytes: Int? = nil, isExpected: (ExamStoreError) -> Bool
  ) throws {
    let reads = try failEachRead(of: try image ?? phoneImage(), after: bytes) { disk, read in
      let phone = PowerCutPhone(disk: disk, seed: 1)
      var store: ExamStore?
      do throws(ExamStoreError) { store = try phone.open() } catch {
        #expect(isExpected(error), "read \(read): \(error)")
      }
      #expect(!isSetAside(disk), "read \(read)")
      store?.close()
      disk.faults = DiskFaults()
      disk.restart()
      let again = try phone.open()
      #expect(again.report.quarantine == nil, "read \(read)")
      #expect(try again.status(of: PowerCutPhone.attempt).counts.saved == 7)
    }
    #expect(reads > 20)
  }

  @Test func unreadablePageSetsNoHealthyStoreAside() throws {
    try expectNothingSetAside { $0.code == .storageFailed }
  }

  /// SQLite fills with zeros what a read did not give, and goes on: that is damage to look at, until it looks again.
  @Test(arguments: [1, 60, 104, 3_963])
  func pageThatWasReadInPartSetsNoHealthyStoreAside(bytes: Int) throws {
    try expectNothingSetAside(after: bytes) { $0.code != .damaged }
  }

  /// Found by the simulator: after a fault the store is copied page by page, and a page that was read in part was
  /// copied so; then the only whole file was removed.
  @Test(arguments: [1, 15, 104, 3_963])
  func pageThatWasReadInPartIsNotCopiedSo(bytes: Int) throws {
    var image = try phoneImage()
    image.files.append(DiskImage.File(path: PowerCutPhone.path + ".fault", bytes: [], reservedByteCount: 0))
    image.files.sort { $0.path < $1.path }
    try expectNothingSetAside(of: image, after: bytes) { $0.code != .damaged }
    try expectNothingSetAside(of: image) { $0.code == .storageFailed }
  }

  /// What is damaged is set aside when all of the rest was read, and not before.
  @Test func unreadablePageOfADamagedStoreGivesNothingUp() throws {
    var image = try phoneImage()
    let place = try #require(image.files.firstIndex { $0.path == PowerCutPhone.path })
    let needle = Array("essay essay".utf8)
    let bytes = image.files[place].bytes
    let found = try #require((0..<bytes.count - needle.count).last { Array(bytes[$0..<$0 + needle.count]) == needle })
    image.files[place].bytes[found] ^= 1
    let sound = VirtualDisk(seed: 1)
    sound.restore(image)
    let expected = try PowerCutPhone(disk: sound, seed: 1).open()
    let quarantine = try #require(expected.report.quarantine)
    let entries = try expected.journalContents().map(\.entries.count)
    let reads = try failEachRead(of: image) { disk, read in
      let phone = PowerCutPhone(disk: disk, seed: 1)
      var store: ExamStore?
      do throws(ExamStoreError) { store = try phone.open() } catch {
        #expect(error.code == .storageFailed, "read \(read): \(error)")
        let wasComplete = isSetAside(disk)
        disk.faults = DiskFaults()
        disk.restart()
        store = try phone.open()
        // Set aside only when the new store was whole: then that one is opened now.
        if wasComplete { #expect(store?.report.quarantine == nil, "read \(read)") }
      }
      let found = try #require(store)
      if let journals = found.report.quarantine?.journals {
        #expect(journals.map(\.intactThrough) == quarantine.journals.map(\.intactThrough), "read \(read)")
      }
      let counts = try found.journalContents().map(\.entries.count)
      #expect(counts.count == entries.count && zip(entries, counts).allSatisfy { $0...$0 + 1 ~= $1 }, "read \(read)")
    }
    #expect(reads > 20)
  }

  @Test func unreadablePageIsNotCalledDamageByTheServer() throws {
    let disk = VirtualDisk(seed: 1)
    func open(_ disk: VirtualDisk) throws -> SQLiteServerStore {
      var options = ConnectionOptions.durable
      options.vfsName = disk.vfsName
      return try SQLiteServerStore(path: "server/exam.db", options: options, renewLog: disk.renewLog)
    }
    try open(disk).close()
    let reads = try failEachRead(of: disk.snapshot()) { disk, read in
      do { _ = try open(disk) } catch let error as StoreError {
        #expect(error.kind == .fault && !error.message.contains("damaged"), "read \(read): \(error)")
        #expect(!error.message.contains("backup"), "read \(read): \(error)")
      }
      disk.faults = DiskFaults()
      disk.restart()
      #expect(try open(disk).verifyChains().journals == 0)
    }
    #expect(reads > 20)
  }
}

import SQLite
import SyncCore
import Testing

@testable import ExamLab

/// The disk is as harsh as it claims: it finds what a setting does not promise, and nothing where it promises.
@Suite struct VirtualDiskPowerCutTests {
  @Test(arguments: [1, 4, 1000])
  func fullSynchronousLosesNothingThatWasAcknowledged(autocheckpoint: Int) {
    let tally = CutTally.run(NumberedRows(walAutocheckpointPages: autocheckpoint), seeds: 1..<1_001)
    #expect(tally.cuts == 1_000 && tally.damaged == 0 && tally.runsWithLoss == 0 && tally.wrong == 0)
    // The commit in flight survives now and then: the cuts fall inside commits too.
    #expect(tally.runsWithExtra > 0)
  }

  @Test func rollbackJournalWithExtraSyncLosesNothing() {
    let tally = CutTally.run(NumberedRows(synchronous: .extra, journalMode: .delete), seeds: 1..<601)
    #expect(tally.damaged == 0 && tally.runsWithLoss == 0 && tally.wrong == 0)
  }

  @Test func normalSynchronousLosesCommitsAndKeepsTheFileSound() {
    let tally = CutTally.run(NumberedRows(synchronous: .normal, walAutocheckpointPages: 1000), seeds: 1..<301)
    #expect(tally.runsWithLoss > 100)
    #expect(tally.damaged == 0 && tally.wrong == 0)
  }

  @Test func noSyncAtAllDamagesTheFile() {
    let tally = CutTally.run(NumberedRows(synchronous: .off), seeds: 1..<301)
    #expect(tally.damaged > 0 && tally.runsWithLoss > 0)
  }

  @Test func syncThatLiesIsFound() {
    var faults = DiskFaults()
    faults.lyingSyncsPerMillion = 1_000_000
    let tally = CutTally.run(NumberedRows(), seeds: 1..<301, faults: faults)
    #expect(tally.damaged > 0 && tally.runsWithLoss > 0)
  }

  /// Every call of the life of a small database, with several outcomes of the unsynced operations, and a second cut
  /// at each call of the recovery.
  @Test func everyCallOfAFewCommitsAndOfTheirRecovery() {
    let rows = NumberedRows(walAutocheckpointPages: 2)
    let whole = VirtualDisk()
    #expect(rows.fill(whole, upTo: 3) == 3)
    var recoveries = 0
    for call in 1...whole.callCount {
      for seed in UInt64(1)...3 {
        let disk = VirtualDisk(seed: seed)
        disk.schedulePowerCut(atCall: call)
        let acknowledged = rows.fill(disk, upTo: 3)
        disk.powerCut()
        let image = disk.snapshot()
        disk.restart()
        let start = disk.callCount
        let first = rows.found(disk)
        #expect(first?.isWhole == true && (acknowledged...acknowledged + 1).contains(first?.count ?? -1))
        let calls = disk.callCount - start
        guard seed == 1 else { continue }
        for inner in stride(from: 1, through: calls, by: 5) {
          disk.restore(image)
          disk.schedulePowerCut(atCall: disk.callCount + inner)
          _ = rows.found(disk)
          disk.powerCut()
          disk.restart()
          #expect(rows.found(disk) == first, "call \(call), then \(inner)")
          recoveries += 1
        }
      }
    }
    #expect(recoveries > 100)
  }

  @Test func sectorsOfAWriteAheadLogAreTornOneByOne() {
    var torn = 0
    for seed in UInt64(1)...40 {
      let disk = VirtualDisk(seed: seed)
      let rows = NumberedRows(synchronous: .normal, walAutocheckpointPages: 1000)
      guard let connection = try? rows.open(disk) else { continue }
      for number in 1...6 { try? rows.add(number, to: connection) }
      let before = disk.snapshot()[NumberedRows.path + "-wal"]?.bytes ?? []
      disk.powerCut()
      let after = disk.snapshot()[NumberedRows.path + "-wal"]?.bytes ?? []
      let sectors = stride(from: 0, to: min(before.count, after.count), by: DiskFile.sectorBytes)
      let same = sectors.filter { start in
        before[start..<min(before.count, start + 512)].elementsEqual(after[start..<min(after.count, start + 512)])
      }.count
      if same > 0, same < sectors.underestimatedCount { torn += 1 }
    }
    #expect(torn > 5)
  }

  @Test func laterWriteSurvivesWithoutAnEarlierOne() {
    var orders: Set<[UInt8]> = []
    for seed in UInt64(1)...200 {
      let disk = VirtualDisk(seed: seed)
      let file = DiskFile()
      disk.directory.link("file", file)
      file.write([1, 1] as [UInt8], count: 2, at: 0)
      file.sync()
      disk.directory.sync(file)
      file.write([2] as [UInt8], count: 1, at: 0)
      file.write([3] as [UInt8], count: 1, at: 1)
      disk.powerCut()
      orders.insert(disk.snapshot()["file"]?.bytes ?? [])
    }
    #expect(orders.isSuperset(of: [[1, 1], [2, 1], [1, 3], [2, 3]]))
  }

  @Test func namesAreDurableOnlyAfterASync() {
    var found: Set<[String]> = []
    for seed in UInt64(1)...100 {
      let disk = VirtualDisk(seed: seed)
      let old = DiskFile()
      disk.directory.link("old", old)
      disk.directory.sync()
      disk.directory.unlink("old")
      disk.directory.link("new", DiskFile())
      disk.powerCut()
      found.insert(disk.snapshot().files.map(\.path))
    }
    #expect(found == [["old"], ["new"], ["new", "old"], []])
    let disk = VirtualDisk()
    let file = DiskFile()
    disk.directory.link("a", file)
    disk.directory.rename("a", to: "b")
    disk.directory.link("c", DiskFile())
    disk.directory.sync(file)
    #expect(disk.directory.pendingCount == 1)
  }
}

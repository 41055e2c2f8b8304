import ExamStore
import SQLite
import SyncCore
import Testing

@testable import ExamLab

@Suite struct VirtualDiskErrorTests {
  private func faults(_ change: (inout DiskFaults) -> Void) -> DiskFaults {
    var faults = DiskFaults()
    change(&faults)
    return faults
  }

  /// After a failed sync the pages count as clean: reads show them, the next sync succeeds, and a power cut shows that
  /// they never reached the platter.
  @Test func failedSyncLosesItsPagesSilently() {
    let disk = VirtualDisk()
    let file = DiskFile()
    disk.directory.link("file", file)
    #expect(disk.sync(file))
    file.write([1, 2, 3] as [UInt8], count: 3, at: 0)
    disk.faults.lastingSyncErrorsPerMillion = 1_000_000
    #expect(!disk.sync(file) && !disk.sync(file))
    disk.faults = DiskFaults()
    #expect(file.live.array == [1, 2, 3] && file.pendingCount == 0)
    #expect(disk.sync(file))
    file.write([4] as [UInt8], count: 1, at: 3)
    #expect(disk.sync(file))
    disk.powerCut()
    #expect(disk.snapshot()["file"]?.bytes == [0, 0, 0, 4])
  }

  @Test func failedSyncFailsItsCommitAndNoOther() throws {
    let rows = NumberedRows(walAutocheckpointPages: 1000)
    var failed = 0
    for seed in UInt64(1)...60 {
      let disk = VirtualDisk(seed: seed)
      let connection = try rows.open(disk)
      for number in 1...3 { try rows.add(number, to: connection) }
      disk.faults.syncErrorsPerMillion = 1_000_000
      do throws(SQLiteError) { try rows.add(4, to: connection) } catch {
        #expect(error.code == .ioErrFsync)
        failed += 1
      }
      disk.faults = DiskFaults()
      #expect(throws: SQLiteError.self) { try rows.add(5, to: connection) }
      disk.powerCut()
      disk.restart()
      let state = try #require(rows.found(disk))
      #expect(state.isWhole && (3...4).contains(state.count))
    }
    #expect(failed == 60)
  }

  @Test func errorsOfEveryKindFailLoudly() {
    let kinds: [(inout DiskFaults) -> Void] = [
      { $0.readErrorsPerMillion = 30_000 }, { $0.writeErrorsPerMillion = 30_000 },
      { $0.truncateErrorsPerMillion = 500_000 }, { $0.deleteErrorsPerMillion = 500_000 },
      { $0.syncErrorsPerMillion = 60_000 },
    ]
    for (index, kind) in kinds.enumerated() {
      var lines = 0
      for seed in UInt64(1)...40 {
        let disk = VirtualDisk(seed: seed &+ UInt64(index) &* 1_000)
        disk.onFault = { _ in lines += 1 }
        disk.faults = faults(kind)
        let rows = NumberedRows(journalMode: index == 2 ? .truncate : index == 3 ? .delete : .writeAheadLog)
        let acknowledged = rows.fill(disk, upTo: 30)
        disk.faults = DiskFaults()
        disk.kill()
        disk.restart()
        let state = rows.found(disk)
        #expect(state?.isWhole == true && state?.count ?? 0 >= acknowledged, "kind \(index), seed \(seed)")
      }
      #expect(lines > 40, "kind \(index)")
    }
  }

  @Test func fullDiskKeepsWhatFits() throws {
    let disk = VirtualDisk()
    disk.files.reserve("reserve", byteCount: 20_000)
    disk.faults.capacityBytes = 60_000
    let rows = NumberedRows(walAutocheckpointPages: 1000)
    let connection = try rows.open(disk)
    var number = 0
    func fill() -> ResultCode? {
      while number < 1_000 {
        do throws(SQLiteError) { try rows.add(number + 1, to: connection) } catch { return error.code }
        number += 1
      }
      return nil
    }
    #expect(fill() == .full)
    let before = number
    disk.files.remove("reserve")
    #expect(fill() == .full)
    #expect(before > 3 && number > before + 3)
    disk.faults.capacityBytes = nil
    try rows.add(number + 1, to: connection)
    disk.powerCut()
    disk.restart()
    #expect(rows.found(disk) == NumberedRows.State(count: number + 1))
    #expect(disk.files.exists("reserve") == false)
  }

  @Test func noReserveIsMadeWithoutRoom() {
    let disk = VirtualDisk()
    disk.faults.capacityBytes = 1_000
    disk.files.reserve("reserve", byteCount: 20_000)
    #expect(!disk.files.exists("reserve"))
  }

  @Test func shortReadIsFilledWithZeros() throws {
    let disk = VirtualDisk(faults: faults { $0.shortReadsPerMillion = 1_000_000 })
    let file = DiskFile()
    file.write([UInt8](repeating: 9, count: 64), count: 64, at: 0)
    disk.directory.link("file", file)
    let generation = DiskGeneration(disk: disk, name: "short-read")
    let handle = try #require(generation.open("file", flags: 0).handle)
    var bytes = [UInt8](repeating: 7, count: 64)
    let code = bytes.withUnsafeMutableBytes { buffer in
      buffer.baseAddress.map { handle.read(into: $0, count: 64, at: 0) }
    }
    #expect(code == DiskError.shortRead)
    let found = bytes.prefix { $0 == 9 }.count
    #expect(found < 64 && bytes.dropFirst(found).allSatisfy { $0 == 0 })
  }

  @Test func bitFlipIsOneBit() throws {
    let disk = VirtualDisk()
    _ = NumberedRows().fill(disk, upTo: 20)
    disk.restart()
    let before = try #require(disk.snapshot()[NumberedRows.path]?.bytes)
    let flip = try #require(disk.drawBitFlip(in: NumberedRows.path))
    disk.damage(flip)
    let after = try #require(disk.snapshot()[NumberedRows.path]?.bytes)
    #expect(zip(before, after).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount } == 1)
    #expect(disk.drawBitFlip(in: "missing") == nil)
    // On the platter too.
    disk.powerCut()
    #expect(disk.snapshot()[NumberedRows.path]?.bytes == after)
  }

  @Test func missingAndStaleLogsLoseWhatTheyHeld() throws {
    let wal = NumberedRows.path + "-wal"
    let rows = NumberedRows(walAutocheckpointPages: 1000)
    let disk = VirtualDisk()
    _ = rows.fill(disk, upTo: 4)
    // Killed, so that the log stays beside the file.
    let connection = try rows.open(disk)
    for number in 5...8 { try rows.add(number, to: connection) }
    disk.kill()
    let image = disk.snapshot()
    disk.restart()
    let second = try rows.open(disk)
    for number in 9...12 { try rows.add(number, to: second) }
    disk.kill()
    let full = disk.snapshot()
    disk.damage(.rollBack(path: wal, to: image))
    disk.restart()
    #expect(rows.found(disk)?.count == 8)
    disk.restore(full)
    disk.damage(.remove(path: wal))
    #expect(rows.found(disk)?.count == 4)
  }
}
